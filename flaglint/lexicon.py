"""Which files of a tree call and store what: an index of their text, made once and kept.

The idea: a kernel has thirty thousand C files and a few hundred matter; which ones is a
question that an analysis asks again and again (who names a plain writer? who calls what a
verdict hangs on?), with other names each time. So each file is read once, and what it calls, or
keeps in a table, is kept as hashes: a few megabytes for a kernel, asked in milliseconds. Most
runs ask what the run before asked; answers are kept too, and the hashes are then not even read.

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from flaglint.pool import Failure, Limits, each
from flaglint.store import Store, digest
from flaglint.survey import Stamp, Survey, stamp_of

_SCHEME = "5"
"""Change when a chunk's content does for unchanged files."""

_CHUNK = 1024
"""Files that are indexed together. Their places in it fit 16 bits."""

_LONG_HEADER = 1 << 20
"""Bytes above which a header is a list of registers: some hundred of them are as much text as all
C files together."""

_REBUILT = 8
"""A chunk is made anew when more than one in so many of its files changed."""

_LIMITS = Limits(seconds=300.0, memory=2 << 30)

_DELLAC = re.compile(rb"\([^\w(]*+(\w++)")
"""A call in a text that is read backwards: what begins with one letter is looked for much faster
than what ends with it."""

_STORED = re.compile(rb"\.\w++\s*+=\s*+&?([A-Za-z_]\w*+)\s*[,}\n]")

_ASSIGNED = re.compile(rb"flags(?:\.f)?\s*(?:[|&^+-]|<<|>>)?=[^=]")
_OWNER = re.compile(rb"\b(\w+)(?:\[[^]]*\])?\s*(?:->|\.)\s*(?:page\.)?(?:__page_)?\Z")
_REACHED = re.compile(
    rb"(?:\b\w*(?:page|folio|head)\w*\s*\([^;{}]*\)|(?:->|\.)\s*\w*(?:page|folio)(?:s(?=\[))?)(?:\[[^]]*\])?\s*->\s*\Z"
)
"""A page that no variable holds: what a call named after pages returns, or a member so named."""
_AMONG = re.compile(rb"(?<!\w)\(([^;{}()]{1,80})\)\s*(?:->|\.)\s*\Z")
"""Variables that one leads to the page of: (*page++)->flags."""
_NAME = re.compile(rb"[A-Za-z_]\w*")

_PAGES = (b"struct page", b"struct folio", b"page->flags", b"folio->flags")
"""What a text has that knows pages, be it only another struct's member."""

_WORD = re.compile(rb"flags(?:_1|\.f)?\s*[,;)]")
_OPENED = re.compile(rb"(?:&|\bWRITE_ONCE\s*\()\s*(?P<owner>[^;&|={}]{1,80})(?<!\w)\Z")
"""What stands before the word where its address is taken, for a bit operation or a pointer, or
where a store is spelled as a call."""

_REACH = 160
"""Bytes before a member's name in which the variable is looked for that it belongs to."""

# Patterns that begin with letters are looked for ten times as fast as those with a \b there.
_DECLARED = re.compile(rb"struct(?<!\wstruct)\s+(\w+)\s+(?:\*[*\s]*(\w+)|(\w+)\s*[;=,)])")
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


class _Words(msgspec.Struct, frozen=True, array_like=True):
    """Hashes of what some files call or, after "=", store, sorted; and by place which file does."""

    hashes: bytes
    places: bytes


class _Chunk(msgspec.Struct, frozen=True, array_like=True):
    """Some files, as their words were indexed: what they contained, and what else was seen."""

    files: tuple[str, ...]
    digests: tuple[bytes, ...]
    writes: dict[str, Writes]
    unreadable: tuple[str, ...]

    @property
    def name(self) -> bytes:
        """What tells the words of this chunk from those of any other."""
        return digest(_SCHEME, msgspec.msgpack.encode((self.files, self.digests)))


class _Index(msgspec.Struct, frozen=True, array_like=True):
    """A chunk as it was just made, with the stamps that its files had."""

    chunk: _Chunk
    words: _Words
    stamps: tuple[Stamp, ...]


_Answer = dict[str, tuple[str, ...]]


