"""Where something stands in the analysed tree."""

from __future__ import annotations

import msgspec


class Location(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A place in a file: path relative to the tree's root, line and column from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"
