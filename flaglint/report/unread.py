"""What could not be analysed, grouped for a reader: one entry a reason, not one a function.

drivers/x.c: 18 functions: line 28: 'sync.h' file not found
15 files (mm/kasan/common.c, mm/kasan/report.c, ...): CONFIG_KASAN is off
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from flaglint.finding import Unread
from flaglint.report.layout import plural

_NAMED = 3
"""Functions of one file that are named rather than counted."""


class Group(msgspec.Struct, frozen=True):
    """Several files, or several functions of one file, with the same reason."""

    reason: str
    files: tuple[str, ...]
    functions: tuple[str, ...] = ()
    others: int = 0
    """Further reasons that were left out, of as many groups of this file."""

    def __str__(self) -> str:
        names = ", ".join(self.files)
        if not self.functions:
            return names
        if len(self.functions) > _NAMED:
            return f"{names}: {plural(len(self.functions), 'function')}"
        return f"{names}: " + ", ".join(f"{name}()" for name in self.functions)


def grouped(unread: Iterable[Unread]) -> tuple[Group, ...]:
    """The groups in the order in which their first members come."""
    files: dict[str, list[str]] = {}
    functions: dict[tuple[str, str], list[str]] = {}
    order: dict[tuple[str, str], None] = {}
    for item in unread:
        if item.function:
            functions.setdefault((item.file, item.reason), []).append(item.function)
            order.setdefault((item.file, item.reason))
        else:
            files.setdefault(item.reason, []).append(item.file)
            order.setdefault(("", item.reason))
    return tuple(
        Group(reason, (file,), tuple(functions[file, reason]))
        if file
        else Group(reason, tuple(files[reason]))
        for file, reason in order
    )


def folded(groups: Iterable[Group]) -> tuple[Group, ...]:
    """The groups, those of one file made one where there are many: it shows the first reason.

    A driver whose headers do not fit the configuration has a different error in each function.
    """
    found: dict[object, list[Group]] = {}
    for group in groups:
        found.setdefault((group.files, bool(group.functions)), []).append(group)
    shown: list[Group] = []
    for same in found.values():
        if len(same) <= _NAMED or not same[0].functions:
            shown += same
            continue
        functions = tuple(name for group in same for name in group.functions)
        shown.append(Group(same[0].reason, same[0].files, functions, len(same) - 1))
    return tuple(shown)
