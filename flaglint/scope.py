"""Which files matter: found in the text, before anything is parsed.

mm/ is always in scope. Outside it a file matters when it names a plain writer (with `--scope
all`: any writer), writes a page's flags word itself, or calls a function whose verdict hangs on
its callers. The text is had from the `lexicon`; comments count too, which costs a parse and never
a finding.

Layouts come from the text as well: the kernel asserts which structs overlay struct page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

import msgspec

from flaglint.flagtable import Atomicity, FlagTable
from flaglint.lexicon import Lexicon
from flaglint.store import Store, digest
from flaglint.survey import Survey

_OVERLAY = re.compile(
    rb"static_assert\s*\(\s*offsetof\s*\(\s*struct\s+(\w+)\s*,[^)]*\)\s*(?:\\\s*)?==\s*(?:\\\s*)?"
    rb"offsetof\s*\(\s*struct\s+(\w+)\s*,"
)
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


def _pairs(survey: Survey, store: Store | None) -> list[tuple[str, str]]:
    headers = sorted(f for f in survey.stamps if f.startswith(_HEADERS) and f.endswith(".h"))
    key = digest("overlays", *(part for f in headers for part in (f, survey.digest(f))))
    if store is not None and (found := store.get("overlays", key)) is not None:
        return msgspec.msgpack.decode(found, type=list[tuple[str, str]])
    pairs = []
    for header in headers:
        try:
            with open(os.path.join(survey.root, header), "rb") as stream:
                text = stream.read()
        except OSError:
            continue
        if b"static_assert" in text:
            pairs += [(a.decode(), b.decode()) for a, b in _OVERLAY.findall(text)]
    if store is not None:
        store.put("overlays", key, msgspec.msgpack.encode(pairs))
    return pairs


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
