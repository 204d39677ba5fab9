"""One report of several configurations: a place that many of them have is one row.

    x86_64   mm/memory.c:935  exclusive        mm/memory.c:935  racy       x86_64, arm64
    arm64    mm/memory.c:935  racy       ->    mm/gup.c:71      exclusive  x86_64
    x86_64   mm/gup.c:71      exclusive
    arm64    mm/gup.c:71      inactive

A configuration sees a place when it compiles it. The verdict is the worst of those that see the
place, with that one's reason and evidence; who has a better one is told. Where none does, the
place is inactive. What one configuration could not read counts as unread only if no other one
read it.

Invariants: every place of every report is in the ledger once, and the coverage counts its rows.

Limits: places are the same by file, line and helper; a macro that has another helper in each
configuration gives a row for each.

Interface: `merged`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from flaglint.finding import (
    WORST,
    Coverage,
    Evidence,
    Finding,
    Report,
    Site,
    Unread,
    Verdict,
    Writer,
    doubts_of,
)

Named = tuple[str, Report]
"""A configuration's name and its report."""


def merged(reports: Sequence[Named]) -> Report:
    """The reports on one tree as one; the first is the one whose flags and bits are shown."""
    first = reports[0][1]
    sites = _sites(reports)
    unparsed = sum(site.unparsed for site in sites)
    inactive = sum(site.verdict is Verdict.INACTIVE for site in sites)
    return msgspec.structs.replace(
        first,
        coverage=Coverage(len(sites), len(sites) - inactive - unparsed, inactive, unparsed),
        findings=_findings(reports),
        sites=sites,
        files=tuple(sorted({file for _, report in reports for file in report.files})),
        unread=_unread(reports),
        doubts=doubts_of(sites),
        writers=_writers(report for _, report in reports),
        accidents=sum(report.accidents for _, report in reports),
        configurations=tuple(name for name, _ in reports),
    )


def _sites(reports: Sequence[Named]) -> tuple[Site, ...]:
    """One row a place. Of two writes of one helper on a line, the first is the first's."""
    places: dict[tuple[str, int, str, int], list[tuple[str, Site]]] = defaultdict(list)
    for name, report in reports:
        count: Counter[tuple[str, int, str]] = Counter()
        for site in report.sites:
            key = (site.file, site.line, site.helper)
            places[*key, count[key]].append((name, site))
            count[key] += 1
    seen = {key[:2] for key, rows in places.items() if any(_sees(site) for _, site in rows)}
    found = []
    for (file, line, _, _), rows in places.items():
        seeing = [(name, site) for name, site in rows if _sees(site)]
        if not seeing and (file, line) in seen:
            continue  # what only the text shows, where some configuration shows what it is
        _, worst = min(seeing or rows, key=lambda row: WORST.index(row[1].verdict))
        names = tuple(name for name, _ in seeing)
        evidence = (*worst.evidence, *_elsewhere(worst, seeing))
        found.append(msgspec.structs.replace(worst, configurations=names, evidence=evidence))
    return tuple(sorted(found, key=lambda s: (s.file, s.line, s.column, s.helper)))


def _elsewhere(worst: Site, seeing: Sequence[tuple[str, Site]]) -> Iterator[Evidence]:
    """Under which configurations the verdict is a better one."""
    for verdict in WORST:
        names = ", ".join(name for name, site in seeing if site.verdict is verdict)
        if names and verdict is not worst.verdict:
            yield Evidence(worst.file, worst.line, f"{verdict.value} under {names}")


def _sees(site: Site) -> bool:
    return site.verdict is not Verdict.INACTIVE


def _findings(reports: Sequence[Named]) -> tuple[Finding, ...]:
    found: dict[tuple[object, ...], Finding] = {}
    names: dict[tuple[object, ...], tuple[str, ...]] = defaultdict(tuple)
    for name, report in reports:
        for finding in report.findings:
            key = (finding.file, finding.line, finding.column, finding.rule, finding.helper)
            found.setdefault(key, finding)
            if name not in names[key]:
                names[key] += (name,)
    rows = [msgspec.structs.replace(found[key], configurations=names[key]) for key in found]
    return tuple(sorted(rows, key=lambda f: (f.file, f.line, f.column, f.rule, f.message)))


def _unread(reports: Sequence[Named]) -> tuple[Unread, ...]:
    """What no configuration read: one that read the whole file, or this function of it, did."""
    lost = [{(item.file, item.function) for item in report.unread} for _, report in reports]
    found: dict[tuple[str, str], Unread] = {}
    for _, report in reports:
        for item in report.unread:
            read = any(
                item.file in other.files
                and (item.file, "") not in theirs
                and (item.file, item.function) not in theirs
                for theirs, (_, other) in zip(lost, reports, strict=True)
            )
            if not read:
                found.setdefault((item.file, item.function), item)
    return tuple(sorted(found.values()))


def _writers(reports: Iterable[Report]) -> tuple[Writer, ...]:
    found: dict[tuple[str, int, int, str], Writer] = {}
    for report in reports:
        for writer in report.writers:
            found.setdefault((writer.file, writer.line, writer.column, writer.helper), writer)
    return tuple(found[key] for key in sorted(found))
