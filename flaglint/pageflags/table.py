"""From a header's functions to the helpers of a FlagTable.

A function is a helper when it takes a struct page or folio and touches a flags word. What it is
said to do are its writes; when it has none, the reads in its own body; when it has none of
those either, the reads of the functions that it calls:

    static inline bool folio_test_swapcache(const struct folio *folio)
    { return folio_test_swapbacked(folio) && test_bit(PG_swapcache, ...); }     tests PG_swapcache

Functions that return a pointer find a page or a word and are no helpers.
"""

from __future__ import annotations

import msgspec

from flaglint.flagtable import SEVERAL, Atomicity, Flag, Helper, Operation, Word
from flaglint.pageflags.bodies import BodyError, BodyParser
from flaglint.pageflags.declarations import FunctionText
from flaglint.pageflags.enumeration import NO_BIT
from flaglint.pageflags.evaluate import Body, Header, accesses, purpose
from flaglint.pageflags.knowledge import Knowledge
from flaglint.pageflags.preprocess import Branch, condition_text
from flaglint.pageflags.values import Access

_STRUCTS = ("page", "folio")
_ASSIGNMENTS = frozenset({"|=", "&=", "^=", "=", "++", "--"})


class Helpers(msgspec.Struct, frozen=True):
    """The rows, and the names that the configuration has only as nothing or as a stub."""

    rows: tuple[Helper, ...]
    inactive: frozenset[str]


def tabulate(
    functions: list[FunctionText],
    flags: tuple[Flag, ...],
    absent: tuple[Flag, ...],
    knowledge: Knowledge,
    file: str,
) -> Helpers:
    """The helpers among `functions`, in file order."""
    known = {flag.name: flag for flag in (*absent, *flags)}
    order = {name: index for index, name in enumerate(f.name for f in (*flags, *absent))}
    parser = BodyParser()
    bodies, failures = _parse_all(parser, functions)
    header = Header(
        functions={},
        flags=frozenset(known),
        by_bit={flag.bit: flag.name for flag in reversed(flags) if flag.alias_of is None},
        knowledge=knowledge,
    )
    views: dict[frozenset[Branch], Header] = {}
    rows: list[Helper] = []
    for index, function in enumerate(functions):
        taken = next((p.struct for p in function.params if p.struct in _STRUCTS), "")
        if not taken or function.gives_pointer:
            continue
        if index in failures:
            found = _suspected(function, known, knowledge, failures[index])
        else:
            view = _false_branches(function)
            if view not in views:
                visible = _visible(functions, bodies, view)
                views[view] = msgspec.structs.replace(header, functions=visible)
            found = _said_to_do(accesses(views[view], bodies[index]))
        for access in found:
            names = sorted(access.flags, key=order.__getitem__)
            rows.append(
                Helper(
                    name=function.name,
                    flag="|".join(names),
                    bit=known[names[0]].bit if names else NO_BIT,
                    operation=access.operation,
                    atomicity=access.atomicity,
                    word=access.word,
                    takes=taken,
                    file=file,
                    line=function.line,
                    condition=condition_text(function.branches),
                    doubts=access.doubts,
                    active=function.active,
                    asserted=access.asserted,
                )
            )
    return Helpers(tuple(rows), _inactive(functions, rows))


def _parse_all(
    parser: BodyParser, functions: list[FunctionText]
) -> tuple[dict[int, Body], dict[int, str]]:
    bodies: dict[int, Body] = {}
    failures: dict[int, str] = {}
    for index, function in enumerate(functions):
        try:
            tree = parser.parse(function.body, tuple(p.name for p in function.params))
        except BodyError as error:
            failures[index] = f"body not parsed: {error}"
        else:
            bodies[index] = Body(function.params, function.gives_pointer, tree)
    return bodies, failures


def _false_branches(function: FunctionText) -> frozenset[Branch]:
    return frozenset(branch for branch in function.branches if not branch.holds)


def _visible(
    functions: list[FunctionText], bodies: dict[int, Body], view: frozenset[Branch]
) -> dict[str, Body]:
    """The definition that each name has where the branches in `view` are taken to hold.

    The other branch's stub must not answer for a function that only exists elsewhere.
    """
    chosen: dict[str, Body] = {}
    for wanted in (0, 1):
        for index, function in enumerate(functions):
            false = _false_branches(function)
            if index in bodies and false <= view and min(len(false), 1) == wanted:
                chosen[function.name] = bodies[index]
    return chosen


def _said_to_do(found: tuple[Access, ...]) -> list[Access]:
    """The accesses that make up what a helper is for, one per kind, flags merged."""
    writes = [a for a in found if a.atomicity is not Atomicity.READ]
    merged: dict[tuple[Operation, Atomicity, Word], Access] = {}
    for access in writes or purpose(found):
        kind = (access.operation, access.atomicity, access.word)
        before = merged.get(kind)
        if before is None:
            merged[kind] = access
        else:
            # A caller's choice of bits is not narrowed by a second access that names some.
            both = bool(before.flags) and bool(access.flags)
            merged[kind] = msgspec.structs.replace(
                before,
                flags=before.flags | access.flags if both else frozenset(),
                doubts=tuple(dict.fromkeys(before.doubts + access.doubts)),
                asserted=before.asserted or access.asserted,
            )
    rows = list(merged.values())
    if len(rows) == 1 or not writes:
        return rows
    return [msgspec.structs.replace(row, doubts=(*row.doubts, SEVERAL)) for row in rows]


def _suspected(
    function: FunctionText, known: dict[str, Flag], knowledge: Knowledge, doubt: str
) -> list[Access]:
    """What a body that did not parse may do, judged by its words; nothing if it names no flag."""
    texts = {token.text for token in function.body}
    flags = frozenset(texts & known.keys())
    reached = [knowledge.bitops[name] for name in texts if name in knowledge.bitops]
    if not flags and not reached and "flags" not in texts:
        return []
    kinds = {operation.atomicity for operation in reached}
    atomicity = Atomicity.PLAIN
    if kinds and Atomicity.PLAIN not in kinds and not (texts & _ASSIGNMENTS):
        atomicity = Atomicity.ATOMIC if Atomicity.ATOMIC in kinds else Atomicity.READ
    operations = {operation.operation for operation in reached}
    operation = operations.pop() if len(operations) == 1 else Operation.CHANGE
    return [Access(flags, operation, atomicity, Word.ANY, False, (doubt,))]


def _is_stub(function: FunctionText) -> bool:
    """Whether this is an accessor that does nothing: `{ }` or `{ return false; }`."""
    texts = [token.text for token in function.body[1:-1]]
    if function.gives_pointer or not any(p.struct in _STRUCTS for p in function.params):
        return False
    return not texts or (len(texts) == 3 and texts[0] == "return" and texts[2] == ";")


def _inactive(functions: list[FunctionText], rows: list[Helper]) -> frozenset[str]:
    stubs = {f.name for f in functions if f.active and _is_stub(f)}
    defined = {f.name for f in functions if f.active} - stubs
    return frozenset((stubs | {row.name for row in rows}) - defined)
