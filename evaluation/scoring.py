"""What two reports, of a kernel without and with a seed in it, say of the seed.

Findings are compared by place: lines of an edited file are taken back to the lines they were,
so that nothing counts as new only because it moved. A bug is found when a new FL001 stands on a
line that the seed wrote, or in one of its `sites`; a twin is silent when no FL001 is new and none
is lost, anywhere in the tree.

The interface is `score`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from evaluation.edit import Edited
from evaluation.seed import Is, Seed
from flaglint.finding import Finding, Report, Verdict

RULE = "FL001"


class Outcome(StrEnum):
    """What became of one seed."""

    FOUND = "found"
    MISSED = "missed"
    SILENT = "silent"
    FALSE_ALARM = "false alarm"
    BROKEN = "seed broken"

    @property
    def right(self) -> bool:
        """Whether flaglint did what it should."""
        return self in (Outcome.FOUND, Outcome.SILENT)


class Score(msgspec.Struct, frozen=True):
    """One seed's outcome. `detail` are sentences for the reader; `seconds` the analysis took."""

    seed: Seed
    kernel: str
    outcome: Outcome
    detail: tuple[str, ...] = ()
    seconds: float = 0.0


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a finding stands in the unedited tree; `line` 0 is a line of the seed's."""

    file: str
    line: int
    function: str
    helper: str


def races(report: Report, edited: Mapping[str, Edited]) -> dict[Place, Finding]:
    """The FL001 findings by the place they would have in the unedited tree."""
    found = {}
    for finding in report.findings:
        if finding.rule != RULE or finding.pedantic:
            continue
        line = finding.line
        if finding.file in edited:
            line = edited[finding.file].origin[line - 1]
        place = Place(finding.file, line, finding.function, finding.helper)
        found[place] = finding
    return found


def score(
    seed: Seed, kernel: str, before: Report, after: Report, edited: Mapping[str, Edited]
) -> Score:
    """Hold the report with the seed against the one without it."""
    old = races(before, {})
    now = races(after, edited)
    new = {place: finding for place, finding in now.items() if place not in old}
    lost = [place for place in old if place not in now]
    said = [_told(place, finding) for place, finding in sorted(new.items())]
    rows = _ledger(after, edited, seed)
    if seed.is_ is Is.BUG:
        mine = [place for place, finding in new.items() if _seeded(seed, finding, edited)]
        if mine:
            aside = [_told(place, new[place]) for place in sorted(new) if place not in mine]
            return Score(seed, kernel, Outcome.FOUND, tuple(f"also {told}" for told in aside))
        return Score(seed, kernel, Outcome.MISSED, (*rows, *(f"but {told}" for told in said)))
    if new or lost:
        gone = [f"no longer {p.file}:{p.line} {p.function}() {p.helper}" for p in lost]
        return Score(seed, kernel, Outcome.FALSE_ALARM, (*said, *gone))
    return Score(seed, kernel, Outcome.SILENT, tuple(rows))


def _seeded(seed: Seed, finding: Finding, edited: Mapping[str, Edited]) -> bool:
    if finding.file in edited and finding.line in edited[finding.file].touched:
        return True
    return finding.function in seed.sites


def _told(place: Place, finding: Finding) -> str:
    line = f"{place.line}" if place.line else "new line"
    return f"{finding.file}:{line} {finding.function}() {finding.helper}: {finding.why}"


def _ledger(report: Report, edited: Mapping[str, Edited], seed: Seed) -> list[str]:
    """What the ledger says of the seed's lines, for a seed without a finding."""
    rows = []
    for site in report.sites:
        here = site.file in edited and site.line in edited[site.file].touched
        if here or (seed.sites and site.function in seed.sites):
            doubts = f" ({'; '.join(site.doubts[:2])})" if site.doubts else ""
            verdict = "not reported" if site.verdict is Verdict.RACY else str(site.verdict)
            rows.append(f"{site.helper} in {site.function}(): {verdict}, {site.reason}{doubts}")
    return rows or ["no row of the ledger"]
