"""One path's knowledge at one point: variables, memory cells, objects, locks and facts.

States of paths that agree on ownership and locks are one (`State.property` decides; the rest
is joined); paths that disagree stay apart, so that

    if (!folio) { folio = folio_alloc(...); fresh = true; }
    if (fresh) __folio_set_locked(folio);

is seen as the two paths it has (property simulation: Das, Lerner, Seigle, "ESP", PLDI 2002).
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping, Sequence
from itertools import compress
from operator import itemgetter, ne
from typing import TypeVar

from flaglint.known import about, joined, kept, rekey, rekeyed
from flaglint.lockset import MustLockset
from flaglint.ownership import Owner, alternatives, join
from flaglint.values import (
    ANY_CLASS,
    ERROR,
    NULL,
    VALID,
    Value,
    formal_name,
    mentions,
    object_of,
    rename,
)

Cell = tuple[str, tuple[str, ...]]
"""A place in memory: a root ("&x", "*p", "k3") and the steps from it."""

MERGED = "paths were merged"

P = TypeVar("P")

_FIRST = itemgetter(0)
_FLAT = frozenset(("a", "l", "f", "e", "alts"))
"""Those of which no symbol or object is a part."""
_HOLDERS = frozenset("odtnicr")
"""The kinds of value that objects may be in."""


class State:
    """Mutable while one block is interpreted; `copy` before it is shared."""

    __slots__ = ("cells", "env", "facts", "indexed", "locks", "members", "objects", "passed")

    def __init__(self) -> None:
        self.env: dict[str, Value] = {}
        self.cells: dict[Cell, Value] = {}
        self.objects: dict[str, Owner] = {}
        self.locks: MustLockset = frozenset()
        self.facts: dict[Hashable, int] = {}
        """class mask of a value; ("=", value) -> the number it equals."""
        self.members: dict[str, Cell] = {}
        """object -> the list it was read from."""
        self.indexed: dict[tuple[Cell, str], Value] = {}
        """an array's members, and a variable -> the member that it is the index of; the variable,
        "=" and an object -> that object, a member at what the variable was when it was stored"""
        self.passed = 0
        """The blocks that some path to here went through, a bit for each."""

    def copy(self) -> State:
        """An independent copy; values are shared, they are never changed."""
        new = State.__new__(State)
        new.env = dict(self.env)
        new.cells = dict(self.cells)
        new.objects = dict(self.objects)
        new.locks = self.locks
        new.facts = dict(self.facts)
        new.members = dict(self.members)
        new.indexed = dict(self.indexed)
        new.passed = self.passed
        return new

    def same(self, other: State) -> bool:
        """Whether nothing would be learnt by looking at the other again."""
        return (
            self.env == other.env
            and self.facts == other.facts
            and self.locks == other.locks
            and self.cells == other.cells
            and self.members == other.members
            and self.indexed == other.indexed
        )

    # Facts about values.

    def mask(self, value: Value) -> int:
        """The classes the value may be of: NULL, ERROR, VALID (a number: zero or not)."""
        if isinstance(value, int):
            return NULL if value == 0 else VALID
        if not isinstance(value, tuple):
            return ANY_CLASS
        if value[0] in ("f", "l"):
            return VALID
        if value[0] == "e":
            return ERROR
        if value[0] == "a" and not value[1].startswith("*"):
            return VALID
        if value[0] == "a" and value[2]:
            return VALID if value[2][-1] != "*" else self.facts.get(value, ANY_CLASS)
        if value[0] == "o":
            return self.facts.get(("o", value[1]), ANY_CLASS)
        return self.facts.get(value, ANY_CLASS)

    def narrow(self, value: Value, mask: int) -> bool:
        """Note that the value's class is in the mask; False when it cannot be."""
        now = self.mask(value) & mask
        if not now:
            return False
        if isinstance(value, tuple) and value[0] in ("o", "s", "h", "a", "d"):
            self.facts[("o", value[1]) if value[0] == "o" else value] = now
        return True

    def number(self, value: Value) -> int | None:
        """The number the value is known to equal."""
        if isinstance(value, int):
            return value
        if isinstance(value, tuple):
            return self.facts.get(("=", value))
        return None

    def forget(self, symbol: str) -> None:
        """The symbol is about to mean something new: drop what was said of the old."""
        for key in about(self.facts, {symbol}):
            del self.facts[key]
        for table in (self.env, self.cells):
            for name in [
                n for n, value in table.items() if type(value) is tuple and mentions(value, symbol)
            ]:
                table[name] = None  # type: ignore[index]

    def step(self, index: str) -> None:
        """The variable was assigned: the members that it was the index of are others now."""
        for cell, by in [place for place in self.indexed if place[1] == index]:
            value = self.indexed.pop((cell, by))
            if object_of(value):
                self.indexed[cell, linked(by, value)] = value

    def renew(self, name: str) -> None:
        """Make way for a new object of that name: what still points to the old one keeps it."""
        if name not in self.objects:
            return
        older = name + "'"
        if older in self.objects:
            self.facts.pop(("o", older), None)
        names = {name: older}
        self.objects[older] = self.objects.pop(name)
        for key in about(self.facts, {name}):
            known = self.facts.pop(key)
            self.facts[rekey(key, name, older)] = known
        if name in self.members:
            self.members[older] = self.members.pop(name)
        self.env = {var: rename(value, names) for var, value in self.env.items()}
        self.cells = {cell: _rename_cell(value, names) for cell, value in self.cells.items()}
        self.indexed = _rename_links(self.indexed, names)

    # Equality and joining.

    def prune(self, live: frozenset[str]) -> None:
        """Drop locals that nothing reads any more, and what only they held."""
        self.env = {
            name: value for name, value in self.env.items() if value is not None and name in live
        }
        for cell in [c for c in self.cells if c[0][0] == "&" and c[0][1:] not in live]:
            del self.cells[cell]
        links: dict[tuple[Cell, str], Value] = {}
        if self.indexed:
            indexed, self.indexed = self.indexed, {}
            for (cell, by), value in indexed.items():
                there = cell[0][0] != "&" or cell[0][1:] in live
                if by in live or (there and by.isdigit()):
                    self.indexed[cell, by] = value
                elif there and object_of(value):
                    links[cell, linked(by, value)] = value
        held: set[str] = set()
        symbols: set[str] = set()
        for value in (*self.env.values(), *self.cells.values(), *self.indexed.values()):
            if type(value) is tuple:
                # Most name one thing: not worth a call.
                if value[0] in ("s", "h"):
                    symbols.add(value[1])
                elif value[0] in ("o", "d"):
                    held.add(value[1])
                elif value[0] not in _FLAT:
                    _gather(value, held, symbols)
        self.indexed |= {place: value for place, value in links.items() if object_of(value) in held}
        for name in [n for n in self.objects if n not in held and not n.startswith("F:")]:
            del self.objects[name]
            self.members.pop(name, None)
        symbols |= held
        self.facts = {key: mask for key, mask in self.facts.items() if kept(key, symbols)}

    def property(self) -> Hashable:
        """What two states must agree on to be joined without losing ownership."""
        objects = self.objects
        if not objects:
            return (), (), (), self.locks
        number: dict[str, int] = {}
        parts: list[Hashable] = []
        for name, items in (*_holding(self.env, objects), *_holding(self.cells, objects)):
            parts += [(name, number.setdefault(item, len(number))) for item in items]
        facts = tuple(
            (objects[item].fact, self.facts.get(("o", item), ANY_CLASS) == NULL) for item in number
        )
        # A page's place in the caller's memory that was cleared no longer holds the page.
        parts += sorted(
            (cell, -1)
            for cell, value in self.cells.items()
            if value == 0
            and cell[0].startswith("*")
            and (owner := objects.get(_formal(cell))) is not None
            and not owner.untouched
        )
        others = [
            (item, owner.fact)
            for item, owner in objects.items()
            if item not in number and not owner.untouched
        ]
        others.sort(key=_FIRST)
        return (tuple(parts), facts, tuple(others), self.locks)

    def joined(self, other: State, tag: str) -> State:
        """Both paths as one: equal properties, so only what agrees in the rest is kept.

        A variable that holds different numbers becomes a symbol named after `tag`, the place
        of the join: it is unknown, but the same wherever it is looked at from here.
        """
        names = self._isomorphism(other)
        env, cells, facts = other.env, other.cells, other.facts
        if names:
            env = {n: rename(v, names) for n, v in env.items()}
            cells = {c: _rename_cell(v, names) for c, v in cells.items()}
            facts = {rekeyed(k, names): v for k, v in facts.items()}
        new = self.copy()
        new.passed |= other.passed
        theirs = _rename_links(other.indexed, names) if names else other.indexed
        new.indexed = {
            place: value for place, value in self.indexed.items() if theirs.get(place) == value
        }
        blended: dict[str, int] = {}
        for name, one, two in _differing(self.env, env):
            if self._elsewhere(other, one, two):
                return self.joined(other.relocated(two[1], one[1]), tag)
            new.env[name] = _blend(one, two, f"{tag}:{name}")
            blended[f"{tag}:{name}"] = self.mask(one) | other.mask(other.env.get(name))
        for cell in [*_cleared(new.cells), *_cleared(cells)]:
            if (cell in new.cells) != (cell in cells) and _formal(cell) in new.objects:
                # Cleared on one of the paths: it holds the page, or NULL.
                new.cells.pop(cell, None)
                cells = {c: value for c, value in cells.items() if c != cell}
                new.facts.pop(("o", _formal(cell)), None)
        for cell, one, two in _differing(new.cells, cells):
            if self._elsewhere(other, one, two):
                return self.joined(other.relocated(two[1], one[1]), tag)
            new.cells[cell] = _blend(one, two, f"{tag}:{cell}")
            blended[f"{tag}:{cell}"] = self.mask(one) | other.mask(other.cells.get(cell))
        for cell, value in cells.items():
            if cell not in new.cells and _is_alternatives(value):
                new.cells[cell] = value
            elif cell not in new.cells and cell[0].startswith("*"):
                new.cells[cell] = ("s", f"{tag}:{cell}")  # only one of the paths stored there
        objects = {names.get(name, name) for name in other.objects}
        merged = joined(new.facts, self.objects.keys(), facts, objects)
        for key in about(merged, blended.keys()) if blended else ():
            del merged[key]
        for symbol, mask in blended.items():
            if mask != ANY_CLASS:
                merged[("s", symbol)] = mask
        new.facts = merged
        for name, owner in other.objects.items():
            mine = new.objects.get(names.get(name, name))
            if mine is None:
                new.objects[name] = owner
        new.members = {
            name: cell
            for name, cell in new.members.items()
            if any(other.members.get(two) == cell for two in (name, *_inverse(names, name)))
        }
        return new

    def _elsewhere(self, other: State, one: Value, two: Value) -> bool:
        # Whether both hold what was allocated here, each at a place of its own.
        if not (_allocated(one) and _allocated(two) and one[2] == two[2]):
            return False
        return not (other.reaches(one[1]) or self.reaches(two[1]))

    def reaches(self, root: str) -> bool:
        """Whether the memory allocated there is anything to this path."""
        if any(cell[0] == root for cell in self.cells):
            return True
        values = (*self.env.values(), *self.cells.values())
        return any(_allocated(value) and value[1] == root for value in values)

    def relocated(self, old: str, new: str) -> State:
        """The same path, with its memory of one name under another that it does not use."""
        names = {old: new}
        after = self.copy()
        after.env = {name: _rename_root(value, names) for name, value in self.env.items()}
        after.cells = {
            (names.get(root, root), steps): _rename_root(value, names)
            for (root, steps), value in self.cells.items()
        }
        after.facts = {rekeyed(key, names): known for key, known in self.facts.items()}
        after.members = {
            name: (names.get(root, root), steps) for name, (root, steps) in self.members.items()
        }
        after.indexed = {
            ((names.get(cell[0], cell[0]), cell[1]), by): value
            for (cell, by), value in self.indexed.items()
        }
        return after

    def _isomorphism(self, other: State) -> dict[str, str]:
        # Equal properties: both states' variables hold objects in the same pattern, so an
        # object of the other is the one that the same variable holds here. Empty when each is
        # called the same in both.
        if _same_objects(other.env, self.env) and _same_objects(other.cells, self.cells):
            return {}
        names: dict[str, str] = {}
        for name, value in _holders(other.env):
            _pair(names, value, self.env.get(name))
        for cell, value in _holders(other.cells):
            _pair(names, value, self.cells.get(cell))
        return names if any(one != two for one, two in names.items()) else {}

    def weakened(self, other: State, tag: str) -> State:
        """Both paths as one though they disagree: the more suspicious, with a doubt."""
        new = self.joined(other, tag)
        names = self._isomorphism(other)
        for theirs, owner in other.objects.items():
            mine = names.get(theirs, theirs)
            if mine in new.objects and new.objects[mine].fact != owner.fact:
                new.objects[mine] = join(new.objects[mine], owner, MERGED)
        new.locks = self.locks & other.locks
        return new


