"""One worklist solver over a function's blocks, for any domain of path states.

A block keeps one state for each distinct `Domain.key`: paths with equal keys are joined,
others stay apart, up to a limit; beyond it the domain weakens two into one. Blocks are taken
in reverse postorder, so that a loop's body is settled before what comes after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from flaglint import ir

S = TypeVar("S")
N_co = TypeVar("N_co", covariant=True)
N = TypeVar("N")


class Key:
    """What keeps paths apart: `coarse` is all that is looked at when there are too many.

    Keys are large, and asked for again and again: each is hashed once.
    """

    __slots__ = ("_hash", "_rough", "coarse", "fine")

    def __init__(self, coarse: Hashable, fine: frozenset[Hashable]) -> None:
        self.coarse = coarse
        self.fine = fine
        self._rough = hash(coarse)
        self._hash = hash((self._rough, fine))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Key)
            and self._hash == other._hash
            and self.fine == other.fine
            and self.coarse == other.coarse
        )

    def alike(self, other: Key) -> bool:
        """Whether they differ in the fine half only."""
        return self._rough == other._rough and self.coarse == other.coarse


class Domain(Protocol[S, N_co]):
    """What the solver needs of an analysis."""

    def entry(self) -> S:
        """The state on entry to the function."""
        ...

    def through(self, block: int, state: S) -> tuple[list[tuple[int, S]], N_co]:
        """The states with which control leaves the block and where to; what was seen in it."""
        ...

    def key(self, block: int, state: S) -> Key:
        """Paths with equal keys may be joined without losing what matters."""
        ...

    def join(self, block: int, old: S, new: S) -> S | None:
        """Both as one; None when the new one adds nothing."""
        ...

    def weaken(self, block: int, old: S, new: S) -> S | None:
        """Both as one though their keys differ; None when the new one adds nothing."""
        ...


class Solution(dict[int, dict[Key, S]], Generic[S, N]):
    """The states on entry to each block; `complete` says that a fixed point was reached.

    `shown` is what the last visit of a block in a state showed.
    """

    complete = True

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[tuple[int, Key], N] = {}


def order(blocks: tuple[ir.Block, ...]) -> list[int]:
    """Each block's place in reverse postorder; blocks nobody reaches come last."""
    place = [len(blocks)] * len(blocks)
    seen = {0}
    post: list[int] = []
    stack = [(0, iter(ir.successors(blocks[0].end)))]
    while stack:
        block, rest = stack[-1]
        for to in rest:
            if to not in seen:
                seen.add(to)
                stack.append((to, iter(ir.successors(blocks[to].end))))
                break
        else:
            post.append(block)
            stack.pop()
    for number, block in enumerate(reversed(post)):
        place[block] = number
    return place


class Effort(NamedTuple):
    """How many paths are kept apart inside a block once `after` blocks were visited.

    `fine` says whether the fine half of the keys keeps paths apart too.
    """

    after: int
    limit: int
    fine: bool


def solve(
    blocks: tuple[ir.Block, ...], domain: Domain[S, N], efforts: Sequence[Effort], budget: int
) -> Solution[S, N]:
    """The fixed point, or what `budget` visits of blocks came to (`complete` is False then).

    A function that takes long is gone on with less effort, not again from its start: the
    states that were found so far stand, and new ones are joined to them.
    """
    place = order(blocks)
    solution: Solution[S, N] = Solution()
    entry = domain.entry()
    first = domain.key(0, entry)
    solution[0] = {first: entry}
    todo: list[tuple[int, int]] = [(place[0], 0)]
    # Which states are to be gone on from; a dict, because its order is that of their finding.
    fresh: dict[int, dict[Key, None]] = {0: {first: None}}
    visits, step = 0, 0
    while todo:
        _, block = heapq.heappop(todo)
        for key in fresh.pop(block, {}):
            state = solution[block].get(key)
            if state is None:
                continue
            visits += 1
            if visits > budget:
                solution.complete = False
                return solution
            while step + 1 < len(efforts) and visits > efforts[step + 1].after:
                step += 1
            leaving, solution.shown[block, key] = domain.through(block, state)
            for to, after in leaving:
                changed = _merge(solution.setdefault(to, {}), domain, to, after, efforts[step])
                if changed and to not in fresh:
                    heapq.heappush(todo, (place[to], to))
                    fresh[to] = {}
                for each in changed:
                    fresh[to][each] = None
    return solution


