"""A FlagTable for a reader, and as the JSON value of `flaglint flags --format json`.

    helper            flag       bit  operation  atomicity  word  line  condition
    SetPageDirty      PG_dirty     4  set        atomic     head   514

Invariants: rows stand in the header's order; nothing is left out of either form. A bit that the
configuration does not have is "-" for a reader and null in JSON.
The interface is `table_text` and `table_json`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from flaglint.flagtable import Atomicity, Flag, FlagTable, Helper

_ANY_FLAGS = "(caller's)"


def table_text(table: FlagTable, kernel: str = "") -> str:
    """Aligned columns: the flags, the helpers, and what is doubtful; ends with a newline."""
    file = table.flags[0].file if table.flags else ""
    title = f"{file} of {kernel}" if kernel else file
    lines = [title, "", *_flag_lines(table), "", *_helper_lines(table)]
    doubts = [*table.doubts, *(f"{h.name}: {doubt}" for h in table.helpers for doubt in h.doubts)]
    if doubts:
        lines += ["", f"doubts ({len(doubts)})", *(f"  {_printable(doubt)}" for doubt in doubts)]
    return "\n".join(lines) + "\n"


def only(table: FlagTable, names: Sequence[str]) -> FlagTable:
    """The table with the helpers of these names; all of it without names."""
    helpers = tuple(helper for helper in table.helpers if helper.name in names)
    return msgspec.structs.replace(table, helpers=helpers) if names else table


def table_json(table: FlagTable, kernel: str) -> dict[str, object]:
    """The documented object, schema 1; `kernel` is the tree's version."""
    return {
        "schema": 1,
        "kernel": kernel,
        "flags": [_flag_object(flag) for flag in table.flags],
        "helpers": [_helper_object(helper) for helper in table.helpers],
        "absent_flags": [_flag_object(flag) for flag in table.absent],
        "inactive": sorted(table.inactive),
        "doubts": list(table.doubts),
    }


def _flag_object(flag: Flag) -> dict[str, object]:
    return {
        "name": flag.name,
        "bit": _bit(flag.bit),
        "alias_of": flag.alias_of,
        "file": flag.file,
        "line": flag.line,
        "condition": flag.condition,
    }


def _helper_object(helper: Helper) -> dict[str, object]:
    return {
        "name": helper.name,
        "flag": helper.flag,
        "bit": _bit(helper.bit),
        "operation": helper.operation.value,
        "atomicity": helper.atomicity.value,
        "word": helper.word.value,
        "takes": helper.takes,
        "file": helper.file,
        "line": helper.line,
        "condition": helper.condition,
        "active": helper.active,
        "doubts": list(helper.doubts),
    }


def _bit(bit: int) -> int | None:
    return bit if bit >= 0 else None


def _flag_lines(table: FlagTable) -> list[str]:
    bits = len({flag.bit for flag in table.flags})
    heading = f"flags ({len(table.flags)} on {bits} bits; {len(table.absent)} not configured)"
    rows = [
        (_bit_text(flag.bit), flag.name, flag.alias_of or "", str(flag.line), flag.condition)
        for flag in (*table.flags, *table.absent)
    ]
    return [heading, *_columns(("bit", "flag", "alias of", "line", "condition"), rows, "><<><")]


def _helper_lines(table: FlagTable) -> list[str]:
    counts = Counter(helper.atomicity for helper in table.helpers if helper.active)
    parts = ", ".join(f"{counts[kind]} {kind.value}" for kind in reversed(Atomicity))
    off = sum(not helper.active for helper in table.helpers)
    heading = f"helpers ({parts}; {off} not configured)"
    rows = [
        (
            helper.name,
            helper.flag or _ANY_FLAGS,
            _bit_text(helper.bit),
            helper.operation.value,
            helper.atomicity.value,
            helper.word.value,
            str(helper.line),
            _remark(helper),
        )
        for helper in table.helpers
    ]
    names = ("helper", "flag", "bit", "operation", "atomicity", "word", "line", "condition")
    return [heading, *_columns(names, rows, "<<><<<><")]


def _remark(helper: Helper) -> str:
    parts = [helper.condition]
    if not helper.active:
        parts.append("[not configured]")
    if helper.doubts:
        parts.append("[doubt]")
    return " ".join(filter(None, parts))


def _bit_text(bit: int) -> str:
    return str(bit) if bit >= 0 else "-"


def _columns(names: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """`rows` under `names`, each column as wide as its widest cell, `align` per column."""
    cells = [[_printable(cell) for cell in row] for row in (names, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    return [
        "  "
        + "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, align, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def _printable(text: str) -> str:
    """`text` with what a terminal would act upon spelled out: the header may be a stranger's."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
