"""Writes docs/rules/ from the cards in rules/: `python3 dev.py docs`.

A page is the card as `flaglint explain` prints it, under a line that says where it comes from.
A test holds the pages to the cards.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from flaglint.cards import load_cards

PAGES = Path(__file__).resolve().parent.parent / "docs" / "rules"
_NOTE = "<!-- Made by `python3 dev.py docs` from rules/{source}: edit that, not this. -->\n\n"


def pages() -> Mapping[str, str]:
    """The text of each page by its file's name, README.md being the list of rules."""
    made: dict[str, str] = {}
    rows = ["| rule | level | what it says |", "| --- | --- | --- |"]
    for card in load_cards():
        name = f"{card.id}.md"
        made[name] = _NOTE.format(source=f"{card.id}-{card.name}.toml") + card.markdown()
        level = f"{card.level}, `--pedantic`" if card.pedantic else str(card.level)
        rows.append(f"| [{card.id}]({name}) `{card.name}` | {level} | {card.summary} |")
    made["README.md"] = _NOTE.format(source="") + "# Rules\n\n" + "\n".join(rows) + "\n"
    return made


def main() -> int:
    """Write the pages, and remove those of rules that are gone."""
    PAGES.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in PAGES.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (PAGES / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
