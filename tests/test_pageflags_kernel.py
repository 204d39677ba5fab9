"""The table of a real kernel's header against what clang sees in the same header.

clang's side shares no code and no table with the product: what a bit operation does is told
from its name here, and which word it is on from clang's tree of the expanded functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ctypes import c_int, c_void_p
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from clang import cindex

from flaglint.flagtable import HEADER, FlagTable
from flaglint.folders import ARCHES
from flaglint.frontend import parse_headers, prepare
from flaglint.pageflags import read_flags, read_text
from flaglint.tree import open_tree

pytestmark = pytest.mark.kernel

BITOP = re.compile(
    r"(?:arch_|const_|generic_)?(?P<low>_*)(?P<both>test_and_)?(?P<verb>set|clear|change|test)_bit"
    r"(?:_lock|_unlock|_acquire)?(?:_is_negative_byte)?"
)
WHOLE = re.compile(r"(?:arch_)?xor_unlock_is_negative_byte")
AND, LOGICAL_AND, LOGICAL_OR, ASSIGN, NOT = 17, 20, 21, 22, 10

Row = tuple[str, str, str]
"""Operation, atomicity, word."""
Rows = dict[Row, frozenset[str]]
"""The flags of each row."""


class Clang:
    """What libclang's C interface knows and its Python binding does not offer."""

    def __init__(self) -> None:
        self.lib = cindex.conf.lib
        self.lib.clang_Cursor_Evaluate.restype = c_void_p
        self.lib.clang_Cursor_Evaluate.argtypes = [cindex.Cursor]
        self.lib.clang_EvalResult_getAsInt.restype = c_int
        self.lib.clang_EvalResult_getAsInt.argtypes = [c_void_p]
        self.lib.clang_EvalResult_dispose.argtypes = [c_void_p]

    def constant(self, cursor: cindex.Cursor) -> int | None:
        result = self.lib.clang_Cursor_Evaluate(cursor)
        if not result:
            return None
        value = int(self.lib.clang_EvalResult_getAsInt(result))
        self.lib.clang_EvalResult_dispose(result)
        return value

    def binary(self, cursor: cindex.Cursor) -> int:
        return int(self.lib.clang_getCursorBinaryOperatorKind(cursor))

    def unary(self, cursor: cindex.Cursor) -> int:
        return int(self.lib.clang_getCursorUnaryOperatorKind(cursor))


def kind(cursor: cindex.Cursor) -> str:
    return str(cursor.kind.name)


def bare(cursor: cindex.Cursor) -> cindex.Cursor:
    """`cursor` without parentheses, casts and implicit conversions around it."""
    while kind(cursor) in ("PAREN_EXPR", "CSTYLE_CAST_EXPR", "UNEXPOSED_EXPR"):
        children = list(cursor.get_children())
        if not children:
            break
        cursor = children[-1]
    return cursor


def calls(cursor: cindex.Cursor) -> Iterator[cindex.Cursor]:
    return (c for c in cursor.walk_preorder() if kind(c) == "CALL_EXPR")


