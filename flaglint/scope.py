"""Which files matter: found in the text, before anything is parsed.

mm/ is always in scope. Outside it a file matters when it names a plain writer (with `--scope
all`: any writer), writes a page's flags word itself, calls a function whose verdict hangs on
its callers, or defines one that a verdict hangs on. The text is had from the `lexicon`; comments
count too, which costs a parse and never a finding.

Layouts come from the text as well: the kernel asserts which structs overlay struct page.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from flaglint.flagtable import Atomicity, FlagTable
from flaglint.lexicon import Lexicon, called
from flaglint.store import Store, digest
from flaglint.survey import Survey
from flaglint.tree import PAGE_FLAGS

_OVERLAY = re.compile(
    rb"static_assert\s*\(\s*offsetof\s*\(\s*struct\s+(\w+)\s*,[^)]*\)\s*(?:\\\s*)?==\s*(?:\\\s*)?"
    rb"offsetof\s*\(\s*struct\s+(\w+)\s*,"
)
_DEFINED = rb"^(?:[A-Za-z_][^\n;={}()]*[\s*])?%s\s*\([^;{}=]*\{"
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


def naming_headers(survey: Survey, store: Store | None, names: Iterable[str]) -> tuple[str, ...]:
    """The headers that call one of the functions, but for the one that defines helpers."""
    wanted = frozenset(name.encode() for name in names)

    def look() -> list[str]:
        return [
            header
            for header, text in _texts(survey)
            if header != PAGE_FLAGS and not wanted.isdisjoint(called(text))
        ]

    found = _of_headers(survey, store, digest("naming", *sorted(wanted)), list[str], look)
    return tuple(found)


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
        with (
            contextlib.suppress(OSError),
            open(os.path.join(survey.root, header), "rb") as stream,
        ):
            yield header, stream.read()


def mm_files(survey: Survey) -> tuple[str, ...]:
    """The C files of mm/ and its folders."""
    return tuple(file for file in survey.c_files() if file.startswith("mm/"))


def writing_files(
    lexicon: Lexicon, names: Iterable[str], records: Iterable[str]
) -> tuple[str, ...]:
    """The C files that name one of the writers, or write a page's flags themselves."""
    calling = lexicon.calling(names)
    return tuple(
        sorted({*lexicon.writing(records), *(f for some in calling.values() for f in some)})
    )


def defining_files(survey: Survey, lexicon: Lexicon, names: Iterable[str]) -> tuple[str, ...]:
    """The C files that define one of the functions, as far as the text at a line's start tells."""
    found = set()
    for name, files in lexicon.calling(names).items():
        defined = re.compile(_DEFINED % name.encode(), re.MULTILINE)
        for file in files:
            with (
                contextlib.suppress(OSError),
                open(os.path.join(survey.root, file), "rb") as stream,
            ):
                if defined.search(stream.read()):
                    found.add(file)
    return tuple(sorted(found))
