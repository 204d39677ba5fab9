"""What an expression in an accessor can be, as far as flags words are concerned.

A pointer and the object it points to are one value here: `page`, `*page` and `&page[0]` are all
`Page(word)`, where `word` says whose flags word `->flags` would be. That is enough because an
accessor never stores pointers to pointers.

Invariant: `join` goes up: of two different words it gives ANY, of two different kinds UNKNOWN.
"""

from __future__ import annotations

import msgspec

from flaglint.flagtable import Atomicity, Operation, Word


class Page(msgspec.Struct, frozen=True):
    """A struct page or folio, by the word that its `flags` member is.

    `asserted` says that only an assertion makes it a folio's first page: it is what the pointer
    pointed at, which a kernel without the assertion writes whatever it is.
    """

    word: Word
    asserted: bool = False


class FlagsWord(msgspec.Struct, frozen=True):
    """A flags word, or its address; `asserted` as in Page."""

    word: Word
    asserted: bool = False


class Bit(msgspec.Struct, frozen=True):
    """A flag's number, by the flag's name."""

    flag: str


class Bits(msgspec.Struct, frozen=True):
    """A mask of flags; `inverted` when it is the complement of them."""

    flags: frozenset[str]
    inverted: bool = False


class Number(msgspec.Struct, frozen=True):
    """An integer constant."""

    value: int


class Unknown(msgspec.Struct, frozen=True):
    """Anything else."""


Value = Page | FlagsWord | Bit | Bits | Number | Unknown
UNKNOWN = Unknown()


class Access(msgspec.Struct, frozen=True):
    """One touch of a flags word: `flags` is empty when the caller chooses the bits.

    `nested` says that it happens in a function called by the one at hand, `asserted` that the
    word is what it is by an assertion only.
    """

    flags: frozenset[str]
    operation: Operation
    atomicity: Atomicity
    word: Word
    nested: bool = False
    doubts: tuple[str, ...] = ()
    asserted: bool = False


def join(one: Value, other: Value) -> Value:
    """The least value that covers both."""
    if one == other:
        return one
    if isinstance(one, Page) and isinstance(other, Page):
        return Page(*_either(one, other))
    if isinstance(one, FlagsWord) and isinstance(other, FlagsWord):
        return FlagsWord(*_either(one, other))
    return UNKNOWN


def _either(one: Page | FlagsWord, other: Page | FlagsWord) -> tuple[Word, bool]:
    if one.word is other.word:
        return one.word, one.asserted or other.asserted
    return Word.ANY, False


def step(page: Page, count: Value) -> Page:
    """The page `count` places after `page`.

    Indexing by one only makes sense from a folio's first page, so `page[1]` is the second page
    even where nothing else says that `page` is the first.
    """
    if not isinstance(count, Number):
        return Page(Word.ANY)
    if count.value == 0:
        return page
    if count.value == 1 and page.word is not Word.SECOND:
        return Page(Word.SECOND)
    return Page(Word.ANY)


def combine(operator: str, left: Value, right: Value) -> Value:
    """The value of a binary expression over numbers, masks and pages."""
    if operator in ("+", "-") and isinstance(left, Page):
        return step(left, right) if operator == "+" else Page(Word.ANY)
    if operator == "+" and isinstance(right, Page):
        return step(right, left)
    if operator == "<<" and left == Number(1) and isinstance(right, Bit):
        return Bits(frozenset({right.flag}))
    if operator == "|":
        return _union(left, right)
    if isinstance(left, Number) and isinstance(right, Number):
        return _arithmetic(operator, left.value, right.value)
    return UNKNOWN


def _union(left: Value, right: Value) -> Value:
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(left.value | right.value)
    if left == Number(0):
        return right
    if right == Number(0):
        return left
    if not isinstance(left, Bits) or not isinstance(right, Bits):
        return UNKNOWN
    return UNKNOWN if left.inverted or right.inverted else Bits(left.flags | right.flags)


def _arithmetic(operator: str, left: int, right: int) -> Value:
    if operator == "<<" and 0 <= right < 64:
        return Number(left << right)
    simple = {
        "+": left + right,
        "-": left - right,
        "*": left * right,
        "&": left & right,
        "^": left ^ right,
        "==": int(left == right),
        "!=": int(left != right),
        "<": int(left < right),
        ">": int(left > right),
        "&&": int(bool(left) and bool(right)),
        "||": int(bool(left) or bool(right)),
    }
    return Number(simple[operator]) if operator in simple else UNKNOWN
