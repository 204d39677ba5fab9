"""Records by value: what an assignment, a memcpy() or a call takes along of one.

    struct slot copy = *slot;       the members' values, at the steps that lead to them
    add(copy);                      the callee's `slot.folio` is what the copy held

Interface: `record_at`, `unpacked`.
"""

from __future__ import annotations

from flaglint.state import Cell, State
from flaglint.values import Value


def record_at(state: State, cell: Cell) -> Value:
    """The members of the record at a place, as far as they are known; None where none is."""
    root, steps = cell
    size = len(steps)
    held = sorted(
        (
            (place[size:], value)
            for (base, place), value in state.cells.items()
            if base == root and value is not None and len(place) > size and place[:size] == steps
        ),
        key=lambda item: item[0],
    )
    return ("r", *held) if held else None


def unpacked(value: Value, steps: tuple[str, ...]) -> tuple[Value, tuple[str, ...]]:
    """What a record holds where the steps begin, and the steps from there; others as they are."""
    if not (isinstance(value, tuple) and value[0] == "r" and steps):
        return value, steps
    for at, held in value[1:]:
        rest = steps[len(at) :]
        if steps[: len(at)] == at and (not rest or rest[0] == "*"):
            return held, rest[1:]
    return None, ()
