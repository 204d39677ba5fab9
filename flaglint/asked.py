"""Which conditions a function asks more than once: only those are worth keeping paths apart for.

    is_cow = (vmf->flags & WRITE) && !(vma->vm_flags & SHARED);
    page = is_cow ? vmf->cow_page : vmf->page;
    ...
    set_pte_range(vmf, page);        asks for both bits again, in its body

Bits of a flags argument or member are what such conditions are made of. One that is asked at a
single place tells no path from another later on; keeping paths apart for it would only use up
the few states that a block may have. Limit: a place is known by the member and the mask, so two
objects' members of one name count as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flaglint import ir
from flaglint.summary import Summary

_BOOLEAN = ("_Bool", "bool")

_Condition = tuple[str, int]
"""The member ("" where it is not known) and the mask."""


class Asked:
    """The conditions that a function asks again."""

    def __init__(self, function: ir.Function, summaries: Mapping[str, Summary]) -> None:
        loaded = dict(_loads(function))
        self._places: list[dict[int, set[str]]] = []
        found: dict[int, list[tuple[int, str]]] = {}
        for number, block in enumerate(function.blocks):
            for op in block.ops:
                for member, mask in set(_conditions(op, loaded, summaries)):
                    found.setdefault(mask, []).append((number, member))
        self._found = {mask: places for mask, places in found.items() if len(places) > 1}
        self._ahead = _reachable(function.blocks) if self._found else []

    def again(self, block: int, symbol: str) -> bool:
        """Whether what is known of "symbol&mask" in a block may answer a later question."""
        path, _, bits = symbol.rpartition("&")
        places = self._found.get(int(bits)) if bits.lstrip("-").isdigit() else None
        if places is None:
            return False
        member = path.rpartition("|")[2] if "|" in path else ""
        same = [at for at, other in places if not member or not other or other == member]
        return len(same) > 1 and any(at in self._ahead[block] for at in same)


def answers(function: ir.Function) -> Iterator[str]:
    """The locals that keep the answer to a question: those that are true or false, and pointers
    that are NULL by a condition (`vma = vmf ? vmf->vma : NULL`).
    """
    for name, kind in function.types.items():
        if kind in _BOOLEAN:
            yield name
    copies = [op for block in function.blocks for op in block.ops if isinstance(op, ir.Copy)]
    chosen = {op.dst for op in copies if op.dst.startswith("?") and op.src == 0}
    for op in copies:
        if op.src in chosen and op.type.endswith("*"):
            yield from (str(op.src), op.dst)


def _loads(function: ir.Function) -> Iterator[tuple[str, str]]:
    for block in function.blocks:
        for op in block.ops:
            if isinstance(op, ir.Load) and op.path.steps:
                last = op.path.steps[-1]
                if isinstance(last, ir.Field):
                    yield op.dst, f".{last.record}.{last.name}"


def _conditions(
    op: ir.Op, loaded: Mapping[str, str], summaries: Mapping[str, Summary]
) -> Iterator[_Condition]:
    match op:
        case ir.Binary(_, "&", left, int(mask)):
            yield loaded.get(str(left), ""), mask
        case ir.Call(callee=callee) if callee in summaries:
            summary = summaries[callee]
            for access in summary.pending:
                if access.place.atomicity == "plain":
                    yield from _guards(access.guards)
            for outcome in summary.outcomes:
                yield from _guards(outcome.guards)


def _guards(guards: frozenset[tuple[object, int]]) -> Iterator[_Condition]:
    for key, _ in guards:
        if isinstance(key, tuple) and key[0] == "s" and "&" in str(key[1]):
            path, _, bits = str(key[1]).rpartition("&")
            if bits.lstrip("-").isdigit():
                yield path.rpartition("|")[2] if "|" in path else "", int(bits)


def _reachable(blocks: tuple[ir.Block, ...]) -> list[frozenset[int]]:
    # The blocks that control may reach from each, itself included.
    ahead: list[set[int]] = [{number} for number in range(len(blocks))]
    changed = True
    while changed:
        changed = False
        for number in range(len(blocks) - 1, -1, -1):
            for to in ir.successors(blocks[number].end):
                if not ahead[to] <= ahead[number]:
                    ahead[number] |= ahead[to]
                    changed = True
    return [frozenset(each) for each in ahead]
