"""The intermediate representation: C functions as blocks of small operations.

    folio = filemap_get_folio(mapping, index);      %1 = call filemap_get_folio(mapping, index)
    if (!IS_ERR(folio))                             folio = %1
        folio->flags |= x;                          br ... ; rmw |= folio.*.flags, x

An `Operand` is a Python int (a constant known at compile time), or a string: a local variable
("folio", "folio~2" when an inner scope shadows it), a temporary ("%3"), a global ("@name"), a
function ("=key"), or "" (something no later stage can use). A `Path` is a variable and the
steps from it to a place in memory. Everything is plain data: it pickles, and packs to
msgpack, so that a file's functions can be cached and sent between processes.

Invariants, checked by `verify`: every block index a terminator names exists; a temporary is
assigned by one op; block 0 is the entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

import msgspec

from flaglint.location import Location

Operand: TypeAlias = int | str


class Field(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="f"):
    """A member of a record; `offset` is its byte offset in the record."""

    record: str
    name: str
    offset: int


class Deref(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="d"):
    """What the pointer points to."""


class Index(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="i"):
    """An element of an array; `at` is None when the code does not fix it, `size` in bytes.

    `by` is the variable that tells which, or "".
    """

    at: int | None
    size: int
    by: str = ""


Step: TypeAlias = Field | Deref | Index


class Path(msgspec.Struct, frozen=True, array_like=True):
    """A place in memory: a variable, then the steps from its storage."""

    base: str
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        text = self.base
        for step in self.steps:
            match step:
                case Deref():
                    text += "*"
                case Field():
                    text += f".{step.name}"
                case Index():
                    text += f"[{step.by if step.at is None else step.at}]"
        return text


class Load(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="load"):
    """dst = *path"""

    dst: str
    path: Path
    type: str
    where: Location


class Store(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="store"):
    """*path = src; `marked` when through a volatile access (WRITE_ONCE)."""

    path: Path
    src: Operand
    type: str
    marked: bool
    where: Location


class Rmw(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="rmw"):
    """path op= src, ++ and --: one plain read-modify-write.

    Of an asm statement `operator` is "take", what was there is the taker's, or "asm", anything may
    be there.
    """

    path: Path
    operator: str
    src: Operand
    where: Location


class Copy(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="copy"):
    """dst = src, both variables or constants. `type` is dst's."""

    dst: str
    src: Operand
    type: str
    where: Location


class Cast(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="cast"):
    """dst = (type)src, where the cast changes the kind of pointer."""

    dst: str
    src: Operand
    type: str
    where: Location


class Addr(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="addr"):
    """dst = &path"""

    dst: str
    path: Path
    type: str
    where: Location


class Binary(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="bin"):
    """dst = left operator right; pointer arithmetic carries the element's `size` in bytes."""

    dst: str
    operator: str
    left: Operand
    right: Operand
    size: int
    type: str
    where: Location


class Unary(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="un"):
    """dst = operator src, for !, ~ and -."""

    dst: str
    operator: str
    src: Operand
    where: Location


class Call(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="call"):
    """dst = callee(args).

    `callee` is a function's key, or "" for an indirect call through `target`; `slot` names
    the record's member the pointer came from ("address_space_operations.readahead").
    `name` is the function's plain name.
    """

    dst: str
    callee: str
    name: str
    target: Operand
    slot: str
    args: tuple[Operand, ...]
    type: str
    where: Location


class Jump(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="jmp"):
    """Go to block `to`."""

    to: int


class Branch(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="br"):
    """Go to `yes` when cond is not zero, else to `no`."""

    cond: Operand
    yes: int
    no: int


class Switch(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="sw"):
    """Go to the case whose value (None: not known) equals `on`, else to `default`."""

    on: Operand
    cases: tuple[tuple[int | None, int], ...]
    default: int


class Return(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="ret"):
    """Leave the function with a value ("" for void)."""

    value: Operand
    where: Location


class Unreachable(msgspec.Struct, frozen=True, array_like=True, tag_field="tag", tag="none"):
    """Control does not get past here (a call that does not return)."""


