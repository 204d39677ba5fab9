"""Which rules a run reports: `--select`, `--ignore` and `--pedantic` against the cards.

A selector is a rule's id (FL001), its name, the beginning of an id (FL01), or ALL. What is
ignored is never reported. A rule for pedants is reported with --pedantic, or when a selector
names it in full.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from flaglint.cards import Card


class SelectionError(Exception):
    """A selector that selects nothing; the message is one line."""


def chosen(
    cards: Sequence[Card],
    select: Iterable[str] | None = None,
    ignore: Iterable[str] | None = None,
    *,
    pedantic: bool = False,
) -> frozenset[str]:
    """The ids of the rules to report; None selects all, or ignores none.

    Each item may be a comma-separated list. Raises SelectionError for one that matches no rule.
    """
    wanted: set[str] = set()
    for selector in ["ALL"] if select is None else _split(select):
        exact = [card.id for card in cards if selector.casefold() in (card.id.lower(), card.name)]
        matched = [card for card in cards if card.id in _matching(cards, selector)]
        wanted |= {card.id for card in matched if pedantic or not card.pedantic or card.id in exact}
    for selector in _split(ignore or ()):
        wanted -= _matching(cards, selector)
    return frozenset(wanted)


def _split(selectors: Iterable[str]) -> list[str]:
    return [part.strip() for item in selectors for part in item.split(",") if part.strip()]


def _matching(cards: Sequence[Card], selector: str) -> frozenset[str]:
    key = selector.casefold()
    found = {
        card.id
        for card in cards
        if key in ("all", card.name) or (key.startswith("fl") and card.id.lower().startswith(key))
    }
    if not found:
        names = [name for card in cards for name in (card.id, card.name)]
        near = difflib.get_close_matches(selector, names, 1, 0.6)
        hint = f"did you mean '{near[0]}'?" if near else "see 'flaglint explain' for the rules"
        raise SelectionError(f"no rule '{selector}'; {hint}")
    return frozenset(found)
