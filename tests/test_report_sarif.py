"""SARIF: valid against the schema, and the parts that viewers need."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import sarif_om

from flaglint.cards import load_cards
from flaglint.finding import Evidence, Level, Report, Step, Taken, Unread
from flaglint.report import sarif
from flaglint.report.layout import marked
from flaglint.report.sarif.model import to_json
from flaglint.report.sarif.results import FINGERPRINT, LINE_HASH, Detail
from tests.reports import EMPTY, NOTE, RACE, REPORT, SETTER, quoted

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
    assert len(result["codeFlows"]) == Detail().flows
    assert "And 40 writers more." in result["message"]["text"]


def notifications(report: Report, **options: Any) -> dict[str, list[dict[str, Any]]]:
    """The notifications by their descriptor's id; each id is one that the driver describes."""
    log = json.loads(sarif.render(report, load_cards(), source=quoted, **options))
    (run,) = log["runs"]
    described = [each["id"] for each in run["tool"]["driver"]["notifications"]]
    found: dict[str, list[dict[str, Any]]] = {}
    for each in run["invocations"][0]["toolExecutionNotifications"]:
        reference = each["descriptor"]
        assert described[reference["index"]] == reference["id"]
        found.setdefault(reference["id"], []).append(each)
    return found


def test_text_of_the_tree_is_no_link() -> None:
    (notification,) = notifications(ODD)["not-analysed"]
    assert "not \\[read\\](0)" in notification["message"]["text"]


