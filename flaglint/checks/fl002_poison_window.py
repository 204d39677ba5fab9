"""FL002: writes that exclude everybody but a walk by frame number, as the one cause they have."""

from __future__ import annotations

from flaglint.checks import Evidence
from flaglint.finding import Evidence as Place
from flaglint.finding import Finding, RacingAccess, Verdict
from flaglint.fingerprint import fingerprint
from flaglint.race import Judgement

RULE = "FL002"


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding for each walker, with the sites whose plain write may lose its update."""
    exposed: dict[tuple[str, int], list[Judgement]] = {}
    walkers: dict[tuple[str, int], RacingAccess] = {}
    for judgement in evidence.judgements:
        if judgement.verdict not in (Verdict.EXCLUSIVE, Verdict.LOCKED):
            continue
        if not judgement.poison_window:
            continue
        for walker in judgement.walkers[:1]:
            key = (walker.file, walker.line)
            walkers[key] = walker
            exposed.setdefault(key, []).append(judgement)
    return tuple(_finding(walkers[key], exposed[key], evidence) for key in sorted(walkers))


def _finding(walker: RacingAccess, sites: list[Judgement], evidence: Evidence) -> Finding:
    number = len(sites)
    return Finding(
        rule=RULE,
        level=evidence.levels[RULE],
        file=walker.file,
        line=walker.line,
        column=walker.column,
        function=walker.function,
        message=f"{walker.helper}() reaches pages by frame number without a reference; "
        f"{number} plain write{'s' if number != 1 else ''} of an otherwise exclusive word "
        "can lose its update",
        fingerprint=fingerprint(RULE, walker.file, walker.function, walker.helper),
        word="any",
        flag=walker.flag,
        helper=walker.helper,
        locks=walker.locks,
        taken=walker.taken,
        chain=walker.chain,
        why="no reference, lock or freeze of a page's owner excludes a walk by frame number",
        evidence=tuple(
            Place(s.place.where.file, s.place.where.line, f"{s.place.helper}: {s.reason}")
            for s in sites
        ),
        pedantic=True,
    )
