"""Packed results: the same values back, the same bytes for equal values, no line of the file."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint import ir
from flaglint.access import Access, Place
from flaglint.facts import facts_of
from flaglint.finding import Step
from flaglint.location import Location
from flaglint.ownership import Kind, Owner
from flaglint.packing import Anchors, DamagedError, pack, unpack


def function(key: str, line: int, ops: int = 1) -> ir.Function:
    """A body of `ops` copies, one a line."""
    copies = tuple(
        ir.Copy(f"%{n}", n, "int", Location("mm/a.c", line + 1 + n, 2)) for n in range(ops)
    )
    end = ir.Return("", Location("mm/a.c", line + ops + 1, 1))
    where = Location("mm/a.c", line, 1)
    return ir.Function(key, key, where, (), {}, "void", ir.packed((ir.Block(copies, end),)))


ANCHORS = Anchors([function("one", 10), function("two", 20)])

words = st.text(max_size=8)
places = st.builds(Location, st.just("mm/a.c"), st.integers(1, 99), st.integers(1, 80))
steps = st.builds(Step, words, st.just("mm/a.c"), st.integers(1, 99))
roots = st.none() | st.tuples(words, st.lists(words, max_size=3).map(tuple))
owners = st.builds(
    Owner,
    st.sampled_from(Kind),
    root=roots,
    doubts=st.frozensets(words, max_size=3),
    extra=st.integers(0, 2),
    shown=st.booleans(),
    tentative=st.none() | st.tuples(st.sampled_from(Kind), roots),
    why=words,
    where=st.none() | places,
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words | places | steps | owners,
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_was_packed_comes_back(value: Any) -> None:
    again = unpack(pack(value, ANCHORS), ANCHORS)
    assert again == value
    assert type(again) is type(value)


@given(st.lists(values, max_size=6))
def test_the_order_in_which_a_set_was_made_does_not_show(members: list[Any]) -> None:
    one, two = frozenset(members), frozenset(reversed(members))
    assert pack(one, ANCHORS) == pack(two, ANCHORS)


@given(st.integers(0, 50), st.integers(0, 5))
def test_a_function_that_moves_gives_the_same_bytes(moved: int, into: int) -> None:
    later = Anchors([function("one", 10 + moved), function("two", 70 + moved)])
    place = Place(Location("mm/a.c", 10 + into, 3), "one", "__SetPageX", ("PG_x",), "head", "plain")
    access = Access(
        place, Owner(Kind.ENTRY), frozenset(), chain=(Step("one", "mm/a.c", 10 + into),)
    )
    data = pack(access, ANCHORS)
    there = unpack(data, later)
    assert there.place.where == Location("mm/a.c", 10 + into + moved, 3)
    assert there.chain[0].line == 10 + into + moved
    assert pack(there, later) == data


def test_a_line_before_any_function_is_kept_as_it_is() -> None:
    where = Location("include/linux/b.h", 7, 1)
    assert unpack(pack(where, ANCHORS), Anchors(())) == where


@pytest.mark.parametrize("data", [b"", b"\x93", b"\x93\x63\x01\x02", pack((1, 2), ANCHORS)[:-1]])
def test_bytes_of_nobody_are_refused(data: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(data, ANCHORS)


def test_a_function_that_is_gone_is_noticed() -> None:
    data = pack(Location("mm/a.c", 12, 1), ANCHORS)
    with pytest.raises(DamagedError):
        unpack(data, Anchors([function("two", 20)]))


@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_a_refusal(data: bytes) -> None:
    try:
        unpack(data, ANCHORS)
    except DamagedError:
        return
    assert msgspec.msgpack.decode(data) is not ...


def test_a_body_is_known_by_what_it_does_not_by_where_it_stands() -> None:
    def body(key: str, line: int, ops: int = 1) -> bytes:
        return facts_of(function(key, line, ops)).digest

    assert body("f", 10, 3) == body("f", 500, 3)
    assert body("f", 10, 3) != body("f", 10, 2)
    assert body("f", 10) != body("g", 10)
