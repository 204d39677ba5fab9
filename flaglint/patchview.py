"""The commands that look at changes: `diff` and `hook`.

Each puts together what to compare (`revisions`, `hook`), what of it to show (`policy`) and how
(`formats`, `report.changes`), and returns it; printing is the command line's.

Invariants: a robot (b4, NIPA) gets an answer that it understands even when there is none.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from flaglint import policy
from flaglint.arguments import ROBOTS
from flaglint.cards import Card
from flaglint.finding import Level, Report
from flaglint.formats import Style, render
from flaglint.git import GitError
from flaglint.hook import touched
from flaglint.identity import identity
from flaglint.patches import PatchError, diff_of
from flaglint.policy import Policy
from flaglint.quote import quoter
from flaglint.report import changes
from flaglint.revisions import (
    Analyse,
    Answer,
    Question,
    Remember,
    RevisionError,
    answer,
    made,
    revisions_of,
)
from flaglint.snapshot import SnapshotError
from flaglint.store import Store, digest
from flaglint.tree import TreeError

_NO_ANSWER = (GitError, PatchError, RevisionError, SnapshotError, TreeError)


class Manner(msgspec.Struct, frozen=True):
    """How to show an answer, and where the cache is; the same for all of these commands.

    `asked` is everything of the command line that a report depends on, "" when it depends on
    more: then no report is remembered.
    """

    format: str
    colour: bool
    cards: tuple[Card, ...]
    policy: Policy
    today: datetime.date
    cache: Path
    asked: str


class Shown(msgspec.Struct, frozen=True):
    """What to write, the exit status, and a line for whoever wants the gist ("" for none)."""

    status: int
    body: str | bytes = ""
    summary: str = ""


def diff(
    before: str, after: str, patch: bytes, path: str, arch: str, manner: Manner, analyse: Analyse
) -> Shown:
    """What a change introduces: between two revisions, or by a patch where `before` is "-".

    Raises what keeps two states from being compared, unless a robot is to be told.
    """
    try:
        if before == "-":
            if not diff_of(patch) and manner.format not in ROBOTS:  # those get cover letters
                raise PatchError("no diff on stdin: pipe `git diff` or `git format-patch` into it")
            question = Question(path, patch=patch, arch=arch)
        else:
            question = Question(path, *revisions_of(before, after), arch=arch)
        found = answer(question, manner.cache, analyse, _memory(manner))
    except _NO_ANSWER as error:
        if manner.format not in ROBOTS:
            raise
        return Shown(*changes.not_checked(manner.format, str(error)))
    done = policy.of_changes(found.changes, manner.policy, manner.today)
    return _of_changes(msgspec.structs.replace(found, changes=done), manner)


def _of_changes(found: Answer, manner: Manner) -> Shown:
    done, after = found.changes, found.after
    status = int(changes.fails(done))
    match manner.format:
        case "b4":
            return Shown(status, changes.render_b4(done))
        case "nipa":
            return Shown(*changes.render_nipa(done, after))
        case "json":
            return Shown(status, changes.render_json(done, after))
        case "text":
            source = quoter(after.root) if after is not None else None
            text = changes.render_text(done, after, colour=manner.colour, source=source)
            return Shown(status, text)
        case form:
            style = Style(form, manner.cards, manner.colour)
            return Shown(status, render(changes.introduced(done, after), style))


def hook(files: Iterable[str], base: str, arch: str, manner: Manner, analyse: Analyse) -> Shown:
    """What the given files, or their change since `base`, have to do with."""
    found = touched(files, base, arch, manner.cache, analyse, _memory(manner))
    if found is None:
        return Shown(0)
    report, _ = policy.apply(
        found.report, manner.policy, manner.today, whole=False, introduced=found.introduced
    )
    failed = any(finding.level is not Level.NOTE for finding in report.findings)
    return Shown(int(failed), render(report, Style(manner.format, manner.cards, manner.colour)))


def _memory(manner: Manner) -> Remember:
    """Reports by the contents of the tree: a series' next patch begins where this one ends."""
    if not manner.asked:
        return made

    def remember(state: str, make: Callable[[], Report]) -> Report:
        key = digest(identity(), state, manner.asked)
        with Store(manner.cache) as store:
            found = store.get("revision", key)
        if found is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                return msgspec.msgpack.decode(found, type=Report)
        report = make()
        if not report.accidents:
            with Store(manner.cache) as store:
                store.put("revision", key, msgspec.msgpack.encode(report))
        return report

    return remember
