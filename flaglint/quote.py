"""Source lines of the analysed tree, for reports that quote them.

The tree is a stranger's: a link that leads out of it is not followed, an oversized or
unreadable file gives no lines, and bytes that are no UTF-8 become replacement characters.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flaglint.report.layout import SourceLine

_LIMIT = 8 << 20
"""Bytes of the largest file quoted; the largest C file of a kernel has a quarter of it."""


def quoter(root: str) -> SourceLine:
    """A function from (file relative to `root`, line from 1) to that line, "" if unknown."""
    top = Path(root).resolve()

    @cache
    def lines(file: str) -> tuple[str, ...]:
        try:
            path = (top / file).resolve()
            if not path.is_relative_to(top) or path.stat().st_size > _LIMIT:
                return ()
            return tuple(path.read_text("utf-8", errors="replace").split("\n"))
        except (OSError, ValueError):
            return ()

    def line(file: str, number: int) -> str:
        found = lines(file)
        return found[number - 1].rstrip("\r") if 0 < number <= len(found) else ""

    return line
