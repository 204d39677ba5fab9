"""What a function of the header does to flags words, read off its body.

    static inline void SetPageX(struct page *page)
    { set_bit(PG_x, &PF_HEAD(page, 1)->flags); }        atomic set of PG_x in the head's word

The body is walked once, in order, with a value for each variable. Functions of the same header
are walked at their calls with the values of the arguments, so what `folio_flags(folio, 1)`
selects comes from its own body. Branches are joined. An assertion (`VM_BUG_ON_PAGE(...)`) is
believed, and so is one that a constant turns off: `VM_BUG_ON(0 && PageTail(page))` still says
what the accessor is for.

Assumptions: a struct folio is its first page; loops are walked once, which is enough because
values only take part as addresses and bits.
A word's address that reaches a function we do not know gives an access with a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import msgspec
from pycparser import c_ast

from flaglint.flagtable import Atomicity, Word
from flaglint.pageflags.conditions import number
from flaglint.pageflags.declarations import Parameter
from flaglint.pageflags.knowledge import Knowledge
from flaglint.pageflags.touches import bit_operation, handed_out, masked, member, stored, unary
from flaglint.pageflags.values import (
    UNKNOWN,
    Access,
    Bit,
    Number,
    Page,
    Value,
    combine,
    join,
    step,
)

_ASSERTION = re.compile(r"(?:BUG|WARN)_ON")

_Result = tuple[Value, tuple[Access, ...]]
_Memory = dict[tuple[str, tuple[Value, ...]], _Result]


class Body(msgspec.Struct, frozen=True):
    """A parsed function: its parameters and the tree of its body."""

    params: tuple[Parameter, ...]
    gives_pointer: bool
    tree: c_ast.Compound


class Header(msgspec.Struct, frozen=True):
    """What the walk knows: parsed functions, the flags' names by bit, the API tables."""

    functions: Mapping[str, Body]
    flags: frozenset[str]
    by_bit: Mapping[int, str]
    knowledge: Knowledge


def accesses(header: Header, body: Body) -> tuple[Access, ...]:
    """Every touch of a flags word in `body`, in order, without duplicates."""
    walk = _Walk(header, {})
    walk.call(body, [formal(p) for p in body.params])
    return tuple(dict.fromkeys(walk.found))


def purpose(found: tuple[Access, ...]) -> tuple[Access, ...]:
    """The accesses that say what a function is for, as its callers and readers see it.

    All of its writes; of its reads, those in its own body, or else those of its callees.
    """
    writes = tuple(a for a in found if a.atomicity is not Atomicity.READ)
    reads = tuple(a for a in found if a.atomicity is Atomicity.READ)
    return writes + (tuple(a for a in reads if not a.nested) or reads)


def formal(parameter: Parameter) -> Value:
    """The value of a parameter nothing else is known of."""
    if parameter.struct == "page":
        return Page(Word.ANY)
    if parameter.struct == "folio":
        return Page(Word.HEAD)
    return UNKNOWN


