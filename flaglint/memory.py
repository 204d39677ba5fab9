"""Loads, stores and addresses: how page pointers travel through variables and memory.

Memory is three sorts of place: a cell (a local's storage, what a formal points to, memory
allocated here), a byte of a page object, and shared memory. A page pointer stored into shared
memory is published; one read from there is shared.
"""

from __future__ import annotations

from collections.abc import Iterator

from flaglint import ir
from flaglint.layout import Spot
from flaglint.location import Location
from flaglint.lockset import inner
from flaglint.loops import LINKS
from flaglint.objects import MAX_STEPS, array_at, replaced
from flaglint.overwriting import element_stored, is_lost
from flaglint.ownership import Kind, Owner
from flaglint.publishing import Publishing
from flaglint.records import record_at
from flaglint.state import State, linked
from flaglint.values import (
    NULL,
    TRUE,
    Value,
    add_index,
    formal_number,
    is_around,
    number_root,
    object_of,
)

MAPPING = "mapping"
"""What facts call it that a page is in a mapping: in the page cache or the swap cache."""
_LOCKS = frozenset(("spinlock_t *", "struct spinlock *", "raw_spinlock_t *", "rwlock_t *"))


class Memory(Publishing):
    """The memory half of the transfer function, for one function."""

    # Places.

    def spot(self, state: State, path: ir.Path) -> Spot:
        """The place a path names."""
        steps = path.steps
        if not steps:
            if path.base.startswith("@"):
                return Spot("shared", field=path.base)
            return Spot("var", path.base)
        if isinstance(steps[0], ir.Deref):
            value = self.get(state, path.base)
            if self._flags_of(steps[1:]) and not (isinstance(value, tuple) and value[0] in "oalh"):
                value = self._lost(state, path.base)
            spot = self._pointee(value)
            rest = steps[1:]
        elif path.base.startswith("@"):
            spot, rest = Spot("shared", field=path.base), steps
        else:
            spot, rest = Spot("cell", "&" + path.base), steps
        before: ir.Step | None = steps[0]
        for step in rest:
            spot = self._enter(spot, step)
            if isinstance(before, ir.Deref) and spot.by not in self.indices:
                # A pointer into an array may be moved on: its [0] is another member then.
                spot = spot._replace(by="")
            before = step
        if spot.sort == "page" and self.of_slab(spot.field):
            owner = state.objects.get(spot.root)
            if owner is not None and not owner.view:
                state.objects[spot.root] = owner._replace(view="slab")
        return spot

    def _flags_of(self, steps: tuple[ir.Step, ...]) -> bool:
        # Whether they lead from a page to its flags word, by its name.
        step = steps[0] if steps else None
        if not isinstance(step, ir.Field) or step.offset != self.layout.flags:
            return False
        return "flags" in step.name and step.record in self.layout.overlays

    def _lost(self, state: State, variable: str) -> Value:
        # Some page it is, or the code would not name its flags.
        doubt = frozenset(("which page's flags are meant is not known",))
        owner = Owner(Kind.UNKNOWN, doubts=doubt, where=self.where)
        state.env[variable] = self.new_object(state, owner, "page", f"l{self.at}")
        return state.env[variable]

    def _pointee(self, value: Value) -> Spot:
        if isinstance(value, tuple):
            match value[0]:
                case "o":
                    return Spot("page", value[1], page=value[2], offset=value[3])
                case "a" if not is_around(value[2]):
                    last = value[2][-1] if value[2] else ""
                    return Spot("cell", value[1], value[2], field=last.removeprefix("."))
                case "l":
                    return Spot("list", value[1], value[2])
                case "h":
                    return Spot("shared", field=value[2])
        return Spot("shared")

    def _enter(self, spot: Spot, step: ir.Step) -> Spot:
        match step:
            case ir.Field(record, name, offset):
                field = f"{record}.{name}"
                match spot.sort:
                    case "page":
                        outer = spot.record or record
                        return self._byte(spot, max(0, offset))._replace(field=field, record=outer)
                    case "shared":
                        same = self.handed_over(field) and self.handed_over(spot.field)
                        return spot if same or inner(field) else Spot("shared", field=field)
                    case "list":
                        return spot._replace(field=field)
                return spot._replace(steps=(*spot.steps, "." + field), field=field)
            case ir.Index(at, size, by):
                if spot.sort == "page":
                    if size == self.layout.size:
                        return spot._replace(page=add_index(spot.page, at))
                    return self._byte(spot, None if at is None else at * size)
                if spot.sort == "cell":
                    # Of an array in an array, one index does not tell which.
                    which = "" if "[]" in spot.steps else by if at is None else str(at)
                    return spot._replace(steps=(*spot.steps, "[]"), by=which)
        return spot

    def _byte(self, spot: Spot, count: int | None) -> Spot:
        if count is None:
            return spot._replace(page="?")
        total = spot.offset + count
        pages, offset = divmod(total, self.layout.size)
        return spot._replace(page=add_index(spot.page, pages), offset=offset)

    def is_word(self, spot: Spot) -> bool:
        """Whether the place is a page's flags word."""
        return spot.sort == "page" and spot.offset == self.layout.flags

    # Operations.

    def load(self, state: State, op: ir.Load) -> None:
        """dst = *path"""
        spot = self.spot(state, op.path)
        overlay = self.layout.page_type(op.type)
        value: Value
        own = spot.sort == "cell" and not spot.steps and spot.root.startswith("&")
        if own and not array_at(state, (spot.root, ())):
            value = state.env.get(spot.root[1:])
        elif spot.sort in ("cell", "var"):
            value = self._read(state, spot, op.type, overlay)
        elif spot.sort == "list":
            value = ("l", spot.root, spot.steps, 0)
        elif spot.sort == "page":
            value = self._from_page(state, spot, op.type)
        else:
            value = ("h", self.symbol(state), spot.field)
        self.set(state, op.dst, value, op.type)

    def _read(self, state: State, spot: Spot, kind: str, overlay: str) -> Value:
        cell = (spot.root, spot.steps)
        if overlay and "[]" in spot.steps:
            own = not spot.root.startswith("*")
            if own or spot.steps[-1] == "[]" or cell in state.cells:
                return self._indexed(state, spot, overlay)
        if (cell, spot.by) in state.indexed:
            return state.indexed[cell, spot.by]
        if cell in state.cells:
            return state.cells[cell]
        if overlay and (members := array_at(state, cell)):
            return self._indexed(state, spot._replace(steps=members[1], by=""), overlay)
        if spot.field in LINKS:
            return ("l", spot.root, spot.steps[:-1], 0)
        if kind.endswith(("_t", "]")) or kind.startswith(("struct ", "union ")):
            if not kind.endswith("*"):
                whole = self.collapse(state, cell)
                if whole is not None:
                    return whole
        if not spot.root.startswith("*"):
            return self._part(state, spot, kind, overlay)
        if is_lost(state, cell):
            return self._part(state, spot, kind, overlay)
        if len(spot.steps) > MAX_STEPS:
            return ("h", self.symbol(state), spot.field)
        if overlay:
            return self.formal(state, spot.root[1:], spot.steps, overlay)
        if kind.endswith("*"):
            return ("a", spot.root, (*spot.steps, "*"))
        return formal_number(spot.root[1:], spot.steps)

    def _part(self, state: State, spot: Spot, kind: str, overlay: str) -> Value:
        """A member of a record that was copied as a whole from memory of others."""
        whole = state.env.get(spot.root[1:]) if spot.root.startswith("&") else None
        if spot.root.startswith("*"):
            whole = state.cells.get((spot.root, ()))
        if not isinstance(whole, tuple):
            return None
        if whole[0] == "h":
            return ("h", self.symbol(state), spot.field)
        if root := number_root(whole):
            there = spot._replace(root=f"*{root[0]}", steps=(*root[1], *spot.steps))
            return self._read(state, there, kind, overlay)
        return None

    def collapse(self, state: State, cell: tuple[str, tuple[str, ...]]) -> Value:
        """The page that a record held in cells refers to (a pte_t read as a whole)."""
        root, steps = cell
        for (other, path), value in sorted(state.cells.items(), key=lambda item: item[0]):
            if other == root and path[: len(steps)] == steps:
                found = object_of(value)
                if found is not None:
                    return ("d", found)
        return None

    def _from_page(self, state: State, spot: Spot, kind: str) -> Value:
        if kind.startswith("struct list_head"):
            home = state.members.get(spot.root)
            if home is not None:
                return ("l", *home, 0)
        if self.tells_mapping(spot.field):
            return ("t", "flag", spot.root, MAPPING)
        return ("h", self.symbol(state), spot.field or "page")

    def of_slab(self, field: str) -> bool:
        """Whether a page has the member as a slab only."""
        return False

    def tells_mapping(self, field: str) -> bool:
        """Whether the member says which mapping a page is in."""
        return False

    def put(self, state: State, spot: Spot, value: Value, where: Location) -> None:
        """Store a value at a place."""
        variable = spot.sort == "var" or (spot.sort == "cell" and spot.root[:1] == "&")
        if isinstance(value, tuple) and value[0] == "r" and variable and not spot.steps:
            self.set(state, spot.root.removeprefix("&"), value, "")
            return
        match spot.sort:
            case "var":
                state.env[spot.root] = value
            case "cell":
                self._put_cell(state, spot, value, where)
            case "shared":
                self.publish(state, value, f"stored to {spot.field or 'shared memory'}", where)
            case "page" if self.tells_mapping(spot.field):
                self._put_mapping(state, spot.root, value)
            case "page":
                owner = state.objects.get(spot.root)
                if owner and owner.kind is not Kind.FRESH and object_of(value) != spot.root:
                    # With low bits set it is a tail's way to its head, not a reference.
                    if isinstance(value, tuple) and value[0] == "o" and not value[3]:
                        self.publish(state, value, f"stored to {spot.field}", where)

    def withdraw(self, state: State, spot: Spot) -> None:
        """What this function found at the place is not there any more."""
        root = (spot.root[1:], spot.steps)
        for name, owner in state.objects.items():
            if spot.sort == "shared" and owner.via == spot.field:
                state.objects[name] = owner.withdrawn()
            elif spot.steps and owner.kind is Kind.ENTRY and owner.root == root:
                state.objects[name] = owner._replace(unlisted=True)

    def _put_mapping(self, state: State, name: str, value: Value) -> None:
        key = ("now", name, MAPPING)
        if value == 0:
            state.facts[key] = NULL
        elif isinstance(value, tuple) and (value[0] == "a" or (value[0] == "h" and value[2])):
            state.facts[key] = TRUE
        else:  # something else is kept in the same member: an anon_vma, a poison
            state.facts.pop(key, None)
            state.facts.pop(("flag", name, MAPPING), None)

    def _put_cell(self, state: State, spot: Spot, value: Value, where: Location) -> None:
        cell = (spot.root, spot.steps)
        name = object_of(value)
        owner = state.objects.get(name) if name else None
        if not spot.steps and spot.root.startswith("&"):
            state.env[spot.root[1:]] = value
            return
        if isinstance(value, tuple) and value[0] == "r":
            for steps, held in value[1:]:
                self._put_cell(state, spot._replace(steps=(*spot.steps, *steps)), held, where)
            return
        if spot.field in LINKS:
            # Links are not followed: what a list holds is its "[list]" cell. One that is
            # linked to itself holds nothing.
            if value == ("a", spot.root, spot.steps[:-1]):
                self.emptied(state, value)
            return
        if isinstance(value, tuple) and value[0] == "alts":  # members of an array that was copied
            for each in value[1]:
                self.join_member(state, cell, each)
            return
        if "[]" in spot.steps or "[list]" in spot.steps:
            self.stored_over(state, cell, spot.by)
            if owner is None:
                replaced(state, cell, spot.by)
                element_stored(state, cell)
                if isinstance(value, tuple) and value[0] in "af" and self._one(spot):
                    state.indexed[cell, spot.by] = value
            else:
                self.add(state, cell, owner, spot.by)
                self.stored_member(cell)
                if "[]" in spot.steps:
                    one = self._one(spot)
                    state.indexed[cell, spot.by if one else linked("", value)] = value
        else:
            state.cells[cell] = value
        if ("seen", spot.root) in state.facts:
            field = spot.field or "memory"
            self.publish(state, value, f"stored to {field}, which others can reach by now", where)
        if self.kept_by_caller(spot):
            for each in self._kept_by(state, value):
                self.within(state, each, spot)

    def copied(self, state: State, to: Value, source: Value) -> None:
        """Memory at an address was copied to another: what it held is there now, too."""
        if not (isinstance(source, tuple) and source[0] in "ah" and isinstance(to, tuple)):
            return
        held: Value = ("h", self.symbol(state), source[2])
        if source[0] == "a":
            source, to = (
                (*each[:2], each[2][:-1]) if each[0] == "a" and each[2][-1:] == ("[]",) else each
                for each in (source, to)
            )  # an array at its first member
            held = record_at(state, source[1:])
            if held is None and source[1][0] == "*":
                held = formal_number(source[1][1:], source[2])
            elif held is None and source[1][0] == "&" and not source[2]:
                held = state.env.get(source[1][1:])
        if held is not None:
            self.put(state, self._pointee(to), held, self.where)

    def _kept_by(self, state: State, value: Value) -> list[str]:
        # The new pages that the value leads to: it is one, or memory that keeps them.
        found = [value]
        if isinstance(value, tuple) and value[0] == "a" and value[1].startswith("k"):
            found = [held for (root, _), held in state.cells.items() if root == value[1]]
        owners = {name: state.objects.get(name) for name in filter(None, map(object_of, found))}
        return [name for name, owner in owners.items() if owner and owner.kind is Kind.FRESH]

    def kept_by_caller(self, spot: Spot) -> bool:
        """Whether the place is in a structure of a caller's, which may be anybody's."""
        if not spot.root.startswith("*"):
            return False
        return "*" in spot.steps or any(
            step.startswith(".") and not self.layout.carries(step) for step in spot.steps
        )

    def within(self, state: State, name: str, spot: Spot) -> None:
        """A new page is kept in a structure of the caller's from here on."""
        root = (spot.root[1:], ())
        state.objects[name] = state.objects[name]._replace(kind=Kind.WITHIN, root=root)

    def private(self, spot: Spot) -> bool:
        """Whether the cell is memory that only this thread sees, as far as types tell."""
        if not spot.root.startswith("*"):
            return True
        return self.layout.private(spot.steps)

    def address(self, state: State, op: ir.Addr) -> None:
        """dst = &path"""
        spot = self.spot(state, op.path)
        value: Value
        match spot.sort:
            case "var":
                value = ("a", "&" + spot.root, ())
            case "cell":
                value = ("a", spot.root, spot.steps)
            case "page" if op.type in _LOCKS:
                # A lock in a page (a page table's): its class is all that matters of it.
                value = ("h", self.symbol(state), spot.field)
            case "page":
                value = ("o", spot.root, spot.page, spot.offset)
                if spot.record == "folio" and spot.page == 0 and spot.offset == 0:
                    value = ("o", spot.root, 0, 0)
            case "list":
                value = ("l", spot.root, spot.steps, 0)
            case _:
                value = ("h", self.symbol(state), spot.field)
        self.set(state, op.dst, value, op.type if value[0] == "o" else "")


def objects_in(values: tuple[Value, ...]) -> Iterator[str]:
    """The page objects that values refer to."""
    for value in values:
        name = object_of(value)
        if name is not None:
            yield name
