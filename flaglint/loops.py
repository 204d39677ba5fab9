"""What control always meets, and whether a loop that published a page comes back to write it.

    for (; index < end; index++) { write(page); publish(page); }       it counts: it comes back
    while (next_part(&range) > 0) { write(page); publish(page); }      next_part() knows

What a callee answers the second time is not followed. Where the loop itself steps through nothing,
another round is a doubt and not a fact.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Set
from typing import NamedTuple, TypeAlias

from flaglint import ir

Op: TypeAlias = tuple[int, int]
"""An op by its block and its number there."""
LINKS = ("list_head.next", "list_head.prev")
"""The members that lead from one element of a list to another."""


class Loop(NamedTuple):
    """A natural loop: control enters at `head`, and comes back to it from the `body`."""

    head: int
    body: frozenset[int]


def only_again(function: ir.Function, met: Op, shown: Iterable[Op]) -> bool:
    """Whether op `met` comes after the ops `shown` only by another round that callees decide."""
    return all(_precedes(function, met, op) and not _steps(function, met[0], op[0]) for op in shown)


def always(function: ir.Function, wanted: Container[int], start: int = 0) -> bool:
    """Whether every path from a block to a return goes through one of the blocks."""
    if start in wanted:
        return True
    ends = {start} | _reached(function, [start], wanted)
    return not any(isinstance(function.blocks[block].end, ir.Return) for block in ends)


def loop_over(function: ir.Function, block: int, index: str) -> Loop | None:
    """The innermost loop around a block that steps through an array's index, or ("") a list."""
    return _innermost(function, block, lambda body: _goes_through(function, body, index))


def loop_around(function: ir.Function, block: int, others: Set[int]) -> Loop | None:
    """The innermost loop around a block and one of the others."""
    return _innermost(function, block, lambda body: not others.isdisjoint(body))


def _innermost(
    function: ir.Function, block: int, meant: Callable[[frozenset[int]], bool]
) -> Loop | None:
    loops = []
    for head in {block} | _reached(function, [block], ()):
        body = _body(function, head)
        if block in body and meant(body):
            loops.append(Loop(head, body))
    return min(loops, key=lambda loop: (len(loop.body), loop.head), default=None)


def _body(function: ir.Function, head: int) -> frozenset[int]:
    # The natural loop that a block is the head of: it is on every way to the ends of the rounds.
    before = _reached(function, [0], (head,)) | {0}
    after = {head} | _reached(function, [head], ())
    todo = [
        number
        for number in after - (before - {head})
        if head in ir.successors(function.blocks[number].end)
    ]
    body = {head} if todo else set()
    while todo:
        number = todo.pop()
        if number not in body:
            body.add(number)
            todo += (
                other for other in after if number in ir.successors(function.blocks[other].end)
            )
    return frozenset(body)


def every_round(function: ir.Function, loop: Loop, wanted: Container[int]) -> bool:
    """Whether each round of the loop goes through one of the blocks."""
    return loop.head not in _reached(function, [loop.head], wanted)


def between(
    function: ir.Function, loop: Loop, before: Iterable[int], after: Container[int]
) -> set[int]:
    """The blocks that a round comes to by one of `before`, and not yet by one of `after`."""
    start = [block for block in before if block not in after]
    ends = {block for block in loop.body if block == loop.head or block in after}
    return set(start) | _reached(function, start, ends)


def _goes_through(function: ir.Function, body: Iterable[int], index: str) -> bool:
    ops = (op for number in body for op in function.blocks[number].ops)
    if index:
        return any(ir.defined(op) == index for op in ops)
    return any(isinstance(op, ir.Load) and _to_next(op.path) for op in ops)


def _to_next(path: ir.Path) -> bool:
    last = path.steps[-1] if path.steps else None
    return isinstance(last, ir.Field) and f"{last.record}.{last.name}" in LINKS


def _precedes(function: ir.Function, one: Op, other: Op) -> bool:
    # Every path from the entry meets `one` before `other`, or they are one op.
    if one[0] == other[0]:
        return one[1] <= other[1]
    if 0 in (one[0], other[0]):
        return one[0] == 0
    return other[0] not in _reached(function, [0], {0, one[0]})


def _steps(function: ir.Function, met: int, shown: int) -> bool:
    # Whether the loop steps through something itself: i = i + 1, p = p->next.
    after = _reached(function, [shown], set())
    inside = sorted(
        block for block in after if block == met or met in _reached(function, [block], set())
    )
    ops = [op for number in inside for op in function.blocks[number].ops]
    return any(
        ir.defined(op) in _made_from(ops, set(ir.operands(op)))
        for op in ops
        if isinstance(op, ir.Load) or (isinstance(op, ir.Binary) and op.operator in ("+", "-"))
    )


def _made_from(ops: Iterable[ir.Op], names: set[ir.Operand]) -> set[ir.Operand]:
    # What the names are computed or loaded from in the loop, a callee's answers apart.
    found = set(names)
    makers = [op for op in ops if not isinstance(op, ir.Call) and ir.defined(op)]
    more = True
    while more:
        more = False
        for op in makers:
            if ir.defined(op) in found and not found >= set(ir.operands(op)):
                found |= set(ir.operands(op))
                more = True
    return found


def _reached(function: ir.Function, start: list[int], seen: Container[int]) -> set[int]:
    # What control may come to from the blocks by at least one step, not through those seen.
    reached: set[int] = set()
    todo = list(start)
    while todo:
        for to in ir.successors(function.blocks[todo.pop()].end):
            if to not in seen and to not in reached:
                reached.add(to)
                todo.append(to)
    return reached
