"""The tool as SARIF describes it: the rules from their cards, and the notifications it may give.

Code scanning shows a rule's name, its short and full description (up to 1024 characters each) and
its help as Markdown; it sorts by `security-severity`, `problem.severity` and `precision`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sarif_om as om

from flaglint import __version__
from flaglint.cards import Card
from flaglint.finding import Level

_LONGEST = 1024
_PROBLEM_SEVERITY = {
    Level.ERROR: "error",
    Level.WARNING: "warning",
    Level.NOTE: "recommendation",
}
NOT_ANALYSED, COVERAGE, DOUBTS, LIMITED = "not-analysed", "coverage", "doubts", "limited"
_NOTIFICATIONS = {
    NOT_ANALYSED: ("PartNotAnalysed", "A file or function that could not be analysed, and why."),
    COVERAGE: ("PlainWritesCovered", "How many plain writers the text names, and their fate."),
    DOUBTS: ("DoubtsCounted", "What stood in the way of a verdict, and at how many sites."),
    LIMITED: ("LogLimited", "What was left out of this file to keep within consumers' limits."),
}


def driver(cards: Sequence[Card], home: str = "") -> Any:
    """The tool component; `home` is where to read about flaglint, "" when nowhere."""
    return om.ToolComponent(
        name="flaglint",
        version=__version__,
        semantic_version=__version__,
        information_uri=home or None,
        short_description=om.MultiformatMessageString(
            text="Finds plain page-flag writes that can lose a concurrent update."
        ),
        rules=[_rule(card, home) for card in cards],
        notifications=[
            om.ReportingDescriptor(
                id=identity,
                name=name,
                short_description=om.MultiformatMessageString(text=text),
                full_description=om.MultiformatMessageString(text=text),
                help=om.MultiformatMessageString(text=text, markdown=text),
            )
            for identity, (name, text) in _NOTIFICATIONS.items()
        ],
    )


def notification_index(name: str) -> int:
    """Where a notification stands in the driver's list."""
    return list(_NOTIFICATIONS).index(name)


def _rule(card: Card, home: str) -> Any:
    properties: dict[str, Any] = {
        "precision": card.precision,
        "problem.severity": _PROBLEM_SEVERITY[card.level],
        "tags": ["concurrency", "correctness"],
    }
    if card.security_severity:
        properties["security-severity"] = card.security_severity
        properties["tags"].append("security")
    properties["tags"] += [f"external/cwe/cwe-{number:03}" for number in card.cwe]
    return om.ReportingDescriptor(
        id=card.id,
        name="".join(part.capitalize() for part in card.name.split("-")),
        short_description=om.MultiformatMessageString(text=f"{card.summary}."),
        full_description=om.MultiformatMessageString(text=_shortened(card.what)),
        help=om.MultiformatMessageString(text=_plain(card), markdown=card.markdown()),
        help_uri=home or None,
        default_configuration=om.ReportingConfiguration(level=card.level.value),
        properties=properties,
    )


def _shortened(text: str) -> str:
    """Whole sentences, as many as fit."""
    whole = " ".join(text.split())
    if len(whole) <= _LONGEST:
        return whole
    kept = whole[:_LONGEST].rpartition(". ")[0]
    return f"{kept}." if kept else f"{whole[: _LONGEST - 3]}..."


def _plain(card: Card) -> str:
    """The card for viewers without Markdown."""
    parts = [f"{card.summary}."]
    for title, body in (("What", card.what), ("Why", card.why)):
        parts.append(f"{title}: {body.strip().replace('`', '')}")
    parts += [f"Example:\n{card.example.strip()}", f"Fix: {card.fix.strip().replace('`', '')}"]
    return "\n\n".join(part.replace("**", "") for part in parts)