def linked(by: str, value: Value) -> str:
    """What stands for an index that moved on, of a member that holds the value."""
    return by if "=" in by or by.isdigit() else f"{by}={object_of(value)}"


def _rename_links(
    indexed: Mapping[tuple[Cell, str], Value], names: dict[str, str]
) -> dict[tuple[Cell, str], Value]:
    found = {}
    for (cell, by), value in indexed.items():
        index, moved, _ = by.partition("=")
        new = rename(value, names)
        found[cell, linked(index, new) if moved else by] = new
    return found


def _is_alternatives(value: Value) -> bool:
    return isinstance(value, tuple) and value[0] == "alts"


def _blend(one: Value, other: Value, symbol: str) -> Value:
    if _is_alternatives(one) or _is_alternatives(other):
        if _is_alternatives(one) and _is_alternatives(other):
            return alternatives(*one[1], *other[1])
        return one if _is_alternatives(one) else other
    first = one[0] if isinstance(one, tuple) else ""
    second = other[0] if isinstance(other, tuple) else ""
    if first == second == "o" and one[1] == other[1]:
        index = one[2] if one[2] == other[2] else "?"
        return ("o", one[1], index, one[3] if one[3] == other[3] else 0)
    if first == second == "h":
        return ("h", symbol, one[2] if one[2] == other[2] else "")
    if "h" in (first, second) and not {first, second} & {"o", "d", "l"}:
        return ("h", symbol, "")
    if first == "o" and other == 0:
        return one
    if second == "o" and one == 0:
        return other
    if {first, second} & {"o", "d", "a", "l", "f"}:
        return None
    return ("s", symbol)


