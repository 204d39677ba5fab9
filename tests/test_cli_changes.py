"""diff, hook, baselines and suppressions from the command line, analysed for real."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flaglint.cli import CLEAN, FAILED, FINDINGS, main
from tests.gittrees import (
    DECLARED,
    HEADER,
    SITE,
    break_it,
    break_it_in_the_header,
    commit,
    edit,
    git,
    mend,
    mini_repository,
)

Output = pytest.CaptureFixture[str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The mini-kernel without its race (HEAD), with it before (HEAD^)."""
    root = mini_repository(tmp_path / "linux")
    mend(root)
    return root


@pytest.fixture
def run(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Run:
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def ran(*argv: str, given: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        status = main([*argv, *(["-j1"] if argv[0] in ("check", "diff", "hook") else [])])
        out, err = capsys.readouterr()
        return status, out, err

    return ran


def test_diff_in_every_form(root: Path, run: Run) -> None:
    status, out, err = run("diff", "HEAD..HEAD^")
    assert (status, err) == (FINDINGS, "")
    assert out.startswith("include/linux/page-flags.h:")
    assert f"{SITE}:55:3: error: plain RMW" in out
    assert "introduced 2, fixed 0, preexisting 0" in out.splitlines()[-1]

    status, out, _ = run("diff", "HEAD^", "HEAD")
    assert status == CLEAN
    assert "introduced 0, fixed 1, preexisting 0" in out
    assert f"fixed: {SITE}:55:3: error" in out

    document = json.loads(run("diff", "HEAD", "HEAD^", "--format", "json")[1])
    assert document["schema"] == 1
    assert [f["rule"] for f in document["introduced"]] == ["FL011", "FL001"]
    assert document["fixed"] == document["preexisting"] == []

    sarif = json.loads(run("diff", "HEAD", "HEAD^", "--format", "sarif")[1])
    assert [r["ruleId"] for r in sarif["runs"][0]["results"]] == ["FL011", "FL001"]

    lines = run("diff", "HEAD", "HEAD^", "--format", "concise", "--ignore", "FL011")[1]
    assert lines.count("\n") == 1


def test_diff_against_the_work_tree(root: Path, run: Run) -> None:
    assert run("diff", "HEAD")[:2] == (CLEAN, "the change touches nothing that flaglint reads\n")
    break_it(root)
    assert run("diff", "HEAD")[0] == FINDINGS
    assert run("diff", "HEAD^")[0] == CLEAN


def test_an_introduced_note_is_shown_and_no_failure(root: Path, run: Run) -> None:
    edit(root, HEADER, DECLARED, f"{DECLARED}\n__{DECLARED}")
    status, out, _ = run("diff", "HEAD", "--format", "concise")
    assert status == CLEAN
    assert "[FL011]" in out
    assert "FL001" not in out


@pytest.mark.parametrize(
    "argv", [("nowhere",), ("HEAD...HEAD^",), ("HEAD..HEAD^", "HEAD"), ("-x",)]
)
def test_revisions_that_are_none(run: Run, argv: tuple[str, ...]) -> None:
    status, out, err = run("diff", *argv)
    assert (status, out) == (FAILED, "")
    assert "Traceback" not in err


# The rules by which b4 reads a check (b4's run_local_check): any word on stderr fails; a line on
# stdout with "ERROR:" fails, another one warns; without any, the exit status counts.
def as_b4(status: int, out: str, err: str) -> str:
    if err.strip() or "ERROR:" in out:
        return "fail"
    if out.strip():
        return "warning"
    return "fail" if status else "success"


def test_b4_hears_of_what_a_patch_introduces_and_else_nothing(root: Path, run: Run) -> None:
    (root / "flaglint.toml").write_text('select = ["ALL"]\n')
    patch = git(root, "format-patch", "--stdout", "-1").encode()
    form = ("diff", "-", "--format", "b4")
    assert as_b4(*run(*form, given=patch)) == "success"
    assert as_b4(*run(*form, given=b"Subject: [PATCH 0/1] cover\n\nwords\n")) == "success"

    break_it(root)
    bad = commit(root, "mm: a plain write")
    patch = git(root, "format-patch", "--stdout", "-1").encode()
    edit(root, SITE, "gets tight", "gets scarce")
    commit(root, "later in the series")
    status, out, err = run(*form, given=patch)
    assert as_b4(status, out, err) == "fail"
    assert out.splitlines()[1].startswith(f"ERROR: {SITE}:55: deferred_split_folio(): plain RMW")
    assert "[FL001]" in out
    assert bad

    edit(root, "mm/swap.c", "#include", "/* x */\n#include")
    patch = git(root, "diff").encode()
    git(root, "checkout", "-q", "mm/swap.c")
    assert as_b4(*run(*form, given=patch)) == "success", "preexisting is not the patch's"


def test_an_empty_pipe_is_no_clean_patch(run: Run) -> None:
    for given in (b"", b"fatal: bad revision\n"):
        status, out, err = run("diff", "-", given=given)
        assert (status, out) == (FAILED, "")
        assert err.startswith("flaglint: no diff on stdin")


def test_a_patch_for_another_tree_warns(run: Run) -> None:
    patch = b"--- a/mm/none.c\n+++ b/mm/none.c\n@@ -1 +1 @@\n-int x;\n+int y;\n"
    assert as_b4(*run("diff", "-", "--format", "b4", given=patch)) == "warning"
    status, out, err = run("diff", "-", "--format", "nipa", given=patch)
    assert (status, err) == (250, "")
    assert out.startswith("not checked: the patch does not apply")


def test_nipa_gets_its_status_and_its_summary(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv("DESC_FD", str(writing))
    assert run("diff", "HEAD^", "HEAD", "--format", "nipa")[0] == 0
    assert run("diff", "HEAD", "HEAD^", "--format", "nipa")[0] == 1
    edit(root, HEADER, DECLARED, f"{DECLARED}\n__{DECLARED}")
    status, out, err = run("diff", "HEAD", "--format", "nipa")
    os.close(writing)
    assert (status, err) == (250, "")
    assert "[FL011]" in out
    with os.fdopen(reading) as stream:
        assert stream.read().splitlines() == [
            "introduced 0, fixed 1, preexisting 0",
            "introduced 2, fixed 0, preexisting 0; FL001 in deferred_split_folio",
            "introduced 1, fixed 0, preexisting 0; FL011 in __folio_set_partially_mapped",
        ]


def test_the_hook_reports_what_the_change_makes_racy_elsewhere(root: Path, run: Run) -> None:
    break_it_in_the_header(root)
    status, out, _ = run("hook", HEADER)
    assert status == FINDINGS
    assert f"{SITE}:55:3: error" in out


def test_the_hook_reports_the_files_it_is_given_and_no_others(root: Path, run: Run) -> None:
    break_it(root)
    commit(root, "the race is old")
    edit(root, "mm/swap.c", "#include", "/* x */\n#include")
    assert run("hook", "mm/swap.c")[0] == CLEAN
    assert run("hook", "mm/swap.c", SITE)[0] == FINDINGS
    git(root, "checkout", "-q", "mm/swap.c")
    assert run("hook", "mm/swap.c")[0] == CLEAN, "no change: pre-commit run --all-files"
    assert run("hook", "mm/swap.c", SITE)[0] == FINDINGS
    assert run("hook", "mm/swap.c", "--base", "HEAD^")[0] == FINDINGS, "made since"


def test_the_hook_blames_nobody_for_what_was_in_the_file_before(root: Path, run: Run) -> None:
    break_it(root)
    commit(root, "the race is old")
    edit(root, SITE, "gets tight", "gets scarce")
    assert run("hook", SITE)[:1] == (CLEAN,)
    assert "FL001" not in run("hook", SITE)[1]
    assert run("hook", SITE, "--base", "HEAD^")[0] == FINDINGS, "made since"


def test_the_hook_takes_its_base_from_pre_commit(
    root: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(root)
    commit(root, "the race is pushed")
    assert run("hook", "mm/swap.c")[0] == CLEAN
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", "HEAD^")
    assert run("hook", "mm/swap.c")[0] == FINDINGS


def test_the_hook_outside_a_kernel_and_before_the_first_commit(
    root: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "main.c").write_text("int main(void) { return 0; }\n")
    assert run("hook", str(other / "main.c"))[:2] == (CLEAN, "")
    assert run("hook")[:2] == (CLEAN, "")
    break_it(root)
    git(root, "checkout", "-q", "--orphan", "new")
    assert run("hook", SITE)[0] == FINDINGS
    assert run("hook", "mm/swap.c")[0] == CLEAN


def test_a_baseline_is_written_and_obeyed(root: Path, run: Run) -> None:
    break_it(root)
    assert run("check", ".", "--write-baseline", "base.json")[:2] == (CLEAN, "")
    assert run("check", ".", "--baseline", "base.json")[0] == CLEAN
    (root / "flaglint.toml").write_text('baseline = "base.json"\n')
    assert run("check", ".")[0] == CLEAN
    status, out, _ = run("check", ".", "--show-suppressed")
    assert (status, "[FL001]" in out) == (CLEAN, True)
    edit(root, SITE, "/* remembers", "/* a line */\n/* remembers")
    assert run("check", ".")[0] == CLEAN, "a line more is no new finding"
    git(root, "checkout", "-q", ".")
    status, _, err = run("check", ".")
    assert status == CLEAN
    assert "base.json: 1 finding of the baseline is no more: write it again" in err
    assert run("check", ".", "--baseline", "none.json")[0] == FAILED


SUPPRESS = '[[suppress]]\nrule = "FL001"\nfunction = "{}"\nreason = "known"\n'


def test_suppressions_are_counted_and_kept_out_of_sarif(root: Path, run: Run) -> None:
    break_it(root)
    (root / "flaglint.toml").write_text(SUPPRESS.format("deferred_split_folio"))
    status, out, err = run("check", ".")
    assert status == CLEAN
    assert "1 suppressed" in out
    assert "matches no finding" not in err
    results = json.loads(run("check", ".", "--format", "sarif")[1])["runs"][0]["results"]
    assert results == []
    shown = json.loads(run("check", ".", "--format", "sarif", "--show-suppressed")[1])
    (result,) = shown["runs"][0]["results"]
    (row,) = result["suppressions"]
    assert (row["kind"], row["justification"]) == ("external", "known")
    listed = json.loads(run("check", ".", "--format", "json")[1])["suppressed"]
    assert [(item["rule"], item["reason"]) for item in listed] == [("FL001", "known")]
    assert run("check", ".", "--isolated")[0] == FINDINGS
    assert run("diff", "HEAD", "--ignore", "FL011")[0] == CLEAN
    assert run("hook", SITE)[0] == CLEAN


def test_a_suppression_of_no_use_is_told(root: Path, run: Run) -> None:
    (root / "flaglint.toml").write_text(SUPPRESS.format("gone"))
    assert "(function gone) matches no finding: remove it" in run("check", ".")[2]
    assert "gone" not in run("check", ".", "-q")[2]
    assert "gone" not in run("check", SITE)[2]
    (root / "flaglint.toml").write_text(SUPPRESS.format("gone").replace("known", ""))
    status, _, err = run("check", ".")
    assert status == FAILED
    assert "flaglint.toml: suppress #1: no reason" in err
