"""How one operation touches a flags word: bit operations, assignments, masks and members.

Pure functions from the values of operands to a value or an Access; who evaluates the operands,
and in which order, is `evaluate`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flaglint.flagtable import Atomicity, Operation, Word
from flaglint.pageflags.knowledge import BitOperation
from flaglint.pageflags.values import UNKNOWN, Access, Bit, Bits, FlagsWord, Number, Page, Value

_SECOND_WORD = re.compile(r"_+(?:page_)?flags_1$")
_FIRST_WORD = re.compile(r"(?:_+page_|pt_)?flags$")
_COMPOUND_ASSIGNMENTS = {
    "|=": Operation.SET,
    "&=": Operation.CLEAR,
    "^=": Operation.CHANGE,
}


def member(base: Value, field: str) -> Value:
    """The value of `base.field` or `base->field`.

    A member of a flags word is the word itself: newer kernels wrap it in a struct.
    """
    if isinstance(base, FlagsWord):
        return base
    if not isinstance(base, Page):
        return UNKNOWN
    if field == "page":
        return base
    if _SECOND_WORD.match(field):
        return FlagsWord(Word.SECOND)
    return FlagsWord(base.word, base.asserted) if _FIRST_WORD.match(field) else UNKNOWN


def unary(operator: str, value: Value) -> Value:
    """The value of `-x`, `~x`, `!x` and of `&x`, `*x`, which are x itself here."""
    if operator in ("&", "*"):
        return value
    if operator == "~" and isinstance(value, Bits):
        return Bits(value.flags, not value.inverted)
    if isinstance(value, Number):
        results = {"-": -value.value, "~": ~value.value, "!": int(not value.value)}
        return Number(results[operator]) if operator in results else UNKNOWN
    return UNKNOWN


def stored(target: Value, operator: str = "=", value: Value = UNKNOWN) -> Access | None:
    """The plain access that `target operator value` makes, None when it is no flags word."""
    if not isinstance(target, FlagsWord):
        return None
    operation = _COMPOUND_ASSIGNMENTS.get(operator, Operation.CHANGE)
    flags: frozenset[str] = frozenset()
    if isinstance(value, Bits) and operator != "=":
        # `&= ~mask` clears the mask; `|= ~mask` sets everything but the mask.
        flags = value.flags if value.inverted is (operation is Operation.CLEAR) else flags
    return Access(flags, operation, Atomicity.PLAIN, target.word, asserted=target.asserted)


def masked(word: Value, mask: Value) -> Access | None:
    """The read that `word & mask` makes of the mask's flags, None when it is nothing such."""
    if isinstance(word, FlagsWord) and isinstance(mask, Bits) and not mask.inverted:
        return Access(mask.flags, Operation.TEST, Atomicity.READ, word.word, asserted=word.asserted)
    return None


def bit_operation(
    operation: BitOperation, arguments: list[Value], by_bit: Mapping[int, str]
) -> Access | None:
    """The access a call of a bit operation makes, None when it is not about page flags.

    A page flag's bit in a word that is not understood is an access with a doubt.
    """
    word = arguments[operation.word] if operation.word < len(arguments) else UNKNOWN
    chosen = operation.mask if operation.bit < 0 else operation.bit
    which = arguments[chosen] if 0 <= chosen < len(arguments) else UNKNOWN
    flags: frozenset[str] = frozenset()
    if isinstance(which, Bit):
        flags = frozenset({which.flag})
    elif isinstance(which, Bits) and not which.inverted:
        flags = which.flags
    elif isinstance(which, Number) and operation.bit >= 0 and which.value in by_bit:
        flags = frozenset({by_bit[which.value]})
    if isinstance(word, FlagsWord):
        return Access(
            flags, operation.operation, operation.atomicity, word.word, asserted=word.asserted
        )
    if isinstance(which, Bit | Bits):
        doubt = f"{operation.name}() of a page flag on a word that is not understood"
        return Access(flags, operation.operation, operation.atomicity, Word.ANY, doubts=(doubt,))
    return None


def handed_out(function: str, arguments: list[Value]) -> list[Access]:
    """Accesses, each with a doubt, for flags words given to a function that is not known."""
    flags = frozenset(a.flag for a in arguments if isinstance(a, Bit))
    doubt = f"unknown function {function or '(a pointer)'}() is given the flags word"
    return [
        Access(
            flags,
            Operation.CHANGE,
            Atomicity.PLAIN,
            argument.word,
            False,
            (doubt,),
            argument.asserted,
        )
        for argument in arguments
        if isinstance(argument, FlagsWord)
    ]
