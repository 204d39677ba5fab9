"""Which files matter: found in the text, before anything is parsed.

mm/ is always in scope. Outside it a file matters when it names a plain writer (with `--scope
all`: any writer), writes a page's flags word itself, calls a function whose verdict hangs on
its callers, or defines one that a verdict hangs on. The text is had from the `lexicon`; comments
count too, which costs a parse and never a finding.

Layouts come from the text as well: the kernel asserts which structs overlay struct page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Set
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import msgspec

from flaglint.flagtable import Atomicity, FlagTable
from flaglint.lexicon import Lexicon, called, writes_of
from flaglint.store import Store, digest
from flaglint.survey import Survey
from flaglint.tree import PAGE_FLAGS

_OVERLAY = re.compile(
    rb"static_assert\s*\(\s*offsetof\s*\(\s*struct\s+(\w+)\s*,[^)]*\)\s*(?:\\\s*)?==\s*(?:\\\s*)?"
    rb"offsetof\s*\(\s*struct\s+(\w+)\s*,"
)
_DEFINED = rb"^(?:[A-Za-z_][^\n;={}()]*[\s*])?%s\s*\([^;{}=]*\{"
_DEFINITION = re.compile(
    rb"(?:^(?=[A-Za-z_])|(?:^|[;}])[ \t]*(?=(?:static|inline)\b))"
    rb"[A-Za-z_][\w \t*\n]*?\b(?P<function>\w+)\s*\([^;{}=]*\{"
    rb"|^[ \t]*#[ \t]*define[ \t]+(?P<macro>\w+)\(",
    re.M,
)
_ASSIGNED = re.compile(rb"flags(?:\.f|_1)?\s*[|&^]?=[^=]|\bWRITE_ONCE\b")
_LINE = re.compile(rb"(?:\\\r?\n|[^\n])*")
"""A line, and those that a backslash makes a part of it."""
_T = TypeVar("_T")
_HEADERS = ("include/linux/", "mm/")


def plain_names(table: FlagTable) -> tuple[str, ...]:
    """The helpers that write plainly, in any configuration."""
    found = {h.name for h in table.helpers if h.atomicity is Atomicity.PLAIN}
    return tuple(sorted(found))


def changing_names(table: FlagTable) -> tuple[str, ...]:
    """The helpers that change a flag, plainly or atomically, in any configuration."""
    found = {h.name for h in table.helpers if h.atomicity is not Atomicity.READ}
    return tuple(sorted(found))


def overlays(survey: Survey, store: Store | None = None) -> frozenset[str]:
    """struct page and the structs that the kernel's static_asserts lay over it."""
    pairs = _pairs(survey, store)
    found = {"page"}
    changed = True
    while changed:
        before = len(found)
        for one, two in pairs:
            if one in found or two in found:
                found |= {one, two}
        changed = len(found) > before
    return frozenset(found)


def naming_headers(lexicon: Lexicon, names: Iterable[str]) -> tuple[str, ...]:
    """The headers that call one of the functions, but for the one that defines helpers."""
    return tuple(file for file in lexicon.headers_calling(names) if file != PAGE_FLAGS)


def _pairs(survey: Survey, store: Store | None) -> list[tuple[str, str]]:
    def look() -> list[tuple[str, str]]:
        return [
            (one.decode(), two.decode())
            for _, text in _texts(survey)
            if b"static_assert" in text
            for one, two in _OVERLAY.findall(text)
        ]

    return _of_headers(survey, store, b"overlays", list[tuple[str, str]], look)


def _of_headers(
    survey: Survey, store: Store | None, what: bytes, kind: type[_T], look: Callable[[], _T]
) -> _T:
    """What was found in the headers' texts: from the store as long as none of them changed."""
    key = digest(what, *(part for file in _headers(survey) for part in (file, survey.digest(file))))
    if store is not None and (kept := store.get("overlays", key)) is not None:
        return msgspec.msgpack.decode(kept, type=kind)
    found = look()
    if store is not None:
        store.put("overlays", key, msgspec.msgpack.encode(found))
    return found


def _headers(survey: Survey) -> list[str]:
    return sorted(f for f in survey.stamps if f.startswith(_HEADERS) and f.endswith(".h"))


def _texts(survey: Survey) -> Iterator[tuple[str, bytes]]:
    for header in _headers(survey):
        yield header, _text(survey, header)


def mm_files(survey: Survey) -> tuple[str, ...]:
    """The C files of mm/ and its folders."""
    return tuple(file for file in survey.c_files() if file.startswith("mm/"))


def writing_files(
    survey: Survey,
    lexicon: Lexicon,
    names: Iterable[str],
    records: Iterable[str],
    bitops: frozenset[str],
) -> tuple[str, ...]:
    """The C files that name one of the writers, or write a page's flags themselves.

    What a header's functions and macros do counts for those who call them: by a writer, by
    assigning the flags of one of the records, or by one of the bit operations on them.
    """
    names, records = frozenset(names), frozenset(records)
    writing = lexicon.writing(records)
    headers = [file for file in writing if file.endswith(".h") and file != PAGE_FLAGS]
    by_hand = {
        name
        for header in headers
        for name, part in _parts(_text(survey, header))
        if _writes(part, records, bitops)
    }
    inlines = by_hand | _calling_inlines(survey, lexicon, names | by_hand)
    calling = lexicon.calling(names | inlines)
    own = (file for file in writing if file.endswith(".c"))
    return tuple(sorted({*own, *(file for some in calling.values() for file in some)}))


def _writes(part: bytes, records: Set[str], bitops: frozenset[str]) -> bool:
    """Whether a function's text writes a flags word by itself; taking its address is not enough."""
    if records.isdisjoint(writes_of(part).records):
        return False
    return _ASSIGNED.search(part) is not None or any(n.decode() in bitops for n in called(part))


def _calling_inlines(survey: Survey, lexicon: Lexicon, names: Set[str]) -> set[str]:
    """The functions and macros of headers that call one of the functions, or through each other."""
    found: set[str] = set()
    new = set(names)
    while new:
        wanted = {name.encode() for name in new}
        calling = {
            name
            for header in naming_headers(lexicon, new)
            for name, part in _parts(_text(survey, header))
            if not wanted.isdisjoint(called(part))
        }
        new = calling - names - found
        found |= new
    return found


def _parts(text: bytes) -> Iterator[tuple[str, bytes]]:
    """A header's functions and macros with arguments: the name, and the text of each."""
    starts = list(_DEFINITION.finditer(text))
    for start, end in zip_longest(starts, starts[1:]):
        part = text[start.start() : end.start() if end else len(text)]
        if start["macro"]:
            part = _LINE.match(part)[0]  # type: ignore[index]  # an empty one matches
        yield (start["function"] or start["macro"]).decode(), part


def defining_files(survey: Survey, lexicon: Lexicon, names: Iterable[str]) -> tuple[str, ...]:
    """The C files that define one of the functions, as far as the text at a line's start tells."""
    found: set[str] = set()
    for name, files in lexicon.calling(names).items():
        defined = re.compile(_DEFINED % name.encode(), re.MULTILINE)
        found.update(file for file in files if defined.search(_text(survey, file)))
    return tuple(sorted(found))


def _text(survey: Survey, file: str) -> bytes:
    """The file's content; nothing where it cannot be read, which the survey tells of."""
    try:
        return Path(survey.root, file).read_bytes()
    except OSError:
        return b""
