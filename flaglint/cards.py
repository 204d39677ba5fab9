"""Rule cards: what each rule says, why, by which example and how to mend it.

One card is one file `rules/FL0nn-name.toml`; it is the only text of a rule and feeds
`flaglint explain`, the documentation and SARIF's rule help alike:

    id = "FL001"
    name = "plain-rmw-on-shared-flags"
    level = "error"
    summary = "A plain write of a shared flags word can lose a concurrent update"
    what = ...   why = ...   example = ...   fix = ...   references = [...]

Invariants: a card's file is named `<id>-<name>.toml`; ids are unique; every text is
non-empty. Cards never name a place of a kernel to be judged.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from flaglint.data import rules_dir
from flaglint.finding import Level


class CardError(Exception):
    """A card that is not well formed; the message names the file and what is wrong."""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule as a reader sees it.

    `summary` is one line; `what`, `why` and `fix` are Markdown paragraphs; `example` is C;
    `references` are sentences that name a source (commit, document), without links that rot.
    `precision` is SARIF's low|medium|high|very-high; `security_severity` a CVSS score from
    "0.0" to "10.0", "" when the rule is no security matter; `cwe` are the numbers of the
    weaknesses in that enumeration; `pedantic` rules are shown with --pedantic only, and those of
    them that are news `when_introduced` also where a change makes the finding.
    """

    id: str
    name: str
    level: Level
    summary: str
    what: str
    why: str
    example: str
    fix: str
    references: tuple[str, ...] = ()
    precision: str = "medium"
    security_severity: str = ""
    cwe: tuple[int, ...] = ()
    pedantic: bool = False
    when_introduced: bool = False

    def markdown(self) -> str:
        """The whole card as Markdown."""
        shown = f"{self.level}, shown with --pedantic" if self.pedantic else str(self.level)
        shown += ", or where a change introduces it" if self.when_introduced else ""
        parts = [
            f"# {self.id} {self.name} ({shown})",
            f"{self.summary}.",
            f"## What\n\n{self.what.strip()}",
            f"## Why\n\n{self.why.strip()}",
            f"## Example\n\n```c\n{self.example.strip()}\n```",
            f"## Fix\n\n{self.fix.strip()}",
        ]
        if self.references:
            lines = "\n".join(f"- {line}" for line in self.references)
            parts.append(f"## References\n\n{lines}")
        return "\n\n".join(parts) + "\n"


def load_cards(directory: Path | None = None) -> tuple[Card, ...]:
    """All cards, sorted by id, from `directory` or flaglint's own rules.

    Raises CardError for a file that is no card, or whose name and id disagree.
    """
    where = rules_dir() if directory is None else directory
    cards = tuple(read_card(path) for path in sorted(where.glob("FL*.toml")))
    ids = [card.id for card in cards]
    for repeated in {i for i in ids if ids.count(i) > 1}:
        msg = f"{where}: two cards have the id {repeated}"
        raise CardError(msg)
    return cards


def read_card(path: Path) -> Card:
    """One card; raises CardError."""
    try:
        card = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Card)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f"{path.name}: {error}"
        raise CardError(msg) from error
    if path.stem != f"{card.id}-{card.name}":
        msg = f"{path.name}: should be named {card.id}-{card.name}.toml"
        raise CardError(msg)
    for field in ("summary", "what", "why", "example", "fix"):
        if not getattr(card, field).strip():
            msg = f"{path.name}: {field} is empty"
            raise CardError(msg)
    return card


def find_card(cards: tuple[Card, ...], wanted: str) -> Card | None:
    """The card with this id or name, in any case; None when there is none."""
    key = wanted.casefold()
    return next((card for card in cards if key in (card.id.casefold(), card.name)), None)