Op: TypeAlias = Load | Store | Rmw | Copy | Cast | Addr | Binary | Unary | Call
Terminator: TypeAlias = Jump | Branch | Switch | Return | Unreachable


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Straight-line ops and where control goes after them."""

    ops: tuple[Op, ...]
    end: Terminator


_BLOCKS = msgspec.msgpack.Decoder(tuple[Block, ...])
_CALLS = msgspec.msgpack.Decoder(tuple[tuple[str, str, Location], ...])


def packed(blocks: tuple[Block, ...]) -> msgspec.Raw:
    """Blocks as a function's `body`."""
    return msgspec.Raw(msgspec.msgpack.encode(blocks))


class Function(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """One function.

    `key` is the name, followed by "@file" when its linkage is internal. `section` is "init"
    for code that runs at boot or while memory is brought up (__init, __meminit), else "".
    `params` are variables; `types` maps every local to its type as clang spells it,
    `locals` are those with automatic storage (params left out). `claims` are the locks that
    annotations say are held on entry (__must_hold, __acquires...), as written. `body` are the
    blocks, packed: of the functions of a kernel few are looked into in a run.
    """

    key: str
    name: str
    where: Location
    params: tuple[str, ...]
    types: dict[str, str]
    result: str
    body: msgspec.Raw
    section: str = ""
    exported: bool = False
    claims: tuple[str, ...] = ()

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks; control enters at the first."""
        return _BLOCKS.decode(self.body)


class Facts(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """What is asked of every function, found in one pass over its body (see `flaglint.facts`).

    `digest` tells apart any two functions but by where in their file they stand. `stored` are the
    functions put into members or variables, by slot; `callees` the functions that are called by
    name, sorted, `slots` where the pointers of other calls are had from; `handed` the functions and
    `passed` the own parameters given to a callee's argument: callee, number, what; `flows` the
    function pointers copied into variables: from which slot or variable, to which. `kinds` are the
    types of what it loads, casts, computes and is given by calls, `named` the names it calls,
    `numbers` the constants it gives to them; `constant` says that all it does is to return a
    number; `flags` are the records whose member of such a name it assigns, or takes the address of;
    `addresses` the globals that it takes the address of. `keeps` are the types of pointers it was
    given that it stores in memory, `gives` those that it gives to callees, or what they lead to: to
    whom ("" by a pointer), which type. `bearers` are the records of which it touches a member that
    leads to a page. `sites` are the calls, packed: where they stand is asked for few functions in a
    run.
    """

    digest: bytes
    stored: tuple[tuple[str, str], ...]
    callees: tuple[str, ...]
    slots: tuple[str, ...]
    handed: tuple[tuple[str, int, str], ...]
    passed: tuple[tuple[str, int, str], ...]
    flows: tuple[tuple[str, str], ...]
    kinds: tuple[str, ...]
    named: tuple[str, ...]
    numbers: tuple[tuple[str, int], ...]
    constant: bool
    flags: tuple[str, ...]
    addresses: tuple[str, ...]
    keeps: tuple[str, ...]
    gives: tuple[tuple[str, str], ...]
    bearers: tuple[str, ...]
    sites: msgspec.Raw

    @cached_property
    def calls(self) -> tuple[tuple[str, str, Location], ...]:
        """The calls: the callee or "", the slot of an indirect one, where."""
        return _CALLS.decode(self.sites)


class Table(msgspec.Struct, frozen=True, array_like=True):
    """A function stored in a record's member by a static initialiser.

    `constant` is the variable that is initialised, as "@name", if it cannot be changed, or "".
    """

    slot: str
    function: str
    where: Location
    constant: str = ""


class Damage(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A function of a file that an error cost; "" for a part without a function to be told.

    `where` is the error's place, `message` what clang said of it.
    """

    file: str
    function: str
    where: Location
    message: str


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """What one C file contributes: its functions, those of its own headers, tables.

    `damaged` functions are not among them. `needs` are the keys of functions that headers
    common to all files define. `facts` are those of `functions`, in their order.
    """

    file: str
    functions: tuple[Function, ...]
    tables: tuple[Table, ...]
    damaged: tuple[Damage, ...] = ()
    needs: tuple[str, ...] = ()
    facts: tuple[Facts, ...] = ()


def successors(end: Terminator) -> tuple[int, ...]:
    """The blocks control may go to, in a fixed order, each once."""
    match end:
        case Jump(to):
            return (to,)
        case Branch(_, yes, no):
            return (yes, no) if yes != no else (yes,)
        case Switch(_, cases, default):
            return tuple(dict.fromkeys([*(to for _, to in cases), default]))
        case _:
            return ()


def operands(op: Op | Terminator) -> Iterator[Operand]:
    """Every operand the op reads, the base of a path it reads through included."""
    match op:
        case Load(path=path) | Addr(path=path):
            yield path.base
            yield from indices(path)
        case Store(path=path, src=src) | Rmw(path=path, src=src):
            if path.steps:
                yield path.base
                yield from indices(path)
            yield src
        case Copy(src=src) | Cast(src=src) | Unary(src=src):
            yield src
        case Binary(left=left, right=right):
            yield left
            yield right
        case Call(target=target, args=args):
            yield target
            yield from args
        case Branch(cond=cond):
            yield cond
        case Switch(on=on):
            yield on
        case Return(value=value):
            yield value
        case _:
            return


def indices(path: Path) -> Iterator[str]:
    """The variables that tell which elements of arrays the path goes through."""
    for step in path.steps:
        if isinstance(step, Index) and step.by:
            yield step.by


def global_address(op: Op) -> str:
    """The global that the op takes the address of, as "@name", or ""."""
    if isinstance(op, Addr) and not op.path.steps and op.path.base.startswith("@"):
        return op.path.base
    return ""


def defined(op: Op) -> str:
    """The local or temporary the op assigns, or ""."""
    match op:
        case Store(path=path) | Rmw(path=path):
            return "" if path.steps else path.base
        case _:
            return op.dst


def verify(function: Function) -> list[str]:
    """What is wrong with the function's shape; empty when nothing is."""
    faults: list[str] = []
    assigned: set[str] = set()
    for number, block in enumerate(function.blocks):
        faults += (
            f"block {number} goes to {to}, which does not exist"
            for to in successors(block.end)
            if not 0 <= to < len(function.blocks)
        )
        for op in block.ops:
            name = defined(op)
            if name.startswith("%"):
                if name in assigned:
                    faults.append(f"{name} is assigned twice (block {number})")
                assigned.add(name)
    if not function.blocks:
        faults.append("no blocks")
    return faults


def dump(function: Function) -> str:
    """The function as text, one op a line, stable between runs."""
    head = f"{function.key}({', '.join(function.params)})"
    if function.section:
        head += f" [{function.section}]"
    lines = [head]
    for number, block in enumerate(function.blocks):
        lines.append(f"  b{number}:")
        lines += [f"    {_text(op)}" for op in block.ops]
        lines.append(f"    {_end(block.end)}")
    return "\n".join(lines) + "\n"


def _text(op: Op) -> str:
    at = f"  ; {op.where.line}"
    match op:
        case Load(dst, path):
            return f"{dst} = load {path}{at}"
        case Store(path, src, _, marked):
            return f"store{' marked' if marked else ''} {path} = {src!s}{at}"
        case Rmw(path, operator, src):
            return f"rmw {path} {operator} {src!s}{at}"
        case Copy(dst, src):
            return f"{dst} = {src!s}{at}"
        case Cast(dst, src, kind):
            return f"{dst} = ({kind}) {src!s}{at}"
        case Addr(dst, path):
            return f"{dst} = &{path}{at}"
        case Binary(dst, operator, left, right, size):
            scale = f" *{size}" if size > 1 else ""
            return f"{dst} = {left!s} {operator} {right!s}{scale}{at}"
        case Unary(dst, operator, src):
            return f"{dst} = {operator}{src!s}{at}"
        case Call(dst, callee, _, target, slot, args):
            name = callee or f"*{target}[{slot}]"
            return f"{dst} = call {name}({', '.join(map(str, args))}){at}"


def _end(end: Terminator) -> str:
    match end:
        case Jump(to):
            return f"-> b{to}"
        case Branch(cond, yes, no):
            return f"br {cond!s} ? b{yes} : b{no}"
        case Switch(on, cases, default):
            arms = ", ".join(f"{'?' if value is None else value}: b{to}" for value, to in cases)
            return f"switch {on!s} [{arms}, default: b{default}]"
        case Return(value):
            return f"return {value!s}".rstrip()
        case Unreachable():
            return "unreachable"
