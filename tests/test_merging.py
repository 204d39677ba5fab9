"""Reports of several configurations as one: a place is one row, with the worst verdict."""

from __future__ import annotations

import msgspec
import pytest

from flaglint.finding import FILE_LOST, Coverage, Finding, Level, Report, Site, Unread, Verdict
from flaglint.merging import merged
from flaglint.request import RequestError, configurations
from flaglint.shipped import variant_file

EXCLUSIVE, RACY, UNKNOWN = Verdict.EXCLUSIVE, Verdict.RACY, Verdict.UNKNOWN
INACTIVE, LOCKED = Verdict.INACTIVE, Verdict.LOCKED


def site(line: int, verdict: Verdict, helper: str = "__folio_set_x", *doubts: str) -> Site:
    return Site("mm/a.c", line, 2, "f", "x;", helper, "", "head", verdict, "", False, (), doubts)


def of(
    *sites: Site,
    findings: tuple[Finding, ...] = (),
    unread: tuple[Unread, ...] = (),
    files: tuple[str, ...] = ("mm/a.c",),
) -> Report:
    none = Coverage(0, 0, 0, 0)
    return Report("/linux", "6.12", none, findings, sites, files=files, unread=unread)


def rows(*reports: Report) -> list[tuple[int, str, tuple[str, ...]]]:
    found = merged([(f"c{number}", report) for number, report in enumerate(reports)])
    assert found.coverage.textual == len(found.sites)
    return [(s.line, s.verdict.value, s.configurations) for s in found.sites]


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (EXCLUSIVE, RACY, "racy"),
        (LOCKED, EXCLUSIVE, "locked"),
        (UNKNOWN, EXCLUSIVE, "unknown"),
        (RACY, UNKNOWN, "racy"),
    ],
)
def test_the_worst_of_those_that_see_it(one: Verdict, other: Verdict, verdict: str) -> None:
    both = ("c0", "c1")
    assert rows(of(site(1, one)), of(site(1, other))) == [(1, verdict, both)]
    assert rows(of(site(1, other)), of(site(1, one))) == [(1, verdict, both)]


def test_who_has_a_better_verdict_is_told() -> None:
    reports = [of(site(1, verdict)) for verdict in (EXCLUSIVE, UNKNOWN, EXCLUSIVE, LOCKED)]
    (row,) = merged([(f"c{number}", report) for number, report in enumerate(reports)]).sites
    assert row.verdict is UNKNOWN
    assert [(e.file, e.line, e.message) for e in row.evidence] == [
        ("mm/a.c", 1, "locked under c3"),
        ("mm/a.c", 1, "exclusive under c0, c2"),
    ]
    assert merged([("a", reports[0]), ("b", reports[0])]).sites[0].evidence == ()


def test_a_place_that_one_configuration_leaves_out() -> None:
    assert rows(of(site(1, INACTIVE)), of(site(1, EXCLUSIVE))) == [(1, "exclusive", ("c1",))]
    assert rows(of(site(1, INACTIVE)), of(site(1, INACTIVE))) == [(1, "inactive", ())]


def test_a_place_that_only_one_has() -> None:
    assert rows(of(), of(site(1, RACY), site(2, LOCKED))) == [
        (1, "racy", ("c1",)),
        (2, "locked", ("c1",)),
    ]


def test_what_the_text_showed_goes_where_it_is_known_what_it_is() -> None:
    left_out = site(1, INACTIVE, "(plain RMW)")
    assert rows(of(left_out), of(site(1, EXCLUSIVE, "set_it"))) == [(1, "exclusive", ("c1",))]


def test_two_writes_of_a_line_are_two_rows() -> None:
    two = of(site(1, EXCLUSIVE), site(1, RACY))
    assert [verdict for _, verdict, _ in rows(two, two)] == ["exclusive", "racy"]


def test_coverage_counts_the_rows() -> None:
    lost = site(3, UNKNOWN, "__folio_set_x", FILE_LOST)
    found = merged([("a", of(site(1, RACY), site(2, INACTIVE), lost)), ("b", of(site(1, LOCKED)))])
    coverage = found.coverage
    assert (coverage.analysed, coverage.inactive, coverage.unparsed) == (1, 1, 1)
    assert found.doubts == ((FILE_LOST, 1),)


def test_findings_say_who_has_them() -> None:
    one = Finding("FL001", Level.ERROR, "mm/a.c", 1, 2, "f", "may be lost", "p1")
    two = msgspec.structs.replace(one, line=9, message="and another")
    found = merged([("a", of(findings=(one,))), ("b", of(findings=(one, two)))])
    assert found.configurations == ("a", "b")
    assert [(f.line, f.configurations) for f in found.findings] == [(1, ("a", "b")), (9, ("b",))]


def test_unread_is_what_nobody_read() -> None:
    off, damaged = Unread("mm/b.c", "CONFIG_B is off"), Unread("mm/a.c", "line 1: expected", "f")
    found = merged(
        [("a", of(unread=(off, damaged))), ("b", of(unread=(damaged,), files=("mm/a.c", "mm/b.c")))]
    )
    assert found.unread == (damaged,)
    assert found.files == ("mm/a.c", "mm/b.c")
    assert merged([("a", of(unread=(off,))), ("b", of(unread=(off,)))]).unread == (off,)


def test_names_of_configurations() -> None:
    assert configurations((), ()) == (("x86_64", "x86_64", None),)
    assert configurations(("arm64", "x86_64"), ()) == (
        ("arm64", "arm64", None),
        ("x86_64", "x86_64", None),
    )
    assert configurations((), ("shipped", "d/my.config")) == (
        ("x86_64", "x86_64", None),
        ("my.config", "x86_64", "d/my.config"),
    )
    assert [name for name, _, _ in configurations((), ("a/.config", "b/.config"))] == [
        "a/.config",
        "b/.config",
    ]
    ((name, arch, config),) = configurations(("arm64",), ("slab",))
    assert (name, arch) == ("slab", "arm64")
    assert config == str(variant_file("slab"))
    with pytest.raises(RequestError, match="one architecture"):
        configurations(("arm64", "x86_64"), ("my.config",))
