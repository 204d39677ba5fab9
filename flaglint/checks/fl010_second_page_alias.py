"""FL010: a second-page flag that shares its bit with one the header keeps off that page."""

from __future__ import annotations

from flaglint.checks import Evidence
from flaglint.finding import Evidence as Place
from flaglint.finding import Finding
from flaglint.fingerprint import fingerprint
from flaglint.flagtable import Flag, FlagTable, Helper, Word

RULE = "FL010"
_KEPT_OFF = 8
"""The header's own rule: the first eight flags are not for the second page's word."""


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """One finding for each pair of flags that breaks the header's rule."""
    table = evidence.table
    second = _flags(table, Word.SECOND)
    anywhere = _flags(table, Word.ANY)
    found: list[Finding] = []
    for flag in sorted(second.values(), key=lambda flag: flag.line):
        clashes = [f for f in anywhere.values() if f.bit == flag.bit and f.name != flag.name]
        if flag.bit < _KEPT_OFF and not clashes:
            clashes = [f for f in table.flags if f.bit == flag.bit and f.name != flag.name][:1]
        found += (
            _finding(flag, other, other.name in anywhere, evidence)
            for other in sorted(clashes, key=lambda flag: flag.line)
        )
    return tuple(found)


def _flags(table: FlagTable, word: Word) -> dict[str, Flag]:
    by_name = {flag.name: flag for flag in table.flags}
    helpers: list[Helper] = [h for h in table.active().values() if h.word is word]
    return {
        name: by_name[name]
        for helper in helpers
        for name in helper.flag.split("|")
        if name in by_name
    }


def _finding(flag: Flag, other: Flag, anywhere: bool, evidence: Evidence) -> Finding:
    what = "may be set on any page (PF_ANY)" if anywhere else "is one of the first eight flags"
    return Finding(
        rule=RULE,
        level=evidence.levels[RULE],
        file=flag.file,
        line=flag.line,
        column=1,
        function="",
        message=f"{flag.name}, kept in the second page's word, shares bit {flag.bit} with "
        f"{other.name}, which {what}",
        fingerprint=fingerprint(RULE, flag.file, flag.name, other.name),
        word="second",
        flag=flag.name,
        why="on a folio's second page one flag reads as the other",
        evidence=(Place(other.file, other.line, f"{other.name} is declared here"),),
    )
