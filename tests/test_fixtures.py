"""Every fixture compiles, says clearly what it expects, and gets just that from flaglint."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from clang import cindex

from flaglint import analysis
from flaglint.finding import Finding, Level, RacingAccess
from tests.expectations import (
    FIXTURES,
    Edit,
    Expectation,
    ExpectationError,
    Tag,
    build_tree,
    differences,
    parse_fixture,
    read_expectations,
    read_fixture,
)

PATHS = sorted(FIXTURES.glob("*.c"))
# What a user of the mini-kernel's headers gets with no help from flaglint's frontend.
ARGUMENTS = ("-nostdinc", "-D__KERNEL__", "-std=gnu11", "-Wall")


def finding(line: int, rule: str = "FL001", file: str = "mm/fixture.c", other: int = 0) -> Finding:
    racing: tuple[RacingAccess, ...] = ()
    if other:
        racing = (RacingAccess("mm/x.c", other, 1, "g", "set_bit", "PG_x", "atomic", (), ()),)
    return Finding(rule, Level.ERROR, file, line, 1, "f", "message", "0", racing=racing)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_compiles(path: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    fixture = read_fixture(path)
    build_tree(fixture, root)
    index = cindex.Index.create()
    for part, _ in fixture.parts:
        if part.endswith(".c"):
            args = (*ARGUMENTS, "-I", str(root / "include"), "-I", str(root / "mm"))
            unit = index.parse(str(root / part), args=list(args))
            assert [str(d) for d in unit.diagnostics] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_verdict(path: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    fixture = read_fixture(path)
    expected = build_tree(fixture, root)
    request = analysis.Request(
        paths=(str(root),),
        pedantic=fixture.pedantic,
        jobs=1,
        cache_dir=str(tmp_path / "cache"),
    )
    report = analysis.analyse(request, lambda phase, done, total: None)
    assert [u for u in report.unread if u.file in dict(fixture.parts)] == []
    shown = [f for f in report.findings if fixture.pedantic or not f.pedantic]
    assert differences(expected, shown, dict(fixture.parts)) == []
    rows = Counter((site.file, site.line, site.column, site.helper) for site in report.sites)
    assert [row for row, count in rows.items() if count > 1] == []


def test_fixtures_come_in_pairs_that_probe_both_sides() -> None:
    pairs: dict[str, dict[str, set[Tag]]] = {}
    for path in PATHS:
        name, _, side = path.stem.rpartition("_")
        fixture = read_fixture(path)
        tags = {e.tag for e in fixture.expectations} | {e.tag for _, e in fixture.edited}
        pairs.setdefault(name, {})[side] = tags
    assert len(pairs) >= 45
    for name, sides in pairs.items():
        assert sides.keys() == {"rc", "nr"}, name
        assert sides["rc"] & {Tag.RACE, Tag.FN}, f"{name}_rc: no race in it"
        assert sides["nr"] & {Tag.NORACE, Tag.FP}, f"{name}_nr: nothing probed in it"
        assert not sides["nr"] & {Tag.RACE, Tag.FN}, f"{name}_nr: a race in it"


def test_pairs_differ_by_little() -> None:
    for path in PATHS:
        if path.stem.endswith("_rc"):
            twin = path.with_name(path.name.replace("_rc", "_nr")).read_text().split("\n")
            lines = path.read_text().split("\n")
            assert len(set(lines) ^ set(twin)) <= 20, path.stem


def test_reads_each_tag() -> None:
    text = (
        "a();\t/* RACE: FL001 */\n"
        "b();\t/* NORACE */\n"
        "c();\t/* FN: FL001 -- the alias goes through a union */\n"
        "d();\t/* FP: FL010 -- a bit nobody uses */\n"
        "e();\t/* WITNESS: FL001 */ /* RACE: FL002 */\n"
    )
    assert read_expectations("x.c", text) == (
        Expectation("x.c", 1, Tag.RACE, "FL001"),
        Expectation("x.c", 2, Tag.NORACE),
        Expectation("x.c", 3, Tag.FN, "FL001", "the alias goes through a union"),
        Expectation("x.c", 4, Tag.FP, "FL010", "a bit nobody uses"),
        Expectation("x.c", 5, Tag.WITNESS, "FL001"),
        Expectation("x.c", 5, Tag.RACE, "FL002"),
    )


@pytest.mark.parametrize(
    "comment",
    [
        "/* RACE */",
        "/* RACE FL001 */",
        "/* RACE: FL1 */",
        "/* RACE: FL0011 */",
        "/* RACE: fl001 */",
        "/* race: FL001 */",
        "/* Norace */",
        "/* RACES: FL001 */",
        "/* RASE: FL001 */",
        "/* NORACE: FL001 */",
        "/* NO RACE */",
        "/* RACE: FL001 -- needs no reason */",
        "/* FN: FL001 */",
        "/* FP: FL001 -- */",
        "/* expect FL001 here */",
        "/* WITNESS */",
    ],
)
def test_misspelt_annotation_is_an_error(comment: str) -> None:
    with pytest.raises(ExpectationError, match=r"^x\.c:2: "):
        read_expectations("x.c", f"f();\ng();\t{comment}\n")


def test_ordinary_comments_are_left_alone() -> None:
    text = "#endif /* _LINUX_MM_H */\nint a; /* CONFIG_SMP only */\nint b; /* a race, maybe */\n"
    assert read_expectations("x.c", text) == ()


def test_parts_keep_the_fixtures_line_numbers() -> None:
    fixture = parse_fixture(
        "f",
        "/* FILE: include/linux/x.h */\n"
        "int a;\t/* NORACE */\n"
        "/* FILE: mm/fixture.c */\n"
        "int b;\t/* RACE: FL001 */\n",
    )
    parts = dict(fixture.parts)
    assert parts["include/linux/x.h"].split("\n")[1] == "int a;\t/* NORACE */"
    assert parts["mm/fixture.c"].split("\n")[3] == "int b;\t/* RACE: FL001 */"
    assert [(e.file, e.line) for e in fixture.expectations] == [
        ("include/linux/x.h", 2),
        ("mm/fixture.c", 4),
    ]


def test_edit_changes_one_line_and_carries_its_expectation(tmp_path: Path) -> None:
    fixture = parse_fixture(
        "f", "/* EDIT: Makefile: SUBLEVEL = 0 => SUBLEVEL = 7 */ /* RACE: FL010 */\nint a;\n"
    )
    assert fixture.edits == (Edit("Makefile", "SUBLEVEL = 0", "SUBLEVEL = 7"),)
    (expected,) = build_tree(fixture, tmp_path / "tree")
    lines = (tmp_path / "tree" / "Makefile").read_text().split("\n")
    assert expected.file == "Makefile"
    assert expected.rule == "FL010"
    assert lines[expected.line - 1] == "SUBLEVEL = 7"


def test_edit_of_a_line_that_is_not_there(tmp_path: Path) -> None:
    fixture = parse_fixture("f", "/* EDIT: Makefile: NOWHERE = 1 => X = 2 */\n")
    with pytest.raises(ExpectationError, match="0 lines read"):
        build_tree(fixture, tmp_path / "tree")


def test_differences() -> None:
    expected = read_expectations(
        "mm/fixture.c",
        "/* RACE: FL001 */\n/* NORACE */\n/* FN: FL001 -- r */\n/* FP: FL001 -- r */\n",
    )
    as_expected = [finding(1), finding(4)]
    scope = ["mm/fixture.c"]
    assert differences(expected, as_expected, scope) == []
    assert differences(expected, [*as_expected, finding(9, file="mm/swap.c")], scope) == []
    (missed,) = differences(expected, [finding(4)], scope)
    assert missed == "mm/fixture.c:1: FL001 is missed"
    (alarm,) = differences(expected, [*as_expected, finding(2)], scope)
    assert alarm == "mm/fixture.c:2: FL001 is a false alarm"
    (bare,) = differences(expected, [*as_expected, finding(7)], scope)
    assert bare == "mm/fixture.c:7: FL001 is a false alarm"
    (promote_fn,) = differences(expected, [*as_expected, finding(3)], scope)
    assert promote_fn.endswith("promote FN to RACE")
    (promote_fp,) = differences(expected, [finding(1)], scope)
    assert promote_fp.endswith("promote FP to NORACE")
    (other_rule,) = differences(expected, [*as_expected, finding(1, rule="FL002")], scope)
    assert other_rule == "mm/fixture.c:1: FL002 is a false alarm"


def test_witness_must_be_named() -> None:
    expected = (
        Expectation("mm/fixture.c", 1, Tag.RACE, "FL001"),
        Expectation("mm/x.c", 5, Tag.WITNESS, "FL001"),
    )
    assert differences(expected, [finding(1, other=5)], ["mm/fixture.c"]) == []
    (wrong,) = differences(expected, [finding(1, other=6)], ["mm/fixture.c"])
    assert wrong == "mm/x.c:5: FL001 is not named as the other access"
