"""SARIF: valid against the schema, and the parts that viewers need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import sarif_om

from flaglint.cards import load_cards
from flaglint.finding import Level, Report, Unread
from flaglint.report import sarif
from tests.reports import EMPTY, NOTE, RACE, REPORT, quoted

SCHEMA = Path(__file__).parent.parent / "testdata/sarif/sarif-schema-2.1.0.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def log_of(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sarif.render(report, load_cards(), source=quoted))
    return document


def run_of(report: Report) -> dict[str, Any]:
    run: dict[str, Any] = log_of(report)["runs"][0]
    return run


ODD = msgspec.structs.replace(
    REPORT,
    findings=(
        msgspec.structs.replace(
            RACE, file="mm/a b%c.c", function="", racing=RACE.racing * 30, helper="(plain RMW)"
        ),
        NOTE,
    ),
    unread=(Unread("mm/x.c", "not [read](0)"),),
)


@pytest.mark.parametrize("report", [REPORT, EMPTY, ODD], ids=["report", "empty", "odd"])
def test_valid_against_the_schema(
    report: Report, validator: jsonschema.Draft202012Validator
) -> None:
    assert [error.message for error in validator.iter_errors(log_of(report))] == []


def test_the_validator_does_reject(validator: jsonschema.Draft202012Validator) -> None:
    log = log_of(REPORT)
    log["runs"][0]["results"][0]["thread_flows"] = []
    assert list(validator.iter_errors(log))


def test_the_head_comes_first() -> None:
    assert list(log_of(REPORT))[:2] == ["$schema", "version"]
    assert log_of(REPORT)["version"] == "2.1.0"


@pytest.mark.parametrize("level", list(Level))
def test_a_level_is_always_written(level: Level) -> None:
    """Absent, it would mean the rule's level, not "warning"."""
    finding = msgspec.structs.replace(RACE, level=level)
    report = msgspec.structs.replace(REPORT, findings=(finding,))
    assert run_of(report)["results"][0]["level"] == level.value


def test_places_are_relative_with_all_four_region_fields() -> None:
    place = run_of(ODD)["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "mm/a%20b%25c.c", "uriBaseId": "SRCROOT"}
    place = run_of(REPORT)["results"][0]["locations"][0]["physicalLocation"]
    region = place["region"]
    assert (region["startLine"], region["endLine"]) == (3662, 3662)
    assert (region["startColumn"], region["endColumn"]) == (4, 32)
    assert "__folio_set_partially_mapped(folio)" in region["snippet"]["text"]
    assert "SRCROOT" in run_of(REPORT)["originalUriBaseIds"]
    assert REPORT.root not in json.dumps(log_of(REPORT))
    assert run_of(REPORT)["columnKind"] == "unicodeCodePoints"


def test_a_race_is_two_thread_flows_that_interleave() -> None:
    flows = run_of(REPORT)["results"][0]["codeFlows"]
    assert len(flows) == len(RACE.racing)
    this, other = flows[0]["threadFlows"]
    assert (this["id"], other["id"]) == ("this writer", "other writer")
    ordered = {
        place["executionOrder"]: (flow["id"], place["location"]["message"]["text"])
        for flow in (this, other)
        for place in flow["locations"]
        if "executionOrder" in place
    }
    assert sorted(ordered) == [1, 2, 3]
    assert [ordered[n][0] for n in (1, 2, 3)] == ["this writer", "other writer", "this writer"]
    assert "folio_set_has_hwpoisoned" in ordered[2][1]
    callers = [place["location"]["message"]["text"] for place in this["locations"][:2]]
    assert callers == [
        "unmap_page_range() calls folio_remove_rmap_ptes()",
        "folio_remove_rmap_ptes() calls deferred_split_folio()",
    ]


def test_every_related_location_is_linked_in_the_message() -> None:
    for report in (REPORT, ODD):
        for result in run_of(report)["results"]:
            text = result["message"]["text"]
            for related in result.get("relatedLocations", []):
                assert f"]({related['id']})" in text


def test_other_writers_are_counted_beyond_the_limit() -> None:
    result = run_of(ODD)["results"][0]
    assert len(result["codeFlows"]) == sarif.MOST_RACING
    assert "And 40 more writers." in result["message"]["text"]


def test_text_of_the_tree_is_no_link() -> None:
    notification = run_of(ODD)["invocations"][0]["toolExecutionNotifications"][0]
    assert "not \\[read\\](0)" in notification["message"]["text"]


def test_what_was_not_analysed_is_a_notification() -> None:
    invocation = run_of(REPORT)["invocations"][0]
    assert invocation["executionSuccessful"] is True
    (notification,) = invocation["toolExecutionNotifications"]
    assert "'asm/nowhere.h' file not found" in notification["message"]["text"]
    assert notification["level"] == "warning"


def test_rules_carry_their_cards_help() -> None:
    run = run_of(REPORT)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    race = rules[0]
    assert race["name"] == "PlainRmwOnSharedFlags"
    assert race["help"]["markdown"].startswith("# FL001")
    assert race["defaultConfiguration"]["level"] == "error"
    assert race["properties"]["precision"] == "high"
    assert race["properties"]["problem.severity"] == "error"
    assert "security" in race["properties"]["tags"]


def test_fingerprints_are_partial_and_ours() -> None:
    prints = [result["partialFingerprints"] for result in run_of(REPORT)["results"]]
    assert prints == [{sarif.FINGERPRINT: found.fingerprint} for found in REPORT.findings]


def test_to_json_leaves_defaults_out_but_not_levels() -> None:
    result = sarif_om.Result(message=sarif_om.Message(text="m"))
    assert sarif.to_json(result) == {"message": {"text": "m"}, "level": "warning"}
    assert sarif.to_json(sarif_om.Run(tool=[])) == {"tool": []}
    assert sarif.to_json({"a": [1, None, "x"]}) == {"a": [1, None, "x"]}
