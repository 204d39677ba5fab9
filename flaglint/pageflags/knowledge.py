"""What the kernel's bit operations and page primitives mean, read from rules/.

These are facts about APIs: `set_bit` is atomic, its first argument is the bit, its second the
word. Which of them an accessor reaches is learned from the accessor's body, never listed.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from flaglint.data import rules_dir
from flaglint.flagtable import Atomicity, Operation


class BitOperation(msgspec.Struct, frozen=True):
    """One row of rules/bitops.toml; argument indexes count from 0, -1 means there is none."""

    name: str
    operation: Operation
    atomicity: Atomicity
    bit: int
    word: int
    mask: int = -1


class PageApi(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """rules/page-api.toml: primitives that lead from one struct page to another."""

    schema: int
    head_of: frozenset[str]
    nth_of: frozenset[str]
    tail_predicates: frozenset[str]
    head_predicates: frozenset[str]
    transparent: frozenset[str]
    bit_masks: frozenset[str]
    stores: frozenset[str]


class Knowledge(msgspec.Struct, frozen=True):
    """Both tables."""

    bitops: dict[str, BitOperation]
    pages: PageApi

    @property
    def names(self) -> frozenset[str]:
        """Every name that has a meaning here, whatever a macro of that name would expand to."""
        pages = self.pages
        known = pages.head_of | pages.nth_of | pages.tail_predicates | pages.head_predicates
        return frozenset(self.bitops) | known | pages.transparent | pages.bit_masks | pages.stores


class _BitopFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    bitop: list[BitOperation]


def load_knowledge(rules: Path | None = None) -> Knowledge:
    """Read both tables. Raises OSError, ValueError or msgspec.ValidationError on bad files."""
    directory = rules or rules_dir()
    bitops = msgspec.convert(_toml(directory / "bitops.toml"), _BitopFile)
    pages = msgspec.convert(_toml(directory / "page-api.toml"), PageApi)
    return Knowledge({op.name: op for op in bitops.bitop}, pages)


def _toml(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        return tomllib.load(file)
