"""What was not read may hold what a proof has to know: such a proof is taken back.

    mm/memory-failure.c crashed clang; it names folio_set_has_hwpoisoned()
    -> "locked: every other writer of the word holds a lock" is not known any more
    mm/migrate.c has a syntax error in a function that calls split_page_flags()
    -> "exclusive: every caller has the folio frozen" is not known any more

A verdict is true of all code or of none. So each proven place is held against the text of the
files and functions that were not read: does it name a writer of the same word, where the proof
is a lock, or a function whose callers the proof rests on? If so the place is unknown, and the
doubt says what to mend.

A race with a helper that the header does not let one understand is no more known than that.

Invariants: a verdict is only ever weakened. Limits: names are compared, so a macro that hides a
call hides the doubt; a function with too many paths to follow counts as read; what calls
through a pointer is not seen.

Interface: `doubted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from flaglint import ir
from flaglint.contexts import Contexts
from flaglint.finding import Unread, Verdict
from flaglint.flagtable import Atomicity, FlagTable
from flaglint.race import Judgement
from flaglint.tree import read_text

_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_STARTS = re.compile(r"^[A-Za-z_][^\n;{}=]*?\b(\w+)\s*\(", re.M)


def doubted(
    judgements: Iterable[Judgement],
    contexts: Contexts,
    functions: Mapping[str, ir.Function],
    table: FlagTable,
    root: str,
    unread: Iterable[Unread],
) -> tuple[Judgement, ...]:
    """The judgements, those that rest on what was not read made unknown.

    `unread` is code that belongs to the program; files that are not built do not.
    """
    unclear = {h.name: h.doubts for h in table.active().values() if not h.understood}
    if unclear:
        judgements = tuple(_unclear(judgement, unclear) for judgement in judgements)
    missing = {entry: _calls(root, entry) for entry in sorted(set(unread))}
    if not any(missing.values()):
        return tuple(judgements)
    writers = {
        helper.name: helper.word.value
        for helper in table.helpers
        if helper.atomicity is not Atomicity.READ
    }
    return tuple(
        _weakened(judgement, contexts, functions, writers, missing) for judgement in judgements
    )


def _unclear(judgement: Judgement, unclear: Mapping[str, tuple[str, ...]]) -> Judgement:
    """No race where it is not known what the helper does, or what any of the others do."""
    if judgement.verdict is not Verdict.RACY:
        return judgement
    names = [judgement.place.helper]
    if names[0] not in unclear:
        names = [other.helper for other in judgement.racing]
    if not names or not unclear.keys() >= set(names):
        return judgement
    return msgspec.structs.replace(
        judgement,
        verdict=Verdict.UNKNOWN,
        reason=f"what {names[0]}() does is not understood",
        racing=(),
        doubts=tuple(sorted({*judgement.doubts, *(d for name in names for d in unclear[name])})),
    )


def _weakened(
    judgement: Judgement,
    contexts: Contexts,
    functions: Mapping[str, ir.Function],
    writers: Mapping[str, str],
    missing: Mapping[Unread, frozenset[str]],
) -> Judgement:
    if judgement.verdict not in (Verdict.EXCLUSIVE, Verdict.LOCKED):
        return judgement
    resting = _resting(judgement, contexts, functions)
    doubts = []
    for entry, calls in missing.items():
        where = f"{entry.function}() of {entry.file}" if entry.function else entry.file
        called = [n for n in sorted(calls & resting.keys()) if resting[n] in ("", entry.file)]
        if called:
            doubts.append(f"{where} was not read, and calls {called[0]}()")
        elif judgement.verdict is Verdict.LOCKED:
            word = judgement.place.word
            named = [
                name
                for name in sorted(calls & writers.keys())
                if "any" in (word, writers[name]) or word == writers[name]
            ]
            if named:
                doubts.append(f"{where} was not read, and names {named[0]}()")
    if not doubts:
        return judgement
    return msgspec.structs.replace(
        judgement,
        verdict=Verdict.UNKNOWN,
        reason="what was not read may matter",
        doubts=tuple(sorted({*judgement.doubts, *doubts})),
    )


def _resting(
    judgement: Judgement, contexts: Contexts, functions: Mapping[str, ir.Function]
) -> dict[str, str]:
    """The functions whose callers the verdict rests on; with each its file if it is static.

    Those on the way from where an access was decided down to where it stands; none where that
    is the same function.
    """
    found: dict[str, str] = {}
    place = judgement.place
    for key, access, _ in contexts[place]:
        decider = functions[key].name if key in functions else ""
        if key == place.function and not access.chain:
            continue
        names = {step.function for step in access.chain} - {decider}
        found |= dict.fromkeys(names, "")
        own = functions.get(place.function)
        if own is not None:
            static = "@" in own.key and not own.where.file.endswith(".h")
            found[own.name] = own.where.file if static else ""
    return found


def _calls(root: str, entry: Unread) -> frozenset[str]:
    """What looks like a call in a file's or a function's text."""
    text = read_text(Path(root, entry.file))
    if entry.function:
        starts = [match.start() for match in _STARTS.finditer(text)]
        ends = [*starts[1:], len(text)]
        own = rf"\b{re.escape(entry.function)}\s*\("
        parts = [
            text[start:end]
            for start, end in zip(starts, ends, strict=True)
            if re.search(own, text[start : text.find("(", start) + 1])
        ]
        # Where it begins could not be told: any place in the file may be in it.
        text = "\n".join(parts) or text
    return frozenset(_CALL.findall(text))