class Function:
    """One inline function of the header, as clang expanded it."""

    def __init__(self, clang: Clang, cursor: cindex.Cursor) -> None:
        self.clang = clang
        self.cursor = cursor
        self.params = [p.type.spelling for p in cursor.get_arguments()]
        self.assertions: list[cindex.Cursor] = []
        self.code: list[cindex.Cursor] = []
        self._sort(cursor)
        self.is_head = any(self._says_head(a) for a in self.assertions)
        self.is_head = self.is_head or any(self._makes_head(s) for s in self._statements())

    @property
    def is_accessor(self) -> bool:
        takes = any(re.search(r"struct (page|folio) \*", p) for p in self.params)
        return takes and "*" not in self.cursor.result_type.spelling

    def _sort(self, cursor: cindex.Cursor) -> None:
        """Part what runs from what is only asserted (also in a sizeof, where it is unchecked)."""
        for child in cursor.get_children():
            inner = list(child.get_children())
            if kind(child) == "CXX_UNARY_EXPR":
                self.assertions += inner
            elif kind(child) == "IF_STMT" and any(
                c.spelling in ("__builtin_unreachable", "dump_page") for c in calls(inner[1])
            ):
                self.assertions.append(inner[0])
            else:
                self.code.append(child)
                self._sort(child)

    def _statements(self) -> list[cindex.Cursor]:
        bodies = [c for c in self.cursor.get_children() if kind(c) == "COMPOUND_STMT"]
        return [statement for body in bodies for statement in body.get_children()]

    def _makes_head(self, cursor: cindex.Cursor) -> bool:
        """Whether a statement that always runs is `page = compound_head(page);`."""
        if kind(cursor) != "BINARY_OPERATOR" or self.clang.binary(cursor) != ASSIGN:
            return False
        target, source = (bare(child) for child in cursor.get_children())
        is_param = target.referenced is not None and kind(target.referenced) == "PARM_DECL"
        return is_param and kind(source) == "CALL_EXPR" and source.spelling == "compound_head"

    def _says_head(self, cursor: cindex.Cursor) -> bool:
        """Whether `cursor` being false means that the page is a folio's first."""
        cursor = bare(cursor)
        inner = list(cursor.get_children())
        if kind(cursor) == "CALL_EXPR":
            if cursor.spelling == "__builtin_expect":
                return self._says_head(inner[1])
            return cursor.spelling in ("PageTail", "PageCompound")
        if kind(cursor) == "UNARY_OPERATOR" and self.clang.unary(cursor) == NOT:
            negated = bare(inner[0])
            if kind(negated) == "UNARY_OPERATOR" and self.clang.unary(negated) == NOT:
                return self._says_head(next(negated.get_children()))
            return kind(negated) == "CALL_EXPR" and negated.spelling == "PageHead"
        if kind(cursor) == "BINARY_OPERATOR":
            if self.clang.binary(cursor) == LOGICAL_OR:
                return any(self._says_head(part) for part in inner)
            if self.clang.binary(cursor) == LOGICAL_AND:
                parts = [p for p in inner if kind(bare(p)) != "INTEGER_LITERAL"]
                return len(parts) == 1 and self._says_head(parts[0])
        return False

    def word(self, cursor: cindex.Cursor) -> str:
        """Which word an address expression leads to; "" for none of a page's."""
        cursor = bare(cursor)
        inner = list(cursor.get_children())
        name = kind(cursor)
        if name == "CALL_EXPR" and cursor.spelling in ("folio_flags", "const_folio_flags"):
            return {0: "head", 1: "second"}[self.clang.constant(inner[2]) or 0]
        if name == "CALL_EXPR":
            return "head" if cursor.spelling in ("compound_head", "_compound_head") else ""
        if name == "ARRAY_SUBSCRIPT_EXPR":
            return "second" if self.clang.constant(inner[1]) == 1 else "any"
        if name == "DECL_REF_EXPR":
            if "struct folio" in cursor.type.spelling:
                return "head"
            if "struct page" in cursor.type.spelling:
                return "head" if self.is_head else "any"
            return ""
        if name == "StmtExpr":
            return self.word(list(inner[0].get_children())[-1])
        if name in ("UNARY_OPERATOR", "MEMBER_REF_EXPR") and inner:
            return self.word(inner[0])
        return ""

    def own(self) -> Rows:
        """The rows of the bit operations, and the mask reads, in the function's own body."""
        rows: Rows = {}
        for cursor in self.code:
            inner = list(cursor.get_children())
            if kind(cursor) == "CALL_EXPR":
                row = operation(cursor.spelling)
                where = self.word(inner[2]) if row and len(inner) > 2 else ""
                if row and where:
                    add(rows, (*row, where), flags_in(inner[1]))
            elif kind(cursor) == "BINARY_OPERATOR" and self.clang.binary(cursor) == AND:
                left = bare(inner[0])
                if kind(left) == "MEMBER_REF_EXPR" and left.spelling in ("flags", "f"):
                    flags = flags_in(inner[1])
                    if flags:
                        add(rows, ("test", "read", self.word(left)), flags)
        return rows

    def through(self, others: dict[str, Function], entered: frozenset[str]) -> Rows:
        """The rows that say what the function is for, reached through calls where need be."""
        mine = self.own()
        theirs: Rows = {}
        for cursor in self.code:
            if kind(cursor) != "CALL_EXPR" or cursor.spelling not in others:
                continue
            callee = others[cursor.spelling]
            if not callee.is_accessor or cursor.spelling in entered:
                continue
            argument = list(cursor.get_children())[1]
            rows = callee.through(others, entered | {cursor.spelling})
            for (operation_, atomicity, where), flags in rows.items():
                here = self.word(argument) if where == "any" else where
                add(theirs, (operation_, atomicity, here or "any"), flags)
        writes: Rows = {}
        for rows in (mine, theirs):
            for row, flags in rows.items():
                if row[1] != "read":
                    add(writes, row, flags)
        return writes or mine or theirs


