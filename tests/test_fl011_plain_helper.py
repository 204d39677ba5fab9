"""FL011's sentence: who writes plainly, and which flags are at stake."""

from __future__ import annotations

from flaglint.checks import Evidence
from flaglint.checks.fl011_plain_helper import findings
from flaglint.finding import Level
from flaglint.flagtable import Atomicity, FlagTable, Helper, Operation, Word


def helper(name: str, flag: str, atomicity: Atomicity, line: int = 1) -> Helper:
    return Helper(name, flag, -1, Operation.SET, atomicity, Word.HEAD, "folio", "f.h", line, "")


def message(*helpers: Helper) -> str:
    evidence = Evidence(FlagTable((), helpers), (), {"FL011": Level.NOTE})
    (found,) = findings(evidence)
    return found.message


PLAIN = helper("__folio_set_a", "PG_a", Atomicity.PLAIN)
ATOMIC = helper("folio_set_b", "PG_b", Atomicity.ATOMIC, 2)


def test_one_helper_and_one_flag() -> None:
    assert message(PLAIN, ATOMIC) == (
        "__folio_set_a() writes the word plainly that atomic helpers of 1 other flag write too, "
        "PG_b for one"
    )


def test_a_helper_that_names_no_flag_is_not_the_example() -> None:
    unnamed = helper("folio_xor_flags", "", Atomicity.ATOMIC, 3)
    other = helper("__folio_clear_a", "PG_a", Atomicity.PLAIN)
    assert message(PLAIN, other, unnamed, ATOMIC) == (
        "__folio_set_a(), __folio_clear_a() write the word plainly that atomic helpers of 1 other "
        "flag write too, PG_b for one"
    )


def test_only_unnamed_bits_at_stake() -> None:
    unnamed = helper("folio_xor_flags", "", Atomicity.ATOMIC, 3)
    assert message(PLAIN, unnamed) == (
        "__folio_set_a() writes the word plainly that folio_xor_flags() writes atomically"
    )
