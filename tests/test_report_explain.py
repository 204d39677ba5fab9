"""`flaglint explain` on a terminal: 80 columns, and nothing of the card lost."""

from __future__ import annotations

import re

import pytest

from flaglint.cards import Card, load_cards
from flaglint.report.explain import render

CARDS = load_cards()


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_fits_a_terminal_and_says_the_same(card: Card) -> None:
    text = card.markdown()
    shown = render(text)
    assert shown.split() == text.split()
    code = re.compile(r"^```.*?^```$", re.M | re.S)
    assert code.findall(shown) == code.findall(text)
    for line in code.sub("", shown).splitlines():
        assert len(line) <= 80 or line.startswith(("#", "|")), line


def test_what_is_laid_out_and_what_is_not() -> None:
    words = "word " * 30
    text = f"# {words.strip()}\n{words}\nmore\n\n- {words}\n  more\n1. one\n2. two\n"
    text += "```c\n- x\n\n# y\n```\nend"
    lines = render(text).splitlines()
    assert lines[0] == f"# {words.strip()}"
    assert lines[1].startswith("word word")
    assert "more" in lines[2]
    item = next(number for number, line in enumerate(lines) if line.startswith("- word"))
    assert lines[item + 1].startswith("  word")
    assert lines[-8:] == ["1. one", "2. two", "```c", "- x", "", "# y", "```", "end"]
