"""Source lines of the analysed tree, for reports that quote them.

The tree is a stranger's: a link that leads out of it is not followed, an oversized or
unreadable file gives no lines, and bytes that are no UTF-8 become replacement characters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from flaglint.linehash import line_hashes
from flaglint.report.layout import SourceLine

_LIMIT = 8 << 20
"""Bytes of the largest file quoted; the largest C file of a kernel has a quarter of it."""


def quoter(root: str) -> SourceLine:
    """A function from (file relative to `root`, line from 1) to that line, "" if unknown."""
    text = _reader(root)

    @cache
    def lines(file: str) -> tuple[str, ...]:
        return tuple(text(file).split("\n"))

    def line(file: str, number: int) -> str:
        found = lines(file)
        return found[number - 1].rstrip("\r") if 0 < number <= len(found) else ""

    return line


def hasher(root: str) -> SourceLine:
    """A function from (file, line) to GitHub's hash of that line, "" if unknown."""
    text = _reader(root)

    @cache
    def hashes(file: str) -> tuple[str, ...]:
        body = text(file)
        return line_hashes(body) if body else ()

    def line_hash(file: str, number: int) -> str:
        found = hashes(file)
        return found[number - 1] if 0 < number <= len(found) else ""

    return line_hash


def _reader(root: str) -> Callable[[str], str]:
    """A function from a file's name to its text, line ends as they are; "" if it has none."""
    top = Path(root).resolve()

    def text(file: str) -> str:
        try:
            path = (top / file).resolve()
            if not path.is_relative_to(top) or path.stat().st_size > _LIMIT:
                return ""
            return path.read_bytes().decode("utf-8", errors="replace")
        except (OSError, ValueError):
            return ""

    return text