class _Walk:
    """One walk of one body; a call of another function of the header makes a new one."""

    _LEAVES: ClassVar[tuple[type, ...]] = (c_ast.Return, c_ast.Goto, c_ast.Break, c_ast.Continue)

    def __init__(self, header: Header, memory: _Memory) -> None:
        self._header = header
        self._memory = memory
        self._variables: dict[str, Value] = {}
        self._returned: Value | None = None
        self.found: list[Access] = []

    def call(self, body: Body, arguments: list[Value]) -> Value:
        """Walk `body` with `arguments`, give what it returns."""
        for parameter, argument in zip(body.params, arguments, strict=False):
            self._variables[parameter.name] = argument
        self._statement(body.tree)
        return UNKNOWN if self._returned is None else self._returned

    # Statements. The result says whether control can go on to the next one.

    def _statement(self, node: c_ast.Node | None) -> bool:
        if node is None:
            return True
        if isinstance(node, c_ast.Compound):
            return self._block(node)
        if isinstance(node, c_ast.If):
            return self._if(node)
        if isinstance(node, c_ast.Return):
            value = self._value(node.expr) if node.expr is not None else UNKNOWN
            self._returned = value if self._returned is None else join(self._returned, value)
            return False
        if isinstance(node, self._LEAVES):
            return False
        if isinstance(node, c_ast.Decl):
            if node.init is not None:
                self._variables[node.name] = self._value(node.init)
            return True
        if isinstance(node, (c_ast.While, c_ast.DoWhile, c_ast.For, c_ast.Switch, c_ast.Case)):
            return self._repeated(node)
        if isinstance(node, (c_ast.Default, c_ast.Label, c_ast.DeclList)):
            for _, child in node.children():
                self._statement(child)
            return True
        self._value(node)
        return True

    def _block(self, node: c_ast.Compound) -> bool:
        outer = dict(self._variables)
        declared: set[str] = set()
        goes_on = True
        for item in node.block_items or ():
            if isinstance(item, c_ast.Decl):
                declared.add(item.name)
            goes_on = self._statement(item) and goes_on
        for name in declared:
            if name in outer:
                self._variables[name] = outer[name]
        return goes_on

    def _if(self, node: c_ast.If) -> bool:
        self._value(node.cond)
        before = dict(self._variables)
        then_goes_on = self._statement(node.iftrue)
        after_then = self._variables
        self._variables = dict(before)
        else_goes_on = self._statement(node.iffalse)
        if then_goes_on and else_goes_on:
            self._variables = _joined(after_then, self._variables)
        elif then_goes_on:
            self._variables = after_then
        elif else_goes_on and node.iffalse is None:
            self._is_false(node.cond)
        return then_goes_on or else_goes_on

    def _repeated(self, node: c_ast.Node) -> bool:
        before = dict(self._variables)
        for _, child in node.children():
            self._statement(child)
        self._variables = _joined(before, self._variables)
        return True

    # Expressions.

    def _value(self, node: c_ast.Node) -> Value:
        if isinstance(node, c_ast.ID):
            return self._name(node.name)
        if isinstance(node, c_ast.Constant):
            value = number(node.value) if "int" in node.type else None
            return UNKNOWN if value is None else Number(value)
        if isinstance(node, c_ast.FuncCall):
            return self._function_call(node)
        if isinstance(node, c_ast.Cast):
            return self._cast(node)
        if isinstance(node, c_ast.StructRef):
            return member(self._value(node.name), node.field.name)
        if isinstance(node, c_ast.ArrayRef):
            base, index = self._value(node.name), self._value(node.subscript)
            return step(base, index) if isinstance(base, Page) else base
        if isinstance(node, c_ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, c_ast.BinaryOp):
            return self._binary(node)
        if isinstance(node, c_ast.Assignment):
            return self._assignment(node)
        if isinstance(node, c_ast.TernaryOp):
            self._value(node.cond)
            return join(self._value(node.iftrue), self._value(node.iffalse))
        if isinstance(node, c_ast.Compound):
            return self._statement_expression(node)
        if isinstance(node, c_ast.ExprList):
            return [UNKNOWN, *(self._value(item) for item in node.exprs)][-1]
        for _, child in node.children():
            if not isinstance(child, (c_ast.Typename, c_ast.TypeDecl)):
                self._value(child)
        return UNKNOWN

    def _name(self, name: str) -> Value:
        if name in self._variables:
            return self._variables[name]
        if name in self._header.flags:
            return Bit(name)
        return {"true": Number(1), "false": Number(0)}.get(name, UNKNOWN)

    def _cast(self, node: c_ast.Cast) -> Value:
        value = self._value(node.expr)
        target = node.to_type.type
        if isinstance(value, Page) and isinstance(target, c_ast.PtrDecl):
            struct = getattr(target.type, "type", None)
            if isinstance(struct, c_ast.Struct) and struct.name == "folio":
                return Page(Word.HEAD)
        return value

    def _unary(self, node: c_ast.UnaryOp) -> Value:
        if node.op == "sizeof":
            return UNKNOWN
        value = self._value(node.expr)
        if node.op in ("++", "--", "p++", "p--"):
            self._note(stored(value))
            self._store_name(node.expr, UNKNOWN)
            return UNKNOWN
        return unary(node.op, value)

    def _binary(self, node: c_ast.BinaryOp) -> Value:
        left, right = self._value(node.left), self._value(node.right)
        if node.op == "&":
            self._note(masked(left, right) or masked(right, left))
        return combine(node.op, left, right)

    def _assignment(self, node: c_ast.Assignment) -> Value:
        value = self._value(node.rvalue)
        if isinstance(node.lvalue, c_ast.ID):
            self._store_name(node.lvalue, value if node.op == "=" else UNKNOWN)
        else:
            self._note(stored(self._value(node.lvalue), node.op, value))
        return value

    def _store_name(self, node: c_ast.Node, value: Value) -> None:
        if isinstance(node, c_ast.ID):
            self._variables[node.name] = value

    def _statement_expression(self, node: c_ast.Compound) -> Value:
        items = node.block_items or []
        if not items:
            return UNKNOWN
        outer = dict(self._variables)
        for item in items[:-1]:
            self._statement(item)
        last = items[-1]
        if isinstance(last, (c_ast.Decl, c_ast.Return, c_ast.If)):
            self._statement(last)
            value: Value = UNKNOWN
        else:
            value = self._value(last)
        for item in items:
            if isinstance(item, c_ast.Decl) and item.name in outer:
                self._variables[item.name] = outer[item.name]
        return value

    # Calls.

    def _function_call(self, node: c_ast.FuncCall) -> Value:
        nodes = list(node.args.exprs) if node.args is not None else []
        name = node.name.name if isinstance(node.name, c_ast.ID) else ""
        knowledge = self._header.knowledge
        pages = knowledge.pages
        if _ASSERTION.search(name):
            if nodes:
                self._is_false(nodes[0], asserted=True)
            return UNKNOWN
        arguments = [self._value(argument) for argument in nodes]
        if name in knowledge.bitops:
            self._note(bit_operation(knowledge.bitops[name], arguments, self._header.by_bit))
            return UNKNOWN
        if name in pages.head_of:
            return Page(Word.HEAD)
        if name in pages.nth_of and len(arguments) == 2 and isinstance(arguments[0], Page):
            return step(arguments[0], arguments[1])
        if name in pages.transparent and arguments:
            return arguments[0]
        if name in pages.bit_masks and arguments:
            return combine("<<", Number(1), arguments[0])
        if name in pages.stores and arguments:
            self._note(stored(arguments[0]))
            return UNKNOWN
        if name in self._header.functions:
            return self._inner(name, arguments)
        self.found.extend(handed_out(name, arguments))
        return UNKNOWN

    def _inner(self, name: str, arguments: list[Value]) -> Value:
        body = self._header.functions[name]
        key = (name, tuple(arguments))
        if key not in self._memory:
            # What a recursive call does is what the outer one does: nothing is added by it.
            self._memory[key] = (UNKNOWN, ())
            walk = _Walk(self._header, self._memory)
            result = walk.call(body, arguments)
            self._memory[key] = (result, purpose(tuple(dict.fromkeys(walk.found))))
        result, found = self._memory[key]
        for access in found:
            # A function that finds a page may look at flags to do so: not what its caller does.
            if not (body.gives_pointer and access.atomicity is Atomicity.READ):
                self.found.append(msgspec.structs.replace(access, nested=True))
        return result

    def _note(self, access: Access | None) -> None:
        if access is not None:
            self.found.append(access)

    # Facts.

    def _is_false(self, node: c_ast.Node, asserted: bool = False) -> None:
        """Learn from `node` being false: which variables are a folio's first page.

        `asserted` says that it is false only in a kernel that checks its assertions.
        """
        node = self._unwrapped(node)
        pages = self._header.knowledge.pages
        if isinstance(node, c_ast.BinaryOp) and node.op == "||":
            self._is_false(node.left, asserted)
            self._is_false(node.right, asserted)
        elif isinstance(node, c_ast.BinaryOp) and node.op == "&&":
            # Only a literal is dropped: what a call gives may differ where it matters.
            parts = [p for p in (node.left, node.right) if not isinstance(p, c_ast.Constant)]
            if len(parts) == 1:
                self._is_false(parts[0], asserted)
        elif isinstance(node, c_ast.UnaryOp) and node.op == "!":
            self._is_first_page(self._unwrapped(node.expr), pages.head_predicates, asserted)
        else:
            self._is_first_page(node, pages.tail_predicates, asserted)

    def _unwrapped(self, node: c_ast.Node) -> c_ast.Node:
        """`node` without likely() and its kind around it."""
        while isinstance(node, c_ast.FuncCall) and isinstance(node.name, c_ast.ID):
            if node.name.name not in self._header.knowledge.pages.transparent or not node.args:
                break
            node = node.args.exprs[0]
        return node

    def _is_first_page(self, node: c_ast.Node, predicates: frozenset[str], asserted: bool) -> None:
        """Note that the variable which one of `predicates` is asked of is a first page."""
        if isinstance(node, c_ast.FuncCall) and isinstance(node.name, c_ast.ID) and node.args:
            asked = node.args.exprs[0]
            name = asked.name if isinstance(asked, c_ast.ID) else ""
            known = self._variables.get(name)
            if node.name.name in predicates and isinstance(known, Page):
                # What has been looked up, or checked for good, is not weakened to an assertion.
                asserted = asserted and (known.word is not Word.HEAD or known.asserted)
                self._variables[name] = Page(Word.HEAD, asserted)


def _joined(one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    return {name: join(one[name], other[name]) for name in one if name in other}