def _merge(
    states: dict[Key, S], domain: Domain[S, N], block: int, after: S, effort: Effort
) -> Iterable[Key]:
    """Take one more state in; the keys of the states that are to be gone on from."""
    key = domain.key(block, after)
    if key in states:
        return _joined(states, domain, block, key, after)
    if effort.fine and len(states) < effort.limit:
        states[key] = after
        return (key,)
    if len(states) > effort.limit:
        # Less effort from here on: what was kept apart so far is put together first.
        apart = [*states.items(), (key, after)]
        states.clear()
        for one, state in apart:
            _coarsely(states, domain, block, one, state, effort)
        return tuple(states)
    return _coarsely(states, domain, block, key, after, effort)


def _coarsely(
    states: dict[Key, S], domain: Domain[S, N], block: int, key: Key, after: S, effort: Effort
) -> Iterable[Key]:
    alike = _most_alike(key, states)
    if alike is not None:
        return _joined(states, domain, block, alike, after)
    if len(states) < effort.limit:
        states[key] = after
        return (key,)
    for one in reversed(states):
        # Room for it is made where the least is lost: by two that differ in the fine half only.
        alike = _most_alike(one, [other for other in states if other is not one])
        if alike is not None:
            changed = tuple(_joined(states, domain, block, alike, states.pop(one)))
            states[key] = after
            return (*changed, key)
    last = next(reversed(states))
    weakened = domain.weaken(block, states[last], after)
    if weakened is None:
        return ()
    del states[last]
    new = domain.key(block, weakened)
    if new in states:
        # Joined into a state that is there already, the one it came from included.
        return tuple(_joined(states, domain, block, new, weakened)) or (new,)
    states[new] = weakened
    return (new,)


def _most_alike(key: Key, others: Iterable[Key]) -> Key | None:
    same = [other for other in others if key.alike(other)]
    return max(same, key=lambda other: len(other.fine & key.fine), default=None)


def _joined(
    states: dict[Key, S], domain: Domain[S, N], block: int, key: Key, after: S
) -> Iterable[Key]:
    joined = domain.join(block, states[key], after)
    if joined is None:
        return ()
    now = domain.key(block, joined)
    if now != key:
        # Less is known of it than its key says; the next one that is put to what is most
        # alike has to see that.
        del states[key]
        if now in states:
            return tuple(_joined(states, domain, block, now, joined)) or (now,)
    states[now] = joined
    return (now,)


def live(function: ir.Function) -> list[frozenset[str]]:
    """The variables that are read before they are written, on entry to each block."""
    uses: list[set[str]] = []
    kills: list[set[str]] = []
    for block in function.blocks:
        used: set[str] = set()
        killed: set[str] = set()
        for op in [*block.ops, block.end]:
            for operand in ir.operands(op):
                if isinstance(operand, str) and operand and operand not in killed:
                    used.add(operand)
            if not isinstance(op, ir.Jump | ir.Branch | ir.Switch | ir.Return | ir.Unreachable):
                name = ir.defined(op)
                if name:
                    killed.add(name)
        uses.append(used)
        kills.append(killed)
    result: list[set[str]] = [set(used) for used in uses]
    changed = True
    while changed:
        changed = False
        for number in range(len(function.blocks) - 1, -1, -1):
            out: set[str] = set()
            for to in ir.successors(function.blocks[number].end):
                out |= result[to]
            new = uses[number] | (out - kills[number])
            if new != result[number]:
                result[number] = new
                changed = True
    return [frozenset(names) for names in result]
