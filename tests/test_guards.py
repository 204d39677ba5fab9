"""Conditions that accesses do not hang on go; those that they hang on stay."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from flaglint import ir
from flaglint.access import Access, Place
from flaglint.asked import Asked
from flaglint.guards import Guards, resolved
from flaglint.location import Location
from flaglint.ownership import Kind, Owner
from flaglint.values import NULL, VALID

WHERE = Location("mm/x.c", 1, 1)
PLACE = Place(WHERE, "f", "__SetPageUptodate", ("PG_uptodate",), "head", "plain")
SET, CLEAR = VALID | 2, NULL
BITS = ("write", "shared", "locked")


def access(**bits: int) -> Access:
    guards = frozenset((("s", f"p:{name}&1"), mask) for name, mask in bits.items())
    return Access(PLACE, Owner(Kind.ENTRY, root=("page", ())), frozenset(), guards)


def guards(found: list[Access]) -> set[Guards]:
    return {each.guards for each in found}


def test_both_answers_to_a_question_are_none() -> None:
    found = list(resolved([access(write=SET, shared=SET), access(write=SET, shared=CLEAR)]))
    assert guards(found) == {access(write=SET).guards}


def test_an_access_without_conditions_stands_for_all() -> None:
    found = list(resolved([access(write=SET, shared=SET), access(), access(write=CLEAR)]))
    assert guards(found) == {frozenset()}


def test_two_conditions_that_differ_twice_stay() -> None:
    both = [access(write=SET, shared=CLEAR), access(write=CLEAR, shared=SET)]
    assert guards(list(resolved(both))) == guards(both)


def test_accesses_of_different_places_stay_apart() -> None:
    other = access(write=CLEAR)
    other = other._replace(place=PLACE._replace(where=Location("mm/x.c", 2, 1)))
    assert len(list(resolved([access(write=SET), other]))) == 2


def holds(condition: Guards, world: dict[str, int]) -> bool:
    return all(world[str(key[1])] & mask for key, mask in condition if isinstance(key, tuple))


conditions = st.dictionaries(st.sampled_from(BITS), st.sampled_from((SET, CLEAR)))


@given(st.lists(conditions, min_size=1))
def test_reached_under_just_the_same_conditions(drawn: list[dict[str, int]]) -> None:
    before = [access(**bits) for bits in drawn]
    after = list(resolved(before))
    assert len(after) <= len(before)
    for values in product((VALID, NULL), repeat=len(BITS)):
        world = {f"p:{name}&1": value for name, value in zip(BITS, values, strict=True)}
        assert any(holds(a.guards, world) for a in before) == any(
            holds(a.guards, world) for a in after
        )


def function(*masks: int) -> ir.Function:
    """One block for each mask, in a row: flags & mask is asked in it."""
    blocks = [
        ir.Block(
            (
                ir.Load(
                    f"%{n}a",
                    ir.Path("vma", (ir.Deref(), ir.Field("vma", "flags", 0))),
                    "unsigned long",
                    WHERE,
                ),
                ir.Binary(f"%{n}", "&", f"%{n}a", mask, 1, "unsigned long", WHERE),
            ),
            ir.Jump(n + 1) if n + 1 < len(masks) else ir.Return("", WHERE),
        )
        for n, mask in enumerate(masks)
    ]
    return ir.Function("f", "f", WHERE, ("vma",), {}, "void", ir.packed(tuple(blocks)))


def test_a_condition_asked_once_is_not_asked_again() -> None:
    asked = Asked(function(1, 8, 1), {})
    assert asked.again(1, "p:vma|.vma.flags&1")
    assert not asked.again(1, "p:vma|.vma.flags&8")
    assert not asked.again(1, "p:vma|.vma.flags&2")


def test_the_same_bits_of_another_member_are_another_condition() -> None:
    assert not Asked(function(1, 1), {}).again(0, "p:vma|.vma.other&1")


def test_behind_the_last_question_it_is_not_asked_again() -> None:
    asked = Asked(function(1, 1, 4), {})
    assert asked.again(1, "p:vma|.vma.flags&1")
    assert not asked.again(2, "p:vma|.vma.flags&1")
