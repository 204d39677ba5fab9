"""The SARIF of hand-made and real reports, judged by Microsoft's own validator."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flaglint import analysis
from flaglint.cards import load_cards
from flaglint.finding import Report
from flaglint.formats import Style, render
from flaglint.linehash import line_hashes
from flaglint.report import sarif
from scripts import multitool
from tests.expectations import MINI_KERNEL
from tests.reports import ALIAS, EMPTY, NOTE, RACE, REPORT


@pytest.fixture(scope="module", autouse=True)
def tool() -> Path:
    """The validator; `python3 dev.py test-sarif` fetches it."""
    if multitool.program().exists():
        return multitool.program()
    missing = f"no validator in {multitool.home()}: `python3 dev.py test-sarif` fetches it"
    if os.environ.get("FLAGLINT_REQUIRE_MULTITOOL"):
        pytest.fail(missing)
    pytest.skip(missing)


def quoted(file: str, line: int) -> str:
    """Some text for every line."""
    return f"\tline({line}, of_{file[:2]});"


ODD = msgspec.structs.replace(
    REPORT,
    findings=(
        msgspec.structs.replace(RACE, file="mm/a b%c.c", function="", racing=RACE.racing * 30),
        msgspec.structs.replace(NOTE, message="[not](a link) {0} {}", fix="{1}"),
        ALIAS,
    ),
)


@pytest.mark.parametrize("report", [REPORT, EMPTY, ODD], ids=["report", "empty", "odd"])
def test_nothing_is_wrong(report: Report, tmp_path: Path) -> None:
    file = tmp_path / "out.sarif"
    file.write_bytes(sarif.render(report, load_cards(), source=quoted))
    assert multitool.complaints(file) == []


def render_at_home() -> bytes:
    return sarif.render(REPORT, load_cards(), source=quoted, home="https://flaglint.invalid/")


def test_with_a_home_page_only_the_network_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.sarif"
    file.write_bytes(render_at_home())
    assert multitool.complaints(file) == []
    monkeypatch.setattr(multitool, "ALLOWED", {})
    rules = {line.partition(" ")[0] for line in multitool.complaints(file)}
    assert rules == {"SARIF2002", "SARIF2003", "SARIF2006"}, "notes by choice, and the network"


def test_the_mini_kernels_report_is_right_to_the_last_note(tmp_path: Path) -> None:
    request = analysis.Request((str(MINI_KERNEL),), jobs=1, cache_dir=str(tmp_path / "cache"))
    report = analysis.analyse(request, lambda phase, done, total: None)
    assert {found.rule for found in report.findings} >= {"FL001", "FL002", "FL011"}
    file = tmp_path / "out.sarif"
    file.write_bytes(render(report, Style("sarif", load_cards(), category="flaglint/x86_64")))
    assert multitool.complaints(file) == []
    for result in json.loads(file.read_bytes())["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        text = (MINI_KERNEL / place["artifactLocation"]["uri"]).read_text()
        expected = line_hashes(text)[place["region"]["startLine"] - 1]
        assert result["partialFingerprints"]["primaryLocationLineHash"] == expected


def broken(change: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(sarif.render(REPORT, load_cards(), source=quoted))
    result = log["runs"][0]["results"][0]
    if change == "order":
        result["locations"][0]["physicalLocation"]["region"]["endLine"] = 1
    elif change == "index":
        result["ruleIndex"] = 77
    else:
        del log["runs"][0]["tool"]["driver"]["name"]
    return log


@pytest.mark.parametrize("change", ["order", "index", "schema"])
def test_the_validator_does_complain(change: str, tmp_path: Path) -> None:
    """Its exit status is 0 all the same: a gate on that would never close."""
    file = tmp_path / "out.sarif"
    file.write_text(json.dumps(broken(change)))
    assert multitool.complaints(file) != []


def test_a_run_that_read_nothing_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(multitool.MultitoolError):
        multitool.complaints(tmp_path / "missing.sarif")
