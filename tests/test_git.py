"""git is asked, and nothing that a clone brings along is run or written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flaglint.git import GitError, clean_environment, find_repository, run_git
from tests.gittrees import SITE, commit, edit, git, mini_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return mini_repository(tmp_path / "linux")


def test_commits_trees_and_blobs(repository: Path) -> None:
    found = find_repository(repository / "mm")
    assert found is not None
    assert found.top == repository
    head = found.commit("HEAD")
    tree = found.tree(head)
    assert SITE in tree
    ((blob, body),) = found.blobs([tree[SITE]])
    assert blob == git(repository, "rev-parse", f"HEAD:{SITE}").strip()
    assert body == (repository / SITE).read_bytes()
    below = found.tree(head, "mm/")
    assert below["huge_memory.c"] == tree[SITE]
    assert found.tracked("mm/") == tuple(sorted(below))


@pytest.mark.parametrize("wrong", ["nowhere", "--help", "-x", "HEAD~99", "HEAD:mm", "a b", ""])
def test_what_names_no_commit_is_refused(repository: Path, wrong: str) -> None:
    found = find_repository(repository)
    assert found is not None
    with pytest.raises(GitError, match="no such revision"):
        found.commit(wrong)


def test_no_repository(tmp_path: Path) -> None:
    assert find_repository(tmp_path) is None


def test_missing_objects_are_an_error_not_a_fetch(repository: Path) -> None:
    found = find_repository(repository)
    assert found is not None
    with pytest.raises(GitError, match="missing"):
        list(found.blobs(["0" * 40]))


def test_the_change_is_found_among_the_commits(repository: Path) -> None:
    edit(repository, SITE, "gets tight", "gets scarce")
    mine = commit(repository, "words")
    patch = git(repository, "format-patch", "--stdout", "-1").encode()
    edit(repository, "mm/swap.c", "#include", "/* later */\n#include")
    commit(repository, "more")
    found = find_repository(repository)
    assert found is not None
    assert found.commit_of_patch(patch) == mine
    assert found.commit_of_patch(patch.replace(b"scarce", b"low")) == ""


def test_a_whole_kernel_is_not_looked_at_as_a_change(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commit has no parent to be compared with; in a shallow clone it is every file."""
    edit(repository, SITE, "gets tight", "gets scarce")
    mine = commit(repository, "words")
    patch = git(repository, "format-patch", "--stdout", "-1").encode()
    read: list[int] = []

    def measured(*arguments: Any, **others: Any) -> bytes:
        read.append(len(printed := run_git(*arguments, **others)))
        return printed

    monkeypatch.setattr("flaglint.git.run_git", measured)
    found = find_repository(repository)
    assert found is not None
    assert found.commit_of_patch(patch) == mine
    assert max(read) < (repository / SITE).stat().st_size
    first = git(repository, "show", "HEAD^").encode()
    assert found.commit_of_patch(first) == ""


def test_the_environment_of_a_hook_does_not_count(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = mini_repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    found = find_repository(repository)
    assert found is not None
    assert found.top == repository
    assert not {"GIT_DIR", "GIT_EXTERNAL_DIFF"} & clean_environment().keys()


def test_nothing_of_the_clone_is_run_or_written(repository: Path, tmp_path: Path) -> None:
    """Every setting of a clone that runs a program names one that leaves a trace."""
    trap, trace = tmp_path / "trap", tmp_path / "trace"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >> {trace}\ncat\n')
    trap.chmod(0o755)
    edit(repository, SITE, "gets tight", "gets scarce")
    (repository / ".gitattributes").write_text("* filter=trap diff=trap\n")
    commit(repository, "attributes")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction", "fsmonitor"):
        (hooks / name).symlink_to(trap)
    for key, value in {
        "core.hooksPath": str(hooks),
        "core.fsmonitor": str(trap),
        "core.pager": str(trap),
        "core.sshCommand": str(trap),
        "diff.external": str(trap),
        "diff.trap.textconv": str(trap),
        "diff.trap.command": str(trap),
        "filter.trap.clean": str(trap),
        "filter.trap.smudge": str(trap),
        "filter.trap.required": "true",
        "log.showSignature": "true",
        "gpg.program": str(trap),
        "remote.origin.url": f"ext::{trap} %S",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
    }.items():
        git(repository, "config", key, value)
    trace.unlink(missing_ok=True)
    (repository / "mm/swap.c").write_text("changed\n")
    before = _state(repository)

    found = find_repository(repository)
    assert found is not None
    tree = found.tree(found.commit("HEAD"))
    assert dict(found.blobs([tree[SITE]]))
    assert found.tracked()
    assert (
        found.commit_of_patch(b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n") == ""
    )
    with pytest.raises(GitError, match="missing"):
        list(found.blobs(["0" * 40]))

    assert not trace.exists(), trace.read_text()
    assert _state(repository) == before
    # The traps do bite: git's own status runs one of them.
    git(repository, "-c", "core.fsmonitor=false", "diff", "--stat")
    assert trace.exists()


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(top, name))
            found[os.path.join(top, name)] = (status.st_mtime_ns, status.st_ino)
    return found
