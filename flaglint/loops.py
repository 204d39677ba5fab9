"""What control always meets, and whether a loop that published a page comes back to write it.

    for (; index < end; index++) { write(page); publish(page); }       it counts: it comes back
    while (next_part(&range) > 0) { write(page); publish(page); }      next_part() knows

What a callee answers the second time is not followed. Where the loop itself steps through nothing,
another round is a doubt and not a fact.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TypeAlias

from flaglint import ir

Op: TypeAlias = tuple[int, int]
"""An op by its block and its number there."""


def only_again(function: ir.Function, met: Op, shown: Iterable[Op]) -> bool:
    """Whether op `met` comes after the ops `shown` only by another round that callees decide."""
    return all(_precedes(function, met, op) and not _steps(function, met[0], op[0]) for op in shown)


def always(function: ir.Function, wanted: Container[int], start: int = 0) -> bool:
    """Whether every path from a block to a return goes through one of the blocks."""
    if start in wanted:
        return True
    ends = {start} | _reached(function, [start], wanted)
    return not any(isinstance(function.blocks[block].end, ir.Return) for block in ends)


def every_round(function: ir.Function, head: int, to: int, wanted: Container[int]) -> bool:
    """Whether the edge leaves a loop whose every round goes through one of the blocks."""
    if head == to or head in _reached(function, [to], ()):
        return False
    again = head in _reached(function, [head], ())
    return again and head not in _reached(function, [head], wanted)


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
