"""Which rules are reported: ids, names, prefixes, and the rules for pedants."""

from __future__ import annotations

import pytest

from flaglint.cards import load_cards
from flaglint.selection import SelectionError, chosen

CARDS = load_cards()
SHOWN = {card.id for card in CARDS if not card.pedantic}
ALL = {card.id for card in CARDS}


@pytest.mark.parametrize(
    ("select", "ignore", "pedantic", "expected"),
    [
        (None, None, False, SHOWN),
        (None, None, True, ALL),
        (["ALL"], None, False, SHOWN),
        (["FL001"], None, False, {"FL001"}),
        (["fl001,FL010"], None, False, {"FL001", "FL010"}),
        (["FL001", "FL010"], None, False, {"FL001", "FL010"}),
        (["plain-rmw-on-shared-flags"], None, False, {"FL001"}),
        (["FL01"], None, False, {"FL010"}),
        (["FL01"], None, True, {"FL010", "FL011"}),
        (["FL002"], None, False, {"FL002"}),
        (None, ["FL001"], False, SHOWN - {"FL001"}),
        (["FL001"], ["FL00"], False, set()),
        ([], None, False, set()),
    ],
)
def test_chosen(
    select: list[str] | None, ignore: list[str] | None, pedantic: bool, expected: set[str]
) -> None:
    assert chosen(CARDS, select, ignore, pedantic=pedantic) == expected


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ("FL0O1", "did you mean 'FL0"),
        ("plain-rmw-on-shared-flag", "did you mean 'plain-rmw-on-shared-flags'?"),
        ("E501", "see 'flaglint explain' for the rules"),
        ("F", "see 'flaglint explain' for the rules"),
    ],
)
def test_what_selects_nothing_is_an_error(selector: str, told: str) -> None:
    for select, ignore in (([selector], None), (None, [selector])):
        with pytest.raises(SelectionError) as error:
            chosen(CARDS, select, ignore)
        assert f"no rule '{selector}'" in str(error.value)
        assert told in str(error.value)
