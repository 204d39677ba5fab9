"""What pointers to pages refer to: page objects, and the members of lists and arrays.

A value that is seen as a pointer to a page is given an object, with an owner that says where it
came from: a formal, a look-up, shared memory, a container. A container keeps owners, not objects:
one for each sort of member that it may have.
"""

from __future__ import annotations

from flaglint import ir
from flaglint.layout import Layout, Spot
from flaglint.overwriting import is_record, overwritten
from flaglint.ownership import OPEN, Kind, Origin, Owner, alternatives, last_member, read_from
from flaglint.records import record_at
from flaglint.state import Cell, State, linked
from flaglint.values import Value, formal_name, is_around, object_of

MAX_STEPS = 6
"""How far memory is followed from a formal."""
ONE_OF_THEM = "which of an array's pages it is"
"""A doubt: others can reach one of the pages, but not necessarily the one at hand."""
PASSED = "one of an array's pages that the loop has passed"
"""A doubt: others can reach it, and the loop over its container does not meet it again."""
_BYTES = frozenset(("char *", "unsigned char *", "u8 *", "void *", "const void *", ""))


class Objects:
    """Values, objects and containers' members, for one function."""

    def __init__(self, function: ir.Function, layout: Layout) -> None:
        self.function = function
        self.layout = layout
        self.at = ""
        self.indices: frozenset[str] = frozenset()
        """The variables that tell which member of an array is meant; no pointer leads to them."""
        self.looping = True
        self.where = function.where

    # Values of operands.

    def get(self, state: State, operand: ir.Operand) -> Value:
        """What an operand holds."""
        if isinstance(operand, int):
            return operand
        if operand.startswith("="):
            return ("f", operand[1:])
        if operand in state.env:
            return state.env[operand]
        if not operand or not state.cells:
            return None
        place = ("&" + operand, ())
        return record_at(state, place) or state.cells.get(place)

    def set(self, state: State, name: str, value: Value, kind: str) -> None:
        """Assign a variable of a type: a pointer to a page becomes a page object."""
        if isinstance(value, tuple) and value[0] == "r":
            root = "&" + name
            for cell in [cell for cell in state.cells if cell[0] == root]:
                del state.cells[cell]
            state.cells.update({(root, steps): held for steps, held in value[1:]})
            state.env.pop(name, None)
            return
        if state.cells and is_record(kind):
            overwritten(state, ("&" + name, ()))
        state.env[name] = self.coerce(state, value, kind)

    def symbol(self, state: State) -> str:
        """The symbol of the op being interpreted, new in this state."""
        if self.looping:  # elsewhere the op runs once on a path: nothing is said of it yet
            state.forget(self.at)
        return self.at

    def coerce(self, state: State, value: Value, kind: str) -> Value:
        """The value seen as the type: pointers from elsewhere become page objects."""
        overlay = self.layout.page_type(kind)
        if kind.endswith("*") and isinstance(value, tuple) and value[0] == "s":
            name = str(value[1])
            if name.startswith("p:") and "|" not in name and "&" not in name:
                value = ("a", "*" + name[2:], ())  # a callback's argument, passed as a number
        if not overlay:
            within = isinstance(value, tuple) and value[0] == "a" and is_around(value[2])
            # Around what a formal points to is no page, but a structure that nothing is known of.
            return ("s", self.symbol(state)) if within and kind not in _BYTES else value
        if value is None:
            return None
        if isinstance(value, int):
            return value
        match value[0]:
            case "o":
                name = value[1]
                owner = state.objects.get(name)
                if overlay not in ("page", "folio") and owner and not owner.view:
                    state.objects[name] = owner._replace(view=overlay)
                return value
            case "d":
                return ("o", value[1], "b" if overlay == "page" else 0, 0)
            case "h":
                return self.looked_up(state, overlay, value[2])
            case "l":
                return self.element(state, value, overlay)
            case "a" if value[1].startswith("*"):
                return self.formal(state, value[1][1:], value[2], overlay)
            case "a" if value[1].startswith("k") and not value[2]:
                # A pool's, say, which gives pages as it gives any memory.
                if ("seen", value[1]) in state.facts:
                    return self.looked_up(state, overlay, "")
                owner = Owner(Kind.FRESH, why="allocated here", where=self.where)
                return self.new_object(state, owner, overlay)
            case "a" if value[1].startswith("&"):
                return value
        return value

    def new_object(self, state: State, owner: Owner, overlay: str, name: str = "") -> Value:
        """A pointer to a new page object."""
        name = name or f"o{self.at}"
        state.renew(name)
        if overlay not in ("page", "folio"):
            owner = owner._replace(view=overlay)
        state.objects[name] = owner
        return ("o", name, "b" if overlay == "page" else 0, 0)

    def looked_up(self, state: State, overlay: str, field: str) -> Value:
        """A page found where others can find it too; `field` as in "h" values."""
        owner = read_from(field, self.where)
        if self.handed_over(field):
            # Whoever takes from such a list has what was on it alone; whether others can reach
            # it in another way, those know who put it there.
            doubt = "who else has a page that was handed over on a list without locks"
            owner = owner._replace(kind=Kind.UNKNOWN, doubts=frozenset((doubt,)))
            owner = owner.from_(Origin.HANDED, field.partition("(")[2].removesuffix(")"))
        if field.startswith(("page.", "folio.")):
            # A chain of pages: whoever has the one may be the only one to have the other.
            doubt = f"who else has a page that another one's {field.partition('.')[2]} leads to"
            owner = owner._replace(kind=Kind.UNKNOWN, doubts=frozenset((doubt,)))
        return self.new_object(state, owner, overlay)

    def handed_over(self, field: str) -> bool:
        """Whether what is read there belongs to the reader as far as the container goes."""
        return False

    def formal(self, state: State, param: str, steps: tuple[str, ...], overlay: str) -> Value:
        """The page that a formal, or memory it points to, refers to on entry."""
        name = formal_name(param, steps)
        if name not in state.objects:
            view = "" if overlay in ("page", "folio") else overlay
            root = (param, steps)
            owner = Owner(Kind.ENTRY, root=root, view=view, where=self.where)
            state.objects[name] = self.on_entry(owner, param)
        return ("o", name, "b" if overlay == "page" else 0, 0)

    def on_entry(self, owner: Owner, param: str) -> Owner:
        """What a contract of the function adds to what the caller has."""
        return owner

    def element(self, state: State, cursor: Value, overlay: str) -> Value:
        """A member of a list: an object of its own, in the state the list's members are in."""
        _, root, steps, _ = cursor
        cell = (root, (*steps, "[list]"))
        value = self.take(state, cell, overlay)
        if isinstance(value, tuple) and value[0] == "o":
            state.members[value[1]] = (root, steps)
        elif isinstance(value, tuple) and value[0] == "fork":
            return (*value, (root, steps))
        return value

    def take(self, state: State, cell: tuple[str, tuple[str, ...]], overlay: str) -> Value:
        """One member of a container cell; ("fork", owners) when it holds several sorts."""
        held = state.cells.get(cell)
        if isinstance(held, tuple) and held[0] == "alts":
            owners: tuple[Owner, ...] = held[1]
            owners = tuple(owner for owner in owners if PASSED not in owner.doubts) or owners
            if not owners:  # an empty list: the cursor stays on its head
                return ("l", cell[0], cell[1][:-1], 0)
            if len(owners) > 1:
                return ("fork", _either(owners) if "[]" in cell[1] else owners, overlay)
            return self.new_object(state, owners[0], overlay)
        if isinstance(held, tuple) and held[0] == "o":
            return held
        root, steps = cell
        free = self.free_list(steps)
        if free:
            return self.free_member(state, free, overlay)
        if root.startswith("*") and len(steps) <= MAX_STEPS:
            owner = Owner(Kind.ENTRY, root=(root[1:], steps), where=self.where)
            return self.new_object(state, self.on_entry(owner, root[1:]), overlay)
        if root.startswith(("&", "k")):
            return self.new_object(state, self.some_member(), overlay)
        return self.looked_up(state, overlay, last_member(steps))

    def some_member(self) -> Owner:
        """What a container of this function's own holds when that is not known."""
        doubt = frozenset(("a local list's or array's members",))
        return Owner(Kind.UNKNOWN, doubts=doubt, where=self.where)

    def free_member(self, state: State, free: str, overlay: str) -> Value:
        """A page of a free list: free as long as the list's lock is held."""
        return self.new_object(state, self.on_free_list(free), overlay)

    def on_free_list(self, free: str) -> Owner:
        """The owner of a page on that free list."""
        return Owner(
            Kind.FREE, origin=Origin.LISTED, via=free, why=f"it is on {free}", where=self.where
        )

    def free_list(self, steps: tuple[str, ...]) -> str:
        """The free list that the steps lead through, or ""."""
        return ""

    def _indexed(self, state: State, spot: Spot, overlay: str) -> Value:
        """An array's member: the same one for as long as its index does not change."""
        cell = (spot.root, spot.steps)
        if not self._one(spot):
            value = self.take(state, cell, overlay)
            if object_of(value):
                state.indexed[cell, linked("", value)] = value
            return value
        place = (cell, spot.by)
        if place in state.indexed:
            return state.indexed[place]
        value = self.take(state, cell, overlay)
        if object_of(value):
            state.indexed[place] = value
        elif isinstance(value, tuple) and value[0] == "fork":
            return (*value, None, place)
        return value

    def _one(self, spot: Spot) -> bool:
        # Whether it is said which of an array's members is meant.
        return spot.by in self.indices or spot.by.isdigit()

    def emptied(self, state: State, head: Value) -> None:
        """The list at an address holds nothing from here on."""
        if isinstance(head, tuple) and head[0] == "a":
            state.cells[(head[1], (*head[2], "[list]"))] = alternatives()

    def add(self, state: State, cell: Cell, owner: Owner, by: str = "") -> None:
        """A container gains a member, an array at the index that `by` says."""
        replaced(state, cell, by)
        self.join_member(state, cell, owner)

    def join_member(self, state: State, cell: Cell, owner: Owner) -> None:
        """What a container holds may be such a member, too."""
        held = state.cells.get(cell)
        owners = list(held[1]) if isinstance(held, tuple) and held[0] == "alts" else []
        if held is None and cell[0].startswith("*"):
            entry = Owner(Kind.ENTRY, root=(cell[0][1:], cell[1]))
            owners.append(self.on_entry(entry, cell[0][1:]))
        if all(other.fact != owner.fact for other in owners):
            owners.append(owner._replace(why="", where=None, before=None))
        state.cells[cell] = alternatives(*owners)


def array_at(state: State, cell: Cell) -> Cell | None:
    """The members of an array that is known to be at a place: *p is p[0]."""
    members = (cell[0], (*cell[1], "[]"))
    return members if members in state.cells else None


def filled(state: State, cell: Cell) -> bool:
    """Whether a container may hold what nobody saw being put into it."""
    others = ("filled", cell[0]) in state.facts or ("seen", cell[0]) in state.facts
    return others or (cell[0].startswith("&") and "*" in cell[1])


def replaced(state: State, array: Cell, by: str = "") -> None:
    """A member of the array was stored: the one at the number `by`, or any of them."""
    for cell, index in [place for place in state.indexed if place[0] == array]:
        if index == by or not ("=" in index or (by.isdigit() and index.isdigit())):
            del state.indexed[cell, index]


def _either(owners: tuple[Owner, ...]) -> tuple[Owner, ...]:
    # One cell stands for a whole array: a page that others can reach is in it, but not
    # necessarily where it is read.
    if all(owner.kind in OPEN for owner in owners):
        return owners
    return tuple(
        owner._replace(doubts=owner.doubts | {ONE_OF_THEM}) if owner.kind in OPEN else owner
        for owner in owners
    )
