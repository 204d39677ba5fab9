"""What is asked of every function of a program, whether anybody follows it or not.

Whose body it is, whom it calls and which functions it hands on: that is found once, where the
file is read, and kept with its unit. A later run, in which one file of many changed, then looks
at the bodies of the functions that it has to follow, and at no others.

Interface: `facts_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from flaglint import ir
from flaglint.location import Location
from flaglint.store import digest

_TO_PAGE = re.compile(r"struct (?:page|folio) \*")


def facts_of(function: ir.Function) -> ir.Facts:
    """What one function's body says, whatever other functions there are."""
    stored: list[tuple[str, str]] = []
    calls: list[tuple[str, str, Location]] = []
    passed: list[tuple[str, int, str]] = []
    flows: list[tuple[str, str]] = []
    params = frozenset(function.params)
    kinds: set[str] = set()
    named: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    flags: set[str] = set()
    addresses: set[str] = set()
    given = {param: function.types.get(param, "") for param in function.params}
    keeps: set[str] = set()
    gives: set[tuple[str, str]] = set()
    bearers: set[str] = set()
    for block in function.blocks:
        for op in block.ops:
            if isinstance(op, ir.Call | ir.Load | ir.Cast | ir.Binary):
                # Computed from a frame number, a page may need neither variable nor cast.
                kinds.add(op.type)
            elif isinstance(op, ir.Store | ir.Rmw | ir.Addr):
                flags.update(_flags(op.path))
            if base := ir.global_address(op):
                addresses.add(base)
            if (source := _points_into(op)) in given:
                given[ir.defined(op)] = given[source]
            if isinstance(op, ir.Load | ir.Store | ir.Addr) and _TO_PAGE.search(op.type):
                bearers.update(step.record for step in op.path.steps if isinstance(step, ir.Field))
            if isinstance(op, ir.Store) and op.src in given and op.type.endswith("*"):
                if op.path.steps or op.path.base.startswith("@"):
                    keeps.add(given[str(op.src)])
            match op:
                case ir.Call(callee=callee, args=args):
                    slot = "" if callee else op.slot or f"{function.key}:{op.target}"
                    calls.append((callee, slot, op.where))
                    named.add(op.name)
                    gives.update((callee, given[str(arg)]) for arg in args if arg in given)
                    numbers.update((op.name, arg) for arg in args if isinstance(arg, int))
                    passed += [
                        (callee, number, argument)
                        for number, argument in enumerate(args if callee else ())
                        if isinstance(argument, str)
                        and (argument.startswith("=") or argument in params)
                    ]
                case ir.Store(path=path, src=str(src)) if src.startswith("=") and path.steps:
                    last = path.steps[-1]
                    if isinstance(last, ir.Field):
                        stored.append((f"{last.record}.{last.name}", src[1:]))
                case ir.Copy(dst=dst, src=str(src)) if src.startswith("="):
                    stored.append((f"{function.key}:{dst}", src[1:]))
                case ir.Copy(dst=dst, src=str(src), type=kind) if "(*" in kind:
                    flows.append((f"{function.key}:{src}", f"{function.key}:{dst}"))
                case ir.Load(dst=dst, path=path, type=kind) if "(*" in kind and path.steps:
                    last = path.steps[-1]
                    if isinstance(last, ir.Field):
                        slot = f"{last.record}.{last.name}"
                        flows.append((slot, f"{function.key}:{dst}"))
    first = function.blocks[0]
    return ir.Facts(
        digest(_fingerprint(function)),
        tuple(stored),
        tuple(sorted({callee for callee, _, _ in calls if callee})),
        tuple(sorted({slot for _, slot, _ in calls if slot})),
        tuple((callee, at, what[1:]) for callee, at, what in passed if what.startswith("=")),
        tuple(item for item in passed if not item[2].startswith("=")),
        tuple(flows),
        tuple(sorted(kinds)),
        tuple(sorted(named)),
        tuple(sorted(numbers)),
        len(function.blocks) == 1
        and not first.ops
        and isinstance(first.end, ir.Return)
        and isinstance(first.end.value, int),
        tuple(sorted(flags)),
        tuple(sorted(addresses)),
        tuple(sorted(keeps)),
        tuple(sorted(gives)),
        tuple(sorted(bearers)),
        msgspec.Raw(msgspec.msgpack.encode(calls)),
    )


def _points_into(op: ir.Op) -> str:
    # The variable that points where the result does, or to what that is a part of.
    if isinstance(op, ir.Copy | ir.Cast):
        return str(op.src)
    return op.path.base if isinstance(op, ir.Addr) and op.path.steps else ""


def _flags(path: ir.Path) -> Iterator[str]:
    for step in path.steps:
        if isinstance(step, ir.Field) and "flags" in step.name:
            yield step.record


def _fingerprint(function: ir.Function) -> bytes:
    start = function.where.line
    blocks = msgspec.to_builtins(function.blocks)
    for ops, end in blocks:
        for op in ops:
            op[-1][1] -= start  # every op's last field is its location
        if end[0] == "ret":
            end[-1][1] -= start
    return msgspec.msgpack.encode(
        (
            function.key, function.name, function.where.file, function.params, function.types,
            function.result, function.section, function.exported, function.claims, blocks,
        )
    )  # fmt: skip
