"""The blocks of one function under construction, its names, and its open scopes.

Ops go to the current block; code that nothing reaches is dropped as it comes. A local has one
name in the whole function, whatever blocks of C hide it; what outlives the function begins
with "@". What a scope's class variables need at its end is here, when it ends is the
statements' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flaglint import ir
from flaglint.location import Location
from flaglint.lower import kinds as k
from flaglint.lower.context import Context
from flaglint.lower.cursors import CXCursor, Node


class Blocks:
    """Blocks, names and scopes, to which the lowering of places, values and statements adds."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.clang = context.clang
        self.lib = context.clang.lib
        self.current: int | None = 0
        self._ops: list[list[ir.Op]] = [[]]
        self._ends: list[ir.Terminator | None] = [None]
        self._temporaries = 0
        self._joins = 0
        self._labels: dict[str, int] = {}
        self._names: dict[tuple[int | None, int | None], str] = {}
        self._used: set[str] = set()
        self.types: dict[str, str] = {}
        self.label_scopes: dict[str, tuple[int, ...]] = {}
        self.loose: tuple[str, ...] | None = None
        """Labels that no goto names; None as long as nobody asked."""
        self.scopes: list[tuple[int, list[tuple[str, str, Location]]]] = []
        self.breaks: list[tuple[int, int]] = []
        self.continues: list[tuple[int, int]] = []
        self.switches: list[tuple[list[tuple[int | None, int]], list[int]]] = []

    def block(self) -> int:
        """A new, empty block."""
        self._ops.append([])
        self._ends.append(None)
        return len(self._ops) - 1

    def enter(self, block: int) -> None:
        """Append what follows to `block`."""
        self.current = block

    def leave(self, end: ir.Terminator) -> None:
        """End the current block; what follows is unreachable until `enter`."""
        if self.current is not None:
            self._ends[self.current] = end
            self.current = None

    def emit(self, op: ir.Op) -> None:
        """Append an op to the current block; code nobody reaches is dropped."""
        if self.current is not None:
            self._ops[self.current].append(op)

    def label(self, name: str) -> int:
        """The block a label starts."""
        if name not in self._labels:
            self._labels[name] = self.block()
        return self._labels[name]

    def finished(self) -> tuple[ir.Block, ...]:
        """The blocks that the entry reaches, in their order of creation; empty ones skipped."""
        ends = [end or ir.Unreachable() for end in self._ends]
        target = [self._thread(block, ends) for block in range(len(ends))]
        ends = [_redirect(end, target) for end in ends]
        reached, todo = {0}, [0]
        while todo:
            for to in ir.successors(ends[todo.pop()]):
                if to not in reached:
                    reached.add(to)
                    todo.append(to)
        number = {old: new for new, old in enumerate(sorted(reached))}
        return tuple(
            ir.Block(tuple(self._ops[old]), _redirect(ends[old], number)) for old in sorted(reached)
        )

    def _thread(self, block: int, ends: list[ir.Terminator]) -> int:
        seen = set()
        while block not in seen and not self._ops[block]:
            seen.add(block)
            end = ends[block]
            if not isinstance(end, ir.Jump):
                break
            block = end.to
        return block

    def where(self, node: Node) -> Location:
        """The node's location."""
        return self.context.where(node.cursor)

    def temporary(self) -> str:
        """A name assigned once."""
        self._temporaries += 1
        return f"%{self._temporaries}"

    def join(self, kind: str) -> str:
        """A name that several branches assign."""
        self._joins += 1
        name = f"?{self._joins}"
        self.types[name] = kind
        return name

    def name_of(self, declaration: CXCursor) -> str:
        """The IR's name for a variable declaration: unique among the function's locals."""
        key = (declaration.first, declaration.second if declaration.kind >= 100 else 0)
        known = self._names.get(key)
        if known is not None:
            return known
        name = self.clang.spelling(declaration)
        storage = self.lib.clang_Cursor_getStorageClass(declaration)
        parent = self.lib.clang_getCursorSemanticParent(declaration)
        outside = declaration.kind == k.VAR_DECL and parent.kind != k.FUNCTION_DECL
        if outside or storage in (k.STORAGE_STATIC, k.STORAGE_EXTERN):
            name = f"@{name}"
        else:
            plain, number = name or "_", 1
            name = plain
            while name in self._used:
                number += 1
                name = f"{plain}~{number}"
            self._used.add(name)
            self.types[name] = self.clang.declared(declaration)
        self._names[key] = name
        return name

    def type_of(self, node: Node) -> str:
        """The node's canonical type."""
        if parameter := self._parameter(node):
            return self.clang.declared(parameter)
        return self.clang.type_text(self.lib.clang_getCursorType(node.cursor))

    def type_kind(self, node: Node) -> int:
        """The kind of the node's canonical type."""
        if self._parameter(node):
            return k.TYPE_POINTER
        kind = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(node.cursor)).kind
        return int(kind)

    def _parameter(self, node: Node) -> CXCursor | None:
        # The parameter that the node names, if it is declared as an array and so is a pointer.
        if node.kind != k.DECL_REF_EXPR:
            return None
        kind = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(node.cursor)).kind
        if kind not in k.ARRAYS:
            return None
        named = self.lib.clang_getCursorReferenced(node.cursor)
        return named if named.kind == k.PARM_DECL else None

    def destroy(self, variables: list[tuple[str, str, Location]]) -> None:
        """Call the destructors of a scope's class variables, the last one first."""
        for name, key, where in reversed(variables):
            address = self.temporary()
            function = key.split("@")[0]
            self.emit(ir.Addr(address, ir.Path(name), f"{self.types[name]} *", where))
            self.emit(ir.Call(self.temporary(), key, function, "", "", (address,), "void", where))

    def unwind(self, depth: int) -> None:
        """Destroy what every scope deeper than `depth` holds, innermost first."""
        for _, variables in reversed(self.scopes[depth:]):
            self.destroy(variables)


def _redirect(end: ir.Terminator, to: Mapping[int, int] | Sequence[int]) -> ir.Terminator:
    match end:
        case ir.Jump(block):
            return ir.Jump(to[block])
        case ir.Branch(cond, yes, no):
            if to[yes] == to[no]:
                return ir.Jump(to[yes])
            return ir.Branch(cond, to[yes], to[no])
        case ir.Switch(on, cases, default):
            return ir.Switch(on, tuple((v, to[block]) for v, block in cases), to[default])
    return end
