"""Lowering: what a file's functions become, told from the IR of a few lines of C."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from flaglint import ir
from flaglint.frontend import parse, prepare
from flaglint.lower import Lowering, lower_unit
from flaglint.tree import open_tree
from tests.small_tree import small_tree


def lowered(tmp_path: Path, text: str, **files: str) -> ir.Unit:
    named = {name.replace("__", "/") + ".h": body for name, body in files.items()}
    root = small_tree(tmp_path / "linux", {"mm/a.c": text, **named})
    prepared = prepare(open_tree(root), tmp_path / "cache")
    return lower_unit(Lowering(str(root)), parse(prepared, "mm/a.c").tu, "mm/a.c")


def constants(unit: ir.Unit, name: str) -> list[int]:
    """The integers a function's ops and ends use, in order."""
    (function,) = (found for found in unit.functions if found.name == name)
    found = []
    for block in function.blocks:
        for part in (*block.ops, block.end):
            fields = (getattr(part, field) for field in part.__struct_fields__)
            found += [value for value in fields if isinstance(value, int)]
    return found


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("(~0UL << 40) << 40", 0),
        ("-(1UL << 63) - 1", (1 << 63) - 1),
        ("(1UL << 63) * 4 + 5", 5),
        ("~(1UL << 63) - ~0UL", 1 << 63),
        ("(1UL << 63) + ((1UL << 63) - 1)", (1 << 64) - 1),
        ("-3 - 4", -7),
    ],
)
def test_constants_are_folded_in_64_bits(tmp_path: Path, expression: str, value: int) -> None:
    unit = lowered(tmp_path, f"unsigned long f(void) {{ return {expression}; }}\n")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(unit), type=ir.Unit) == unit
    (result,) = constants(unit, "f")
    assert result % (1 << 64) == value % (1 << 64)
    assert -(1 << 63) <= result < 1 << 64


def test_a_record_without_a_name_is_called_by_its_place_in_the_tree(tmp_path: Path) -> None:
    """What is kept of a tree is used for its copies, and put together with what is read there."""
    header = "struct a { struct { int one; } many[2]; };\n"
    text = '#include "a.h"\nint f(struct a *a, int i) { return a->many[i].one; }\n'
    unit = lowered(tmp_path, text, mm__a=header)
    kept = msgspec.json.encode(unit)
    assert b"mm/a.h:1:12" in kept
    assert bytes(tmp_path) not in kept