def _holding(table: Mapping[P, Value], objects: Container[str]) -> list[tuple[P, Sequence[str]]]:
    # Which of the objects are held by each variable or cell that holds any, by its name.
    found: list[tuple[P, Sequence[str]]] = []
    for name, value in _holders(table):
        items = (value[1],) if value[0] in "od" else _objects(value)
        if items := [item for item in items if item in objects]:
            found.append((name, items))
    return found


def _holders(table: Mapping[P, Value]) -> list[tuple[P, Value]]:
    # The values that objects may be in, by name.
    found = [item for item in table.items() if type(item[1]) is tuple and item[1][0] in _HOLDERS]
    if len(found) > 1:
        found.sort(key=_FIRST)
    return found


def _differing(ours: Mapping[P, Value], theirs: Mapping[P, Value]) -> list[tuple[P, Value, Value]]:
    # The names under which the others hold something else: few of many, found without a loop.
    names = compress(ours, map(ne, ours.values(), map(theirs.get, ours)))
    return [(name, ours[name], theirs.get(name)) for name in names]


def _same_objects(theirs: Mapping[P, Value], ours: Mapping[P, Value]) -> bool:
    # Whether what is held under one name is one object, wherever both hold any.
    for name, value in theirs.items():
        if type(value) is tuple and value[0] in _HOLDERS:
            mine = ours.get(name)
            if mine is not value and mine != value:
                held = zip(_objects(value), _objects(mine), strict=False)
                if any(one != two for one, two in held):
                    return False
    return True