def operation(name: str) -> tuple[str, str] | None:
    """Operation and atomicity of a bit operation by its name, None for other functions."""
    if WHOLE.fullmatch(name):
        return "change", "atomic"
    match = BITOP.fullmatch(name)
    if match is None:
        return None
    verb = match["verb"]
    if verb == "test":
        return "test", "read"
    both = "test_and_" if match["both"] and verb != "change" else ""
    return both + verb, "plain" if "__" in name else "atomic"


def flags_in(cursor: cindex.Cursor) -> frozenset[str]:
    names = {c.spelling for c in cursor.walk_preorder() if kind(c) == "DECL_REF_EXPR"}
    return frozenset(name for name in names if name.startswith("PG_"))


def add(rows: Rows, row: Row, flags: frozenset[str]) -> None:
    rows[row] = rows.get(row, frozenset()) | flags


class Seen(NamedTuple):
    """The table, and clang's declarations of the header with the unit that owns them."""

    table: FlagTable
    declared: list[cindex.Cursor]
    unit: cindex.TranslationUnit


@cache
def look(kernel: Path, arch: str, folder: Path) -> Seen:
    tree = open_tree(kernel, arch=arch)
    unit = parse_headers(prepare(tree, folder)).tu
    declared = [
        cursor
        for cursor in unit.cursor.get_children()
        if cursor.location.file is not None and cursor.location.file.name.endswith("/" + HEADER)
    ]
    return Seen(read_flags(kernel, config=tree.symbols), declared, unit)


@pytest.fixture(params=sorted(ARCHES))
def seen(
    request: pytest.FixtureRequest, kernel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Seen:
    return look(kernel, request.param, tmp_path_factory.getbasetemp() / "cache")


def test_flags_and_bits(seen: Seen) -> None:
    table, declared, _ = seen
    (enum,) = [c for c in declared if kind(c) == "ENUM_DECL" and c.spelling == "pageflags"]
    expected = {c.spelling: c.enum_value for c in enum.get_children()}
    expected.pop("__NR_PAGEFLAGS")
    assert {flag.name: flag.bit for flag in table.flags} == expected
    lines = {c.spelling: c.location.line for c in enum.get_children()}
    assert all(lines[flag.name] == flag.line for flag in table.flags)


def test_helpers(seen: Seen) -> None:
    table, declared, _ = seen
    clang = Clang()
    functions = {
        c.spelling: Function(clang, c)
        for c in declared
        if kind(c) == "FUNCTION_DECL" and c.is_definition()
    }
    expected: dict[str, Rows] = {}
    for name, function in functions.items():
        rows = function.through(functions, frozenset({name})) if function.is_accessor else {}
        if rows:
            expected[name] = rows
    found: dict[str, Rows] = {}
    for helper in table.helpers:
        if helper.active:
            row = (helper.operation.value, helper.atomicity.value, helper.word.value)
            found.setdefault(helper.name, {})[row] = frozenset(filter(None, helper.flag.split("|")))
    assert len(expected) > 100
    assert found == expected
    bits = {flag.name: flag.bit for flag in table.flags}
    for helper in table.helpers:
        if helper.active and helper.flag:
            assert helper.bit == bits[helper.flag.split("|")[0]]
    assert not table.doubts
    assert not [helper for helper in table.helpers if helper.doubts]


def test_inactive_names_are_stubs_or_absent(seen: Seen) -> None:
    table, declared, _ = seen
    clang = Clang()
    for cursor in declared:
        if cursor.spelling in table.inactive and kind(cursor) == "FUNCTION_DECL":
            function = Function(clang, cursor)
            assert not list(calls(cursor)), cursor.spelling
            assert function.is_accessor


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_the_first_case_comes_back_when_its_fix_is_undone(kernel: Path) -> None:
    """partially_mapped written non-atomically in the second page's word, as v6.12.0 had it."""
    text = (kernel / HEADER).read_text(encoding="utf-8")
    fixed = "FOLIO_FLAG(partially_mapped, FOLIO_SECOND_PAGE)"
    assert text.count(fixed) == 1
    verbs = ("FOLIO_TEST_FLAG", "__FOLIO_SET_FLAG", "__FOLIO_CLEAR_FLAG")
    broken = text.replace(fixed, " ".join(fixed.replace("FOLIO_FLAG", verb) for verb in verbs))
    active = read_text(broken, open_tree(kernel).symbols).active()
    for name in ("__folio_set_partially_mapped", "__folio_clear_partially_mapped"):
        helper = active[name]
        assert (helper.flag, helper.word.value, helper.atomicity.value) == (
            "PG_partially_mapped",
            "second",
            "plain",
        )
        assert helper.line == text[: text.index(fixed)].count("\n") + 1
    assert "folio_set_partially_mapped" not in active
