"""Whether a loop that published a page comes back to write it, as far as its body tells.

    for (; index < end; index++) { write(page); publish(page); }       it counts: it comes back
    while (next_part(&range) > 0) { write(page); publish(page); }      next_part() knows

What a callee answers the second time is not followed. Where every way out of the loop hangs on
such an answer, another round is a doubt and not a fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from flaglint import ir

Op: TypeAlias = tuple[int, int]
"""An op by its block and its number there."""


def only_again(function: ir.Function, met: Op, shown: Iterable[Op]) -> bool:
    """Whether op `met` comes after the ops `shown` only by another round that callees decide."""
    return all(_precedes(function, met, op) and _asks(function, met[0], op[0]) for op in shown)


def _precedes(function: ir.Function, one: Op, other: Op) -> bool:
    # Every path from the entry meets `one` before `other`, or they are one op.
    if one[0] == other[0]:
        return one[1] <= other[1]
    return one[0] == 0 or other[0] not in _reached(function, [0], {0, one[0]})


def _asks(function: ir.Function, met: int, shown: int) -> bool:
    # Whether every way out of the loop hangs on what a callee answers.
    after = _reached(function, [shown], set())
    inside = frozenset(
        block for block in after if block == met or met in _reached(function, [block], set())
    )
    ways = [
        block.end
        for number, block in enumerate(function.blocks)
        if number in inside and any(to not in inside for to in ir.successors(block.end))
    ]
    answers = _answers(function, inside)
    return all(isinstance(end, ir.Branch) and end.cond in answers for end in ways)


def _answers(function: ir.Function, inside: frozenset[int]) -> frozenset[ir.Operand]:
    # The variables that are made from a callee's result in the loop.
    ops = [op for number in sorted(inside) for op in function.blocks[number].ops]
    found: set[ir.Operand] = set()
    more = True
    while more:
        more = False
        for op in ops:
            name = ir.defined(op)
            if not name or name in found:
                continue
            made = isinstance(op, ir.Copy | ir.Cast | ir.Unary | ir.Binary)
            if isinstance(op, ir.Call) or (made and found & set(ir.operands(op))):
                found.add(name)
                more = True
    return frozenset(found)


def _reached(function: ir.Function, start: list[int], seen: set[int]) -> set[int]:
    # What control may come to from the blocks by at least one step, not through those seen.
    reached: set[int] = set()
    todo = list(start)
    while todo:
        for to in ir.successors(function.blocks[todo.pop()].end):
            if to not in seen and to not in reached:
                reached.add(to)
                todo.append(to)
    return reached
