"""The formats for CI services, the statistics, and the table that picks a renderer."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.cards import load_cards
from flaglint.finding import Report
from flaglint.formats import FORMATS, FormatError, Style, render
from flaglint.report import codeclimate, github
from flaglint.report.layout import printable
from tests.reports import ALIAS, EMPTY, NOTE, RACE, REPORT

CARDS = load_cards()
COMMAND = re.compile(r"^::(error|warning|notice) ([^:\n]*)::([^\n]*)$")


def decoded(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it."""
    found = COMMAND.match(line)
    assert found, line
    pairs = [pair.split("=", 1) for pair in found[2].split(",")]
    return found[1], {name: unquote(value) for name, value in pairs}, unquote(found[3])


def commands(report: Report) -> list[tuple[str, dict[str, str], str]]:
    return [decoded(line) for line in github.render(report).splitlines()]


def replaced(**changes: object) -> Report:
    finding = msgspec.structs.replace(RACE, **changes)
    return msgspec.structs.replace(REPORT, findings=(finding,))


def test_a_workflow_command_names_the_place_and_the_race() -> None:
    kind, places, message = commands(REPORT)[0]
    assert kind == "error"
    assert places == {
        "file": "mm/huge_memory.c",
        "line": "3662",
        "endLine": "3662",
        "col": "4",
        "endColumn": "32",
        "title": "flaglint FL001 in deferred_split_folio()",
    }
    assert message.splitlines() == [
        f"{RACE.message}.",
        "this: __folio_set_partially_mapped, plain, locks {split_queue_lock}",
        "other: folio_set_has_hwpoisoned, atomic, in memory_failure() at "
        "mm/memory-failure.c:2372, locks {mf_mutex}",
        "other: SetPageAnonExclusive, atomic, in memory_failure() at mm/rmap.c:1300, no locks",
        f"why: {RACE.why}",
        f"fix: {RACE.fix}",
    ]


def test_each_level_has_its_command() -> None:
    report = msgspec.structs.replace(REPORT, findings=(RACE, ALIAS, NOTE))
    assert [kind for kind, _, _ in commands(report)] == ["error", "warning", "notice"]
    assert github.render(EMPTY) == ""


@given(st.text(st.characters(codec="utf-8")), st.text(st.sampled_from("a%:,\r\n\x1b\u2028")))
def test_a_hostile_name_makes_no_command(name: str, other: str) -> None:
    """Whatever the tree calls its files and functions: one command a finding, and no more."""
    report = replaced(file=name, function=other, message=other, why=name)
    body = github.render(report)
    lines = body.split("\n")
    assert len(lines) == 2
    assert not lines[1]
    _, places, _ = decoded(lines[0])
    assert places["file"] == printable(name)
    assert places["title"].startswith("flaglint FL001")


def issues(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(codeclimate.render(report, CARDS))
    return found


def test_a_codeclimate_issue_has_what_gitlab_reads() -> None:
    issue = issues(REPORT)[0]
    assert issue["check_name"] == "FL001"
    assert issue["description"] == f"FL001 plain-rmw-on-shared-flags: {RACE.message}"
    assert issue["severity"] == "critical"
    assert issue["fingerprint"] == RACE.fingerprint
    assert issue["location"] == {"path": "mm/huge_memory.c", "lines": {"begin": 3662, "end": 3662}}
    assert issue["other_locations"][0]["path"] == "mm/memory-failure.c"
    assert "fix: " in issue["content"]["body"]
    assert issues(EMPTY) == []


def test_equal_fingerprints_are_told_apart_for_gitlab() -> None:
    report = msgspec.structs.replace(REPORT, findings=(RACE, RACE, RACE))
    prints = [issue["fingerprint"] for issue in issues(report)]
    assert prints[0] == RACE.fingerprint
    assert len(set(prints)) == 3
    assert prints == [issue["fingerprint"] for issue in issues(report)]


def test_severities_are_those_of_the_format() -> None:
    report = msgspec.structs.replace(REPORT, findings=(RACE, ALIAS, NOTE))
    assert [issue["severity"] for issue in issues(report)] == ["critical", "major", "info"]


def test_statistics_count_each_rule_the_most_frequent_first() -> None:
    report = msgspec.structs.replace(REPORT, findings=(ALIAS, RACE, *(RACE,) * 10))
    assert render(report, Style("text", CARDS, statistics=True)).decode() == (
        "11  FL001  plain-rmw-on-shared-flags\n 1  FL010  second-page-flag-alias\n"
    )
    assert json.loads(render(report, Style("json", CARDS, statistics=True))) == [
        {"rule": "FL001", "name": "plain-rmw-on-shared-flags", "count": 11},
        {"rule": "FL010", "name": "second-page-flag-alias", "count": 1},
    ]
    assert render(EMPTY, Style("concise", CARDS, statistics=True)) == b""
    with pytest.raises(FormatError, match="--statistics has no sarif form"):
        render(report, Style("sarif", CARDS, statistics=True))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders_everything_and_nothing(name: str) -> None:
    style = Style(name, CARDS, category="flaglint/x86_64")
    assert b"FL001" in render(REPORT, style)
    assert REPORT.root.encode() not in render(REPORT, style)
    assert b"FL0" not in render(EMPTY, style) or name in ("sarif", "html")