class Lexicon:
    """The index of a tree at the moment of its survey."""

    def __init__(
        self,
        root: str,
        chunks: Sequence[_Chunk],
        fresh: _Index,
        files: Iterable[str],
        store: Store | None,
        words: Mapping[bytes, _Words],
    ) -> None:
        """Of `files`, those in `fresh` are as that has them, the others as the chunks have.

        `words` are those of chunks that were made just now; the store has those of others.
        """
        self._root = root
        self._chunks = chunks
        self._fresh = fresh
        self._parts = [(part, set(fresh.chunk.files)) for part in chunks]
        self._parts.append((fresh.chunk, set()))
        self._files = frozenset(files)
        self._store = store
        self._words = dict(words)
        self._name = digest(*(chunk.name for chunk in chunks))

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

    def _naming(self, names: Iterable[str], before: str, ending: str) -> _Answer:
        wanted = sorted(set(names))
        newer = frozenset(self._fresh.chunk.files)
        found = {name: set(files) - newer for name, files in self._old(wanted, before).items()}
        for name, again in _lookup(self._fresh.chunk, self._fresh.words, wanted, before):
            found.setdefault(name, set()).update(again)
        for files in found.values():
            files &= self._files
        ended = {n: sorted(f for f in files if f.endswith(ending)) for n, files in found.items()}
        return {name: tuple(files) for name, files in sorted(ended.items()) if files}

    def _old(self, wanted: Sequence[str], before: str) -> _Answer:
        """What the chunks answer, whether they still tell of a file or not."""
        key = digest("answer", self._name, before, *wanted)
        if self._store is not None and (kept := self._store.get("words", key)) is not None:
            return msgspec.msgpack.decode(kept, type=_Answer)
        answer: _Answer = {}
        for chunk in self._chunks:
            for name, files in _lookup(chunk, self._words_of(chunk), wanted, before):
                answer[name] = (*answer.get(name, ()), *files)
        if self._store is not None:
            self._store.put("words", key, msgspec.msgpack.encode(answer))
        return answer

    def _words_of(self, chunk: _Chunk) -> _Words:
        name = chunk.name
        if name not in self._words:
            kept = self._store.get("words", name) if self._store is not None else None
            self._words[name] = (
                msgspec.msgpack.decode(kept, type=_Words)
                if kept is not None
                else index_files(self._root, chunk.files).words  # forgotten, as others were used
            )
        return self._words[name]

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


def _lookup(
    chunk: _Chunk, words: _Words, wanted: Iterable[str], before: str
) -> Iterator[tuple[str, list[str]]]:
    """Those of the names that a chunk has, with the files that it has them from."""
    hashes = memoryview(words.hashes).cast("I")
    places = memoryview(words.places).cast("H")
    for name in wanted:
        code = zlib.crc32((before + name).encode())
        start = at = bisect_left(hashes, code)
        while at < len(hashes) and hashes[at] == code:
            at += 1
        if at > start:
            yield name, [chunk.files[place] for place in places[start:at]]


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
        pairs = zip(chunk.files, chunk.digests, survey.digests(chunk.files), strict=True)
        same = {file for file, known, now in pairs if known and known == now} & current
        if (len(chunk.files) - len(same)) * _REBUILT <= len(chunk.files):
            good.append(chunk)
            stale -= same
    changed = len(good) != len(kept)
    words: dict[bytes, _Words] = {}
    if len(stale) * _REBUILT > _CHUNK:
        for made in _indexed(survey, sorted(stale), jobs):
            good.append(made.chunk)
            words[made.chunk.name] = made.words
        changed, stale = True, set()
    if changed and store is not None:
        store.put("lexicon", key, msgspec.msgpack.encode(good))
        for name, new in words.items():
            store.put("words", name, msgspec.msgpack.encode(new))
    return Lexicon(survey.root, good, index_files(survey.root, sorted(stale)), files, store, words)


def _indexed(survey: Survey, files: Sequence[str], jobs: int) -> Iterator[_Index]:
    parts = [files[start : start + _CHUNK] for start in range(0, len(files), _CHUNK)]
    root = survey.root

    def make() -> Callable[[Sequence[str]], bytes]:
        return lambda part: msgspec.msgpack.encode(index_files(root, part))

    for part, answer in zip(parts, each(make, parts, jobs, _LIMITS), strict=True):
        if isinstance(answer, Failure):
            made = _Index(_Chunk((), (), {}, tuple(part)), _Words(b"", b""), ())
        else:
            made = msgspec.msgpack.decode(answer, type=_Index)
        for file, known, stamp in zip(
            made.chunk.files, made.chunk.digests, made.stamps, strict=True
        ):
            survey.told(file, known, stamp)
        yield made


def index_files(root: str, files: Sequence[str]) -> _Index:
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
    return _Index(
        _Chunk(tuple(files), tuple(digests), writes, tuple(unreadable)),
        _Words(
            array.array("I", [pair >> 16 for pair in pairs]).tobytes(),
            array.array("H", [pair & 0xFFFF for pair in pairs]).tobytes(),
        ),
        tuple(stamps),
    )


def called(text: bytes) -> set[bytes]:
    """Every name that stands before an opening parenthesis, spaces between them or not."""
    return {name[::-1] for name in set(_DELLAC.findall(text[::-1]))}


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
        if among := _AMONG.search(before):
            written.update(_NAME.findall(among[1]))
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
    return msgspec.msgpack.decode(found, type=list[_Chunk])
