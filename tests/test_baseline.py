"""The baseline hides what it was written with, and no more."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from flaglint.baseline import BaselineError, encode_baseline, read_baseline, without_baseline
from tests.reports import ALIAS, RACE, REPORT


def test_a_report_against_its_own_baseline_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(encode_baseline(REPORT.findings))
    shown, remarks = without_baseline(REPORT, read_baseline(path))
    assert shown.findings == ()
    assert [hidden.finding for hidden in shown.suppressed] == list(REPORT.findings)
    assert {hidden.source for hidden in shown.suppressed} == {str(path)}
    assert remarks == ()


def test_what_is_not_in_it_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(encode_baseline((ALIAS,)))
    shown, remarks = without_baseline(REPORT, read_baseline(path))
    assert shown.findings == (RACE,)
    assert remarks == ()


def test_one_row_hides_one_finding(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(encode_baseline((RACE,)))
    twice = msgspec.structs.replace(REPORT, findings=(RACE, RACE))
    assert without_baseline(twice, read_baseline(path))[0].findings == (RACE,)


def test_what_is_no_more_is_remarked_on_for_whole_trees(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_bytes(encode_baseline(REPORT.findings))
    fewer = msgspec.structs.replace(REPORT, findings=(RACE,))
    (remark,) = without_baseline(fewer, read_baseline(path))[1]
    assert "1 finding of the baseline" in remark
    assert without_baseline(fewer, read_baseline(path), whole=False)[1] == ()


def test_lines_and_order_make_no_difference_to_the_file() -> None:
    moved = msgspec.structs.replace(RACE, line=RACE.line + 9, column=1)
    assert encode_baseline((moved, ALIAS)) == encode_baseline((ALIAS, RACE))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no baseline"),
        ("[]", "no baseline"),
        ('{"schema": 2, "findings": []}', "schema 2"),
        ('{"schema": 1, "findings": [{"rule": "FL001"}]}', "no baseline"),
    ],
)
def test_another_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text(text)
    with pytest.raises(BaselineError, match=message):
        read_baseline(path)
    with pytest.raises(BaselineError, match="--write-baseline"):
        read_baseline(tmp_path / "none")
