"""What a callee's formals, objects and values are to the function that calls it.

    *foliop = folio;        the callee stored to `*foliop`
    f(&new);                so this caller's `new` holds it now

`_object` is a formal's page as this caller has it, `_value` any other value of a summary.
"""

from __future__ import annotations

from flaglint.accesses import Accesses
from flaglint.layout import Spot
from flaglint.location import Location
from flaglint.lockset import lock_name
from flaglint.objects import array_at
from flaglint.ownership import TAKEN, Kind, Owner
from flaglint.records import unpacked
from flaglint.state import Cell, State
from flaglint.summary import Summary
from flaglint.values import (
    ANY_CLASS,
    WHOLE,
    Value,
    bytes_before,
    formal_name,
    formal_number,
    formal_root,
    is_around,
    object_of,
)

_POINTERS = 4
"""How many pointers are followed one after the other."""


class Actuals(Accesses):
    """Translates a callee's terms into those of one function."""

    def _actuals(self, summary: Summary, args: tuple[Value, ...]) -> dict[str, Value]:
        return dict(zip(summary.params, args, strict=False))

    def _object(
        self,
        state: State,
        root: tuple[str, tuple[str, ...]],
        args: dict[str, Value],
        overlay: str = "folio",
    ) -> Value:
        # The caller's object for a formal's: the argument itself, or what memory that the
        # argument points to holds.
        param, steps = root
        value, steps = unpacked(args.get(param), steps)
        if not steps:
            if isinstance(value, tuple) and value[0] == "a" and value[1:] not in state.cells:
                if members := array_at(state, value[1:]):
                    return self.take(state, members, overlay)
            return self.coerce(state, self._held(state, value), f"struct {overlay} *")
        if is_around(steps):
            return self._around(state, value, steps, overlay)
        if steps[-1] == TAKEN:
            member = self._object(state, (param, (*root[1][:-1], "[list]")), args, overlay)
            name = object_of(member)
            if name is not None and name in state.objects:
                state.objects[name] = self.left(state.objects[name], self.where)
            return member
        if isinstance(value, tuple) and value[0] == "a":
            cell = followed(state, value[1], (*value[2], *steps))
            if not cell[1] and cell[0].startswith("&") and not array_at(state, cell):
                return state.env.get(cell[0][1:])
            if cell[1] == ("[]",) and object_of(state.env.get(cell[0][1:])):
                return state.env[cell[0][1:]]  # one page's variable, passed as an array of one
            known = cell in state.cells
            if cell[1][-1:] in (("[]",), ("[list]",)) or (known and "[]" in cell[1]):
                return self.take(state, cell, overlay)
            if known:
                return self.coerce(state, state.cells[cell], f"struct {overlay} *")
            if members := array_at(state, cell):
                return self.take(state, members, overlay)
            around = any(step.startswith(WHOLE) for step in cell[1])
            own = cell[0].startswith("&") and not around
            if own and any(root == cell[0] for root, _ in state.cells):
                return 0  # a member its initialiser leaves out
            if cell[0].startswith("*") and len(cell[1]) <= 6:
                return self.formal(state, cell[0][1:], cell[1], overlay)
            return None
        if isinstance(value, tuple) and value[0] == "l":
            return self.take(state, (value[1], (*value[2], *steps)), overlay)
        if isinstance(value, tuple) and value[0] in ("h", "o"):
            field = value[2] if value[0] == "h" else "page"
            if field in self.models.free_lists and steps == ("[list]",):
                return self.free_member(state, field, overlay)
            return ("h", self.at, field)
        if isinstance(value, tuple) and value[0] == "s" and steps[-1].startswith("."):
            return ("h", self.at, steps[-1][1:])  # as when the function itself reads it there
        return None

    def left(self, owner: Owner, where: Location) -> Owner:
        """A page after it left the list it was on: the taker may be the only one to have it."""
        owner = taken_off(owner, where)
        return owner if owner.via in self.models.reachable_lists else owner.withdrawn()

    def _around(self, state: State, value: Value, steps: tuple[str, ...], overlay: str) -> Value:
        # The page around what was passed: its own list entry, say.
        if not (isinstance(value, tuple) and len(steps) == 1):
            return None
        match value[0]:
            case "o":
                at = Spot("page", value[1], page=value[2], offset=value[3])
                there = self._byte(at, -bytes_before(steps))
                return ("o", value[1], there.page, there.offset)
            case "l":
                return self.take(state, (value[1], (*value[2], "[list]")), overlay)
            case "a" if value[1].startswith("*"):
                known = page_around(state, value)
                if known is not None:
                    return ("o", known, 0, 0)
                return self.formal(state, value[1][1:], (*value[2], *steps), overlay)
            case "h":
                return ("h", self.at, value[2])
        return None

    def _held(self, state: State, value: Value) -> Value:
        """What is kept at an address of this function's own; any other value as it is.

        A callee's formal for a page may be a `struct folio *` or the place of one: to it both
        are the page on entry.
        """
        if isinstance(value, tuple) and value[0] == "a" and value[1].startswith(("&", "k")):
            if not value[2] and value[1].startswith("&"):
                return state.env.get(value[1][1:])
            return state.cells.get(value[1:], value)
        if isinstance(value, tuple) and value[0] == "a" and value[1].startswith("*"):
            if value[1:] in state.cells:
                return state.cells[value[1:]]
            return self.formal(state, value[1][1:], value[2], "folio")
        return value

    def _lock_names(self, state: State, args: dict[str, Value]) -> dict[str, str]:
        names = {}
        for param, value in args.items():
            names["*" + param] = lock_name(value) or "*"
            if isinstance(value, tuple) and value[0] == "a" and value[1].startswith("&"):
                # A member of a local that points to a lock (a guard's, a fault's ptl): the
                # callee knows that lock by the member, the caller by what it put there.
                for (root, steps), held in state.cells.items():
                    if root == value[1] and steps and isinstance(held, tuple):
                        if held[0] in ("a", "h") and (known := lock_name(held)):
                            names[steps[-1].removeprefix(".")] = known
        return names

    def _stored(
        self,
        state: State,
        base: str,
        steps: tuple[str, ...],
        value: Value,
        args: dict[str, Value],
        names: dict[str, str],
    ) -> Value:
        """What the callee stored in one cell: a symbol of its own, of its class."""
        mask = ANY_CLASS
        if isinstance(value, tuple) and value[0] == "k":
            value, mask = value[1], value[2]
        value = self._value(state, value, args, names)
        if isinstance(value, tuple) and value[0] in ("s", "h") and value[1] == self.at:
            value = (value[0], f"{self.at}:{base}|{'|'.join(steps)}", *value[2:])
            if self.looping:
                state.forget(value[1])
        if mask != ANY_CLASS:
            state.narrow(value, mask)
        return value

    def _value(
        self, state: State, value: Value, args: dict[str, Value], names: dict[str, str]
    ) -> Value:
        if not isinstance(value, tuple):
            return value
        match value[0]:
            case "o" | "d" | "t":
                place = 2 if value[0] == "t" else 1
                item = value[place]
                if value[0] == "t" and value[1] == "lock":
                    return ("t", "lock", self._lock_names(state, args).get(item, item), "")
                new = names.get(item)
                index: int | str = value[2] if value[0] == "o" else 0
                if new is None and formal_root(item):
                    found = self._formal(state, item, args)
                    new = object_of(found)
                    if new is None:
                        return found if value[0] == "o" else None
                    if value[0] == "o" and isinstance(found, tuple) and found[0] == "o":
                        index = found[2] if index == "b" else index
                if new is None:
                    return None
                if value[0] == "o":
                    return ("o", new, index, value[3])
                return (*value[:place], new, *value[place + 1 :])
            case "a":
                if value[1].startswith("*"):
                    base = args.get(value[1][1:])
                    if not value[2] and isinstance(base, tuple) and base[0] in "odh":
                        return base
                    if isinstance(base, tuple) and base[0] == "a":
                        return ("a", base[1], (*base[2], *value[2]))
                    if isinstance(base, tuple) and base[0] in ("h", "o"):
                        fields = [s[1:] for s in value[2] if s.startswith(".")]
                        fields = [f for f in fields if not f.startswith(("spinlock.", "raw_"))]
                        last = fields[-1] if fields else base[2] if base[0] == "h" else ""
                        return ("h", self.at, last)
                    cursor = isinstance(base, tuple) and base[0] == "l"
                    if not value[2] and (cursor or isinstance(base, int)):
                        return base
                    return None
                if value[1].startswith("k"):
                    return ("a", f"k{self.at}:{value[1]}", value[2])
                return value
            case "s":
                if str(value[1]).startswith("p:"):
                    return self._symbol(state, str(value[1]), args)
                return ("s", self.at)
            case "h":
                return ("h", self.at, value[2])
            case "r":
                held = ((at, self._value(state, part, args, names)) for at, part in value[1:])
                return ("r", *held)
            case "n":
                return ("n", self._value(state, value[1], args, names))
            case "i":
                return ("i", self._value(state, value[1], args, names), value[2])
            case "c":
                left = self._value(state, value[2], args, names)
                right = self._value(state, value[3], args, names)
                if left == right and isinstance(left, tuple) and left[1] == self.at:
                    return ("s", self.at)  # nothing is known of either: no reason to be equal
                return ("c", value[1], left, right)
            case "l":
                base = args.get(value[1][1:])
                if isinstance(base, tuple) and base[0] == "a":
                    return ("l", base[1], (*base[2], *value[2]), value[3])
                return ("h", self.at, "")
        return value

    def _symbol(self, state: State, symbol: str, args: dict[str, Value]) -> Value:
        # A number that the callee found in its formals, as this caller has it.
        path, _, bits = symbol[2:].partition("&")
        param, *way = path.split("|")
        value, steps = unpacked(args.get(param), tuple(way))
        if steps:
            if not (isinstance(value, tuple) and value[0] == "a"):
                return self._constant(value, steps)
            cell = followed(state, value[1], (*value[2], *steps))
            table = state.cells.get((cell[0], cell[1][:-2]))
            if cell in state.cells:
                value = state.cells[cell]
            elif cell[1][-2:-1] == ("*",) and isinstance(table, tuple) and table[0] == "h":
                return self._constant(table, cell[1][-1:])
            elif cell[0].startswith("*") and len(cell[1]) <= 6:
                value = formal_number(cell[0][1:], cell[1])
            else:
                return None
        if not bits:
            return value
        number = state.number(value)
        if number is not None:
            return number & int(bits)
        if isinstance(value, tuple) and value[0] == "s" and "&" not in str(value[1]):
            return ("s", f"{value[1]}&{bits}")
        return None

    def _constant(self, address: Value, steps: tuple[str, ...]) -> Value:
        # What a member of a constant table is, whose address this function took.
        if not (isinstance(address, tuple) and address[0] == "h" and len(steps) == 1):
            return None
        members = self.know.constants.get(address[2]) if address[2] in self.addresses else None
        if members is None:
            return None
        found = members.get(steps[0].removeprefix("."))
        if not found:
            return 0
        return ("f", next(iter(found))) if len(found) == 1 else None

    def _formal(self, state: State, name: str, args: dict[str, Value]) -> Value:
        root = formal_root(name)
        return self._object(state, root, args) if root else None


