"""A finding as a SARIF result: the message with its links, the places, the two thread flows.

A race is two thread flows of one code flow, "this writer" and "other writer". Each starts at an
entry point and follows the calls, with the locks it takes on the way; the execution order numbers
of the last locations interleave, so that a viewer can show the lost update: this writer reads the
word (1), the other writer changes it (2), this writer stores it (3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import sarif_om as om

from flaglint.finding import Finding, RacingAccess, Step, Taken
from flaglint.report.layout import plural
from flaglint.report.sarif.model import Places, escaped
from flaglint.report.text import call, locks

FINGERPRINT, LINE_HASH = "flaglint/v1", "primaryLocationLineHash"
LineHash = Callable[[str, int], str]


class Detail(msgspec.Struct, frozen=True):
    """How much of a finding is written. Services refuse results with over 1,000 locations.

    `racing` other writers and `evidence` places get a location and a link, `flows` of the
    writers a code flow; `context` adds the lines around each place.
    """

    racing: int = 20
    flows: int = 20
    evidence: int = 20
    context: bool = True


def result(
    found: Finding,
    rules: Mapping[str, int],
    places: Places,
    detail: Detail,
    hashes: LineHash | None,
    suppressed: str | None = None,
) -> Any:
    """One result; `rules` maps a rule's id to its place in the driver's list.

    `suppressed` is why the user does not want to see it, None when nobody said so.
    """
    reason = om.Suppression(kind="external", justification=suppressed)
    racing, evidence = found.racing[: detail.racing], found.evidence[: detail.evidence]
    related = [
        places.location(
            other.file,
            other.line,
            other.column,
            function=other.function,
            message=f"the other writer: {other.helper}, {other.atomicity}, {locks(other.locks)}",
            number=number,
            context=True,
        )
        for number, other in enumerate(racing)
    ]
    related += [
        places.location(place.file, place.line, message=place.message, number=number)
        for number, place in enumerate(evidence, len(racing))
    ]
    prints = {FINGERPRINT: found.fingerprint}
    if hashes is not None and (line_hash := hashes(found.file, found.line)):
        prints[LINE_HASH] = line_hash
    return om.Result(
        rule_id=found.rule,
        rule_index=rules.get(found.rule, -1),
        level=found.level.value,
        suppressions=None if suppressed is None else [reason],
        message=om.Message(text=_message(found, detail)),
        locations=[
            places.location(
                found.file,
                found.line,
                found.column,
                end_column=found.end_column,
                function=found.function,
                context=True,
            )
        ],
        related_locations=related or None,
        code_flows=[_code_flow(found, other, places) for other in racing[: detail.flows]] or None,
        partial_fingerprints=prints,
        properties={
            "word": found.word,
            "flag": found.flag,
            "helper": found.helper,
            "locks": list(found.locks),
            "why": found.why,
            "steps": list(found.steps),
            "fix": found.fix,
            "doubts": list(found.doubts),
            "configurations": list(found.configurations),
        },
    )


def _message(found: Finding, detail: Detail) -> str:
    """Plain text with links to the related locations, which are shown only if linked."""
    parts = [escaped(_sentence(found.message))]
    for number, other in enumerate(found.racing[: detail.racing]):
        flag = f" of {other.flag}" if other.flag else ""
        parts.append(
            f"Races with the {other.atomicity} [{escaped(other.helper)}]({number}){escaped(flag)}"
            f" in {escaped(other.function)}(), {escaped(locks(other.locks))}."
        )
    if len(found.racing) > detail.racing:
        parts.append(f"And {plural(len(found.racing) - detail.racing, 'writer')} more.")
    start = min(len(found.racing), detail.racing)
    for number, place in enumerate(found.evidence[: detail.evidence], start):
        parts.append(f"See [{escaped(place.message)}]({number}).")
    if len(found.evidence) > detail.evidence:
        parts.append(f"And {plural(len(found.evidence) - detail.evidence, 'place')} more.")
    if found.why:
        parts.append(f"Why: {escaped(_sentence(found.why))}")
    if found.fix:
        parts.append(f"Consider: {escaped(_sentence(found.fix))}")
    return " ".join(parts)


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


def _code_flow(found: Finding, other: RacingAccess, places: Places) -> Any:
    here = Step(function=found.function, file=found.file, line=found.line)
    there = Step(function=other.function, file=other.file, line=other.line)
    flow = _Flow(places)
    depth, beyond = max(len(found.chain) - 1, 0), max(len(other.chain) - 1, 0)
    reads, stores = (
        flow.access(here, f"{number}. {call(found.helper)} {what}", depth, number, found.column)
        for number, what in ((1, "loads the whole word"), (3, "stores it back: the update is lost"))
    )
    changed = other.flag or "the word"
    text = f"2. {call(other.helper)} changes {changed}"
    changes = flow.access(there, text, beyond, 2, other.column, other.locks)
    return om.CodeFlow(
        message=om.Message(text="One order of events that loses the update."),
        thread_flows=[
            om.ThreadFlow(
                id="this writer",
                message=om.Message(text=escaped(f"this writer, {locks(found.locks)}")),
                locations=[*flow.way(found.chain, found.taken), reads, stores],
            ),
            om.ThreadFlow(
                id="other writer",
                message=om.Message(text=escaped(f"other writer, {locks(other.locks)}")),
                locations=[*flow.way(other.chain, other.taken), changes],
            ),
        ],
    )


class _Flow:
    """Makes the locations of thread flows."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def way(self, chain: Sequence[Step], taken: Sequence[Taken]) -> list[Any]:
        """From the entry point to the access: each frame's locks, then the call it makes.

        The last frame is the access's own; a lock whose frame is not in the chain comes first.
        """
        frames = {step.function for step in chain}
        left = list(taken)
        found = [self._takes(at, 0) for at in left if at.function not in frames]
        left = [at for at in left if at.function in frames]
        for depth, step in enumerate(chain):
            while left and left[0].function == step.function:
                found.append(self._takes(left.pop(0), depth))
            if depth + 1 < len(chain):
                text = f"{step.function}() calls {chain[depth + 1].function}()"
                found.append(self._at(step, text, depth, kinds=["call", "function"]))
        return found

    def access(
        self,
        step: Step,
        text: str,
        depth: int,
        executed: int,
        column: int,
        held: Sequence[str] = (),
    ) -> Any:
        """An access to the word, which of the three events it is, and the locks held there."""
        made = self._at(step, text, depth, column=column, executed=executed, kinds=["memory"])
        if held:
            made.state = {"locks": om.MultiformatMessageString(text=", ".join(held))}
        return made

    def _takes(self, at: Taken, depth: int) -> Any:
        step = Step(function=at.function, file=at.file, line=at.line)
        return self._at(step, f"{at.function}() takes {at.lock}", depth, kinds=["acquire", "lock"])

    def _at(
        self,
        step: Step,
        text: str,
        depth: int,
        *,
        column: int = 0,
        executed: int = -1,
        kinds: Sequence[str] = (),
    ) -> Any:
        return om.ThreadFlowLocation(
            location=self._places.location(
                step.file, step.line, column, function=step.function, message=text
            ),
            kinds=list(kinds),
            nesting_level=depth,
            execution_order=executed,
            importance="essential" if executed > 0 else "important",
        )
