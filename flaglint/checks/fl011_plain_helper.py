"""FL011: the header declares a plain helper for a word that others' atomic helpers write."""

from __future__ import annotations

from flaglint.checks import Evidence
from flaglint.finding import Finding
from flaglint.fingerprint import fingerprint
from flaglint.flagtable import Atomicity, Helper, Word

RULE = "FL011"


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding for each line of the header that declares a plain helper."""
    helpers = list(evidence.table.active().values())
    atomic = [h for h in helpers if h.atomicity is Atomicity.ATOMIC]
    lines: dict[tuple[str, int], list[Helper]] = {}
    for helper in helpers:
        if helper.atomicity is Atomicity.PLAIN and _others(helper, atomic):
            lines.setdefault((helper.file, helper.line), []).append(helper)
    return tuple(_finding(found, atomic, evidence) for _, found in sorted(lines.items()))


def _others(helper: Helper, atomic: list[Helper]) -> list[Helper]:
    return [
        other
        for other in atomic
        if other.flag != helper.flag
        and (Word.ANY in (other.word, helper.word) or other.word is helper.word)
    ]


def _message(helpers: list[Helper], others: list[Helper]) -> str:
    names = ", ".join(f"{helper.name}()" for helper in helpers)
    verb = "writes" if len(helpers) == 1 else "write"
    flags = sorted({other.flag for other in others if other.flag})
    if not flags:  # helpers whose caller chooses the bits
        return f"{names} {verb} the word plainly that {others[0].name}() writes atomically"
    noun = "flag" if len(flags) == 1 else "flags"
    return (
        f"{names} {verb} the word plainly that atomic helpers of {len(flags)} other {noun} "
        f"write too, {flags[0]} for one"
    )


def _finding(helpers: list[Helper], atomic: list[Helper], evidence: Evidence) -> Finding:
    first = helpers[0]
    return Finding(
        rule=RULE,
        level=evidence.levels[RULE],
        file=first.file,
        line=first.line,
        column=1,
        function=first.name,
        message=_message(helpers, _others(first, atomic)),
        fingerprint=fingerprint(RULE, first.file, first.name),
        word=str(first.word),
        flag=first.flag,
        helper=first.name,
        why="every caller has to own the whole word, not just this bit",
        pedantic=True,
    )
