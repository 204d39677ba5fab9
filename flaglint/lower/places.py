"""Lvalues to paths, and what is read from, stored to and declared at them.

`place` gives the path that an lvalue names. An anonymous member adds no step of its own: the
named one inside it carries the offset, counted from the record around both. What cannot be
named (a member of a call's result) is a temporary that nothing is known of.
"""

from __future__ import annotations

import re

from flaglint import ir
from flaglint.location import Location
from flaglint.lower import kinds as k
from flaglint.lower.blocks import Blocks
from flaglint.lower.cursors import CXType, Node

_CLASS = re.compile(r"\bclass_(\w+)_t\b")


class Places(Blocks):
    """The half of a function body under construction that names memory."""

    def value(self, node: Node) -> ir.Operand:
        """The operand an expression comes to; the expression half of the body says how."""
        raise NotImplementedError

    def strip(self, node: Node) -> Node:
        """The node without parentheses and implicit conversions."""
        while node.kind in (k.PAREN_EXPR, k.UNEXPOSED_EXPR):
            inner = [c for c in node.children if c.kind >= k.FIRST_EXPR]
            if len(inner) != 1:
                break
            node = inner[0]
        return node

    def place(self, node: Node) -> ir.Path:
        """The place in memory that an lvalue names."""
        node = self.strip(node)
        match node.kind:
            case k.DECL_REF_EXPR:
                return ir.Path(self.name_of(self.lib.clang_getCursorReferenced(node.cursor)))
            case k.MEMBER_REF_EXPR:
                return self._member(node)
            case k.UNARY_OPERATOR if self.unary(node) == "*":
                return self.pointee(self.value(node.children[0]))
            case k.UNARY_OPERATOR if self.unary(node) == "extension":
                return self.place(node.children[0])
            case k.ARRAY_SUBSCRIPT_EXPR:
                return self._element(node)
            case k.CSTYLE_CAST_EXPR:
                return self.place(last_expression(node))
            case k.COMPOUND_LITERAL_EXPR:
                kind = self.type_of(node)
                name = self.join(kind)
                self.initialise(ir.Path(name), node.children[-1], kind)
                return ir.Path(name)
            case _:
                operand = self.value(node)
                return ir.Path(operand if isinstance(operand, str) and operand else self.fresh())

    def fresh(self) -> str:
        """A temporary nothing is known of."""
        return self.temporary()

    def pointee(self, pointer: ir.Operand) -> ir.Path:
        """What a pointer operand points to."""
        base = pointer if isinstance(pointer, str) and pointer else self.fresh()
        return ir.Path(base, (ir.Deref(),))

    def read(self, path: ir.Path, node: Node) -> ir.Operand:
        """The value at a place; an array's is its address."""
        kind = self.type_of(node)
        if not path.steps and not path.base.startswith("@") and not kind.endswith("]"):
            return path.base
        name = self.temporary()
        if kind.endswith("]"):
            self.emit(ir.Addr(name, path, kind, self.where(node)))
        else:
            self.emit(ir.Load(name, path, kind, self.where(node)))
        return name

    def assign(
        self, path: ir.Path, value: ir.Operand, kind: str, marked: bool, where: Location
    ) -> None:
        """Store a value at a place, or copy it to a local."""
        if path.steps or path.base.startswith("@"):
            self.emit(ir.Store(path, value, kind, marked, where))
        else:
            self.emit(ir.Copy(path.base, value, kind, where))

    def declare(self, node: Node) -> None:
        """A local variable's declaration, with its initialiser and its destructor."""
        name = self.name_of(node.cursor)
        if name.startswith("@"):
            self.context.statics.append(node)
            return
        initialiser = [c for c in node.children if k.FIRST_EXPR <= c.kind <= k.LAST_EXPR]
        kind = self.types[name]
        if initialiser and not (kind.endswith("]") and initialiser[-1].kind != k.INIT_LIST_EXPR):
            # The last expression: an array type's bound comes before its initialiser.
            self.initialise(ir.Path(name), initialiser[-1], kind)
        declared = self.clang.text(
            self.lib.clang_getTypeSpelling(self.lib.clang_getCursorType(node.cursor))
        )
        found = _CLASS.search(declared)
        attributes = [c.cursor for c in node.children if c.kind == k.UNEXPOSED_ATTR]
        if attributes and self.scopes:
            if found:
                function = f"class_{found.group(1)}_destructor"
                keys = [self.context.destructor_key(node.cursor, function)]
            else:
                keys = [self.context.cleanup_key(attribute) for attribute in attributes]
            here = self.where(node)
            self.scopes[-1][1].extend((name, key, here) for key in keys if key)

    def initialise(self, path: ir.Path, node: Node, kind: str) -> None:
        """Store an initialiser, member by member for a list."""
        inner = self.strip(node)
        if inner.kind == k.COMPOUND_LITERAL_EXPR and inner.children:
            inner = inner.children[-1]
        if inner.kind != k.INIT_LIST_EXPR:
            self.assign(path, self.value(node), kind, False, self.where(node))
            return
        record = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(inner.cursor))
        fields = self.context.fields(record)
        position = -1
        for child in inner.children:
            position += 1
            value = child
            if child.kind == k.UNEXPOSED_EXPR and len(child.children) > 1:
                steps = self._designated(child, kind, record)
                target = ir.Path(path.base, (*path.steps, *steps))
                value = child.children[-1]
                if steps and isinstance(steps[0], ir.Index):
                    position = steps[0].at or 0
            elif kind.endswith("]"):
                target = ir.Path(path.base, (*path.steps, ir.Index(position, 0)))
            elif position < len(fields):
                target = ir.Path(path.base, (*path.steps, fields[position]))
            else:
                continue
            self.initialise(target, value, self.type_of(value))

    def _designated(self, node: Node, kind: str, record: CXType) -> list[ir.Step]:
        # What `[2].member =` names in a value of the type; the last child is what is stored there.
        steps: list[ir.Step] = []
        for child in node.children[:-1]:
            if child.kind == k.MEMBER_REF:
                spelled = self.clang.spelling(child.cursor)
                if not spelled:
                    continue  # an anonymous member: the named one inside it carries the offset
                steps.append(self.context.field(kind, record, spelled))
                member = self.lib.clang_getCursorReferenced(child.cursor)
                record = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(member))
            elif kind.endswith("]"):
                at = self.value(child)
                steps.append(ir.Index(at if isinstance(at, int) else None, 0))
                element = self.lib.clang_getArrayElementType(record)
                record = self.lib.clang_getCanonicalType(element)
            else:
                steps[-1] = ir.Index(None, 0)  # [1 ... 3]
            kind = self.clang.type_text(record)
        return steps

    def slot(self, callee: Node) -> str:
        """The record's member a called pointer was read from, "struct.member"."""
        inner = self.strip(callee)
        while inner.kind == k.UNARY_OPERATOR and inner.children:
            inner = self.strip(inner.children[0])
        if inner.kind != k.MEMBER_REF_EXPR:
            return ""
        path = self._member(inner)
        last = path.steps[-1] if path.steps else None
        return f"{last.record}.{last.name}" if isinstance(last, ir.Field) else ""

    def unary(self, node: Node) -> str:
        """The operator of a unary expression, "" for one that the IR has no name for."""
        return k.UNARY.get(self.lib.clang_getCursorUnaryOperatorKind(node.cursor), "")

    def _member_name(self, node: Node) -> str:
        # An unnamed member's "name" is its type's place: "union page::(anonymous at ...)".
        name = self.clang.spelling(node.cursor)
        return "" if "(anonymous" in name or "(unnamed" in name else name

    def _member(self, node: Node) -> ir.Path:
        name = self._member_name(node)
        inner = [c for c in node.children if k.FIRST_EXPR <= c.kind <= k.LAST_EXPR]
        if not inner:
            return ir.Path(self.fresh())
        base = inner[0]
        kind = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(base.cursor))
        if kind.kind == k.TYPE_POINTER:
            path = self.pointee(self.value(base))
            kind = self.lib.clang_getCanonicalType(self.lib.clang_getPointeeType(kind))
        else:
            path = self.place(base)
        if not name:
            return path  # an anonymous member: the named one inside it carries the offset
        base = self.strip(base)
        while base.kind == k.MEMBER_REF_EXPR and not self._member_name(base):
            # folio->(anonymous union).lru: clang shows the unnamed member too; the record
            # to name, and to count the offset from, is the one around it.
            deeper = [c for c in base.children if k.FIRST_EXPR <= c.kind <= k.LAST_EXPR]
            if not deeper:
                break
            base = self.strip(deeper[0])
            kind = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(base.cursor))
            if kind.kind == k.TYPE_POINTER:
                kind = self.lib.clang_getCanonicalType(self.lib.clang_getPointeeType(kind))
        record = self.clang.type_text(kind)
        return ir.Path(path.base, (*path.steps, self.context.field(record, kind, name)))

    def _element(self, node: Node) -> ir.Path:
        array, index = node.children[0], node.children[-1]
        position = self.value(index)
        at = position if isinstance(position, int) else None
        size = max(0, self.lib.clang_Type_getSizeOf(self.lib.clang_getCursorType(node.cursor)))
        inner = self.strip(array)
        if self.type_kind(inner) in k.ARRAYS:
            path = self.place(inner)
        else:
            path = self.pointee(self.value(array))
            if at == 0:
                return path
        by = position if isinstance(position, str) else ""
        if by.startswith("%") and self.unary(self.strip(index)) not in ("post++", "post--"):
            by = ""  # of pages[nr++], what nr was tells which
        return ir.Path(path.base, (*path.steps, ir.Index(at, size, by)))


def last_expression(node: Node) -> Node:
    """The last child that is an expression, the node itself when none is."""
    for child in reversed(node.children):
        if k.FIRST_EXPR <= child.kind <= k.LAST_EXPR:
            return child
    return node
