"""A rule is a card, a check and fixtures: a test fails when one is missing."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from flaglint.cards import Card, CardError, find_card, load_cards
from flaglint.data import rules_dir

ROOT = Path(__file__).parent.parent
CARDS = load_cards()
CHECKS = ROOT / "flaglint/checks"
TAG = re.compile(r"/\*\s*(?:RACE|FN|FP|WITNESS):\s*(FL\d{3})\b")


def check_modules() -> dict[str, str]:
    """The rule id of each check module: flaglint/checks/fl001_name.py is FL001's."""
    return {path.stem[:5].upper(): path.stem for path in CHECKS.glob("fl[0-9][0-9][0-9]*.py")}


def ids_in_fixtures() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "testdata").rglob("*.[ch]"):
        found.update(TAG.findall(path.read_text("utf-8")))
    return found


def test_every_rule_to_begin_with_has_a_card() -> None:
    assert {"FL001", "FL002", "FL010", "FL011"} <= {card.id for card in CARDS}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_has_a_check(card: Card) -> None:
    assert card.id in check_modules(), f"no flaglint/checks/{card.id.lower()}_*.py"


def test_a_check_has_a_card() -> None:
    assert set(check_modules()) <= {card.id for card in CARDS}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_has_fixtures(card: Card) -> None:
    assert card.id in ids_in_fixtures(), f"no line of testdata/ expects {card.id}"


def test_fixtures_name_known_rules_only() -> None:
    assert ids_in_fixtures() <= {card.id for card in CARDS}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_is_fit_to_print(card: Card) -> None:
    assert len(card.summary) <= 110
    assert not card.summary.endswith(".")
    assert len(card.what) > 200
    assert len(card.why) > 200
    assert card.precision in ("low", "medium", "high", "very-high")
    assert card.security_severity == "" or 0 <= float(card.security_severity) <= 10
    text = card.markdown()
    assert text.startswith(f"# {card.id} {card.name} ({card.level}")
    for section in ("## What", "## Why", "## Example", "## Fix", "## References"):
        assert section in text


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_a_card_judges_no_place_of_a_kernel(card: Card) -> None:
    """Cards and all of rules/ say what an API means, never where it went wrong."""
    assert not re.search(r"\b[\w/-]+\.c:\d+", card.markdown())


def test_rules_name_no_place_to_be_judged() -> None:
    for path in rules_dir().glob("*.toml"):
        assert not re.search(r"\b[\w/-]+\.[ch]:\d+", path.read_text("utf-8")), path.name


def test_a_rule_is_found_by_id_and_by_name() -> None:
    card = find_card(CARDS, "fl001")
    assert card is not None
    assert card.name == "plain-rmw-on-shared-flags"
    assert find_card(CARDS, "plain-rmw-on-shared-flags") is card
    assert find_card(CARDS, "FL999") is None


GOOD = """
    id = "FL900"
    name = "a-rule"
    level = "note"
    summary = "s"
    what = "w"
    why = "y"
    example = "e"
    fix = "f"
"""


def card_file(directory: Path, text: str, name: str = "FL900-a-rule.toml") -> Path:
    path = directory / name
    path.write_text(textwrap.dedent(text), "utf-8")
    return path


def test_a_good_card_loads(tmp_path: Path) -> None:
    card_file(tmp_path, GOOD)
    (card,) = load_cards(tmp_path)
    assert (card.id, card.pedantic, card.references) == ("FL900", False, ())
    assert "References" not in card.markdown()


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        (GOOD, "FL901-a-rule.toml", "should be named FL900-a-rule.toml"),
        (GOOD.replace('"w"', '" "'), "FL900-a-rule.toml", "what is empty"),
        (GOOD.replace('"note"', '"fatal"'), "FL900-a-rule.toml", "fatal"),
        (GOOD + 'color = "red"', "FL900-a-rule.toml", "color"),
        (GOOD.replace("fix =", "fix"), "FL900-a-rule.toml", "FL900-a-rule.toml: "),
        (GOOD.replace('    fix = "f"\n', ""), "FL900-a-rule.toml", "fix"),
    ],
)
def test_a_bad_card_is_refused(tmp_path: Path, text: str, name: str, complaint: str) -> None:
    card_file(tmp_path, text, name)
    with pytest.raises(CardError, match=re.escape(complaint)):
        load_cards(tmp_path)


def test_two_cards_of_one_id_are_refused(tmp_path: Path) -> None:
    card_file(tmp_path, GOOD)
    card_file(tmp_path, GOOD.replace("a-rule", "b-rule"), "FL900-b-rule.toml")
    with pytest.raises(CardError, match="two cards have the id FL900"):
        load_cards(tmp_path)
