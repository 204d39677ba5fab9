"""The main job on real kernels: Debian's 6.12 and 6.1, and 6.12 with the first case brought back.

Each tree is analysed once per session, for a minute or two. What is known to be wrong stands
here in named sets, each entry with its reason, so that a test fails when one is mended too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

from flaglint import analysis
from flaglint.cards import load_cards
from flaglint.comparing import compare
from flaglint.finding import Finding, Report, Verdict
from flaglint.quote import quoter
from flaglint.report import sarif
from tests.test_report_sarif import SCHEMA

pytestmark = pytest.mark.kernel

on_6_12 = pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
on_6_1 = pytest.mark.parametrize("kernel", ["6.1"], indirect=True)

LABELS = Path(__file__).parents[2] / "shared/corpus/sites-6.12.json"
"""Sites labelled by hand, where somebody keeps them beside the checkout."""

Site = tuple[str, str, str]
"""File, function, helper: what lines may shift under."""

OTHER_WORD: dict[Site, str] = {
    ("arch/x86/mm/init_64.c", "__vmemmap_use_sub_pmd", "memset"): (
        "labelled as no word: the memory map is not in use there, which the verdict says"
    ),
    ("include/linux/mm.h", "page_cpupid_reset_last", "page_cpupid_reset_last"): (
        "any page's, by __init_single_page(), as the label says of its neighbours there; the "
        "head's by free_pages_prepare()"
    ),
}
"""Labelled with one word, in the ledger with another that includes it or is included."""


NOT_ANALYSED = ("the file was not analysed",)


class Run(NamedTuple):
    """One analysis: the report, and which files it took in."""

    report: Report
    files: frozenset[str]


@cache
def analysed(root: Path, cache_dir: Path) -> Run:
    """The analysis of a tree, once per session (the cache keeps no program, only its report)."""
    files: list[str] = []
    load = analysis.load

    def listening(*arguments: Any) -> analysis.Program:
        program = load(*arguments)
        files.extend(program.files)
        return program

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "load", listening)
        request = analysis.Request(paths=(str(root),), cache_dir=str(cache_dir))
        report = analysis.analyse(request, lambda phase, done, total: None)
    return Run(report, frozenset(files))


@pytest.fixture
def run(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The analysis of the unpacked kernel, as Debian ships it."""
    return analysed(kernel, tmp_path_factory.getbasetemp() / "flaglint")


