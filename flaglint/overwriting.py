"""What memory was known to hold, and does not for certain any more.

    entry.val = 0;
    get_slots(1, &entry);       a callee that nobody looked into, or that stored to slots[i]
    if (!entry.val)             may be either

Pages that a cell holds stay there: who may have put another page into a structure is the affair
of those who look at its pages. What is forgotten are numbers, and that a pointer is NULL, so that
no branch counts as never taken which is.

In memory of a caller's a mark takes the place of cells that the function does not know: `LOST`
below what was overwritten as a whole, `GIVEN` below what somebody else was given.

Interface: `overwritten`, `given`, `address_given`, `element_stored`, `anywhere_stored`, `is_lost`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from flaglint.state import Cell, State
from flaglint.values import Value, is_around

LOST = "!lost"
"""The last step of a mark: what is below the rest was overwritten with what nobody knows."""
GIVEN = "!given"
"""The last step of a mark: somebody was given the address of the rest, and may have stored there.

Marks sort before members: what was stored to these since is stored after the mark is made."""
MARKS = frozenset((LOST, GIVEN))
_KEPT = frozenset("oadlf")
"""Kinds of value that are no numbers; "alts" is what a container holds."""
_EMPTY = ("alts", ())
"""What a list holds that is known to be empty."""
_NUMBERS = frozenset(
    ("", "int", "unsigned", "long", "short", "char", "signed", "_Bool", "enum", "float", "double",
     "void", "__int128")
)  # fmt: skip


@lru_cache(maxsize=4096)
def is_record(kind: str) -> bool:
    """Whether a value of the canonical type is made of members."""
    return not kind.endswith(("*", "]", ")")) and kind.partition(" ")[0] not in _NUMBERS


def overwritten(state: State, cell: Cell) -> None:
    """The record in the cell was assigned as a whole, by what nobody knows the members of."""
    root, steps = cell
    for place in _below(state, cell):
        del state.cells[place]
    if "[]" in steps:
        _forget(state, _below(state, _alone(cell)))
    if root.startswith("*"):
        state.cells[root, (*steps, LOST)] = ("s", "")


def given(state: State, cell: Cell) -> None:
    """Somebody who may store there, and to what it points to, has the address of the cell."""
    waiting, met = [cell], set()
    while waiting:
        cell = waiting.pop()
        if cell in met:
            continue
        met.add(cell)
        root, steps = cell
        places = [cell, *_below(state, cell)]
        held = (state.cells.get(place) for place in places)
        waiting += [(to[1], to[2]) for to in held if isinstance(to, tuple) and to[0] == "a"]
        _forget(state, places)
        for place in [place for place in places if state.cells.get(place) == _EMPTY]:
            del state.cells[place]
        if root.startswith("*"):
            state.cells[root, (*steps, GIVEN)] = ("s", "")


def address_given(state: State, value: Value) -> None:
    """`given`, if the value is the address of a cell."""
    if isinstance(value, tuple) and value[0] == "a" and not is_around(value[2]):
        given(state, value[1:])


def element_stored(state: State, cell: Cell) -> None:
    """Something that is no page was stored to a member of an array, or of what seems to be one."""
    _forget(state, [cell, _alone(cell)])
    if not cell[0].startswith("&"):
        state.cells.setdefault(cell, None)


def anywhere_stored(state: State, field: str, pinned: Iterable[str]) -> None:
    """Something was stored through a pointer that nobody knows: to a member of that name, or any.

    `pinned` are the variables that the pointer may lead to.
    """
    if not field:
        held = (name for name in pinned if name in state.env)
        for name in [name for name in held if _is_number(state.env[name])]:
            state.env[name] = None
    own = [place for place in state.cells if place[0][0] in "&k"]
    _forget(state, [place for place in own if not field or place[1][-1:] == (f".{field}",)])


def is_lost(state: State, cell: Cell) -> bool:
    """Whether what a caller's memory held on entry was overwritten there."""
    root, steps = cell
    return any((root, (*steps[:end], LOST)) in state.cells for end in range(len(steps) + 1))


def _forget(state: State, places: list[Cell]) -> None:
    for place in places:
        if place in state.cells and _is_number(state.cells[place]):
            state.cells[place] = None


def _alone(cell: Cell) -> Cell:
    # Where a pointer to one record was indexed, the record itself is what was meant.
    return cell[0], tuple(step for step in cell[1] if step != "[]")


def _below(state: State, cell: Cell) -> list[Cell]:
    # The cells of its members; what a pointer in it leads to is none.
    root, steps = cell
    size = len(steps)
    return [
        place
        for place in state.cells
        if place[0] == root
        and len(place[1]) > size
        and place[1][:size] == steps
        and "*" not in place[1][size:]
    ]


def _is_number(held: Value) -> bool:
    return not isinstance(held, tuple) or (held[0] not in _KEPT and held[0] not in ("alts", "h"))
