"""Which files of a tree call and store what: an index of their text, made once and kept.

The idea: a kernel has thirty thousand C files and a few hundred matter; which ones is a
question that an analysis asks again and again (who names a plain writer? who calls what a
verdict hangs on?), with other names each time. So each file is read once, and what it calls, or
keeps in a table, is kept as hashes: a few megabytes for a kernel, asked in milliseconds.

    lexicon = make_lexicon(survey, store, jobs)
    lexicon.calling(["folio_add_lru"])      {"folio_add_lru": ("fs/fuse/file.c", ...)}
    lexicon.storing(["nfs_read_folio"])     {"nfs_read_folio": ("fs/nfs/file.c",)}

Headers are in it as far as they speak of pages; most do not, and some are long lists of registers.

Invariants: the answers are those of the files' present content, whatever was kept; a file that
changed since is read again. No call that is written as a name and a parenthesis is missed, in
comments and under inactive #if either; two names of one hash (one in four thousand million) may
cost the reading of a file, never a finding.

Limits: a call through a macro that pastes the name together is not seen, nor is a function
that is stored otherwise than by `.member = name` in an initialiser. What a header of more than
a megabyte defines is no reason to read a file.

Interface: `make_lexicon`, `Lexicon`.
"""

from __future__ import annotations

import array
import os
import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from flaglint.pool import Failure, Limits, each
from flaglint.store import Store, digest
from flaglint.survey import Stamp, Survey, stamp_of

_SCHEME = "4"
"""Change when a chunk's content does for unchanged files."""

_CHUNK = 1024
"""Files that are indexed together. Their places in it fit 16 bits."""

_LONG_HEADER = 1 << 20
"""Bytes above which a header is a list of registers: some hundred of them are as much text as all
C files together."""

_REBUILT = 8
"""A chunk is made anew when more than one in so many of its files changed."""

_LIMITS = Limits(seconds=300.0, memory=2 << 30)

