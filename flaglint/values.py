"""What a variable may hold, as far as ownership needs to know it.

Values are plain tuples whose first element says which kind they are; None is "anything".

    ("o", object, index, offset)   a pointer into a page object: which page of the folio, and
                                   which byte of it. The index is 0 for the head, a number,
                                   "b" for the page a `struct page *` was given as (head or
                                   tail, the code does not say), "?" for one not known,
                                   "?" and an op for the one that the op computed.
    ("d", object)                  a number that refers to the page: its pfn, a pte of it
    ("a", root, steps)             the address of a cell: "&x" a local's storage, "*p" what a
                                   formal points to, "k3" memory allocated here
    ("l", root, steps, delta)      a cursor in the list whose head is that cell
    ("h", symbol, field)           something read from memory that others share
    ("s", symbol)                  a number nobody knows, the same wherever the symbol is
    ("f", key)                     a function
    ("e", number)                  an error number as a pointer
    ("c", operator, left, right)   a comparison
    ("n", value)                   its negation
    ("i", value, mask)             whether a pointer's class is in the mask (IS_ERR and kin)
    ("t", what, object, detail)    a test whose truth says something of an object
    ("r", (steps, value), ...)     a record by value: what its members hold
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

Value: TypeAlias = Any

NULL, ERROR, VALID = 1, 2, 4
"""The classes of a pointer; a set of them is a sum."""
ANY_CLASS = 7
TRUE = ERROR | VALID
"""The classes of what a condition lets pass: all but NULL."""


_FLAT = frozenset((*"oshdalfe", "alts"))
"""Kinds of value that are not built from other values. What a container holds ("alts") are
owners, which name no symbol."""


def add_index(index: int | str, step: int | None) -> int | str:
    """The page `step` places after the page at `index`; None is a step not known."""
    if step == 0:
        return index
    if step is None or is_open(index):
        return "?"
    if index == "b":
        # The given page's neighbour. Code that counts from the page it was given
        # counts from a folio's first page.
        return step if step > 0 else "?"
    return int(index) + step if int(index) + step >= 0 else "?"


def is_open(index: int | str) -> bool:
    """Whether it is not known which page of the folio it is."""
    return isinstance(index, str) and index.startswith("?")


def object_of(value: Value) -> str | None:
    """The page object a value refers to."""
    if isinstance(value, tuple) and value[0] in ("o", "d"):
        return str(value[1])
    return None


def formal_name(param: str, steps: tuple[str, ...]) -> str:
    """The name of the object that a formal, or memory it points to by `steps`, has on entry."""
    return "F:" + "|".join((param, *steps))


def formal_root(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The formal and the steps that the object of that name was reached by, if it was."""
    if not name.startswith("F:") or name.endswith("'"):
        return None
    param, *steps = name[2:].split("|")
    return param, tuple(steps)


def around(member: Value, count: int | None) -> Value:
    """What stands around something that a formal points to, so many bytes before it."""
    if isinstance(member, tuple) and member[1].startswith("*") and count:
        return ("a", member[1], (*member[2], f"{WHOLE}{count}"))
    return None


WHOLE = "-"
"""A step: the structure around what a formal points to, which only callers know."""


def is_around(steps: tuple[str, ...]) -> bool:
    """Whether what is meant is not what a formal points to, but what stands around it."""
    return bool(steps) and steps[-1].startswith(WHOLE)


def bytes_before(steps: tuple[str, ...]) -> int:
    """How many bytes before what a formal points to that begins; 0 where it is not said."""
    return int(steps[-1][1:] or 0)


def is_formal(value: Value) -> bool:
    """Whether the value is a number, or a function pointer, that a caller passes or keeps."""
    return isinstance(value, tuple) and value[0] == "s" and str(value[1]).startswith("p:")


def formal_number(param: str, steps: tuple[str, ...] = ()) -> Value:
    """The number that a formal, or memory it points to by `steps`, has on entry."""
    return ("s", "p:" + "|".join((param, *steps)))


def number_root(value: Value) -> tuple[str, tuple[str, ...]] | None:
    """The formal and the steps that the number is found by, if it is one, and not bits of it."""
    if not is_formal(value) or "&" in value[1]:
        return None
    param, *steps = value[1][2:].split("|")
    return param, tuple(steps)


def mentions(value: Value, symbol: str) -> bool:
    """Whether the value is built from the symbol or object."""
    if not isinstance(value, tuple):
        return False
    if symbol in value:
        return True
    if not value or value[0] in _FLAT:
        return False
    for part in value:  # noqa: SIM110 (asked of every variable: a generator takes thrice as long)
        if isinstance(part, tuple) and mentions(part, symbol):
            return True
    return False


def mentions_any(value: Value, symbols: AbstractSet[str]) -> bool:
    """Whether the value is built from one of the symbols or objects."""
    if not isinstance(value, tuple):
        return False
    if not symbols.isdisjoint(value):
        return True
    if not value or value[0] in _FLAT:
        return False
    return any(isinstance(part, tuple) and mentions_any(part, symbols) for part in value)


def rename(value: Value, names: dict[str, str]) -> Value:
    """The value with objects renamed."""
    if not isinstance(value, tuple):
        return value
    match value[0]:
        case "o" | "d":
            new = names.get(value[1])
            return value if new is None else (value[0], new, *value[2:])
        case "t":
            new = names.get(value[2])
            return value if new is None else (value[0], value[1], new, value[3])
        case "c":
            return ("c", value[1], rename(value[2], names), rename(value[3], names))
        case "n":
            return ("n", rename(value[1], names))
        case "i":
            return ("i", rename(value[1], names), value[2])
        case "r":
            return ("r", *((steps, rename(held, names)) for steps, held in value[1:]))
    return value
