"""What of a report is shown: the rules chosen, less what is suppressed or in the baseline.

    findings  --select/--ignore-->  --[[suppress]]-->  --baseline-->  shown

Invariants: the same policy holds for every way of asking (a tree, a change, a commit hook, a
build). What is suppressed or accepted stays countable in `Report.suppressed`; what is not
selected was not asked for.

Interface: `Policy`, `read_policy`, `apply`, `of_changes`.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from flaglint.baseline import Baseline, read_baseline, without_baseline
from flaglint.cards import Card
from flaglint.comparing import Changes
from flaglint.finding import Finding, Report
from flaglint.selection import chosen
from flaglint.settings import Settings
from flaglint.suppressions import (
    Suppression,
    SuppressionError,
    holds,
    read_suppressions,
    suppress,
)


class Policy(msgspec.Struct, frozen=True):
    """The rules to show, by id, and what hides some of their findings.

    `new_rules` are shown of what a change introduces, a superset. `source` is the settings file
    that the suppressions are from. `everything` says that no rule was left out.
    """

    rules: frozenset[str]
    new_rules: frozenset[str]
    suppressions: tuple[Suppression, ...] = ()
    source: str = ""
    baseline: Baseline | None = None
    everything: bool = True


def read_policy(
    cards: Sequence[Card],
    *,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] | None = None,
    pedantic: bool = False,
    suppressions: Iterable[Mapping[str, Any]] = (),
    source: str = "",
    baseline: str = "",
) -> Policy:
    """The policy that settings and options describe.

    Raises SelectionError, SuppressionError, BaselineError.
    """
    try:
        rows = read_suppressions(suppressions, cards)
    except SuppressionError as error:
        raise SuppressionError(f"{source}: {error}") from None
    rules = chosen(cards, select, ignore, pedantic=pedantic)
    news = frozenset(card.id for card in cards if card.when_introduced)
    return Policy(
        rules=rules,
        new_rules=rules | (chosen(cards, select, ignore, pedantic=True) & news),
        suppressions=rows,
        source=source,
        baseline=read_baseline(Path(baseline)) if baseline else None,
        everything=select is None and ignore is None,
    )


def of_settings(settings: Settings, cards: Sequence[Card]) -> Policy:
    """The policy of a settings file, where there is no command line. Raises as read_policy()."""
    return read_policy(
        cards,
        select=settings.select,
        ignore=settings.ignore,
        pedantic=bool(settings.pedantic),
        suppressions=settings.suppress,
        source=settings.path,
        baseline=settings.baseline or "",
    )


def apply(
    report: Report,
    policy: Policy,
    today: datetime.date,
    *,
    whole: bool,
    introduced: Sequence[Finding] = (),
) -> tuple[Report, tuple[str, ...]]:
    """The report as it is to be shown, and remarks on suppressions and rows of no use.

    `whole` says that the report is one on a whole tree, so that what hides nothing is of no use.
    `introduced` are those of its findings that a change has made.
    """
    kept = tuple(
        found
        for found in report.findings
        if found.rule in (policy.new_rules if found in introduced else policy.rules)
    )
    report = msgspec.structs.replace(report, findings=kept)
    relevant = tuple(row for row in policy.suppressions if row.rule in policy.rules)
    source = _inside(report.root, policy.source)
    report, remarks = suppress(report, relevant, today, source=source, whole=whole)
    if policy.baseline is None:
        return report, remarks
    path = _inside(report.root, policy.baseline.path)
    accepted = msgspec.structs.replace(policy.baseline, path=path)
    shown, more = without_baseline(report, accepted, whole=whole and policy.everything)
    return shown, remarks + more


def _inside(root: str, path: str) -> str:
    """A path as reports spell it: relative to the tree's root where it lies inside."""
    full = os.path.realpath(path) if path else ""
    return os.path.relpath(full, root) if full.startswith(f"{root}/") else path


def of_changes(changes: Changes, policy: Policy, today: datetime.date) -> Changes:
    """A change's findings as they are to be shown; the baseline does not matter to them."""

    def shown(findings: tuple[Finding, ...], rules: frozenset[str]) -> tuple[Finding, ...]:
        return tuple(
            found
            for found in findings
            if found.rule in rules
            and not any(holds(row, today, found) for row in policy.suppressions)
        )

    return msgspec.structs.replace(
        changes,
        introduced=shown(changes.introduced, policy.new_rules),
        fixed=shown(changes.fixed, policy.rules),
        preexisting=shown(changes.preexisting, policy.rules),
        undecided=shown(changes.undecided, policy.rules),
    )


def with_suppressed(report: Report) -> Report:
    """The report with what is suppressed among its findings, for those who want to see it."""
    findings = (*report.findings, *(hidden.finding for hidden in report.suppressed))
    ordered = sorted(findings, key=lambda f: (f.file, f.line, f.column, f.rule, f.message))
    return msgspec.structs.replace(report, findings=tuple(ordered))
