"""FL001: a plain write of a published flags word that another writer changes, no common lock."""

from __future__ import annotations

from flaglint.checks import Evidence
from flaglint.finding import Finding, Level, RacingAccess, Verdict
from flaglint.fingerprint import fingerprint
from flaglint.ownership import Origin
from flaglint.race import Judgement, taken

RULE = "FL001"
_WORDS = {
    "head": "the folio's flags",
    "second": "the second page's flags",
    "any": "a page's flags",
}


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding for each racy site."""
    seen: dict[tuple[str, str, str], int] = {}
    return tuple(
        _finding(judgement, evidence.levels[RULE], seen)
        for judgement in evidence.judgements
        if judgement.verdict is Verdict.RACY
    )


def _finding(judgement: Judgement, level: Level, seen: dict[tuple[str, str, str], int]) -> Finding:
    place = judgement.place
    context = judgement.worst
    assert context is not None
    other = judgement.racing[0]
    locks = tuple(sorted(context.access.locks))
    function = context.chain[-1].function
    key = (place.where.file, function, place.helper)
    seen[key] = seen.get(key, 0) + 1
    flag = "|".join(place.flags)
    return Finding(
        rule=RULE,
        level=level,
        file=place.where.file,
        line=place.where.line,
        column=place.where.column,
        function=function,
        message=f"plain RMW of {_WORDS[place.word]} may lose a concurrent update"
        f" of {other.flag or 'another bit'}",
        fingerprint=fingerprint(RULE, *key, flag, str(seen[key])),
        word=place.word,
        flag=flag,
        helper=place.helper,
        locks=locks,
        chain=context.chain,
        racing=judgement.racing,
        doubts=judgement.doubts,
        why=_why(judgement, locks, other),
        steps=_steps(judgement, other),
        fix=_fix(judgement, locks),
        evidence=judgement.evidence,
        taken=taken(context.access),
    )


def _call(name: str) -> str:
    return name if name.startswith("(") else f"{name}()"


def _why(judgement: Judgement, locks: tuple[str, ...], other: RacingAccess) -> str:
    owner = judgement.worst.access.owner if judgement.worst else None
    text = f"same word, no common lock; {judgement.reason}"
    if owner is not None and owner.why:
        text += f" ({owner.why})"
    if locks:
        held = ", ".join(locks)
        text += f"; {held} may cover the bit, but {other.function}() changes the word without it"
    return text


def _steps(judgement: Judgement, other: RacingAccess) -> tuple[str, ...]:
    mine = _call(judgement.place.helper)
    changed = other.flag.split("|")[0] if other.flag else "a bit"
    return (
        f"{mine} reads the word",
        f"{_call(other.helper)} changes {changed} in it",
        f"{mine} stores what it read, with its own change",
        f"the change of {changed} is lost",
    )


def _fix(judgement: Judgement, locks: tuple[str, ...]) -> str:
    helper = judgement.place.helper
    owner = judgement.worst.access.owner if judgement.worst else None
    if owner is not None and owner.origin is Origin.PUBLISHED:
        return "move the write before the publication, or use the atomic helper"
    if helper.startswith("__") and not helper.endswith("unlock"):
        return f"use the atomic {helper.removeprefix('__')}() if there is one"
    if locks:
        return "change the bits with an atomic operation: the lock does not cover the word"
    return "change the bits with an atomic operation, or own the page exclusively here"
