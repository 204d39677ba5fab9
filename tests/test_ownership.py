"""The more suspicious of two paths: what of either is kept."""

from __future__ import annotations

import itertools

import pytest

from flaglint.location import Location
from flaglint.ownership import Kind, Origin, Owner, alternatives, join

LISTED = Owner(Kind.FREE, origin=Origin.LISTED, via="free_area.free_list")
TYPED = Owner(Kind.FREE, origin=Origin.TYPED)


def test_doubts_of_both_and_of_their_meeting() -> None:
    one = Owner(Kind.SHARED, doubts=frozenset(("a",)))
    other = Owner(Kind.FRESH, doubts=frozenset(("b",)))
    assert join(one, other, "met").doubts == {"a", "b", "met"}
    assert join(one, other._replace(kind=Kind.SHARED), "met").doubts == {"a", "b"}


def test_how_a_free_page_is_known_to_be_free_is_kept() -> None:
    """It says which lock keeps it so; of any other page where it came from is lost."""
    for one, other in ((LISTED, TYPED), (TYPED, LISTED)):
        found = join(one, other, "met")
        assert (found.kind, found.origin, found.via) == (Kind.FREE, Origin.TYPED, "")
    kept = Owner(Kind.SHARED, origin=Origin.MEMBER, via="pool.spare")
    found = join(kept, Owner(Kind.SHARED, origin=Origin.LOOKUP, via="xa_load()"), "met")
    assert (found.origin, found.via) == (Origin.ELSEWHERE, "")


@pytest.mark.parametrize("kind", Kind)
def test_kinds_are_told_apart(kind: Kind) -> None:
    fresh = Owner(Kind.FRESH)
    assert join(fresh, Owner(kind), "met").kind is kind
    assert join(Owner(kind), fresh, "met").kind is kind


def test_a_view_that_both_have() -> None:
    slab = Owner(Kind.SHARED, view="slab")
    assert join(slab, slab._replace(kind=Kind.FRESH), "met").view == "slab"
    assert join(slab, Owner(Kind.FRESH, view="ptdesc"), "met").view == ""
    assert join(slab, Owner(Kind.FRESH), "met").view == ""


def test_what_a_container_holds_does_not_hang_on_what_is_told_of_it() -> None:
    shared = Owner(Kind.SHARED)
    several = (
        shared,
        shared._replace(tentative=(Kind.FRESH, None, frozenset())),
        shared._replace(why="found there", where=Location("mm/a.c", 1, 1)),
        shared._replace(before=Kind.FRESH),
    )
    held = {repr(alternatives(*order)) for order in itertools.permutations(several)}
    assert len(held) == 1
    assert len(alternatives(*several)[1]) == 2
