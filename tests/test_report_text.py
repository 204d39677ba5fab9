"""The reports for people: the first line's contract, what must be named, 80 columns, escapes."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.finding import Evidence, Finding, Report, Unread, Verdict
from flaglint.report import concise, sites, text
from flaglint.report.frames import frame
from flaglint.report.layout import (
    WIDTH,
    Paint,
    SourceLine,
    field,
    plural,
    printable,
    two_columns,
)
from tests.reports import EMPTY, RACE, REPORT, SETTER, SITES, quoted

HEADLINE = re.compile(r"^[^\s:]+:\d+:\d+: (error|warning|note): .+ \[FL\d{3}\]$")


def with_finding(**changes: object) -> Report:
    finding: Finding = msgspec.structs.replace(RACE, **changes)
    return msgspec.structs.replace(REPORT, findings=(finding,))


def test_a_finding_starts_with_the_line_that_compilers_print() -> None:
    first = text.render(REPORT).splitlines()[0]
    assert first == (
        "mm/huge_memory.c:3662:4: error: "
        "plain RMW of the second page's flags may lose a concurrent update [FL001]"
    )


def test_a_race_reads_as_designed() -> None:
    """A snapshot: the wording and the layout are looked at when they change."""
    body = text.render(REPORT, source=quoted).split("\n\ninclude/linux/page-flags.h")[0]
    assert body.splitlines()[1:] == [
        "  --> mm/huge_memory.c:3662:4 in deferred_split_folio()",
        " 3660 | if (partially_mapped) {",
        " 3661 |         /* the first time */",
        " 3662 |         __folio_set_partially_mapped(folio);",
        "      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
        "      |         this writer: loads the word, later stores it back",
        "  ::: mm/memory-failure.c:2372:3 in memory_failure()",
        " 2372 | folio_set_has_hwpoisoned(folio);",
        "      | -------------------------------",
        "      | other writer: changes PG_has_hwpoisoned in between",
        "    this   __folio_set_partially_mapped()  plain  writes PG_partially_mapped",
        "           locks {split_queue_lock}",
        "           split_queue_lock taken at mm/huge_memory.c:3655",
        "           deferred_split_folio()  <- folio_remove_rmap_ptes() (mm/rmap.c:1590)",
        "           <- unmap_page_range() (mm/memory.c:1700)",
        "    other  mm/memory-failure.c:2372  folio_set_has_hwpoisoned()  atomic",
        "           writes PG_has_hwpoisoned  locks {mf_mutex}",
        "           memory_failure()  <- soft_offline_page() (mm/memory-failure.c:2800)",
        "    other  mm/rmap.c:1300  SetPageAnonExclusive()  atomic",
        "           writes PG_anon_exclusive  no locks",
        "           memory_failure()  <- soft_offline_page() (mm/memory-failure.c:2800)",
        "    why    same word, no common lock; the folio is mapped and on the LRU",
        "",
        "    CPU 0: deferred_split_folio()          CPU 1: memory_failure()",
        "    ------------------------------------   ------------------------------------",
        "    1. loads the second page's word",
        "                                           2. folio_set_has_hwpoisoned() sets",
        "                                           PG_has_hwpoisoned",
        "    3. stores the word with",
        "    PG_partially_mapped",
        "    =>     PG_has_hwpoisoned is lost: bad memory stays in use",
        "",
        "    see    include/linux/page-flags.h:870  the header declares a plain setter",
        "    fix    use folio_set_partially_mapped(), the atomic helper",
        "    doubt  unknown callee: ops->map",
    ]


def test_one_cause_is_argued_once() -> None:
    """Two writes of one function with the same race: the second refers to the first."""
    second = msgspec.structs.replace(RACE, line=3664, helper="__folio_clear_x", flag="PG_x")
    other = msgspec.structs.replace(RACE, line=3666, why="another reason")
    report = msgspec.structs.replace(REPORT, findings=(RACE, second, other))
    one, two, three = text.render(report).split("\n\nmm/huge_memory.c:")
    assert "    why    " in one
    assert two.splitlines()[1:] == [
        "    this   __folio_clear_x()  plain  writes PG_x  locks {split_queue_lock}",
        "    same   as mm/huge_memory.c:3662: same callers, same other writers, same",
        "           reason",
        "    fix    use folio_set_partially_mapped(), the atomic helper",
    ]
    assert "    why    another reason" in three


def test_totals_name_coverage_doubts_and_what_was_not_analysed() -> None:
    assert text.totals(REPORT) == [
        "2 findings (1 error, 1 warning)",
        "kernel 6.12.0, 125 files analysed",
        "5 places in the text name a plain writer: 3 analysed, 1 inactive, 1 not parsed",
        "    inactive: `flaglint sites` says what leaves them out; `--config shipped",
        "    --config FILE` judges them where FILE has them (a .config, or sparsemem,",
        "    slab, slob)",
        "2 sites in the ledger: 1 racy, 1 exclusive",
        "doubts (sites, and what is not known there):",
        "    12  unknown callee",
        "    3  caller outside the analysed files",
        "not analysed, all or in part: 1 file",
        "    mm/broken.c: broken(): 'asm/nowhere.h' file not found",
    ]


def test_what_was_not_analysed_is_grouped_by_reason() -> None:
    unread = [Unread("a.c", "'x.h' not found", f"f{number}") for number in range(9)]
    unread += [Unread("b.c", "CONFIG_B is off"), Unread("b.c", "too long", "g")]
    unread += [Unread("c.c", "CONFIG_B is off")]
    report = msgspec.structs.replace(EMPTY, unread=tuple(unread))
    assert text.not_analysed(report) == [
        "not analysed, all or in part: 3 files",
        "    a.c: 9 functions: 'x.h' not found",
        "    b.c, c.c: CONFIG_B is off",
        "    b.c: g(): too long",
    ]
    assert text.not_analysed(EMPTY) == []


def test_many_reasons_of_one_file_are_one_line() -> None:
    unread = [Unread("a.c", f"line {n}: incomplete type", f"f{n}") for n in range(9)]
    unread += [Unread("b.c", f"line {n}: incomplete type", f"g{n}") for n in range(2)]
    assert text.not_analysed(msgspec.structs.replace(EMPTY, unread=tuple(unread))) == [
        "not analysed, all or in part: 2 files",
        "    a.c: 9 functions: line 0: incomplete type (and 8 other reasons, see --format",
        "        json)",
        "    b.c: g0(): line 0: incomplete type",
        "    b.c: g1(): line 1: incomplete type",
    ]


def lines_of(file: str) -> SourceLine:
    rows = file.split("\n")
    return lambda _file, line: rows[line - 1] if 0 < line <= len(rows) else ""


@pytest.mark.parametrize(
    ("source", "line", "column", "expected"),
    [
        ("\t\tone();\n\t\t\ttwo(x);", 2, 4, ["    1 | one();", "    2 |         two(x);"]),
        ("\n\nx();", 3, 1, ["    3 | x();"]),
        ("a();\n\nx();", 3, 1, ["    1 | a();", "    2 | ", "    3 | x();"]),
    ],
)
def test_a_frame_has_the_lines_before(
    source: str, line: int, column: int, expected: list[str]
) -> None:
    place = msgspec.structs.replace(RACE, line=line, column=column, end_column=0)
    shown = frame("-->", place, lines_of(source), Paint(False), mark="^", style="error")
    assert shown[1:-1] == expected
    name = expected[-1].split("| ")[1].strip().rstrip(";")
    column_of_mark = expected[-1].index(name)
    assert shown[-1] == "      | ".ljust(column_of_mark) + "^" * len(name)


@given(
    st.text(st.sampled_from("\t {}()abc;é\x1b"), max_size=120),
    st.integers(1, 140),
    st.text("ab ", max_size=60),
)
def test_a_frame_fits_the_width_whatever_the_line(body: str, column: int, label: str) -> None:
    place = msgspec.structs.replace(RACE, line=1, column=column, end_column=0)
    shown = frame(
        "-->", place, lines_of(body), Paint(False), mark="^", style="error", label=label.strip()
    )
    assert all(len(line) <= WIDTH and "\x1b" not in line for line in shown)
    assert any("^" in line for line in shown) == bool(body.rstrip())


def test_a_clean_run_still_says_what_was_covered() -> None:
    assert text.render(EMPTY).startswith("0 findings\nkernel 6.12.117, 0 files analysed\n")


def test_only_the_first_line_may_be_wider_than_a_terminal() -> None:
    wide = " ".join(["a_rather_long_function_name_of_the_kernel()"] * 9)
    report = with_finding(why=wide, fix=wide, steps=(wide,) * 4, doubts=(wide,))
    lines = text.render(report, source=quoted).splitlines()
    assert [line for line in lines if len(line) > WIDTH and not HEADLINE.match(line)] == []


def test_other_than_three_steps_are_a_plain_list() -> None:
    lines = text.render(with_finding(steps=("one", "two"))).splitlines()
    assert "    how    1. one" in lines
    assert "           2. two" in lines
    assert not any("CPU 0" in line for line in lines)


def test_more_writers_than_fit_are_counted() -> None:
    lines = text.render(with_finding(racing=RACE.racing * 4)).splitlines()
    assert sum(line.startswith("    other") for line in lines) == text.MOST_RACING
    assert "           and 2 writers more (--format json names them)" in lines


def test_a_write_that_is_no_call_gets_no_parentheses() -> None:
    assert "    this   (plain RMW)  plain" in text.render(with_finding(helper="(plain RMW)"))


def test_a_line_that_cannot_be_quoted_is_left_out() -> None:
    assert " | " not in text.render(REPORT, source=lambda _file, _line: "")


def test_concise_is_one_line_for_each_finding() -> None:
    lines = concise.render(REPORT).splitlines()
    assert len(lines) == len(REPORT.findings)
    assert all(HEADLINE.match(line) for line in lines)
    assert concise.render(EMPTY) == ""


def test_the_ledger_shows_verdict_evidence_and_doubts() -> None:
    lines = sites.render(REPORT).splitlines()
    assert lines[0] == "mm/filemap.c:1007:3  exclusive allocation  (poison window)"
    assert "    write  __folio_set_locked()  PG_locked  head word" in lines
    see = lines.index("    see    mm/filemap.c:990  the folio comes from folio_alloc()")
    assert lines[see + 1 : see + 3] == [
        "    via    filemap_read_folio() (mm/filemap.c:1200)",
        "           <- filemap_read() (mm/filemap.c:2400)",
    ]
    assert f"    in     deferred_split_folio(): {SETTER}( folio)" in lines
    assert "2 sites: 1 racy, 1 exclusive" in lines
    assert sum(line.startswith(("mm/", "include/")) for line in lines) == len(SITES)


def test_the_ledger_says_nothing_twice_and_fits_a_line() -> None:
    flag = "|".join(f"PG_{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    site = msgspec.structs.replace(SITES[0], verdict=Verdict.LOCKED, reason="locked", flag=flag)
    lines = sites.render(msgspec.structs.replace(REPORT, sites=(site,))).splitlines()
    assert lines[0] == "mm/filemap.c:1007:3  locked      (poison window)"
    assert "26 flags (PG_a and others)" in lines[1] + lines[2]
    doubted = msgspec.structs.replace(site, verdict=Verdict.UNKNOWN, reason="not known")
    lines = sites.render(msgspec.structs.replace(REPORT, sites=(doubted,))).splitlines()
    assert lines[0] == "mm/filemap.c:1007:3  unknown   not known", "a window in what is shown safe"
    assert max(map(len, lines)) <= 80


def test_colour_changes_nothing_but_escape_sequences() -> None:
    for render in (text.render, concise.render, sites.render):
        coloured = render(REPORT, colour=True)
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(REPORT)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("\ufeff", "\\ufeff"),
        ("a\tb\r\n", "a b\\x0d\\x0a"),
        ("\U000e0001", "\\U000e0001"),
        ("\udc80", "\\udc80"),
        ("größe", "größe"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Lu", "Zl"])))
def test_no_report_passes_a_control_character_on(hostile: str) -> None:
    report = with_finding(
        file=hostile,
        function=hostile,
        message=hostile,
        helper=hostile,
        locks=(hostile,),
        why=hostile,
        steps=(hostile,) * 4,
        evidence=(Evidence(hostile, 1, hostile),),
        doubts=(hostile,),
    )
    site = msgspec.structs.replace(SITES[0], expression=hostile, function=hostile, reason=hostile)
    report = msgspec.structs.replace(report, kernel=hostile, sites=(site,), doubts=((hostile, 1),))
    shown = text.render(report, source=lambda _f, _l: hostile) + sites.render(report)
    assert [c for c in shown if c != "\n" and not c.isprintable()] == []


@given(st.lists(st.text("ab (){}_", max_size=40)), st.sampled_from(["this", "other", ""]))
def test_fields_keep_every_word_and_the_width(pieces: list[str], label: str) -> None:
    lines = field(label, pieces)
    assert all(len(line) <= WIDTH for line in lines)
    assert "".join(lines).split() == [*label.split(), *" ".join(pieces).split()] or not lines


def test_columns_stand_side_by_side() -> None:
    assert two_columns(["one", ""], ["", "two"]) == ["    one", " " * 43 + "two"]


def test_counts_agree_with_their_nouns() -> None:
    assert (plural(1, "file"), plural(0, "file")) == ("1 file", "0 files")


def test_a_definition_is_marked_at_its_name() -> None:
    line = "static inline void set_it(struct folio *folio)"
    place = msgspec.structs.replace(RACE, line=1, column=1, end_column=0, function="set_it")
    shown = frame("-->", place, lines_of(line), Paint(False), mark="^", style="error")
    assert shown[1].index("set_it(") == shown[2].index("^")
    assert shown[2].count("^") == len("set_it(struct folio *folio)")


def test_several_configurations_are_named() -> None:
    report = msgspec.structs.replace(REPORT, configurations=("x86_64", "a.config"))
    for shown in (text.render(report), sites.render(report)):
        assert "configurations: x86_64, a.config\n" in shown
    assert "configurations:" not in text.render(REPORT)
