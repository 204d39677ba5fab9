"""Expressions to three-address ops.

`value` gives an operand, `condition` forks control. `&&`, `||`, `?:` and statement expressions
become control flow, so that a later stage that follows branches sees what the C programmer
sees. A macro's expansion needs no care of its own: clang shows the expanded tree, and every
op's location is where the macro was used.
"""

from __future__ import annotations

import re

from flaglint import ir
from flaglint.lower import kinds as k
from flaglint.lower.cursors import Node
from flaglint.lower.places import Places, last_expression

_NO_RETURN = re.compile(r"__builtin_(unreachable|trap)|__compiletime_assert_\d+|panic|do_exit")
_COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))


class Expressions(Places):
    """The expression half of a function body under construction."""

    def statement(self, node: Node) -> None:
        """Lower one statement; the statement half of the body says how."""
        raise NotImplementedError

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
            return self.unary(node) in ("++", "--", "post++", "post--")
        return node.kind == k.COMPOUND_ASSIGNMENT_OPERATOR

    def steps(self, node: Node) -> bool:
        """Whether the expression counts up or down, as a for loop's third part does."""
        node = self.strip(node)
        return node.kind in (k.UNARY_OPERATOR, k.COMPOUND_ASSIGNMENT_OPERATOR)

    def condition(self, node: Node, yes: int, no: int) -> None:
        """Fork: to `yes` when the expression is true, else to `no`."""
        inner = self.strip(node)
        if inner.kind == k.UNARY_OPERATOR and self.unary(inner) == "!":
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
        while callee.kind == k.UNARY_OPERATOR and self.unary(callee) == "*" and callee.children:
            callee = self.strip(callee.children[0])  # (*f)() calls what f() does
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

    def _unary_value(self, node: Node) -> ir.Operand:
        operator = self.unary(node)
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
                    return _wrapped({"!": int(not operand), "~": ~operand, "-": -operand}[operator])
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
                return _wrapped(folded)
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
        inner = last_expression(node)
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


def _wrapped(number: int) -> int:
    """The number as 64 bits hold it; one that fits keeps its sign."""
    if -(1 << 63) <= number < 1 << 64:
        return number
    low = number & ((1 << 64) - 1)
    return low - (1 << 64) if number < 0 and low >> 63 else low
