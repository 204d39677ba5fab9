"""Who calls whom: direct calls, function pointers in tables and arguments, and the order.

A pointer kept in a record's member is resolved by the member (field-based, as smatch and
RELAY do): a call through `ops->migrate` may reach every function that some initialiser or
assignment puts into that record's `migrate`. A parameter that is called may be every function
that some call passes there; a variable, every function that is assigned to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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


def build(functions: Mapping[str, ir.Function], tables: Iterable[ir.Table]) -> CallGraph:
    """The call graph of the functions, with what the tables put into records."""
    targets: dict[str, set[str]] = {}
    taken: set[str] = set()
    for table in tables:
        targets.setdefault(table.slot, set()).add(table.function)
        taken.add(table.function)
    for function in functions.values():
        for slot, callee in _pointers(function, functions):
            targets.setdefault(slot, set()).add(callee)
            taken.add(callee)
    _through_parameters(functions, targets)
    known = {
        slot: tuple(sorted(name for name in names if name in functions))
        for slot, names in sorted(targets.items())
    }
    edges: dict[str, tuple[Edge, ...]] = {}
    callers: dict[str, list[Edge]] = {}
    for key in sorted(functions):
        edges[key] = tuple(sorted(set(_edges(functions[key], functions, known))))
        for edge in edges[key]:
            callers.setdefault(edge.callee, []).append(edge)
    return CallGraph(
        known,
        tuple(_components(edges)),
        {key: tuple(found) for key, found in callers.items()},
        edges,
        frozenset(taken),
    )


def _pointers(
    function: ir.Function, functions: Mapping[str, ir.Function]
) -> Iterator[tuple[str, str]]:
    for block in function.blocks:
        for op in block.ops:
            match op:
                case ir.Store(path=path, src=str(src)) if src.startswith("=") and path.steps:
                    last = path.steps[-1]
                    if isinstance(last, ir.Field):
                        yield f"{last.record}.{last.name}", src[1:]
                case ir.Copy(dst=dst, src=str(src)) if src.startswith("="):
                    yield f"{function.key}:{dst}", src[1:]
                case ir.Call(callee=callee, args=args):
                    for number, argument in enumerate(args):
                        if isinstance(argument, str) and argument.startswith("="):
                            target = functions.get(callee)
                            if target is not None and number < len(target.params):
                                yield f"{callee}:{target.params[number]}", argument[1:]


def _through_parameters(functions: Mapping[str, ir.Function], targets: dict[str, set[str]]) -> None:
    # A pointer that came in by a parameter and goes out as an argument: what the one may be,
    # the other may be too.
    flows: list[tuple[str, str]] = []
    for function in functions.values():
        params = set(function.params)
        for block in function.blocks:
            for op in block.ops:
                if isinstance(op, ir.Call) and op.callee in functions:
                    theirs = functions[op.callee].params
                    for number, argument in enumerate(op.args[: len(theirs)]):
                        if argument in params:
                            slot = f"{function.key}:{argument}"
                            flows.append((slot, f"{op.callee}:{theirs[number]}"))
    changed = True
    while changed:
        changed = False
        for one, two in flows:
            held = targets.get(one)
            if held and not held <= targets.get(two, set()):
                targets.setdefault(two, set()).update(held)
                changed = True


def _edges(
    function: ir.Function,
    functions: Mapping[str, ir.Function],
    targets: Mapping[str, tuple[str, ...]],
) -> Iterator[Edge]:
    for block in function.blocks:
        for op in block.ops:
            if not isinstance(op, ir.Call):
                continue
            if op.callee:
                if op.callee in functions:
                    yield Edge(function.key, op.callee, op.where)
                continue
            slot = op.slot or f"{function.key}:{op.target}"
            for callee in targets.get(slot, ()):
                yield Edge(function.key, callee, op.where, slot)


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
