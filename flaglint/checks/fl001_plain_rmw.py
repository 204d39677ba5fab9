"""FL001: a plain write of a published flags word that another writer changes, no common lock."""

from __future__ import annotations

from collections.abc import Mapping

from flaglint.checks import Evidence
from flaglint.finding import Evidence as Shown
from flaglint.finding import Finding, RacingAccess, Step, Verdict
from flaglint.fingerprint import fingerprint
from flaglint.flagtable import Atomicity, FlagTable, Helper
from flaglint.losses import direction
from flaglint.ownership import Origin
from flaglint.race import Judgement, taken

RULE = "FL001"
_WORDS = {
    "head": "the folio's flags",
    "second": "the second page's flags",
    "any": "a page's flags",
}
_DONE = {"set": "sets", "clear": "clears", "": "changes"}


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding for each racy site."""
    seen: dict[tuple[str, str, str], int] = {}
    atomic = _atomic_helpers(evidence.table)
    return tuple(
        _finding(judgement, evidence, atomic, seen)
        for judgement in evidence.judgements
        if judgement.verdict is Verdict.RACY
    )


def _finding(
    judgement: Judgement,
    evidence: Evidence,
    atomic: Mapping[tuple[str, str, str], Helper],
    seen: dict[tuple[str, str, str], int],
) -> Finding:
    place = judgement.place
    context = judgement.worst
    assert context is not None
    other = judgement.racing[0]
    lost = _lost(other, place.flags)
    way = direction(other.helper, evidence.table)
    loss = evidence.losses.get(lost)
    consequence = getattr(loss, way, "") if way else ""
    locks = tuple(sorted(context.access.locks))
    function = context.chain[-1].function
    key = (place.where.file, function, place.helper)
    seen[key] = seen.get(key, 0) + 1
    flag = "|".join(place.flags)
    return Finding(
        rule=RULE,
        level=evidence.levels[RULE],
        file=place.where.file,
        line=place.where.line,
        column=place.where.column,
        function=function,
        message=_message(judgement, lost, way, other) + (f": {consequence}" if consequence else ""),
        fingerprint=fingerprint(RULE, *key, flag, str(seen[key])),
        word=place.word,
        flag=flag,
        helper=place.helper,
        locks=locks,
        chain=context.chain,
        racing=judgement.racing,
        doubts=judgement.doubts,
        why=_why(judgement, locks, other),
        steps=_steps(place.helper, other, lost, way, consequence),
        fix=_fix(judgement, evidence.table, atomic, locks),
        evidence=_beside(judgement.evidence, context.chain),
        taken=taken(context.access),
    )


def _lost(other: RacingAccess, mine: tuple[str, ...]) -> str:
    """The flag to name: one that this writer does not mean to change itself."""
    flags = other.flag.split("|")
    return next((flag for flag in flags if flag not in mine), flags[0]) or "another bit"


def _message(judgement: Judgement, lost: str, way: str, other: RacingAccess) -> str:
    kind = "plain RMW" if _reads(judgement.place.helper) else "plain store"
    update = {
        "set": f"{lost}, set by {other.function}()",
        "clear": f"the clearing of {lost} by {other.function}()",
    }.get(way, f"a change of {lost} by {other.function}()")
    return f"{kind} of {_WORDS[judgement.place.word]} may lose {update}"


def _reads(helper: str) -> bool:
    """Whether the writer loads the word first; what copies or fills memory does not."""
    return helper == "(plain RMW)" or (helper.isidentifier() and not helper.startswith("mem"))


def _call(name: str) -> str:
    return f"{name}()" if name.isidentifier() else name


def _why(judgement: Judgement, locks: tuple[str, ...], other: RacingAccess) -> str:
    owner = judgement.worst.access.owner if judgement.worst else None
    text = f"same word, no common lock; {judgement.reason}"
    if owner is not None and owner.why:
        text += f" ({owner.why})"
    if locks:
        held = ", ".join(locks)
        text += f"; {held} may cover the bit, but {other.function}() changes the word without it"
    return text


def _steps(
    helper: str, other: RacingAccess, lost: str, way: str, consequence: str
) -> tuple[str, ...]:
    mine, theirs = _call(helper), _call(other.helper)
    after = {"set": f"{lost} stays clear", "clear": f"{lost} stays set"}.get(
        way, f"the change of {lost} is lost"
    )
    first, last = f"{mine} loads the word", f"{mine} stores it back, changed"
    if not _reads(helper):
        first, last = f"{mine} is about to overwrite the word", f"{mine} overwrites it"
    return (
        first,
        f"{theirs} {_DONE[way]} {lost} in it",
        last,
        f"{after}: {consequence}" if consequence else after,
    )


def _atomic_helpers(table: FlagTable) -> dict[tuple[str, str, str], Helper]:
    """The header's atomic helpers by flag, operation and what they take."""
    return {
        (helper.flag, helper.operation, helper.takes): helper
        for helper in table.active().values()
        if helper.atomicity is Atomicity.ATOMIC
    }


def _fix(
    judgement: Judgement,
    table: FlagTable,
    atomic: Mapping[tuple[str, str, str], Helper],
    locks: tuple[str, ...],
) -> str:
    place = judgement.place
    owner = judgement.worst.access.owner if judgement.worst else None
    helper = table.active().get(place.helper)
    if helper is None:
        if not _reads(place.helper):
            return "write the word before the page is published, or once nobody can reach it"
        text = "change the bits with set_bit() or clear_bit(), or while the page is exclusive"
    elif (same := atomic.get((helper.flag, helper.operation, helper.takes))) is not None:
        text = f"use the atomic {same.name}()"
    else:
        text = (
            f"declare an atomic helper for {helper.flag} (the header has only the plain "
            f"{helper.name}()) and use it, or keep the flag in a word of its own"
        )
    if owner is not None and owner.origin is Origin.PUBLISHED:
        text = f"move the write before the publication; or {text}"
    if locks:
        text += f"; {' and '.join(locks)} would do only if every writer of the word took it"
    return text


def _beside(evidence: tuple[Shown, ...], chain: tuple[Step, ...]) -> tuple[Shown, ...]:
    """The places that the chain does not show already."""
    shown = {(step.file, step.line) for step in chain}
    return tuple(place for place in evidence if (place.file, place.line) not in shown)
