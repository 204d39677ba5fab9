"""Lowers one parsed C file with its own headers' functions, or functions of the common headers.

    lowering = Lowering(root)          one per process: remembers header texts
    unit = lower_unit(lowering, parsed.tu, "mm/filemap.c", errors, shared=headers)
    found, damaged = lower_headers(lowering, references.tu, errors, headers)

Invariants: the unit holds plain data only, and depends on nothing but its file, what that
included and the common headers: not on what was lowered before. A function of a common header
is lowered once for all units, as the common headers alone make it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flaglint import ir
from flaglint.facts import facts_of
from flaglint.location import Location
from flaglint.lower import kinds as k
from flaglint.lower.body import Body
from flaglint.lower.context import Context
from flaglint.lower.cursors import Clang, CXCursor, Node
from flaglint.lower.damage import Span, costs

Errors = Sequence[tuple[Location, str]]
"""Clang's errors: where, and what it said."""

Inline = tuple[ir.Function, tuple[str, ...]]
"""A function of a header, and the keys of those header functions that it names."""

_INIT = re.compile(rb"\b__(?:mem)?init(?:_or_module|_refok)?\b|\b__head\b|\b__ref\b")
_CLAIM = re.compile(rb"\b(__must_hold|__acquires|__releases|__guarded_by)\s*\(\s*([^()]*)\)")
_EXPORT = re.compile(rb"^\s*EXPORT_(?:PER_CPU_|TRACEPOINT_)?SYMBOL\w*\s*\(\s*(\w+)", re.M)


class Lowering:
    """What one process keeps between files: the texts of headers."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._texts: dict[str, bytes] = {}

    def text(self, file: str) -> bytes:
        """The file's bytes, "" when it cannot be read. `file` is relative to the root."""
        known = self._texts.get(file)
        if known is None:
            try:
                with open(f"{self.root}/{file}", "rb") as stream:
                    known = stream.read()
            except OSError:
                known = b""
            if file.endswith(".h"):
                self._texts[file] = known
        return known


def lower_unit(
    lowering: Lowering,
    unit: Any,
    file: str,
    errors: Errors = (),
    shared: frozenset[str] = frozenset(),
) -> ir.Unit:
    """The IR of a parsed translation unit (the binding's TranslationUnit).

    `shared` are the headers that the unit got precompiled; functions that they define are
    named by `needs`, for `lower_headers`.
    """
    clang = Clang(lowering.root)
    top = clang.lib.clang_getTranslationUnitCursor(unit.obj)
    context = Context(clang, lowering.root, file, top, shared, lowering.text)
    text = lowering.text(file)
    exported = {name.decode() for name in _EXPORT.findall(text)}
    cursors: list[CXCursor] = []
    spans: list[Span] = []
    tables: list[ir.Table] = []
    for cursor in clang.children(top):
        if cursor.kind not in (k.FUNCTION_DECL, k.VAR_DECL):
            continue
        if context.file_of(cursor) != file:
            continue
        if cursor.kind == k.VAR_DECL:
            tables += _tables(context, cursor)
            continue
        if not clang.lib.clang_isCursorDefinition(cursor):
            continue
        cursors.append(cursor)
        spans.append(Span(clang.spelling(cursor), *context.lines(cursor)))
    damaged = _damaged(file, text, errors, spans)
    lost = {damage.function for damage in damaged}
    functions = [
        function
        for cursor, span in zip(cursors, spans, strict=True)
        if span.name not in lost
        and (function := _function(lowering, context, cursor, exported)) is not None
    ]
    inlines, more = _inlines(lowering, context, errors)
    functions += [function for function, _ in inlines]
    for static in context.statics:
        for child in static.children:
            _collect(context, child, tables)
    needs = tuple(sorted(context.needs))
    facts = tuple(map(facts_of, functions))
    return ir.Unit(file, tuple(functions), tuple(tables), (*damaged, *more), needs, facts)


def lower_headers(
    lowering: Lowering, unit: Any, errors: Errors, shared: frozenset[str]
) -> tuple[tuple[Inline, ...], tuple[ir.Damage, ...]]:
    """The functions that the unit's variables refer to, and those that their bodies lead to.

    `unit` is the binding's TranslationUnit of `flaglint.frontend.parse_references`, `errors`
    are those of the headers, which cost the functions that are given last. With each
    function come the keys of the header functions that it names itself. A destructor among
    those may not be among the functions: no reference leads to it.
    """
    clang = Clang(lowering.root)
    top = clang.lib.clang_getTranslationUnitCursor(unit.obj)
    context = Context(clang, lowering.root, "", top, shared, lowering.text)
    for variable in clang.children(top):
        if variable.kind == k.VAR_DECL:
            _refer(context, clang.tree(variable))
    inlines, damaged = _inlines(lowering, context, errors)
    return tuple(inlines), tuple(damaged)


