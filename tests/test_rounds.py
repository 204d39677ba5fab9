"""Recursive components: what a member sees never hangs on who is done first."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.rounds import Rounds
from flaglint.summing import Record


def record(effect: str) -> Record:
    """A result that differs from others in its effect only."""
    name = effect.encode()
    return Record((name, b""), b"", b"", {}, name, False, True, name)


def run(
    callees: dict[str, frozenset[str]], seed: int, grows: int
) -> tuple[dict[str, Record], list[tuple[str, tuple[tuple[str, bytes], ...]]]]:
    """Do a component's members in an order drawn by `seed`; who saw what, sorted.

    A member's effect is its name and the longest effect it saw, up to `grows` names.
    """
    records: dict[str, Record] = {}
    members = tuple(sorted(callees))
    rounds = Rounds(members, callees, records)
    draw = random.Random(seed)
    ready = rounds.begin()
    under_way: list[tuple[str, Record]] = []
    log = []
    while ready or under_way:
        if ready and (not under_way or draw.random() < 0.5):
            key = ready.pop(draw.randrange(len(ready)))
            view = rounds.view(key)
            log.append((key, tuple(sorted((c, r.effect) for c, r in view.items()))))
            longest = max((r.effect.decode() for r in view.values()), key=len, default="")
            under_way.append((key, record((key + longest)[:grows])))
        else:
            ready += rounds.landed(*under_way.pop(draw.randrange(len(under_way))))
    assert rounds.done
    return records, sorted(log)


graphs = st.dictionaries(
    st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdef"), max_size=4), min_size=1
).map(lambda found: {key: called & found.keys() for key, called in found.items()})


@given(graphs, st.integers(), st.integers(), st.integers(1, 5))
def test_any_order_gives_the_same(
    callees: dict[str, frozenset[str]], one: int, two: int, grows: int
) -> None:
    assert run(callees, one, grows) == run(callees, two, grows)


def test_a_callee_before_is_seen_as_this_round_made_it_and_one_after_as_the_last_did() -> None:
    records: dict[str, Record] = {}
    rounds = Rounds(("a", "b"), {"a": frozenset("b"), "b": frozenset("a")}, records)
    assert rounds.begin() == ["a"], "b calls a, which comes first"
    assert rounds.view("a") == {}, "nothing is known of b yet"
    assert rounds.landed("a", record("a1")) == ["b"]
    assert rounds.view("b") == {"a": record("a1")}
    assert rounds.landed("b", record("b1")) == ["a"], "something is known of b by now"
    assert rounds.view("a") == {"b": record("b1")}
    assert rounds.landed("a", record("a1")) == []
    assert rounds.done, "b saw this a already"


def test_a_member_that_failed_leaves_no_record() -> None:
    records: dict[str, Record] = {}
    rounds = Rounds(("a",), {"a": frozenset("a")}, records)
    rounds.begin()
    rounds.view("a")
    failed = Record((b"", b""), b"", b"", {}, b"", False, False, b"", (), "it broke")
    assert rounds.landed("a", failed) == []
    assert rounds.done
    assert records == {}


@pytest.mark.parametrize("members", [1, 2, 5])
def test_rounds_end_though_every_round_tells_something_new(members: int) -> None:
    names = "abcdef"[:members]
    callees = {key: frozenset(names) for key in names}
    records, log = run(callees, 0, 10**6)
    assert set(records) == set(names)
    assert len(log) == 3 * members
