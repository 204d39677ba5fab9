"""What a commit hook reports: the findings that the change makes, and those in other files given.

A hook is given file names. A finding counts when the change makes it, wherever it stands: a
header edit can make a site racy in a file that nobody touched. It also counts when it stands in
a file that is given though the change does not touch it: somebody asks about the file itself, as
`pre-commit run --all-files` does of all.

    base ──────────── work tree             introduced findings: anywhere
                      └ given, unchanged    all findings

Invariants: what was there before, in a file that the change touches, is not blamed on it.

Interface: `touched`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from flaglint.finding import Finding, Report, doubts_of
from flaglint.git import GitError
from flaglint.revisions import Analyse, Question, Remember, RevisionError, answer, made
from flaglint.tree import TreeError, open_tree


class Touched(msgspec.Struct, frozen=True):
    """A report with only what counts, and which of its findings are the change's doing."""

    report: Report
    introduced: tuple[Finding, ...] = ()


def touched(
    files: Iterable[str],
    base: str,
    arch: str,
    cache: Path,
    analyse: Analyse,
    remember: Remember = made,
) -> Touched | None:
    """What to report of the given files, compared with the revision `base`.

    None when no file lies in a kernel tree. Raises what analysing raises.
    """
    root, given = _given(files)
    if not root:
        return None
    try:
        found = answer(Question(root, before=base, arch=arch), cache, analyse, remember)
    except (GitError, RevisionError):
        return Touched(_only(analyse(root), given, ()))  # no repository, or its first commit
    introduced = found.changes.introduced
    after = found.after if found.after is not None else analyse(root)
    return Touched(_only(after, given, introduced, frozenset(found.files)), introduced)


def _only(
    report: Report,
    files: frozenset[str],
    also: tuple[Finding, ...],
    changed: frozenset[str] = frozenset(),
) -> Report:
    asked = files - changed
    kept = tuple(f for f in report.findings if f.file in asked or f in also)
    sites = tuple(site for site in report.sites if site.file in files)
    unread = tuple(item for item in report.unread if item.file in files)
    return msgspec.structs.replace(
        report, findings=kept, sites=sites, unread=unread, doubts=doubts_of(sites)
    )


def _given(files: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The kernel tree that the files are of, "" for none, and their paths in it."""
    root = ""
    given = set()
    for file in files:
        full = Path(os.path.realpath(file))
        if not root:
            try:
                root = open_tree(full.parent).root
            except TreeError:
                continue
        if full.is_relative_to(root):
            given.add(full.relative_to(root).as_posix())
    return root, frozenset(given)
