"""One function to its fixed point: its summary, and what no caller can change.

`summarise` is the interface. What counts is what the last visit of each state of the fixed point
showed.
"""

from __future__ import annotations

from collections.abc import Sequence

from flaglint import ir
from flaglint.access import Access
from flaglint.accesses import Seen
from flaglint.dataflow import Effort, Solution, solve
from flaglint.guards import resolved
from flaglint.interpret import Interpreter
from flaglint.knowledge import Knowledge
from flaglint.loops import always, only_again
from flaglint.outcomes import outcomes_of
from flaglint.ownership import OPEN
from flaglint.state import State
from flaglint.summary import Summary, any_plain

ROUND_AGAIN = "whether the loop goes round again with the page that it published"
_BUDGET = 6000
"""Blocks that may be visited."""


_LIGHT = (
    Effort(after=0, limit=8, fine=True),
    Effort(after=200, limit=3, fine=False),
    Effort(after=500, limit=1, fine=False),
)
"""No plain write is at stake in the function; its callers want to know how it ends."""
_FULL = (
    Effort(after=0, limit=16, fine=True),
    Effort(after=900, limit=6, fine=False),
    Effort(after=2000, limit=2, fine=False),
)


class Result:
    """What one function gave: its summary, and its accesses that no caller can change."""

    def __init__(
        self,
        summary: Summary,
        decided: tuple[Access, ...],
        calls: dict[str, frozenset[str]],
        complete: bool,
    ) -> None:
        self.summary = summary
        self.decided = decided
        self.calls = calls
        """callee -> the locks certainly held at every call of it"""
        self.complete = complete


def summarise(function: ir.Function, know: Knowledge) -> Result:
    """Interpret the function to its fixed point and sum it up.

    It is done with all care where a plain write is met: in what is called, as a rule, and so
    known before; its own is seen on the way. What callers get a page from is, too: what they
    write is judged by it.
    """
    if _gives(function, know) or any(summary.plain for summary in know.summaries.values()):
        return _summarised(function, know, _FULL)
    result = _summarised(function, know, _LIGHT)
    if result.summary.plain or any_plain(result.decided):
        return _summarised(function, know, _FULL)
    return result


def _gives(function: ir.Function, know: Knowledge) -> bool:
    places = (
        kind.removesuffix("*").rstrip() for kind in map(function.types.get, function.params) if kind
    )
    return any(map(know.layout.page_type, (function.result, *places)))


def _summarised(function: ir.Function, know: Knowledge, efforts: Sequence[Effort]) -> Result:
    run, solution, seen = _run(function, know, frozenset(), efforts)
    owned = frozenset(param for param, blocks in run.given_back.items() if always(function, blocks))
    if owned:
        run, solution, seen = _run(function, know, owned, efforts)
    pending: list[Access] = []
    decided: list[Access] = []
    for access in seen.accesses.values():
        guarded = access.guards and access.kind in OPEN and access.place.atomicity == "plain"
        (pending if access.owner.conditional or guarded else decided).append(access)
    outcomes = outcomes_of(run, seen.exits)
    return Result(
        Summary(function.params, outcomes, tuple(resolved(pending))),
        tuple(decided),
        seen.calls,
        solution.complete,
    )


def _run(
    function: ir.Function, know: Knowledge, owned: frozenset[str], efforts: Sequence[Effort]
) -> tuple[Interpreter, Solution[State, Seen], Seen]:
    run = Interpreter(function, know)
    run.owned_params = owned
    solution = solve(function.blocks, run, efforts, _BUDGET)
    seen = Seen()
    for block in sorted(solution):
        for key in solution[block]:
            if (block, key) in solution.shown:
                seen.include(solution.shown[block, key])
    for known, access in list(seen.accesses.items()):
        met = run.met_at.get(known)
        if met and all(
            name in run.shown_at and only_again(function, op, run.shown_at[name])
            for name, op in met
        ):
            owner = access.owner._replace(doubts=access.owner.doubts | {ROUND_AGAIN})
            del seen.accesses[known]
            seen.note(access._replace(owner=owner))
    return run, solution, seen
