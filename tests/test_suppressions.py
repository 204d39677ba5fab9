"""`[[suppress]]`: what it hides, what it must say, and what is remarked on."""

from __future__ import annotations

import datetime
import tomllib
from typing import Any

import pytest

from flaglint.cards import load_cards
from flaglint.suppressions import Suppression, SuppressionError, read_suppressions, suppress
from tests.reports import ALIAS, RACE, REPORT

TODAY = datetime.date(2026, 5, 1)


def rows(text: str) -> tuple[Suppression, ...]:
    document: dict[str, Any] = tomllib.loads(text)
    return read_suppressions(document["suppress"], load_cards())


def row(*lines: str) -> tuple[Suppression, ...]:
    return rows("\n".join(("[[suppress]]", 'rule = "FL001"', 'reason = "because"', *lines)))


@pytest.mark.parametrize(
    ("line", "hides"),
    [
        ('function = "deferred_split_folio"', True),
        ('function = "deferred_split"', False),
        ('file = "mm/huge_memory.c"', True),
        ('file = "mm/*.c"', True),
        ('file = "fs/*"', False),
        ('flag = "PG_partially_mapped"', True),
        ('flag = "PG_partially"', False),
        ('function = "deferred_split_folio"\nflag = "PG_locked"', False),
    ],
)
def test_what_a_row_hides(line: str, hides: bool) -> None:
    shown, remarks = suppress(REPORT, row(line), TODAY, source="flaglint.toml")
    assert shown.findings == ((ALIAS,) if hides else (RACE, ALIAS))
    assert bool(remarks) is not hides
    if hides:
        (hidden,) = shown.suppressed
        assert (hidden.finding, hidden.reason, hidden.source) == (RACE, "because", "flaglint.toml")


def test_another_rule_is_not_hidden() -> None:
    only = row('file = "*"')
    assert suppress(REPORT, only, TODAY, source="s")[0].findings == (ALIAS,)


def test_a_rule_may_be_named() -> None:
    text = '[[suppress]]\nrule = "plain-rmw-on-shared-flags"\nfunction = "f"\nreason = "r"'
    assert rows(text)[0].rule == "FL001"


def test_it_holds_up_to_and_on_its_last_day() -> None:
    last = row('function = "deferred_split_folio"', "expires = 2026-05-01")
    assert suppress(REPORT, last, TODAY, source="s")[0].findings == (ALIAS,)
    tomorrow = TODAY + datetime.timedelta(days=1)
    shown, (remark,) = suppress(REPORT, last, tomorrow, source="s")
    assert shown.findings == (RACE, ALIAS)
    assert "expired on 2026-05-01" in remark


def test_a_row_of_no_use_is_remarked_on_for_whole_trees_only() -> None:
    unused = row('function = "gone"')
    (remark,) = suppress(REPORT, unused, TODAY, source="flaglint.toml")[1]
    assert remark == (
        "flaglint.toml: suppression of FL001 (function gone) matches no finding: remove it"
    )
    assert suppress(REPORT, unused, TODAY, source="s", whole=False)[1] == ()


def test_an_expired_row_of_no_use_is_one_too() -> None:
    unused = row('function = "gone"', "expires = 2020-01-01")
    (remark,) = suppress(REPORT, unused, TODAY, source="s")[1]
    assert "remove it" in remark


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('function = "f"\nreason = "r"', "no rule"),
        ('rule = "FL001"\nfunction = "f"', "no reason"),
        ('rule = "FL001"\nfunction = "f"\nreason = "  "', "no reason"),
        ('rule = "FL001"\nreason = "r"', "name a function"),
        ('rule = "FL999"\nfunction = "f"\nreason = "r"', "the rules are FL001"),
        ('rule = "FL001"\nfunction = 3\nreason = "r"', "function is no text"),
        ('rule = "FL001"\nfunction = "f"\nreasn = "r"', "did you mean 'reason'"),
        ('rule = "FL001"\nfunction = "f"\nreason = "r"\nexpires = "soon"', "is no date"),
    ],
)
def test_a_row_that_cannot_be_meant(text: str, message: str) -> None:
    good = '[[suppress]]\nrule = "FL001"\nfunction = "f"\nreason = "r"\n'
    with pytest.raises(SuppressionError, match=message) as caught:
        rows(f"{good}[[suppress]]\n{text}")
    assert str(caught.value).startswith("suppress #2: ")
