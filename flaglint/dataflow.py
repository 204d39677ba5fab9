"""One worklist solver over a function's blocks, for any domain of path states.

A block keeps one state for each distinct `Domain.key`: paths with equal keys are joined,
others stay apart, up to `limit`; beyond it the domain weakens two into one. Blocks are taken
in reverse postorder, so that a loop's body is settled before what comes after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Protocol, TypeVar

from flaglint import ir

S = TypeVar("S")


class Domain(Protocol[S]):
    """What the solver needs of an analysis."""

    def entry(self) -> S:
        """The state on entry to the function."""
        ...

    def through(self, block: int, state: S) -> list[tuple[int, S]]:
        """The states with which control leaves the block, and where to."""
        ...

    def key(self, block: int, state: S) -> Hashable:
        """Paths with equal keys may be joined without losing what matters."""
        ...

    def coarse(self, block: int, state: S) -> Hashable:
        """A key that keeps fewer paths apart, for when there are too many."""
        ...

    def join(self, block: int, old: S, new: S) -> S | None:
        """Both as one; None when the new one adds nothing."""
        ...

    def weaken(self, block: int, old: S, new: S) -> S | None:
        """Both as one though their keys differ; None when the new one adds nothing."""
        ...


class Solution(dict[int, dict[Hashable, S]]):
    """The states on entry to each block; `complete` says that a fixed point was reached."""

    complete = True


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


def solve(blocks: tuple[ir.Block, ...], domain: Domain[S], limit: int, budget: int) -> Solution[S]:
    """The fixed point, or what `budget` visits of blocks came to (`complete` is False then)."""
    place = order(blocks)
    solution: Solution[S] = Solution()
    entry = domain.entry()
    solution[0] = {domain.key(0, entry): entry}
    todo: list[tuple[int, int]] = [(place[0], 0)]
    fresh: dict[int, set[Hashable]] = {0: set(solution[0])}
    while todo:
        _, block = heapq.heappop(todo)
        keys = fresh.pop(block, set())
        for key in sorted(keys, key=repr) if len(keys) > 1 else keys:
            state = solution[block].get(key)
            if state is None:
                continue
            budget -= 1
            if budget < 0:
                solution.complete = False
                return solution
            for to, after in domain.through(block, state):
                changed = _merge(solution.setdefault(to, {}), domain, to, after, limit)
                if changed is not None:
                    if to not in fresh:
                        heapq.heappush(todo, (place[to], to))
                    fresh.setdefault(to, set()).add(changed)
    return solution


def _merge(
    states: dict[Hashable, S], domain: Domain[S], block: int, after: S, limit: int
) -> Hashable | None:
    key = domain.key(block, after)
    old = states.get(key)
    if old is not None:
        joined = domain.join(block, old, after)
        if joined is None:
            return None
        states[key] = joined
        return key
    if len(states) < limit:
        states[key] = after
        return key
    coarse = domain.coarse(block, after)
    for known, state in states.items():
        if domain.coarse(block, state) == coarse:
            joined = domain.join(block, state, after)
            if joined is None:
                return None
            states[known] = joined
            return known
    last = next(reversed(states))
    weakened = domain.weaken(block, states[last], after)
    if weakened is None:
        return None
    del states[last]
    new = domain.key(block, weakened)
    if new in states:
        joined = domain.join(block, states[new], weakened)
        if joined is None:
            return new
        weakened = joined
    states[new] = weakened
    return new


def cyclic(blocks: tuple[ir.Block, ...]) -> frozenset[int]:
    """The blocks that control may come back to."""
    found = set()
    for start in range(len(blocks)):
        seen: set[int] = set()
        todo = list(ir.successors(blocks[start].end))
        while todo:
            block = todo.pop()
            if block == start:
                found.add(start)
                break
            if block not in seen:
                seen.add(block)
                todo += ir.successors(blocks[block].end)
    return frozenset(found)


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
