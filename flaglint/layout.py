"""How a page lies in memory, and the places that paths of the program name.

A page's flags word is told by its offset in struct page, in every struct that overlays it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import msgspec

CARRIERS = ("folio_batch", "pagevec", "list_head", "vm_fault", "xa_state")
"""Records, besides pages and page-table entries, that pages are passed around in."""

_POINTER = re.compile(r"(?:struct|union) (\w+) \*")


class Layout(msgspec.Struct, frozen=True):
    """How a page is laid out: the records that overlay it and where its flags word is.

    `overlays` are the records the kernel's own static_asserts lay over struct page; `size` is
    sizeof(struct page), `flags` the offset of its flags word, both in bytes. `confined` are
    records that some function has on its stack, `alone` those whose pages their user has alone.
    """

    overlays: frozenset[str]
    size: int
    flags: int
    confined: frozenset[str]
    alone: frozenset[str] = frozenset()

    def page_type(self, kind: str) -> str:
        """The overlay that a pointer type points to, or ""."""
        record = _pointed(kind)
        return record if record in self.overlays else ""

    def carries(self, step: str) -> bool:
        """Whether a member's step is in a record that only carries pages from call to call."""
        record = step[1:].partition(".")[0]
        return record in CARRIERS or record in self.alone

    def private(self, steps: tuple[str, ...]) -> bool:
        """Whether the steps from a formal stay in memory that only its caller's stack holds."""
        records = [s[1:].split(".", 1)[0] for s in steps if s.startswith(".")]
        return "*" not in steps and all(r in self.confined for r in records)


@lru_cache(maxsize=4096)
def _pointed(kind: str) -> str:
    # The record that a pointer type points to, or "".
    match = _POINTER.fullmatch(kind)
    return match.group(1) if match else ""


def word_at(page: int | str) -> str:
    """Which word the flags of that page of a folio are: head, second or any."""
    return "head" if page == 0 else "second" if page == 1 else "any"


def is_word_pointer(kind: str) -> bool:
    """Whether the type is that of a flags word's address."""
    return kind.removeprefix("volatile ") == "unsigned long *"


class Spot(NamedTuple):
    """A place: `sort` is var, cell, page, list or shared.

    `by` is the variable that tells which element of an array it is, or "".
    """

    sort: str
    root: str = ""
    steps: tuple[str, ...] = ()
    page: int | str = 0
    offset: int = 0
    field: str = ""
    record: str = ""
    by: str = ""
