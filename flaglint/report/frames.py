"""Source frames as rustc prints them: where it is, the lines before it, a mark and a label.

      --> mm/huge_memory.c:3662:4 in deferred_split_folio()
     3660 |   if (partially_mapped) {
     3661 |           if (!folio_test_partially_mapped(folio))
     3662 |                   __folio_set_partially_mapped(folio);
          |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |                   this writer: loads the word, later stores it back

The common indentation is taken off, tabs count eight columns, and what does not fit the width is
cut with "..."; the marked expression itself always shows its beginning.
"""

from __future__ import annotations

from typing import Protocol

from flaglint.report.layout import WIDTH, Paint, SourceLine, marked, printable

_BEFORE = 2
"""Lines shown before the marked one."""
_GUTTER = 8
"""Columns of the line number and the bar."""


class Place(Protocol):
    """What a frame needs of a finding or of a racing access."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def function(self) -> str: ...


def frame(
    arrow: str,
    place: Place,
    source: SourceLine,
    paint: Paint,
    *,
    mark: str,
    style: str,
    label: str = "",
) -> list[str]:
    """The frame of one place; nothing when its line is not known."""
    text = source(place.file, place.line).rstrip()
    if not text:
        return []
    before = [
        (number, source(place.file, number).rstrip())
        for number in range(max(place.line - _BEFORE, 1), place.line)
    ]
    while before and not before[0][1]:
        before.pop(0)
    shown = [(number, line.expandtabs()) for number, line in [*before, (place.line, text)]]
    margin = min(_indent(line) for _, line in shown if line)
    where = f"{place.file}:{place.line}:{place.column}"
    inside = f" in {place.function}()" if place.function else ""
    lines = [f"  {paint('dim', arrow)} " + printable(f"{where}{inside}")]
    lines += (
        paint("dim", f"{number:>{_GUTTER - 3}} | ") + _cut(printable(line[margin:]))
        for number, line in shown
    )
    column = max(place.column, _indent(text) + 1)
    # What stands at the beginning of a function's own definition is no more than its type.
    name = text.find(f"{place.function}(", column - 1) if place.function else -1
    column = max(column, name + 1)
    end_column = marked(text, column, getattr(place, "end_column", 0))
    start, stop = (len(text[: at - 1].expandtabs()) for at in (column, end_column))
    left = min(max(start - margin, 0), WIDTH - _GUTTER - 1)
    width = max(min(stop - max(start, margin), WIDTH - _GUTTER - left), 1)
    rail = paint("dim", " " * (_GUTTER - 3) + " | ")
    marker = rail + " " * left + paint(style, mark * width)
    if not label:
        return [*lines, marker]
    if _GUTTER + left + width + 1 + len(label) <= WIDTH:
        return [*lines, f"{marker} {paint(style, label)}"]
    left = max(min(left, WIDTH - _GUTTER - len(label)), 0)
    return [*lines, marker, rail + " " * left + paint(style, label)]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _cut(line: str) -> str:
    room = WIDTH - _GUTTER
    return line if len(line) <= room else line[: room - 3] + "..."
