"""Who calls whom: direct calls, function pointers in tables and arguments, and the order.

A pointer kept in a record's member is resolved by the member (field-based, as smatch and
RELAY do): a call through `ops->migrate` may reach every function that some initialiser or
assignment puts into that record's `migrate`. A parameter that is called may be every function
that some call passes there; a variable, every function that is assigned to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from flaglint import ir
from flaglint.location import Location

_GIVEN_OUT = 1 << 62
"""The number of a function whose component is known: above those of all others."""


class Edge(msgspec.Struct, frozen=True, order=True):
    """`caller` calls `callee` at `where`; `slot` names the pointer for an indirect call."""

    caller: str
    callee: str
    where: Location
    slot: str = ""


class CallGraph(msgspec.Struct, frozen=True, dict=True):
    """`targets` maps a slot, or "function:parameter", to the functions it may hold.

    `order` holds the strongly connected components, callees before callers; `callees` the
    functions that each one calls, sorted; `pointed` those of them that it calls by a pointer,
    each with the slot; `taken` functions whose address goes somewhere. Where the calls stand is
    asked for few functions: `facts` tell.
    """

    targets: dict[str, tuple[str, ...]]
    order: tuple[tuple[str, ...], ...]
    callees: dict[str, tuple[str, ...]]
    pointed: dict[str, tuple[tuple[str, str], ...]]
    taken: frozenset[str]
    facts: Mapping[str, ir.Facts]

    @cached_property
    def callers(self) -> dict[str, list[str]]:
        """The functions that call each one that is called, sorted."""
        found: dict[str, list[str]] = {}
        for key, callees in self.callees.items():
            for callee in callees:
                found.setdefault(callee, []).append(key)
        return found

    def into(self, key: str) -> tuple[Edge, ...]:
        """The calls of a function, sorted."""
        found: set[Edge] = set()
        for caller in self.callers.get(key, ()):
            for callee, slot, where in self.facts[caller].calls:
                if callee == key:
                    found.add(Edge(caller, key, where))
                elif not callee and key in self.targets.get(slot, ()):
                    found.add(Edge(caller, key, where, slot))
        return tuple(sorted(found))

    def changed(self, before: CallGraph) -> set[str]:
        """The functions that are new, or whose calls led elsewhere in the graph `before`."""
        known, pointed = before.callees, before.pointed
        return {
            key
            for key, callees in self.callees.items()
            if known.get(key) != callees or self.pointed.get(key) != pointed.get(key)
        }

    def above(self, keys: Iterable[str]) -> set[str]:
        """The functions, and all that call them through whatever others."""
        found = set(keys)
        todo = list(found)
        while todo:
            for caller in self.callers.get(todo.pop(), ()):
                if caller not in found:
                    found.add(caller)
                    todo.append(caller)
        return found


def build(
    functions: Mapping[str, ir.Function],
    facts: Mapping[str, ir.Facts],
    tables: Iterable[ir.Table],
    before: CallGraph | None = None,
) -> CallGraph:
    """The call graph of the functions, with what the tables put into records.

    `before` is that of some of these functions, with some of these tables.
    """
    targets = _targets(functions, facts, tables)
    reachable = {
        slot: tuple(sorted(name for name in names if name in functions))
        for slot, names in sorted(targets.items())
    }
    known = before.callees if before else {}
    new = functions.keys() - known.keys()
    moved = {
        slot for slot in reachable if not before or before.targets.get(slot) != reachable[slot]
    }
    callees: dict[str, tuple[str, ...]] = {}
    pointed: dict[str, tuple[tuple[str, str], ...]] = {}
    for key in sorted(functions):
        found = facts[key]
        slots = found.slots
        if before and key in known and new.isdisjoint(found.callees) and moved.isdisjoint(slots):
            callees[key] = known[key]
            if slots and key in before.pointed:
                pointed[key] = before.pointed[key]
            continue
        names: Iterable[str] = [name for name in found.callees if name in functions]
        if pairs := {(name, slot) for slot in slots for name in reachable.get(slot, ())}:
            pointed[key] = tuple(sorted(pairs))
            names = sorted({*names, *(name for name, _ in pairs)})
        callees[key] = tuple(names)
    taken = frozenset(name for names in targets.values() for name in names)
    return CallGraph(reachable, tuple(_components(callees)), callees, pointed, taken, facts)


def _targets(
    functions: Mapping[str, ir.Function],
    facts: Mapping[str, ir.Facts],
    tables: Iterable[ir.Table],
) -> dict[str, set[str]]:
    """What each slot, or "function:parameter", may hold, whether it is among the functions."""
    targets: dict[str, set[str]] = {}
    onward: dict[str, list[str]] = {}
    for table in tables:
        targets.setdefault(table.slot, set()).add(table.function)
    for key in functions:
        found = facts[key]
        for one, two in found.flows:
            onward.setdefault(one, []).append(two)
        for slot, callee in found.stored:
            targets.setdefault(slot, set()).add(callee)
        for callee, number, name in found.handed:
            for slot in _parameter(functions, callee, number):
                targets.setdefault(slot, set()).add(name)
    # A pointer that came in by a parameter and goes out as an argument: what the one may be,
    # the other may be too. Few of the parameters that are passed on ever hold a function.
    todo = list(targets)
    while todo:
        one = todo.pop()
        key, _, param = one.rpartition(":")
        ways = list(onward.get(one, ()))
        for callee, number, name in facts[key].passed if key in functions else ():
            if name == param:
                ways += _parameter(functions, callee, number)
        for two in ways:
            if not targets[one] <= targets.get(two, set()):
                targets.setdefault(two, set()).update(targets[one])
                todo.append(two)
    return targets


def _parameter(functions: Mapping[str, ir.Function], key: str, number: int) -> Iterator[str]:
    """The slot of a function's parameter, if there is such a one."""
    target = functions.get(key)
    if target is not None and number < len(target.params):
        yield f"{key}:{target.params[number]}"


def _components(callees: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    # Tarjan's algorithm without recursion; components come out callees first. `low` has the
    # lowest number of what a function was found to reach, its own at first.
    low: dict[str, int] = {}
    waiting: list[str] = []
    """Functions that are done, and whose components are not; deepest first."""
    for start in callees:
        if start in low:
            continue
        low[start] = len(low)
        work = [(start, low[start], 0, iter(callees[start]))]
        while work:
            key, number, mark, rest = work[-1]
            lowest = low[key]
            for callee in rest:
                reached = low.get(callee)
                if reached is None:
                    if below := callees[callee]:
                        low[callee] = len(low)
                        work.append((callee, low[callee], len(waiting), iter(below)))
                        break
                    low[callee] = _GIVEN_OUT
                    yield (callee,)
                elif reached < lowest:
                    lowest = reached
            else:
                work.pop()
                if lowest < number:
                    waiting.append(key)
                    above = work[-1][0]
                    low[above] = min(low[above], lowest)
                else:
                    # Deepest first: what the others of the component call is done before.
                    component = (*waiting[mark:], key)
                    del waiting[mark:]
                    for member in component:
                        low[member] = _GIVEN_OUT
                    yield component
                    continue
            low[key] = lowest
