"""How many findings each rule has, in place of the findings.

9  FL001  plain-rmw-on-shared-flags
1  FL010  second-page-flag-alias
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flaglint.cards import Card
from flaglint.finding import Report
from flaglint.report.json import encode_rows


def render(report: Report, cards: Sequence[Card]) -> str:
    """One line for each rule that was broken, the most frequent first; "" when none was."""
    rows = _counted(report, cards)
    width = max((len(str(count)) for _, _, count in rows), default=0)
    return "".join(f"{count:>{width}}  {rule}  {name}\n" for rule, name, count in rows)


def render_json(report: Report, cards: Sequence[Card]) -> bytes:
    """The same as a JSON array of {rule, name, count}."""
    return encode_rows(
        [
            {"rule": rule, "name": name, "count": count}
            for rule, name, count in _counted(report, cards)
        ]
    )


def _counted(report: Report, cards: Sequence[Card]) -> list[tuple[str, str, int]]:
    names = {card.id: card.name for card in cards}
    counts = Counter(found.rule for found in report.findings)
    return [
        (rule, names.get(rule, ""), count)
        for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