def page_around(state: State, entry: Value) -> str | None:
    """The page that an entry links: the one around it, once the function has asked for that."""
    if isinstance(entry, tuple) and entry[0] == "a" and entry[1].startswith("*"):
        named = formal_name(entry[1][1:], (*entry[2], WHOLE))
        return next((name for name in state.objects if name.startswith(named)), None)
    return object_of(entry)


def followed(state: State, root: str, steps: tuple[str, ...]) -> Cell:
    """The cell that steps lead to, by the pointers that are known to be kept on the way."""
    steps = _inward(steps)
    for _ in range(_POINTERS):
        for at, step in enumerate(steps):
            held = state.cells.get((root, steps[:at])) if step == "*" and at else None
            if isinstance(held, tuple) and held[0] == "a":
                root, steps = held[1], (*held[2], *steps[at + 1 :])
                break
        else:
            break
    return root, steps


def _inward(steps: tuple[str, ...]) -> tuple[str, ...]:
    # From a member to what stands around it, and to another member of that: straight there.
    for at, step in enumerate(steps[:-1]):
        if step.startswith(WHOLE):
            record = steps[at + 1].partition(".")[2].partition(".")[0]
            for back in range(at - 1, -1, -1):
                if steps[back].startswith(f".{record}."):
                    return _inward((*steps[:back], *steps[at + 1 :]))
                if not steps[back].startswith("."):
                    break
    return steps


def taken_off(owner: Owner, where: Location) -> Owner:
    """A page after it left the list it was on: a free list's page is the taker's alone."""
    if owner.kind is Kind.FREE:
        return owner.moved(Kind.FRESH, "it was taken off the allocator's free list", where)
    if owner.kind is Kind.ENTRY and owner.root and owner.root[1][-1:] == ("[list]",):
        return owner._replace(root=(owner.root[0], (*owner.root[1][:-1], TAKEN)))
    if owner.kind is Kind.ENTRY:
        return owner._replace(unlisted=True)
    return owner
