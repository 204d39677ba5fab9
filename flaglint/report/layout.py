"""How text reports are laid out: safe characters, wrapped fields, two columns, colour.

Strings of the analysed tree (names, source lines, paths) are a stranger's: before they reach
a terminal each control, format and bidirectional character is replaced by its escape, so that
a comment cannot repaint the screen or reorder what is read. A tab becomes one space.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Sequence

SourceLine = Callable[[str, int], str]
"""The text of line N (from 1) of a file given relative to the tree's root; "" if unknown."""

WIDTH = 80
_FLAGS = 3
"""Flags named that are written at once."""

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_STYLES = {
    "bold": "\x1b[1m",
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;35m",
    "note": "\x1b[1;36m",
    "dim": "\x1b[2m",
    "other": "\x1b[1;34m",
}


def printable(text: str) -> str:
    """`text` with every character that a terminal might obey shown as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char == "\t":
        return " "
    if unicodedata.category(char) not in _UNSAFE:
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class Paint:
    """Puts ANSI styles around text, or does nothing."""

    def __init__(self, colour: bool) -> None:
        self._on = colour

    def __call__(self, style: str, text: str) -> str:
        """`text` in a style: bold, dim, error, warning, note or other (the other writer)."""
        return f"{_STYLES[style]}{text}\x1b[0m" if self._on else text


def field(label: str, pieces: Iterable[str]) -> list[str]:
    """A labelled field, its pieces set two spaces apart and wrapped under each other.

    A piece is broken only where it does not fit a line of its own.
    """
    first, rest = f"    {label:<7}", " " * 11
    room = WIDTH - len(rest)
    lines: list[str] = []
    for piece in filter(None, pieces):
        shown = printable(piece)
        if lines and len(lines[-1]) + 2 + len(shown) <= room:
            lines[-1] += "  " + shown
        elif len(shown) <= room:
            lines.append(shown)
        else:
            lines += textwrap.wrap(shown, room, break_long_words=False, break_on_hyphens=False) or [
                ""
            ]
    return [(first if number == 0 else rest) + line for number, line in enumerate(lines)]


def flags(names: str) -> str:
    """`PG_a|PG_b`, or how many there are when it would not fit a line."""
    found = names.split("|")
    return names if len(found) <= _FLAGS else f"{len(found)} flags ({found[0]} and others)"


def hanging(items: Iterable[str], first: int, rest: int) -> list[str]:
    """Each item on lines of its own, indented by `first`, its further lines by `rest`."""
    lines: list[str] = []
    for item in items:
        shown = textwrap.wrap(
            printable(item),
            WIDTH,
            initial_indent=" " * first,
            subsequent_indent=" " * rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += shown
    return lines


def two_columns(left: Sequence[str], right: Sequence[str]) -> list[str]:
    """Rows of two texts side by side, each wrapped into its half of the width."""
    half = (WIDTH - 4 - 2) // 2
    rows: list[str] = []
    for one, other in zip(left, right, strict=True):
        lefts, rights = textwrap.wrap(printable(one), half), textwrap.wrap(printable(other), half)
        for number in range(max(len(lefts), len(rights), 1)):
            a = lefts[number] if number < len(lefts) else ""
            b = rights[number] if number < len(rights) else ""
            rows.append(f"    {a:<{half}}  {b}".rstrip())
    return rows


def plural(count: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def marked(line: str, column: int, end_column: int = 0) -> int:
    """The column after the expression that starts at `column` (from 1) of a source line.

    `end_column` where it is known; otherwise a name and, after it, the parentheses of a call
    that closes on the line; one character where there is no name.
    """
    if end_column > column:
        return end_column
    stop = column - 1
    while stop < len(line) and (line[stop].isalnum() or line[stop] == "_"):
        stop += 1
    if stop < len(line) and line[stop] == "(" and stop >= column:
        depth = 0
        for place in range(stop, len(line)):
            depth += (line[place] == "(") - (line[place] == ")")
            if depth == 0:
                return place + 2
    return max(stop + 1, column + 1)