def test_what_was_not_analysed_is_a_notification() -> None:
    assert run_of(REPORT)["invocations"][0]["executionSuccessful"] is True
    told = notifications(REPORT)
    (unread,) = told["not-analysed"]
    assert unread["message"]["text"] == (
        "not analysed: mm/broken.c: broken(): 'asm/nowhere.h' file not found"
    )
    assert unread["level"] == "warning"
    assert unread["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "mm/broken.c"
    (coverage,) = told["coverage"]
    assert coverage["message"]["text"].startswith("5 places in the text name a plain writer: 3 ")
    (doubts,) = told["doubts"]
    assert "unknown callee: 12 sites" in doubts["message"]["text"]
    assert set(told) == {"not-analysed", "coverage", "doubts"}, "nothing was left out"


def test_functions_of_a_file_with_one_reason_are_one_notification() -> None:
    unread = [Unread("a.c", "'x.h' not found", f"f{number}") for number in range(9)]
    unread += [Unread("b.c", "off"), Unread("c.c", "off")]
    report = msgspec.structs.replace(REPORT, unread=tuple(unread))
    texts = [each["message"]["text"] for each in notifications(report)["not-analysed"]]
    assert texts == [
        "not analysed: a.c: 9 functions: 'x.h' not found",
        "not analysed: b.c, c.c: off",
    ]


MANY = msgspec.structs.replace(REPORT, findings=(NOTE, *(RACE,) * 40, NOTE))


def test_too_many_results_are_cut_and_told() -> None:
    limits = sarif.Limits(results=41)
    log = json.loads(sarif.render(MANY, load_cards(), limits=limits))
    levels = [result["level"] for result in log["runs"][0]["results"]]
    assert levels == ["note", *["error"] * 40], "the gravest are kept, in the report's order"
    (told,) = notifications(MANY, limits=limits)["limited"]
    assert told["message"]["text"] == (
        "the limit of 41 results; 1 result left out, the gravest are kept"
    )


@pytest.mark.parametrize("size", [9_000, 7_500, 6_900])
def test_too_large_a_log_is_cut_to_size_and_told(
    size: int, validator: jsonschema.Draft202012Validator
) -> None:
    spread = tuple(
        msgspec.structs.replace(RACE, line=number, message=f"{number * 7919:x}" * 9)
        for number in range(1, 60)
    )
    report = msgspec.structs.replace(REPORT, findings=spread)

    def source(_file: str, line: int) -> str:
        return f"int line_{line * line};"

    limits = sarif.Limits(size=size)
    body = sarif.render(report, load_cards(), source=source, limits=limits)
    whole = sarif.render(report, load_cards(), source=source)
    assert len(gzip.compress(body, 6)) <= size < len(gzip.compress(whole, 6))
    log = json.loads(body)
    assert list(validator.iter_errors(log)) == []
    assert f"the limit of {size} bytes compressed: " in body.decode()
    left_out = len(spread) - len(log["runs"][0]["results"])
    assert (f"{left_out} results left out" in body.decode()) == (left_out > 0)
    assert b"contextRegion" not in body


def test_no_result_has_more_places_than_services_take() -> None:
    evidence = tuple(Evidence("mm/a.c", number, "seen") for number in range(1, 3000))
    chain = tuple(Step(f"f{number}", "mm/a.c", number) for number in range(1, 300))
    race = msgspec.structs.replace(RACE, racing=RACE.racing * 900, evidence=evidence, chain=chain)
    (result,) = run_of(msgspec.structs.replace(REPORT, findings=(race,)))["results"]
    assert len(result["locations"] + result["relatedLocations"]) <= 1_000
    steps = [
        len(thread["locations"]) for flow in result["codeFlows"] for thread in flow["threadFlows"]
    ]
    assert sum(steps) <= 10_000
    assert "And 2979 places more." in result["message"]["text"]


def test_locks_are_taken_on_the_way() -> None:
    race = msgspec.structs.replace(
        RACE,
        locks=("ptl", "split_queue_lock", "mmap_lock"),
        taken=(
            Taken("mmap_lock", "not_in_the_chain", "mm/mmap.c", 7),
            Taken("ptl", "unmap_page_range", "mm/memory.c", 1690),
            Taken("split_queue_lock", "deferred_split_folio", "mm/huge_memory.c", 3650),
        ),
    )
    (result,) = run_of(msgspec.structs.replace(REPORT, findings=(race,)))["results"]
    this, other = result["codeFlows"][0]["threadFlows"]
    shown = [
        (at["location"]["message"]["text"], at.get("nestingLevel", 0), at.get("kinds"))
        for at in this["locations"]
    ]
    acquire = ["acquire", "lock"]
    assert shown == [
        ("not_in_the_chain() takes mmap_lock", 0, acquire),
        ("unmap_page_range() takes ptl", 0, acquire),
        ("unmap_page_range() calls folio_remove_rmap_ptes()", 0, ["call", "function"]),
        ("folio_remove_rmap_ptes() calls deferred_split_folio()", 1, ["call", "function"]),
        ("deferred_split_folio() takes split_queue_lock", 2, acquire),
        (f"1. {SETTER}() loads the whole word", 2, ["memory"]),
        (f"3. {SETTER}() stores it back: the update is lost", 2, ["memory"]),
    ]
    assert other["locations"][-1]["state"] == {"locks": {"text": "mf_mutex"}}


def test_context_is_around_the_place_and_within_the_file() -> None:
    def source(_file: str, line: int) -> str:
        return {1: "int f(void)", 2: "{", 3: "\t__set();", 4: "}"}.get(line, "")

    for line, first, last in ((3, 1, 4), (1, 1, 4), (4, 1, 4)):
        race = msgspec.structs.replace(RACE, line=line, column=1, end_column=0, racing=())
        report = msgspec.structs.replace(REPORT, findings=(race,))
        log = json.loads(sarif.render(report, load_cards(), source=source))
        place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        around = place["contextRegion"]
        assert (around["startLine"], around["endLine"]) == (first, last)
        assert around["snippet"]["text"] == "int f(void)\n{\n\t__set();\n}"
        assert place["region"]["snippet"]["text"] == source("", line)


@pytest.mark.parametrize(
    ("line", "column", "end"),
    [
        ("\t__set(folio);", 2, 14),
        ("\t__set(page_of(f), 1); x();", 2, 22),
        ("\t__set(first,", 2, 7),
        ("\tflags |= bit;", 2, 7),
        ("\t*word |= bit;", 2, 3),
        ("", 1, 2),
        ("x", 5, 6),
    ],
)
def test_the_marked_expression_is_the_call(line: str, column: int, end: int) -> None:
    assert marked(line, column) == end
    assert marked(line, column, end + 5) == end + 5, "what is known is not guessed"


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


def test_fingerprints_are_partial_ours_and_githubs() -> None:
    prints = [result["partialFingerprints"] for result in run_of(REPORT)["results"]]
    assert prints == [{FINGERPRINT: found.fingerprint} for found in REPORT.findings]

    def hashes(file: str, line: int) -> str:
        return "abc:1" if (file, line) == (RACE.file, RACE.line) else ""

    log = json.loads(sarif.render(REPORT, load_cards(), hashes=hashes))
    race, alias = log["runs"][0]["results"]
    assert race["partialFingerprints"] == {FINGERPRINT: RACE.fingerprint, LINE_HASH: "abc:1"}
    assert set(alias["partialFingerprints"]) == {FINGERPRINT}


def test_uploads_are_kept_apart_by_category() -> None:
    log = json.loads(sarif.render(REPORT, load_cards(), category="flaglint/arm64"))
    assert log["runs"][0]["automationDetails"] == {"id": "flaglint/arm64/6.12.0"}


def test_the_same_report_gives_the_same_bytes() -> None:
    assert sarif.render(REPORT, load_cards()) == sarif.render(REPORT, load_cards())


def test_texts_of_a_rule_fit_what_services_show() -> None:
    for rule in run_of(EMPTY)["tool"]["driver"]["rules"]:
        assert len(rule["shortDescription"]["text"]) <= 1024
        assert len(rule["fullDescription"]["text"]) <= 1024
        assert rule["fullDescription"]["text"].endswith((".", ":"))
        assert len(rule["properties"]["tags"]) <= 20
        assert "**" not in rule["help"]["text"]
        assert rule["help"]["markdown"].startswith(f"# {rule['id']} ")


def test_to_json_leaves_defaults_out_but_not_levels() -> None:
    result = sarif_om.Result(message=sarif_om.Message(text="m"))
    assert to_json(result) == {"message": {"text": "m"}, "level": "warning"}
    assert to_json(sarif_om.Run(tool=[])) == {"tool": []}
    assert to_json({"a": [1, None, "x"]}) == {"a": [1, None, "x"]}
