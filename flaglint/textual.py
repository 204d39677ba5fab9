"""Places in a file's text that write a flags word plainly, as far as text tells.

    __SetPageUptodate(page);        a helper is named, whatever #if it stands under
    page->flags |= mask;            no helper is

Found once for each content of a file, and kept. Limits: what a macro hides is not seen; a
variable counts as a page if the function before the place declares it as one.

Interface: `written`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

import msgspec

from flaglint.lexicon import called
from flaglint.store import Store, digest
from flaglint.survey import Survey

_TOKEN = re.compile(
    rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*", re.S
)
_RAW = re.compile(
    rb"\b(\w+)(?:\[[^]\n]*\])?(?:->|\.)(?:page\.)?(?:__page_)?flags(?:\.f)?\s*[|&^]?=[^=]"
)
_DECLARED = re.compile(rb"\bstruct\s+(?:page|folio|slab)\s*\*\s*(\w+)")
FUNCTION = re.compile(rb"^[A-Za-z_][\w \t*]*?\b(\w+)\s*\([^;{}]*\)\s*\{", re.M)
"""The beginning of a function's definition."""
_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define\b")
_DECLARATION = re.compile(
    rb"\s*(?:(?:extern|static|inline|__always_inline|void|bool|int|unsigned|long)\b[\s*]*)+"
)


class Place(msgspec.Struct, frozen=True, array_like=True):
    """`name` is the helper named at a line and column, or the function that the place is in."""

    line: int
    column: int
    name: str
    text: str


class Written(msgspec.Struct, frozen=True, array_like=True):
    """The places of one file: calls of helpers, and writes without one."""

    named: tuple[Place, ...] = ()
    raw: tuple[Place, ...] = ()


def written(
    survey: Survey, store: Store, names: frozenset[str], files: Iterable[str]
) -> dict[str, Written]:
    """The places of each file; `names` are the helpers that write plainly."""
    what = digest("written", *sorted(names))
    keys = {file: digest(what, survey.digest(file)) for file in sorted(set(files))}
    kept = store.get_many("written", keys.values())
    decoder = msgspec.msgpack.Decoder(Written)
    found = {}
    for file, key in keys.items():
        if key in kept:
            found[file] = decoder.decode(kept[key])
            continue
        text = text_of(survey.root, file)
        found[file] = Written(tuple(_named(text, names)), tuple(_raw(text)))
        if survey.steady(file):
            store.put("written", key, msgspec.msgpack.encode(found[file]))
    return found


def _named(text: bytes, names: frozenset[str]) -> Iterator[Place]:
    """Calls of the named helpers, whatever #if they stand under."""
    if names.isdisjoint(name.decode("ascii") for name in called(text)):
        return  # most files: a tenth of the time that it takes to tell comments from code
    lines: list[int] = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        if not (word[:1].isalpha() or word[:1] == b"_"):
            continue
        name = word.decode("ascii", "replace")
        if name not in names or not re.match(rb"\s*\(", text[match.end() : match.end() + 8]):
            continue
        if not lines:
            lines = starts(text)
        number = _line_number(lines, match.start())
        start = lines[number - 1]
        whole = text[start : text.find(b"\n", start)]
        before = text[start : match.start()]
        if _DEFINE.match(whole) or _DECLARATION.fullmatch(before):
            continue
        shown = whole.decode("utf-8", "replace").strip()
        yield Place(number, match.start() - start + 1, name, shown)


def _raw(text: bytes) -> Iterator[Place]:
    """Writes of a flags word without a helper, under whatever #if."""
    if b"flags" not in text:
        return
    pages = set(_DECLARED.findall(text))
    lines: list[int] = []
    for match in _RAW.finditer(text):
        if match.group(1) not in pages:
            continue
        before = list(FUNCTION.finditer(text, 0, match.start()))
        function = before[-1].group(1).decode() if before else ""
        around = text[before[-1].start() : match.start()] if before else b""
        if match.group(1) not in set(_DECLARED.findall(around)):
            continue  # another function's variable of that name
        if not lines:
            lines = starts(text)
        number = _line_number(lines, match.start())
        start = lines[number - 1]
        whole = text[start : text.find(b"\n", start)]
        shown = whole.decode("utf-8", "replace").strip()
        yield Place(number, match.start() - start + 1, function, shown)


def text_of(root: str, file: str) -> bytes:
    """A file's bytes, none when it cannot be read."""
    try:
        with open(os.path.join(root, file), "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def starts(text: bytes) -> list[int]:
    """Where each line begins."""
    return [0, *(match.end() for match in re.finditer(b"\n", text))]


def _line_number(begins: list[int], offset: int) -> int:
    low, high = 0, len(begins)
    while low + 1 < high:
        middle = (low + high) // 2
        if begins[middle] <= offset:
            low = middle
        else:
            high = middle
    return low + 1
