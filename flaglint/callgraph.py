"""Who calls whom: direct calls, function pointers in tables and arguments, and the order.

A pointer kept in a record's member is resolved by the member (field-based, as smatch and
RELAY do): a call through `ops->migrate` may reach every function that some initialiser or
assignment puts into that record's `migrate`. A parameter that is called may be every function
that some call passes there; a variable, every function that is assigned to it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

import msgspec

from flaglint import ir
from flaglint.location import Location


class Edge(msgspec.Struct, frozen=True, order=True):
    """`caller` calls `callee` at `where`; `slot` names the pointer for an indirect call."""

    caller: str
    callee: str
    where: Location
    slot: str = ""


class CallGraph(msgspec.Struct, frozen=True):
    """`targets` maps a slot, or "function:parameter", to the functions it may hold.

    `order` holds the strongly connected components, callees before callers; `callers` the
    edges into each function, `calls` those out of it; `taken` functions whose address goes
    somewhere.
    """

    targets: dict[str, tuple[str, ...]]
    order: tuple[tuple[str, ...], ...]
    callers: dict[str, tuple[Edge, ...]]
    calls: dict[str, tuple[Edge, ...]]
    taken: frozenset[str]

    def above(self, keys: Iterable[str]) -> set[str]:
        """The functions, and all that call them through whatever others."""
        found = set(keys)
        todo = list(found)
        while todo:
            for edge in self.callers.get(todo.pop(), ()):
                if edge.caller not in found:
                    found.add(edge.caller)
                    todo.append(edge.caller)
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
    targets: dict[str, set[str]] = {}
    taken: set[str] = set()
    for table in tables:
        targets.setdefault(table.slot, set()).add(table.function)
        taken.add(table.function)
    flows: list[tuple[str, str]] = []
    for key in functions:
        flows += facts[key].flows
        for slot, callee in facts[key].stored:
            targets.setdefault(slot, set()).add(callee)
            taken.add(callee)
        for callee, number, what in facts[key].passed:
            target = functions.get(callee)
            if target is None or number >= len(target.params):
                continue
            slot = f"{callee}:{target.params[number]}"
            if what.startswith("="):
                targets.setdefault(slot, set()).add(what[1:])
                taken.add(what[1:])
            else:
                flows.append((f"{key}:{what}", slot))
    _through_parameters(flows, targets)
    reachable = {
        slot: tuple(sorted(name for name in names if name in functions))
        for slot, names in sorted(targets.items())
    }
    known = before.calls if before else {}
    new = functions.keys() - known.keys()
    moved = {
        slot for slot in reachable if not before or before.targets.get(slot) != reachable[slot]
    }
    edges: dict[str, tuple[Edge, ...]] = {}
    callers: dict[str, list[Edge]] = {}
    for key in sorted(functions):
        if key in known and not any(
            callee in new if callee else slot in moved for callee, slot, _ in facts[key].calls
        ):
            edges[key] = known[key]
        else:
            edges[key] = tuple(sorted(set(_edges(key, facts[key], functions, reachable))))
        for edge in edges[key]:
            callers.setdefault(edge.callee, []).append(edge)
    return CallGraph(
        reachable,
        tuple(_components(edges)),
        {key: tuple(found) for key, found in callers.items()},
        edges,
        frozenset(taken),
    )


def _through_parameters(flows: list[tuple[str, str]], targets: dict[str, set[str]]) -> None:
    # A pointer that came in by a parameter and goes out as an argument: what the one may be,
    # the other may be too.
    onward: dict[str, list[str]] = {}
    for one, two in flows:
        onward.setdefault(one, []).append(two)
    todo = [slot for slot in onward if slot in targets]
    while todo:
        one = todo.pop()
        for two in onward.get(one, ()):
            if not targets[one] <= targets.get(two, set()):
                targets.setdefault(two, set()).update(targets[one])
                todo.append(two)


def _edges(
    key: str,
    found: ir.Facts,
    functions: Container[str],
    targets: Mapping[str, tuple[str, ...]],
) -> Iterator[Edge]:
    for callee, slot, where in found.calls:
        if not callee:
            for target in targets.get(slot, ()):
                yield Edge(key, target, where, slot)
        elif callee in functions:
            yield Edge(key, callee, where)


def _components(edges: Mapping[str, tuple[Edge, ...]]) -> Iterator[tuple[str, ...]]:
    # Tarjan's algorithm without recursion; components come out callees first.
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    on: set[str] = set()
    stack: list[str] = []
    finished: dict[str, int] = {}
    for start in edges:
        if start in number:
            continue
        work: list[tuple[str, Iterator[str]]] = []

        def enter(key: str, work: list[tuple[str, Iterator[str]]] = work) -> None:
            number[key] = low[key] = len(number)
            stack.append(key)
            on.add(key)
            work.append((key, iter([edge.callee for edge in edges[key]])))

        enter(start)
        while work:
            key, rest = work[-1]
            for callee in rest:
                if callee not in number:
                    enter(callee)
                    break
                if callee in on:
                    low[key] = min(low[key], number[callee])
            else:
                work.pop()
                finished[key] = len(finished)
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[key])
                if low[key] == number[key]:
                    component = []
                    while True:
                        member = stack.pop()
                        on.discard(member)
                        component.append(member)
                        if member == key:
                            break
                    # Deepest first: what the others of the component call is done before.
                    yield tuple(sorted(component, key=lambda member: finished[member]))
