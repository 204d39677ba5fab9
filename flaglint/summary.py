"""What a function does, in terms of its formals, and how a call applies it.

    void hugetlb_add(struct folio *folio) { __folio_set_locked(folio); xas_store(..., folio); }

      outcome   *folio: published
      access    __folio_set_locked on folio, as the caller has it (OwnedIf {folio})

One summary serves every caller. Applying it has four small total steps (RacerD's): put the
actuals for the formals, add what the caller knows, push the call onto the chain, and drop what
the caller's context excludes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flaglint.access import Access
from flaglint.ownership import Owner, Root
from flaglint.values import Value


class Outcome(NamedTuple):
    """One way the function may end.

    `value` is what it returns. `changed` maps a formal's object to what became of it; `new`
    are objects it made that the value or the stores mention, by their names; `stores` are
    cells of the caller's it wrote; `taken` and `dropped` are locks. `guards` are conditions on
    what the formals were: (value, class mask); `known` is what is so at the end of pages that
    the caller has then: (("now", page, fact), class mask), "flag" for what was found of them.
    `shown` are formals, and pointers behind them, whose targets it made reachable by others.
    """

    value: Value
    changed: tuple[tuple[Root, Owner], ...]
    new: tuple[tuple[str, Owner], ...]
    stores: tuple[tuple[tuple[str, tuple[str, ...]], Value], ...]
    taken: frozenset[str]
    dropped: frozenset[str]
    guards: frozenset[tuple[object, int]]
    known: frozenset[tuple[tuple[str, str, str], int]] = frozenset()
    shown: frozenset[Root] = frozenset()

    def effect(self) -> tuple[object, ...]:
        """What equality of outcomes looks at: all but evidence."""
        return (
            self.value,
            tuple((root, owner.fact) for root, owner in self.changed),
            tuple((name, owner.fact) for name, owner in self.new),
            self.stores,
            self.taken,
            self.dropped,
        )


class Summary(NamedTuple):
    """`pending` are accesses that a caller decides; `published` says if the body is known."""

    params: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    pending: tuple[Access, ...]

    @property
    def plain(self) -> bool:
        """Whether some caller decides a plain write."""
        return any_plain(self.pending)

    def effect(self) -> tuple[object, ...]:
        """What the fixed point over a recursion compares."""
        return (
            tuple(outcome.effect() for outcome in self.outcomes),
            tuple(access.identity for access in self.pending),
        )


def any_plain(accesses: Iterable[Access]) -> bool:
    """Whether one of the accesses is a plain write."""
    return any(access.place.atomicity == "plain" for access in accesses)