@pytest.fixture
def with_first_case(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The analysis of a copy of 6.12 in which v6.12.0's mistake is back."""
    base = tmp_path_factory.getbasetemp()
    copy = base / "first-case"
    if not copy.exists():
        shutil.copytree(kernel, copy, symlinks=True, copy_function=_link)
        _edit(copy / "include/linux/page-flags.h", _header_as_it_was)
        _edit(copy / "mm/huge_memory.c", _calls_as_they_were)
    return analysed(copy, base / "flaglint")


def _link(source: str, target: str) -> None:
    # The copy's text is the kernel's own: an edit must put a new file in the link's place.
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _edit(path: Path, edit: Callable[[str], str]) -> None:
    text = edit(path.read_text())
    path.unlink()
    path.write_text(text)


def _replace_once(pattern: str, new: str, text: str) -> str:
    text, count = re.subn(pattern, new, text)
    assert count == 1, pattern
    return text


def _header_as_it_was(text: str) -> str:
    flag = "partially_mapped"
    policy = f"{flag}, FOLIO_SECOND_PAGE"
    makers = ("FOLIO_TEST_FLAG", "__FOLIO_SET_FLAG", "__FOLIO_CLEAR_FLAG")
    real = "\n".join(f"{maker}({policy})" for maker in makers)
    none = ("FOLIO_TEST_FLAG_FALSE", "__FOLIO_SET_FLAG_NOOP", "__FOLIO_CLEAR_FLAG_NOOP")
    noop = "\n".join(f"{maker}({flag})" for maker in none)
    text = _replace_once(rf"(?m)^FOLIO_FLAG\({policy}\)$", real, text)
    return _replace_once(rf"(?m)^FOLIO_FLAG_FALSE\({flag}\)$", noop, text)


def _calls_as_they_were(text: str) -> str:
    for function, helper in (
        ("deferred_split_folio", "folio_set_partially_mapped"),
        ("split_huge_page_to_list_to_order", "folio_clear_partially_mapped"),
        ("__folio_unqueue_deferred_split", "folio_clear_partially_mapped"),
        ("deferred_split_scan", "folio_clear_partially_mapped"),
    ):
        body = re.search(rf"(?ms)^\w[^;{{}}]*\b{function}\([^;{{}}]*\)\s*\{{.*?^\}}", text)
        assert body, function
        edited = _replace_once(rf"\b{helper}\(", f"__{helper}(", body[0])
        text = text[: body.start()] + edited + text[body.end() :]
    return text


def _site(found: Finding) -> Site:
    return found.file, found.function, found.helper


def races(report: Report) -> list[Finding]:
    return [found for found in report.findings if found.rule == "FL001"]


def test_every_file_of_mm_is_analysed_or_named(run: Run, kernel: Path) -> None:
    of_mm = {path.relative_to(kernel).as_posix() for path in (kernel / "mm").rglob("*.c")}
    assert len(of_mm) > 100
    assert of_mm - run.files == set()
    assert all(entry.reason for entry in run.report.unread)
    left_out = {entry.file for entry in run.report.unread if not entry.function}
    assert len(of_mm - left_out) > 90


def test_every_writer_in_the_text_is_accounted_for(run: Run) -> None:
    coverage = run.report.coverage
    assert coverage.textual == coverage.analysed + coverage.inactive + coverage.unparsed
    assert coverage.analysed > 50
    left_out = {entry.file for entry in run.report.unread if not entry.function}
    unparsed = [site.file for site in run.report.sites if site.doubts == NOT_ANALYSED]
    assert len(unparsed) == coverage.unparsed
    assert set(unparsed) <= left_out


@on_6_12
def test_6_12_is_clean(run: Run) -> None:
    assert [_site(found) for found in races(run.report)] == []


@on_6_12
def test_labelled_sites_are_in_the_ledger(run: Run) -> None:
    if not LABELS.is_file():
        pytest.skip("no labelled sites beside the checkout")
    rows = {(site.file, site.line, site.helper): site for site in run.report.sites}
    missing: set[Site] = set()
    other_word: set[Site] = set()
    for label in json.loads(LABELS.read_text())["sites"]:
        name = (label["file"], label["function"], label["helper"])
        row = rows.get((label["file"], label["line"], label["helper"]))
        if row is None:
            missing.add(name)
            continue
        if row.word != label["word"]:
            other_word.add(name)
        assert row.verdict is not Verdict.RACY, name
    assert missing == set()
    assert other_word == set(OTHER_WORD)


@on_6_12
def test_the_first_case_is_found_with_its_witness(with_first_case: Run) -> None:
    (found,) = [f for f in races(with_first_case.report) if f.function == "deferred_split_folio"]
    assert (found.file, found.helper) == ("mm/huge_memory.c", "__folio_set_partially_mapped")
    assert (found.word, found.flag) == ("second", "PG_partially_mapped")
    assert found.chain[-1].function == "deferred_split_folio"
    assert len(found.chain) > 1
    assert len(found.steps) in (3, 4)

    others = {(other.function, other.helper) for other in found.racing}
    assert ("memory_failure", "folio_set_has_hwpoisoned") in others
    assert {helper for _, helper in others} & {"SetPageAnonExclusive", "SetPageHWPoison"}
    for other in found.racing:
        assert other.atomicity == "atomic"
        assert other.chain[-1].function == other.function
        assert len(other.chain) > 1
        assert not set(other.locks) & set(found.locks)


@on_6_12
def test_the_first_case_as_a_change(with_first_case: Run, run: Run) -> None:
    """What `flaglint diff` says of the patch that brings it, apart from FL002 (its scope)."""

    def texts(report: Report) -> Callable[[str], str]:
        def text(file: str) -> str:
            path = Path(report.root, file)
            return path.read_text("utf-8", "replace") if path.is_file() else ""

        return text

    before, after = run.report, with_first_case.report
    made = compare(before, after, texts(before), texts(after))
    introduced = {(found.rule, found.function) for found in made.introduced}
    assert {found for found in introduced if found[0] != "FL002"} == {
        ("FL001", "deferred_split_folio"),
        ("FL011", "__folio_set_partially_mapped"),
        ("FL011", "__folio_clear_partially_mapped"),
    }


@on_6_12
def test_the_first_case_brings_nothing_else(with_first_case: Run, run: Run) -> None:
    new = {_site(f) for f in races(with_first_case.report)} - {_site(f) for f in races(run.report)}
    assert {helper for _, _, helper in new} <= {
        "__folio_set_partially_mapped",
        "__folio_clear_partially_mapped",
    }
    assert not [f for f in races(run.report) if "partially_mapped" in f.helper]
    assert with_first_case.report.coverage.unparsed == 0, "a place that no path leads to"


@on_6_1
def test_6_1_real_race_is_all_that_is_found(run: Run) -> None:
    found = {(f.file, f.function) for f in races(run.report)}
    assert found == {("mm/hugetlb.c", "hugetlb_mcopy_atomic_pte")}


@on_6_12
def test_sarif_of_a_real_run_is_valid(with_first_case: Run) -> None:
    report = with_first_case.report
    log: dict[str, Any] = json.loads(sarif.render(report, load_cards(), source=quoter(report.root)))
    schema = json.loads(SCHEMA.read_text("utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(log)
    assert [error.message for error in errors] == []
    rules = [result["ruleId"] for result in log["runs"][0]["results"]]
    assert rules.count("FL001") == len(races(report)) > 0
