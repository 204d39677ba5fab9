"""The real pre-commit, in a real repository that holds the mini-kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gittrees import (
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

MANIFEST = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The mended mini-kernel with the manifest's hook installed, run by this very Python.

    Only `language` differs from what users get: nothing is to be installed in a test.
    """
    root = mini_repository(tmp_path / "linux")
    mend(root)
    hook = MANIFEST.read_text().replace("language: python", "language: system")
    hook = hook.replace("entry: flaglint", f"entry: {sys.executable} -m flaglint")
    lines = "".join(f"  {line}\n" for line in hook.splitlines() if not line.startswith("#"))
    (root / ".pre-commit-config.yaml").write_text(f"repos:\n- repo: local\n  hooks:\n{lines}")
    commit(root, "a hook")
    done = pre_commit(root, "install")
    assert done.returncode == 0, done.stdout
    return root


def pre_commit(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return ran(root, sys.executable, "-m", "pre_commit", *words)


def try_commit(root: Path) -> subprocess.CompletedProcess[str]:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return ran(root, "git", *identity, "commit", "-m", "try")


def ran(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command run in the repository, all that it says on stdout."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    cache = root.parent / "cache"
    environment = kept | {
        "XDG_CACHE_HOME": str(cache),
        "PRE_COMMIT_HOME": str(cache / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
        "PYTHONPATH": str(MANIFEST.parent),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }
    return subprocess.run(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_manifest_is_one(tmp_path: Path) -> None:
    done = pre_commit(tmp_path, "validate-manifest", str(MANIFEST))
    assert done.returncode == 0, done.stdout


def test_a_racy_commit_is_stopped_and_its_fix_passes(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    break_it(root)
    git(root, "add", "-A")
    edit(root, "mm/swap.c", "#include", "#error unstaged\n#include")
    done = try_commit(root)
    assert done.returncode != 0
    assert f"{SITE}:55:3: error: plain RMW" in done.stdout
    assert git(root, "rev-parse", "HEAD") == head
    assert "#error unstaged" in (root / "mm/swap.c").read_text()

    git(root, "checkout", "-q", "HEAD", "--", HEADER, SITE)
    edit(root, SITE, "gets tight", "gets scarce")
    git(root, "add", SITE)
    done = try_commit(root)
    assert done.returncode == 0, done.stdout
    assert git(root, "rev-parse", "HEAD") != head


def test_a_header_edit_alone_is_stopped_for_a_site_elsewhere(root: Path) -> None:
    break_it_in_the_header(root)
    git(root, "add", "-A")
    done = try_commit(root)
    assert done.returncode != 0
    assert f"{SITE}:55:3: error: plain RMW" in done.stdout


def test_an_old_race_does_not_stop_other_commits(root: Path) -> None:
    break_it(root)
    commit(root, "in")
    edit(root, "mm/swap.c", "#include", "/* x */\n#include")
    git(root, "add", "-A")
    done = try_commit(root)
    assert done.returncode == 0, done.stdout
    done = pre_commit(root, "run", "--all-files")
    assert done.returncode != 0
    assert done.stdout.count("error: plain RMW") == 1, "one process for all files"