_KEPT = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_(")
_WORDS = bytes(code if code in _KEPT else 32 for code in range(256))

_STORED = re.compile(rb"\.\w+\s*=\s*&?([A-Za-z_]\w*)\s*[,}\n]")

_ASSIGNED = re.compile(rb"flags(?:\.f)?\s*(?:[|&^+-]|<<|>>)?=[^=]")
_OWNER = re.compile(rb"\b(\w+)(?:\[[^]]*\])?\s*(?:->|\.)\s*(?:page\.)?(?:__page_)?\Z")
_REACHED = re.compile(
    rb"(?:\b\w*(?:page|folio|head)\w*\s*\([^;{}]*\)|(?:->|\.)\s*\w*(?:page|folio))(?:\[[^]]*\])?\s*->\s*\Z"
)
"""A page that no variable holds: what a call named after pages returns, or a member so named."""

_PAGES = (b"struct page", b"struct folio", b"page->flags", b"folio->flags")
"""What a text has that knows pages, be it only another struct's member."""

_WORD = re.compile(rb"flags(?:_1|\.f)?\s*[,;)]")
_OPENED = re.compile(rb"(?:&|\bWRITE_ONCE\s*\()\s*(?P<owner>[^;&|={}]{1,80})(?<!\w)\Z")
"""What stands before the word where its address is taken, for a bit operation or a pointer, or
where a store is spelled as a call."""

_REACH = 160
"""Bytes before a member's name in which the variable is looked for that it belongs to."""

# Patterns that begin with letters are looked for ten times as fast as those with a \b there.
_DECLARED = re.compile(rb"struct(?<!\wstruct)\s+(\w+)\s+(?:\*\s*(\w+)|(\w+)\s*[;=,)])")
_MEMMAP = re.compile(
    rb"mem(?:set|cpy|move)(?<!\wmemset)(?<!\wmemcpy)(?<!\wmemmove)"
    rb"\w*\s*\([^;]*sizeof\s*\(\s*(?:struct\s+page\b|\*\s*page\s*\))"
)


class Writes(msgspec.Struct, frozen=True, array_like=True):
    """What a file's text does to words named flags, by itself.

    `records` are the structs of the variables whose flags it assigns; `whole` tells that it
    copies or clears a struct page as memory.
    """

    records: tuple[str, ...] = ()
    whole: bool = False


class _Chunk(msgspec.Struct, frozen=True, array_like=True):
    """Some files' index: hashes of what they call or, after "=", store, sorted, and who does."""

    files: tuple[str, ...]
    digests: tuple[bytes, ...]
    stamps: tuple[Stamp, ...]
    hashes: bytes
    places: bytes
    writes: dict[str, Writes]
    unreadable: tuple[str, ...]


class Lexicon:
    """The index of a tree at the moment of its survey."""

    def __init__(self, chunks: Sequence[_Chunk], fresh: _Chunk, files: Iterable[str]) -> None:
        """Of `files`, those in `fresh` are as that has them, the others as the chunks have."""
        self._parts = [(part, set(fresh.files)) for part in chunks] + [(fresh, set[str]())]
        self._files = frozenset(files)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The files that could not be read, sorted."""
        found = {file for part, newer in self._parts for file in set(part.unreadable) - newer}
        return tuple(sorted(found & self._files))

    def calling(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The C files that call each of the functions, wherever they are, sorted."""
        return self._naming(names, "", ".c")

    def storing(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """The C files in which a table's initialiser stores each of the functions, sorted."""
        return self._naming(names, "=", ".c")

    def headers_calling(self, names: Iterable[str]) -> tuple[str, ...]:
        """The headers that call one of the functions, sorted."""
        found = self._naming(names, "", ".h").values()
        return tuple(sorted({header for headers in found for header in headers}))

    def _naming(self, names: Iterable[str], before: str, ending: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        wanted = sorted((zlib.crc32((before + name).encode()), name) for name in set(names))
        for part, newer in self._parts:
            hashes = array.array("I", part.hashes)
            places = array.array("H", part.places)
            for code, name in wanted:
                at = bisect_left(hashes, code)
                while at < len(hashes) and hashes[at] == code:
                    file = part.files[places[at]]
                    if file.endswith(ending) and file not in newer and file in self._files:
                        found.setdefault(name, set()).add(file)
                    at += 1
        return {name: tuple(sorted(files)) for name, files in sorted(found.items())}

    def writing(self, records: Iterable[str]) -> tuple[str, ...]:
        """The files that write a flags word of one of the structs with no helper, sorted."""
        known = set(records)
        return tuple(
            sorted(
                file
                for part, newer in self._parts
                for file, writes in part.writes.items()
                if file not in newer
                and file in self._files
                and (writes.whole or not known.isdisjoint(writes.records))
            )
        )


def make_lexicon(survey: Survey, store: Store | None, jobs: int) -> Lexicon:
    """The index of the tree's files: from the store as far as they are unchanged."""
    key = digest("lexicon", survey.root, _SCHEME)
    files = [
        file
        for file in survey.sources()
        if file.endswith(".c") or survey.stamps[file][0] <= _LONG_HEADER
    ]
    kept = _kept(store, key)
    current = set(files)
    stale: set[str] = set(current)
    good: list[_Chunk] = []
    for chunk in kept:
        same = {
            file
            for file, known in zip(chunk.files, chunk.digests, strict=True)
            if file in current and known and survey.digest(file) == known
        }
        if (len(chunk.files) - len(same)) * _REBUILT <= len(chunk.files):
            good.append(chunk)
            stale -= same
    changed = len(good) != len(kept)
    if len(stale) * _REBUILT > _CHUNK:
        good += _indexed(survey, sorted(stale), jobs)
        changed, stale = True, set()
    if changed and store is not None:
        _keep(store, key, good)
    return Lexicon(good, index_files(survey.root, sorted(stale)), files)


def _indexed(survey: Survey, files: Sequence[str], jobs: int) -> Iterator[_Chunk]:
    parts = [files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK)]
    root = survey.root

    def make() -> Callable[[Sequence[str]], bytes]:
        return lambda part: msgspec.msgpack.encode(index_files(root, part))

    for part, answer in zip(parts, each(make, parts, jobs, _LIMITS), strict=True):
        if isinstance(answer, Failure):
            chunk = _Chunk((), (), (), b"", b"", {}, tuple(part))
        else:
            chunk = msgspec.msgpack.decode(answer, type=_Chunk)
        for file, known, stamp in zip(chunk.files, chunk.digests, chunk.stamps, strict=True):
            survey.told(file, known, stamp)
        yield chunk


def index_files(root: str, files: Sequence[str]) -> _Chunk:
    """The index of these files, read now."""
    pairs: list[int] = []
    digests: list[bytes] = []
    stamps: list[Stamp] = []
    writes: dict[str, Writes] = {}
    unreadable: list[str] = []
    for place, file in enumerate(files):
        try:
            with open(os.path.join(root, file), "rb") as stream:
                stamp = stamp_of(os.fstat(stream.fileno()))
                text = stream.read()
        except OSError:
            unreadable.append(file)
            digests.append(b"")
            stamps.append((0, 0, 0, 0))
            continue
        digests.append(digest(text))
        stamps.append(stamp)
        if file.endswith(".h") and b"age" not in text and b"olio" not in text:
            continue
        pairs += [zlib.crc32(name) << 16 | place for name in called(text)]
        pairs += [zlib.crc32(b"=" + name) << 16 | place for name in stored(text)]
        if (found := writes_of(text)) != Writes():
            writes[file] = found
    pairs.sort()
    return _Chunk(
        files=tuple(files),
        digests=tuple(digests),
        stamps=tuple(stamps),
        hashes=array.array("I", [pair >> 16 for pair in pairs]).tobytes(),
        places=array.array("H", [pair & 0xFFFF for pair in pairs]).tobytes(),
        writes=writes,
        unreadable=tuple(unreadable),
    )


def called(text: bytes) -> set[bytes]:
    """Every name that stands before an opening parenthesis, spaces between them or not."""
    before = text.translate(_WORDS).split(b"(")
    del before[-1]  # what follows the last parenthesis
    found = {(part := words.rstrip())[part.rfind(b" ") + 1 :] for words in before}
    found.discard(b"")
    return found


def stored(text: bytes) -> set[bytes]:
    """Every name that an initialiser stores in a member; numbers' names are among them."""
    return set(_STORED.findall(text))


def writes_of(text: bytes) -> Writes:
    """The writes of flags words in a text that knows pages."""
    if not any(word in text for word in _PAGES):
        return Writes()
    written = set()
    records = set()
    befores = [
        text[max(0, match.start() - _REACH) : match.start()] for match in _ASSIGNED.finditer(text)
    ]
    befores += _addressed(text)
    for before in befores:
        if owner := _OWNER.search(before):
            written.add(owner[1])
        if _REACHED.search(before):
            records.add("page")
    if b"folio_flags(" in text:
        records.add("folio")
    if written:
        for record, one, two in _DECLARED.findall(text):
            if (one or two) in written:
                records.add(record.decode("ascii", "replace"))
    return Writes(tuple(sorted(records)), _MEMMAP.search(text) is not None)


def _addressed(text: bytes) -> Iterator[bytes]:
    """What stands between an "&", or "WRITE_ONCE(", and the flags of it."""
    done = 0
    for match in _WORD.finditer(text):
        start = match.start()
        start -= text[start - 1 : start] == b"_"
        if opened := _OPENED.search(text, max(done, start - _REACH), start):
            done = match.end()
            yield opened["owner"]


def _kept(store: Store | None, key: bytes) -> list[_Chunk]:
    if store is None or (found := store.get("lexicon", key)) is None:
        return []
    names = msgspec.msgpack.decode(found, type=list[bytes])
    bodies = store.get_many("words", names)
    decoder = msgspec.msgpack.Decoder(_Chunk)
    return [decoder.decode(bodies[name]) for name in names if name in bodies]


def _keep(store: Store, key: bytes, chunks: Sequence[_Chunk]) -> None:
    names = []
    for chunk in chunks:
        name = digest(_SCHEME, *chunk.files, *chunk.digests)
        names.append(name)
        store.put("words", name, msgspec.msgpack.encode(chunk))
    store.put("lexicon", key, msgspec.msgpack.encode(names))
