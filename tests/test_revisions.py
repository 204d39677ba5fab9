"""The patch view on real repositories that hold the mini-kernel, analysed for real."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from flaglint import analysis
from flaglint.finding import Finding, Report
from flaglint.git import GitError
from flaglint.patches import PatchError
from flaglint.revisions import Answer, Question, RevisionError, answer
from tests.expectations import MINI_KERNEL
from tests.gittrees import (
    ATOMIC,
    HEADER,
    PLAIN,
    SITE,
    break_it_in_the_header,
    commit,
    edit,
    git,
    mend,
    mini_repository,
)
from tests.reports import EMPTY

Ask = Callable[..., Answer]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return mini_repository(tmp_path / "linux")


@pytest.fixture
def ask(root: Path, tmp_path: Path) -> Ask:
    def analyse(path: str) -> Report:
        request = analysis.Request((path,), jobs=1, cache_dir=str(tmp_path / "cache"))
        return analysis.analyse(request, lambda stage, done, total: None)

    def asked(*revisions: str, patch: str | None = None, path: Path = root) -> Answer:
        before, after = (*revisions, "", "")[:2]
        text = patch.encode() if patch else None
        question = Question(str(path), before or "HEAD", after, text)
        return answer(question, tmp_path / "cache", analyse)

    return asked


def races(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(f.function, f.helper) for f in findings if f.rule == "FL001"]


PLANTED = [("deferred_split_folio", PLAIN)]


def test_a_fix_and_its_revert(root: Path, ask: Ask) -> None:
    mend(root)
    fixed = ask("HEAD^", "HEAD")
    assert races(fixed.changes.fixed) == PLANTED
    assert races(fixed.changes.introduced) == []
    assert fixed.changes.undecided == ()
    assert fixed.files == (HEADER, SITE)

    undone = ask("HEAD", "HEAD^")
    assert races(undone.changes.introduced) == PLANTED
    assert undone.changes.fixed == ()
    (race,) = [f for f in undone.changes.introduced if f.rule == "FL001"]
    assert race.file == SITE


def test_the_work_tree_is_the_other_side_and_stays_as_it_is(root: Path, ask: Ask) -> None:
    edit(root, SITE, "/* remembers", "/* a line */\n/* remembers")
    edit(root, "mm/swap.c", "#include", "/* a line */\n#include")
    state = git(root, "status", "--porcelain=v2")
    result = ask("HEAD")
    assert result.files == (SITE, "mm/swap.c")
    assert races(result.changes.preexisting) == PLANTED
    assert result.changes.introduced == result.changes.fixed == ()
    assert git(root, "status", "--porcelain=v2") == state
    assert git(root, "worktree", "list").count("\n") == 1


def test_a_renamed_function_and_variables_are_not_blamed(root: Path, ask: Ask) -> None:
    for file in (SITE, "include/linux/huge_mm.h", "mm/rmap.c"):
        path = root / file
        path.write_text(path.read_text().replace("deferred_split_folio", "defer_split"))
    text = (root / SITE).read_text()
    start = text.index("void defer_split(")
    stop = text.index("\n}\n", start)
    body = text[start:stop].replace("folio)", "victim)").replace("*folio,", "*victim,")
    body = body.replace("folio->", "victim->").replace("queue->", "waiting->")
    body = body.replace("*queue =", "*waiting =")
    (root / SITE).write_text(text[:start] + body + text[stop:])
    result = ask("HEAD")
    assert races(result.changes.preexisting) == [("defer_split", PLAIN)]
    assert races(result.changes.introduced) == []


def test_a_header_edit_shows_every_site_it_makes_racy(root: Path, ask: Ask) -> None:
    mend(root)
    break_it_in_the_header(root)
    result = ask("HEAD")
    assert result.files == (HEADER,)
    assert races(result.changes.introduced) == PLANTED


def test_a_patch_that_is_not_yet_in_the_tree(root: Path, ask: Ask) -> None:
    mend(root)
    patch = git(root, "format-patch", "--stdout", "-1", "-R", "HEAD")
    (root / HEADER).write_text((root / HEADER).read_text() + "/* not committed */\n")
    result = ask(patch=patch)
    assert races(result.changes.introduced) == PLANTED


def test_a_patch_that_is_in_the_tree_already(root: Path, ask: Ask) -> None:
    """b4 checks the commits of the branch that is checked out, the last ones too."""
    mend(root)
    patch = git(root, "format-patch", "--stdout", "-1")
    edit(root, SITE, ATOMIC, "folio_set_partially_mapped /* now */")
    commit(root, "the same line once more")
    result = ask(patch=patch)
    assert races(result.changes.fixed) == PLANTED
    assert races(result.changes.introduced) == []


def test_a_patch_and_a_tree_without_git(root: Path, ask: Ask, tmp_path: Path) -> None:
    mend(root)
    forward = git(root, "diff", "HEAD^", "HEAD")
    plain = tmp_path / "unpacked"
    subprocess.run(["cp", "-r", str(MINI_KERNEL), str(plain)], check=True)
    assert races(ask(patch=forward, path=plain).changes.fixed) == PLANTED
    subprocess.run(["git", "apply", "-"], cwd=plain, input=forward.encode(), check=True)
    assert races(ask(patch=forward, path=plain).changes.fixed) == PLANTED


def test_a_patch_for_another_tree(ask: Ask) -> None:
    patch = "--- a/mm/none.c\n+++ b/mm/none.c\n@@ -1 +1 @@\n-int x;\n+int y;\n"
    with pytest.raises(PatchError, match="does not apply"):
        ask(patch=patch)


def test_a_patch_with_a_name_that_no_file_can_have(ask: Ask) -> None:
    name = "mm/" + "n" * 300 + ".c"
    patch = f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-int x;\n+int y;\n"
    with pytest.raises(PatchError, match="does not apply"):
        ask(patch=patch)


def test_a_cover_letter_and_a_change_of_words_cost_no_analysis(root: Path, tmp_path: Path) -> None:
    def analyse(path: str) -> Report:
        raise AssertionError("analysed for nothing")

    (root / "README").write_text("other words\n")
    for question in (
        Question(str(root), "HEAD"),
        Question(str(root), patch=b"Subject: [PATCH 0/2] words\n\nnothing\n"),
    ):
        assert answer(question, tmp_path / "cache", analyse).after is None


def test_what_cannot_be_compared(root: Path, ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(GitError, match="no such revision"):
        ask("nowhere")
    plain = tmp_path / "unpacked"
    subprocess.run(["cp", "-r", str(MINI_KERNEL), str(plain)], check=True)
    with pytest.raises(RevisionError, match="not in a git repository"):
        ask("HEAD", path=plain)


def test_a_kernel_in_a_directory_of_a_repository(root: Path, ask: Ask, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q", "-b", "main")
    subprocess.run(["cp", "-r", str(MINI_KERNEL), str(outer / "kernel")], check=True)
    commit(outer, "all")
    mend(outer / "kernel")
    assert races(ask("HEAD^", "HEAD", path=outer / "kernel/mm").changes.fixed) == PLANTED


def test_a_repository_that_the_tree_merely_lies_in(ask: Ask, tmp_path: Path) -> None:
    outer = tmp_path / "home"
    outer.mkdir()
    (outer / "dotfile").write_text("x")
    git(outer, "init", "-q", "-b", "main")
    commit(outer, "dotfiles")
    subprocess.run(["cp", "-r", str(MINI_KERNEL), str(outer / "kernel")], check=True)
    edit(outer / "kernel", SITE, "gets tight", "gets scarce")
    patch = f"--- a/{SITE}\n+++ b/{SITE}\n@@ -1,3 +1,4 @@\n+/* x */\n"
    lines = (outer / "kernel" / SITE).read_text().split("\n")[:3]
    result = ask(patch=patch + "".join(f" {line}\n" for line in lines), path=outer / "kernel")
    assert races(result.changes.preexisting) == PLANTED


def test_both_sides_are_analysed_as_the_tree_itself_is(
    root: Path, ask: Ask, tmp_path: Path
) -> None:
    request = analysis.Request((str(root),), jobs=1, cache_dir=str(tmp_path / "other"))
    direct = analysis.analyse(request, lambda stage, done, total: None)
    edit(root, SITE, "gets tight", "gets scarce")
    after = ask("HEAD").after
    assert after is not None
    assert msgspec.structs.replace(after, root=direct.root) == direct


def test_a_state_that_is_remembered_is_not_analysed_again(root: Path, tmp_path: Path) -> None:
    """A series: the state after one patch is the state before the next."""
    known: dict[str, Report] = {}
    analysed = []

    def analyse(path: str) -> Report:
        analysed.append((Path(path) / SITE).read_text())
        return EMPTY

    def remember(state: str, make: Callable[[], Report]) -> Report:
        if state not in known:
            known[state] = make()
        return known[state]

    commits = [git(root, "rev-parse", "HEAD").strip()]
    for word in ("scarce", "rare"):
        edit(root, SITE, "unsigned long irq;", f"unsigned long irq; /* {word} */")
        commits.append(commit(root, word))
    for before, after in ((0, 1), (1, 2), (0, 2), (2, 0)):
        question = Question(str(root), commits[before], commits[after])
        answer(question, tmp_path / "cache", analyse, remember)
        copy = next((tmp_path / "cache/snapshots").iterdir()) / "tree" / SITE
        assert copy.read_text() == git(root, "show", f"{commits[after]}:{SITE}")
    assert len(analysed) == len(set(analysed)) == 3
