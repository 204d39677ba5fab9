"""The real pre-commit, in a real repository that holds the mini-kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gittrees import ATOMIC, PLAIN, SITE, commit, edit, git, mini_repository
from tests.test_revisions import DECLARED, HEADER

MANIFEST = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The mended mini-kernel with the manifest's hook installed, run by this very Python.

    Only `language` differs from what users get: nothing is to be installed in a test.
    """
    root = mini_repository(tmp_path / "linux")
    edit(root, HEADER, f"__{DECLARED}", DECLARED)
    edit(root, SITE, PLAIN, ATOMIC)
    hook = MANIFEST.read_text().replace("language: python", "language: system")
    hook = hook.replace("entry: flaglint", f"entry: {sys.executable} -m flaglint")
    lines = "".join(f"  {line}\n" for line in hook.splitlines() if not line.startswith("#"))
    (root / ".pre-commit-config.yaml").write_text(f"repos:\n- repo: local\n  hooks:\n{lines}")
    commit(root, "mended, with a hook")
    done = pre_commit(root, "install")
    assert done.returncode == 0, done.stdout
    return root


def pre_commit(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", *words],
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def environment(root: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    cache = root.parent / "cache"
    return kept | {
        "XDG_CACHE_HOME": str(cache),
        "PRE_COMMIT_HOME": str(cache / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
        "PYTHONPATH": str(MANIFEST.parent),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }


def try_commit(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-m", "try"],
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_manifest_is_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_racy_commit_is_stopped_and_its_fix_passes(root: Path) -> None:
    head = git(root, "rev-parse", "HEAD")
    edit(root, HEADER, DECLARED, f"__{DECLARED}")
    edit(root, SITE, ATOMIC, PLAIN)
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
    (root / SITE).write_text((root / SITE).read_text().replace(ATOMIC, PLAIN))
    body = f"static inline void {PLAIN}(struct folio *folio)\n{{\n\t{ATOMIC}(folio);\n}}\n"
    edit(root, HEADER, DECLARED, f"{DECLARED}\n{body}")
    git(root, "add", "-A")
    assert try_commit(root).returncode == 0
    edit(root, HEADER, body, "")
    edit(root, HEADER, DECLARED, f"__{DECLARED}")
    git(root, "add", "-A")
    done = try_commit(root)
    assert done.returncode != 0
    assert f"{SITE}:55:3: error: plain RMW" in done.stdout


def test_an_old_race_does_not_stop_other_commits(root: Path) -> None:
    edit(root, HEADER, DECLARED, f"__{DECLARED}")
    edit(root, SITE, ATOMIC, PLAIN)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "in", "--no-verify")
    edit(root, "mm/swap.c", "#include", "/* x */\n#include")
    git(root, "add", "-A")
    done = try_commit(root)
    assert done.returncode == 0, done.stdout
    done = pre_commit(root, "run", "--all-files")
    assert done.returncode != 0
    assert done.stdout.count("error: plain RMW") == 1, "one process for all files"
