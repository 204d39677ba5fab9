"""git repositories for the tests: the mini-kernel, committed, and edits of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.expectations import MINI_KERNEL

PLAIN = "__folio_set_partially_mapped"
ATOMIC = "folio_set_partially_mapped"
SITE = "mm/huge_memory.c"
HEADER = "include/linux/page-flags.h"
DECLARED = "FOLIO_SET_FLAG(partially_mapped, FOLIO_SECOND_PAGE)"

_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (
        ("NAME", "A"),
        ("EMAIL", "a@example.org"),
        ("DATE", "2026-01-01T00:00:00+0000"),
    )
}


def git(folder: Path, *words: str, given: str | None = None) -> str:
    """What a git command prints, run as a developer would, with no configuration but its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words],
        cwd=folder,
        env=kept | _IDENTITY | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def mini_repository(folder: Path) -> Path:
    """A repository with one commit, the mini-kernel, whose planted race is in it."""
    shutil.copytree(MINI_KERNEL, folder)
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "the mini-kernel")
    return folder


def commit(folder: Path, message: str) -> str:
    """Commit everything, whatever a hook would say; the commit's id."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--no-verify", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def edit(folder: Path, file: str, old: str, new: str, count: int = 1) -> None:
    """Replace a text that must be there."""
    path = folder / file
    text = path.read_text()
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, count))


def mend(folder: Path) -> str:
    """The header's setter becomes atomic, and its caller uses it; the commit's id."""
    edit(folder, HEADER, f"__{DECLARED}", DECLARED)
    edit(folder, SITE, PLAIN, ATOMIC)
    return commit(folder, "mm: set it atomically")


def break_it(folder: Path) -> None:
    """In the work tree, the undoing of mend()."""
    edit(folder, HEADER, DECLARED, f"__{DECLARED}")
    edit(folder, SITE, ATOMIC, PLAIN)


def break_it_in_the_header(folder: Path) -> str:
    """After mend(): a commit in which the caller uses a helper that is plain by its name only,
    and in the work tree an edit of the header alone that makes it plain. The commit's id.
    """
    (folder / SITE).write_text((folder / SITE).read_text().replace(ATOMIC, PLAIN))
    body = f"static inline void {PLAIN}(struct folio *folio)\n{{\n\t{ATOMIC}(folio);\n}}\n"
    edit(folder, HEADER, DECLARED, f"{DECLARED}\n{body}")
    made = commit(folder, "an atomic helper by a plain name")
    edit(folder, HEADER, body, "")
    edit(folder, HEADER, DECLARED, f"__{DECLARED}")
    return made