def _damaged(
    file: str, text: bytes, errors: Errors, spans: Sequence[Span]
) -> tuple[ir.Damage, ...]:
    own = {
        place.line: (place, message) for place, message in reversed(errors) if place.file == file
    }
    if not own:
        return ()
    found = costs(text, ((line, message) for line, (_, message) in own.items()), spans)
    return tuple(ir.Damage(file, cost.name, own[cost.line][0], cost.message) for cost in found)


def _refer(context: Context, node: Node) -> None:
    if node.kind == k.DECL_REF_EXPR:
        declaration = context.lib.clang_getCursorReferenced(node.cursor)
        if declaration.kind == k.FUNCTION_DECL:
            context.function_key(declaration, context.clang.spelling(declaration))
    for child in node.children:
        _refer(context, child)


def _inlines(
    lowering: Lowering, context: Context, errors: Errors
) -> tuple[list[Inline], list[ir.Damage]]:
    found: list[Inline] = []
    damaged: list[ir.Damage] = []
    done: set[str] = set()
    while context.inlines:
        key, cursor = context.inlines.popitem()
        if key in done:
            continue
        done.add(key)
        file = context.file_of(cursor)
        first, last = context.lines(cursor)
        hit = [
            ir.Damage(file, context.clang.spelling(cursor), place, message)
            for place, message in errors
            if place.file == file and first <= place.line <= last
        ]
        if hit:
            damaged.append(hit[0])
            continue
        context.named.clear()
        function = _function(lowering, context, cursor, set())
        if function is not None:
            found.append((function, tuple(sorted(context.named - {key}))))
    return sorted(found, key=lambda pair: pair[0].key), sorted(damaged)


def _function(
    lowering: Lowering, context: Context, cursor: CXCursor, exported: set[str]
) -> ir.Function | None:
    clang = context.clang
    name = clang.spelling(cursor)
    key = context.function_key(cursor, name)
    tree = clang.tree(cursor)
    bodies = [child for child in tree.children if child.kind == k.COMPOUND_STMT]
    if not bodies:
        return None
    body = Body(context)
    params = tuple(
        body.name_of(child.cursor) for child in tree.children if child.kind == k.PARM_DECL
    )
    blocks = body.lower(bodies[0])
    where = context.where(cursor)
    head = _head(lowering, context, cursor, bodies[0], where.file)
    kind = clang.lib.clang_getResultType(clang.lib.clang_getCursorType(cursor))
    return ir.Function(
        key=key,
        name=name,
        where=where,
        params=params,
        types=body.types,
        result=clang.type_text(kind),
        body=ir.packed(blocks),
        section="init" if _INIT.search(head) else "",
        exported=name in exported,
        claims=tuple(
            f"{word.decode()}({what.decode('utf-8', 'replace').strip()})"
            for word, what in _CLAIM.findall(head)
        ),
    )


def _head(lowering: Lowering, context: Context, cursor: CXCursor, body: Node, file: str) -> bytes:
    # The section is an attribute that libclang does not show; the annotation is text
    # between the declaration's start and its body.
    start, _ = context.extent(cursor)
    end, _ = context.extent(body.cursor)
    return lowering.text(file)[start:end] if start < end else b""


def _tables(context: Context, cursor: CXCursor) -> list[ir.Table]:
    clang = context.clang
    fixed = clang.lib.clang_isConstQualifiedType(clang.lib.clang_getCursorType(cursor))
    variable = f"@{clang.spelling(cursor)}" if fixed else ""
    found: list[ir.Table] = []
    for child in clang.tree(cursor).children:
        _collect(context, child, found, variable)
    return found


def _collect(context: Context, node: Node, found: list[ir.Table], constant: str = "") -> None:
    clang = context.clang
    if node.kind != k.INIT_LIST_EXPR:
        for child in node.children:
            _collect(context, child, found, constant)
        return
    kind = clang.lib.clang_getCanonicalType(clang.lib.clang_getCursorType(node.cursor))
    fields = context.fields(kind) if kind.kind == k.TYPE_RECORD else []
    record = clang.type_text(kind)
    for position, child in enumerate(node.children):
        names = [c for c in child.children if c.kind == k.MEMBER_REF]
        if names:
            slot = context.field(record, kind, clang.spelling(names[-1].cursor))
        elif position < len(fields):
            slot = fields[position]
        else:
            slot = None
        value = child.children[-1] if names else child
        while value.kind in (k.UNEXPOSED_EXPR, k.PAREN_EXPR, k.CSTYLE_CAST_EXPR, k.UNARY_OPERATOR):
            if not value.children:
                break
            value = value.children[-1]
        if value.kind == k.DECL_REF_EXPR and slot is not None:
            declaration = clang.lib.clang_getCursorReferenced(value.cursor)
            if declaration.kind == k.FUNCTION_DECL:
                key = context.function_key(declaration, clang.spelling(declaration))
                where = context.where(value.cursor)
                found.append(ir.Table(f"{slot.record}.{slot.name}", key, where, constant))
        else:
            _collect(context, value, found, constant)
