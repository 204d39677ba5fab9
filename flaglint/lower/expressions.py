"""Expressions to three-address ops, and the blocks they are put into.

`value` gives an operand, `place` a path, `condition` forks control. `&&`, `||`, `?:` and
statement expressions become control flow, so that a later stage that follows branches sees
what the C programmer sees. A macro's expansion needs no care of its own: clang shows the
expanded tree, and every op's location is where the macro was used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flaglint import ir
from flaglint.location import Location
from flaglint.lower import kinds as k
from flaglint.lower.context import Context
from flaglint.lower.cursors import CXCursor, Node

_NO_RETURN = re.compile(r"__builtin_(unreachable|trap)|__compiletime_assert_\d+|panic|do_exit")
_CLASS = re.compile(r"\bclass_(\w+)_t\b")
_COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))


class Expressions:
    """The expression half of a function body under construction."""

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
        self.scopes: list[tuple[int, list[tuple[str, str, Location]]]] = []
        self.breaks: list[tuple[int, int]] = []
        self.continues: list[tuple[int, int]] = []
        self.switches: list[tuple[list[tuple[int | None, int]], list[int]]] = []

    # Blocks.

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

    # Names and places.

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
        key = (declaration.data[0], declaration.data[1] if declaration.kind >= 100 else 0)
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
            self.types[name] = self.clang.type_text(self.lib.clang_getCursorType(declaration))
        self._names[key] = name
        return name

    def type_of(self, node: Node) -> str:
        """The node's canonical type."""
        return self.clang.type_text(self.lib.clang_getCursorType(node.cursor))

    def type_kind(self, node: Node) -> int:
        """The kind of the node's canonical type."""
        kind = self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(node.cursor)).kind
        return int(kind)

    def declare(self, node: Node) -> None:
        """A local variable's declaration, with its initialiser and its destructor."""
        name = self.name_of(node.cursor)
        if name.startswith("@"):
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
        destroyed = any(c.kind == k.UNEXPOSED_ATTR for c in node.children)
        if found and destroyed and self.scopes:
            function = f"class_{found.group(1)}_destructor"
            key = self.context.destructor_key(node.cursor, function)
            self.scopes[-1][1].append((name, key, self.where(node)))

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
        for position, child in enumerate(inner.children):
            names = [c for c in child.children if c.kind == k.MEMBER_REF]
            if names and child.kind == k.UNEXPOSED_EXPR:
                steps: list[ir.Step] = []
                owner = kind
                for name in names:
                    spelled = self.clang.spelling(name.cursor)
                    if spelled:
                        steps.append(self.context.field(owner, record, spelled))
                target = ir.Path(path.base, (*path.steps, *steps))
                value = child.children[-1]
            elif kind.endswith("]"):
                target = ir.Path(path.base, (*path.steps, ir.Index(position, 0)))
                value = child
            elif position < len(fields):
                target = ir.Path(path.base, (*path.steps, fields[position]))
                value = child
            else:
                continue
            self.initialise(target, value, self.type_of(value))

    def destroy(self, variables: list[tuple[str, str, Location]]) -> None:
        """Call the destructors of a scope's class variables, the last one first."""
        for name, key, where in reversed(variables):
            address = self.temporary()
            function = key.split("@")[0]
            self.emit(ir.Addr(address, ir.Path(name), f"{self.types[name]} *", where))
            self.emit(
                ir.Call(self.temporary(), key, function, "", "", (address,), "void", where)
            )

    def unwind(self, depth: int) -> None:
        """Destroy what every scope deeper than `depth` holds, innermost first."""
        for _, variables in reversed(self.scopes[depth:]):
            self.destroy(variables)

    # Places in memory.

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
            case k.UNARY_OPERATOR if self._unary(node) == "*":
                return self.pointee(self.value(node.children[0]))
            case k.UNARY_OPERATOR if self._unary(node) == "extension":
                return self.place(node.children[0])
            case k.ARRAY_SUBSCRIPT_EXPR:
                return self._element(node)
            case k.CSTYLE_CAST_EXPR:
                return self.place(_last_expression(node))
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
        return ir.Path(path.base, (*path.steps, ir.Index(at, size)))

    # Values.

    def value(self, node: Node) -> ir.Operand:
        """The operand an expression comes to; its side effects are emitted."""
        kind = node.kind
        match kind:
            case k.INTEGER_LITERAL | k.CHARACTER_LITERAL | k.SIZEOF_EXPR:
                number = self.clang.evaluate(node.cursor)
                return "" if number is None else number
            case k.PAREN_EXPR:
                return self.value(node.children[0]) if node.children else ""
            case k.UNEXPOSED_EXPR:
                return self._unexposed(node)
            case k.DECL_REF_EXPR:
                return self._reference(node)
            case k.MEMBER_REF_EXPR | k.ARRAY_SUBSCRIPT_EXPR:
                return self.read(self.place(node), node)
            case k.CALL_EXPR:
                return self.call(node)
            case k.UNARY_OPERATOR:
                return self._unary_value(node)
            case k.BINARY_OPERATOR:
                return self._binary_value(node)
            case k.COMPOUND_ASSIGNMENT_OPERATOR:
                return self._compound(node)
            case k.CONDITIONAL_OPERATOR:
                cond, yes, no = node.children
                return self._choose(cond, yes, no, self.type_of(node))
            case k.CSTYLE_CAST_EXPR:
                return self._cast(node)
            case k.COMPOUND_LITERAL_EXPR:
                path = self.place(node)
                return self.read(path, node)
            case k.STMT_EXPR:
                return self._statement_value(node)
            case k.GENERIC_SELECTION_EXPR:
                return self._generic(node)
            case _:
                return ""

    def constant(self, node: Node) -> int | None:
        """The value of a constant expression such as a case label."""
        return self.clang.evaluate(node.cursor)

    def changes(self, node: Node) -> bool:
        """Whether the expression assigns (and so is no condition of a for loop)."""
        node = self.strip(node)
        if node.kind == k.BINARY_OPERATOR:
            operator = k.BINARY.get(self.lib.clang_getCursorBinaryOperatorKind(node.cursor))
            if operator == ",":
                return self.changes(node.children[-1])
            return operator == "="
        if node.kind == k.UNARY_OPERATOR:
            return self._unary(node) in ("++", "--", "post++", "post--")
        return node.kind == k.COMPOUND_ASSIGNMENT_OPERATOR

    def steps(self, node: Node) -> bool:
        """Whether the expression counts up or down, as a for loop's third part does."""
        node = self.strip(node)
        return node.kind in (k.UNARY_OPERATOR, k.COMPOUND_ASSIGNMENT_OPERATOR)

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

    def condition(self, node: Node, yes: int, no: int) -> None:
        """Fork: to `yes` when the expression is true, else to `no`."""
        inner = self.strip(node)
        if inner.kind == k.UNARY_OPERATOR and self._unary(inner) == "!":
            self.condition(inner.children[0], no, yes)
            return
        if inner.kind == k.BINARY_OPERATOR:
            operator = k.BINARY.get(self.lib.clang_getCursorBinaryOperatorKind(inner.cursor))
            if operator in ("&&", "||"):
                between = self.block()
                first = (between, no) if operator == "&&" else (yes, between)
                self.condition(inner.children[0], *first)
                self.enter(between)
                self.condition(inner.children[1], yes, no)
                return
        if inner.kind == k.CALL_EXPR and len(inner.children) > 1:
            callee = self.strip(inner.children[0])
            if self.clang.spelling(callee.cursor) == "__builtin_expect":
                self.condition(inner.children[1], yes, no)
                return
        value = self.value(inner)
        if isinstance(value, int):
            self.leave(ir.Jump(yes if value else no))
        else:
            self.leave(ir.Branch(value, yes, no))

    def call(self, node: Node) -> ir.Operand:
        """A call: direct, through a pointer, or of a builtin."""
        callee = self.strip(node.children[0]) if node.children else node
        name = ""
        key = ""
        target: ir.Operand = ""
        slot = ""
        if callee.kind == k.DECL_REF_EXPR:
            declaration = self.lib.clang_getCursorReferenced(callee.cursor)
            if declaration.kind == k.FUNCTION_DECL:
                name = self.clang.spelling(declaration)
                key = self.context.function_key(declaration, name)
        if name.startswith("__builtin_"):
            early = self._builtin(name, node)
            if early is not None:
                return early
        if not key:
            if not name:
                slot = self.slot(callee)
                target = self.value(callee)
            key = name
        arguments = tuple(self.value(child) for child in node.children[1:])
        where = self.where(node)
        dst = self.temporary()
        self.emit(ir.Call(dst, key, name, target, slot, arguments, self.type_of(node), where))
        if _NO_RETURN.fullmatch(name):
            self.leave(ir.Unreachable())
        return dst

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

    def _builtin(self, name: str, node: Node) -> ir.Operand | None:
        if name == "__builtin_expect" and len(node.children) > 1:
            return self.value(node.children[1])
        if name in ("__builtin_constant_p", "__builtin_types_compatible_p"):
            number = self.clang.evaluate(node.cursor)
            return 0 if number is None else number
        return None

    def _reference(self, node: Node) -> ir.Operand:
        declaration = self.lib.clang_getCursorReferenced(node.cursor)
        if declaration.kind == k.ENUM_CONSTANT_DECL:
            return int(self.lib.clang_getEnumConstantDeclValue(declaration))
        if declaration.kind == k.FUNCTION_DECL:
            name = self.clang.spelling(declaration)
            return "=" + self.context.function_key(declaration, name)
        if declaration.kind not in (k.VAR_DECL, k.PARM_DECL):
            return ""
        return self.read(ir.Path(self.name_of(declaration)), node)

    def _unary(self, node: Node) -> str:
        return k.UNARY.get(self.lib.clang_getCursorUnaryOperatorKind(node.cursor), "")

    def _unary_value(self, node: Node) -> ir.Operand:
        operator = self._unary(node)
        if not node.children:
            return ""
        child = node.children[0]
        match operator:
            case "&":
                inner = self.strip(child)
                if self.type_kind(inner) == 111:  # CXType_FunctionProto
                    return self.value(inner)
                name = self.temporary()
                path = self.place(child)
                self.emit(ir.Addr(name, path, self.type_of(node), self.where(node)))
                return name
            case "*":
                pointer = self.value(child)
                return self.read(self.pointee(pointer), node)
            case "++" | "--" | "post++" | "post--":
                path = self.place(child)
                before = self.read(path, child)
                if before == path.base:  # a local: keep its value from before the change
                    kept = self.temporary()
                    self.emit(ir.Copy(kept, before, self.type_of(child), self.where(node)))
                    before = kept
                self._change(path, operator[-1] + "=", 1, node)
                return before if operator.startswith("post") else self.read(path, child)
            case "!" | "~" | "-":
                operand = self.value(child)
                if isinstance(operand, int):
                    return {"!": int(not operand), "~": ~operand, "-": -operand}[operator]
                name = self.temporary()
                self.emit(ir.Unary(name, operator, operand, self.where(node)))
                return name
            case _:
                return self.value(child)

    def _binary_value(self, node: Node) -> ir.Operand:
        operator = k.BINARY.get(self.lib.clang_getCursorBinaryOperatorKind(node.cursor), "")
        if len(node.children) < 2:
            return ""
        left, right = node.children[0], node.children[1]
        match operator:
            case "=":
                value = self.value(right)
                path = self.place(left)
                marked = "volatile" in self.clang.text(
                    self.lib.clang_getTypeSpelling(self.lib.clang_getCursorType(left.cursor))
                )
                self.assign(path, value, self.type_of(left), marked, self.where(node))
                return value
            case ",":
                self.value(left)
                return self.value(right)
            case "&&" | "||":
                return self._short_circuit(node)
        first, second = self.value(left), self.value(right)
        if isinstance(first, int) and isinstance(second, int):
            folded = _fold(operator, first, second)
            if folded is not None:
                return folded
        size = 1
        kind = self.type_of(node)
        if operator in ("+", "-") and kind.endswith("*"):
            pointee = self.lib.clang_getPointeeType(
                self.lib.clang_getCanonicalType(self.lib.clang_getCursorType(node.cursor))
            )
            size = max(1, self.lib.clang_Type_getSizeOf(pointee))
        name = self.temporary()
        self.emit(ir.Binary(name, operator, first, second, size, kind, self.where(node)))
        return name

    def _compound(self, node: Node) -> ir.Operand:
        operator = k.BINARY.get(self.lib.clang_getCursorBinaryOperatorKind(node.cursor), "")
        value = self.value(node.children[1])
        path = self.place(node.children[0])
        self._change(path, operator, value, node)
        return self.read(path, node.children[0])

    def _change(self, path: ir.Path, operator: str, value: ir.Operand, node: Node) -> None:
        if path.steps or path.base.startswith("@"):
            self.emit(ir.Rmw(path, operator, value, self.where(node)))
            return
        kind = self.types.get(path.base, "")
        size = 1
        if kind.endswith("*"):
            pointee = self.lib.clang_getPointeeType(
                self.lib.clang_getCanonicalType(
                    self.lib.clang_getCursorType(node.children[0].cursor)
                )
            )
            size = max(1, self.lib.clang_Type_getSizeOf(pointee))
        name = self.temporary()
        where = self.where(node)
        self.emit(ir.Binary(name, operator[:-1], path.base, value, size, kind, where))
        self.emit(ir.Copy(path.base, name, kind, where))

    def _short_circuit(self, node: Node) -> ir.Operand:
        result = self.join("int")
        yes, no, after = self.block(), self.block(), self.block()
        self.condition(node, yes, no)
        for block, number in ((yes, 1), (no, 0)):
            self.enter(block)
            self.emit(ir.Copy(result, number, "int", self.where(node)))
            self.leave(ir.Jump(after))
        self.enter(after)
        return result

    def _choose(self, cond: Node, yes: Node, no: Node, kind: str) -> ir.Operand:
        known = self.clang.evaluate(cond.cursor)
        if known is not None:
            return self.value(yes if known else no)
        result = self.join(kind)
        first, second, after = self.block(), self.block(), self.block()
        self.condition(cond, first, second)
        for block, arm in ((first, yes), (second, no)):
            self.enter(block)
            value = self.value(arm)
            if kind != "void":
                self.emit(ir.Copy(result, value, kind, self.where(arm)))
            self.leave(ir.Jump(after))
        self.enter(after)
        return result if kind != "void" else ""

    def _first_or(self, first: Node, other: Node, kind: str) -> ir.Operand:
        result = self.join(kind)
        self.emit(ir.Copy(result, self.value(first), kind, self.where(first)))
        empty, after = self.block(), self.block()
        self.leave(ir.Branch(result, after, empty))
        self.enter(empty)
        self.emit(ir.Copy(result, self.value(other), kind, self.where(other)))
        self.leave(ir.Jump(after))
        self.enter(after)
        return result

    def _cast(self, node: Node) -> ir.Operand:
        inner = _last_expression(node)
        if inner is node:
            return ""
        operand = self.value(inner)
        if isinstance(operand, int):
            return operand
        kind = self.type_of(node)
        if not operand or not kind.endswith("*"):
            return operand
        name = self.temporary()
        self.emit(ir.Cast(name, operand, kind, self.where(node)))
        return name

    def _statement_value(self, node: Node) -> ir.Operand:
        compound = node.children[0]
        self.scopes.append((id(compound), []))
        *before, last = compound.children or [compound]
        for child in before:
            self.statement(child)
        value: ir.Operand = ""
        while last.kind == k.LABEL_STMT and last.children:
            block = self.label(self.clang.spelling(last.cursor))
            self.leave(ir.Jump(block))
            self.enter(block)
            last = last.children[-1]
        if k.FIRST_EXPR <= last.kind <= k.LAST_EXPR:
            value = self.value(last)
        elif last is not compound:
            self.statement(last)
        self.destroy(self.scopes[-1][1])
        self.scopes.pop()
        return value

    def statement(self, node: Node) -> None:
        """Lower one statement; the statement half of the body says how."""
        raise NotImplementedError

    def _generic(self, node: Node) -> ir.Operand:
        wanted = self.type_of(node)
        arms = [c for c in node.children[1:] if k.FIRST_EXPR <= c.kind <= k.LAST_EXPR]
        for arm in arms:
            if self.type_of(arm) == wanted:
                return self.value(arm)
        return self.value(arms[0]) if arms else ""

    def _unexposed(self, node: Node) -> ir.Operand:
        inner = [c for c in node.children if k.FIRST_EXPR <= c.kind <= k.LAST_EXPR]
        if len(inner) == 1 and len(node.children) == 1:
            return self.value(inner[0])
        number = self.clang.evaluate(node.cursor)
        if number is not None:
            return number
        if len(inner) == 3:  # __builtin_choose_expr(cond, yes, no)
            return self._choose(inner[0], inner[1], inner[2], self.type_of(node))
        if len(inner) in (2, 4):  # first ?: other; clang shows the first part again
            return self._first_or(inner[0], inner[-1], self.type_of(node))
        return self.value(inner[0]) if inner else ""


def _last_expression(node: Node) -> Node:
    for child in reversed(node.children):
        if k.FIRST_EXPR <= child.kind <= k.LAST_EXPR:
            return child
    return node


def _fold(operator: str, left: int, right: int) -> int | None:
    if operator in _COMPARISONS:
        return int(
            {
                "==": left == right, "!=": left != right, "<": left < right,
                ">": left > right, "<=": left <= right, ">=": left >= right,
            }[operator]
        )  # fmt: skip
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "<<" if 0 <= right < 64:
            return left << right
        case ">>" if 0 <= right < 64:
            return left >> right
        case "/" if right > 0 and left >= 0:
            return left // right
        case "%" if right > 0 and left >= 0:
            return left % right
    return None


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