def _cleared(cells: Mapping[Cell, Value]) -> list[Cell]:
    return [cell for cell, value in cells.items() if type(value) is not tuple and value == 0]


def _pair(names: dict[str, str], theirs: Value, mine: Value) -> None:
    for one, two in zip(_objects(theirs), _objects(mine), strict=False):
        names.setdefault(one, two)


def _formal(cell: Cell) -> str:
    """The name of the object that the caller's memory holds at the cell on entry."""
    return formal_name(cell[0][1:], cell[1])


def _objects(value: Value) -> list[str]:
    if not isinstance(value, tuple):
        return []
    match value[0]:
        case "o" | "d":
            return [value[1]]
        case "t":
            return [value[2]]
        case "n" | "i":
            return _objects(value[1])
        case "c":
            return _objects(value[2]) + _objects(value[3])
        case "r":
            return [name for _, held in value[1:] for name in _objects(held)]
    return []


def _gather(value: Value, held: set[str], symbols: set[str]) -> None:
    # The objects and symbols that a value is built from.
    match value[0]:
        case "o" | "d":
            held.add(value[1])
        case "s" | "h":
            symbols.add(value[1])
        case "t":
            held.add(value[2])
        case "n" | "i" | "c":
            for part in value[1:]:
                if isinstance(part, tuple):
                    _gather(part, held, symbols)
        case "r":
            for _, part in value[1:]:
                if isinstance(part, tuple):
                    _gather(part, held, symbols)


def _allocated(value: Value) -> bool:
    # Whether it is the address of memory that was allocated on this path.
    return type(value) is tuple and value[0] == "a" and value[1][0] == "k"


def _rename_root(value: Value, names: dict[str, str]) -> Value:
    return value if _is_alternatives(value) else rekeyed(value, names)


def _rename_cell(value: Value, names: dict[str, str]) -> Value:
    return value if _is_alternatives(value) else rename(value, names)


def _inverse(names: dict[str, str], wanted: str) -> list[str]:
    return [one for one, two in names.items() if two == wanted]
