"""The solver and the lattice it works on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flaglint import ir
from flaglint.dataflow import Effort, Key, live, order, solve
from flaglint.location import Location
from flaglint.ownership import Kind, Owner, alternatives, join
from flaglint.state import State
from flaglint.values import NULL, VALID

AT = Location("mm/a.c", 1, 1)


def graph(*edges: tuple[int, ...]) -> tuple[ir.Block, ...]:
    """Blocks that only go on: to one other, to either of two, or (none) return."""
    ends: list[ir.Terminator] = []
    for to in edges:
        match to:
            case ():
                ends.append(ir.Return("", AT))
            case (one,):
                ends.append(ir.Jump(one))
            case (one, two):
                ends.append(ir.Branch("c", one, two))
    return tuple(ir.Block((), end) for end in ends)


class Paths:
    """A domain whose states are the sets of blocks that paths went through.

    The fine half of a key is the set itself, the coarse half its smallest block above 0.
    """

    def __init__(self, blocks: tuple[ir.Block, ...]) -> None:
        self.blocks = blocks

    def entry(self) -> frozenset[int]:
        return frozenset()

    def through(
        self, block: int, state: frozenset[int]
    ) -> tuple[list[tuple[int, frozenset[int]]], int]:
        after = state | {block}
        return [(to, after) for to in ir.successors(self.blocks[block].end)], block

    def key(self, block: int, state: frozenset[int]) -> Key:
        return Key(min(state - {0}, default=0), state)

    def join(self, block: int, old: frozenset[int], new: frozenset[int]) -> frozenset[int] | None:
        return None if new <= old else old | new

    weaken = join


FULL = (Effort(after=0, limit=99, fine=True),)

shapes = st.integers(1, 7).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), max_size=2).map(tuple), min_size=size, max_size=size
    )
)
efforts = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 4), st.booleans()), max_size=3).map(
    lambda steps: (
        Effort(0, 8, True),
        *(Effort(after, limit, fine) for after, limit, fine in sorted(steps)),
    )
)


def reached(blocks: tuple[ir.Block, ...]) -> set[int]:
    seen, todo = {0}, [0]
    while todo:
        for to in ir.successors(blocks[todo.pop()].end):
            if to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


@given(shapes)
def test_every_path_is_in_some_state(edges: list[tuple[int, ...]]) -> None:
    blocks = graph(*edges)
    found = solve(blocks, Paths(blocks), FULL, 10**5)
    assert found.complete
    assert set(found) == reached(blocks)
    for block in found:
        for key, state in found[block].items():
            for to in ir.successors(blocks[block].end):
                assert any(state | {block} <= other for other in found[to].values())
            assert found.shown[block, key] == block


@given(shapes, efforts)
def test_less_effort_loses_no_path(edges: list[tuple[int, ...]], steps: tuple[Effort, ...]) -> None:
    blocks = graph(*edges)
    exact = solve(blocks, Paths(blocks), FULL, 10**5)
    found = solve(blocks, Paths(blocks), steps, 10**5)
    assert found.complete
    assert set(found) == set(exact)
    for block, states in exact.items():
        for state in states.values():
            assert any(state <= other for other in found[block].values())
        assert all((block, key) in found.shown for key in found[block])


def test_a_branch_keeps_its_paths_apart_while_there_is_room() -> None:
    blocks = graph((1, 2), (3,), (3,), ())
    apart = solve(blocks, Paths(blocks), FULL, 100)
    assert set(apart[3].values()) == {frozenset({0, 1}), frozenset({0, 2})}
    one = solve(blocks, Paths(blocks), (Effort(after=0, limit=1, fine=False),), 100)
    assert set(one[3].values()) == {frozenset({0, 1, 2})}


def test_a_spent_budget_is_said() -> None:
    blocks = graph((1,), (0, 2), ())
    assert not solve(blocks, Paths(blocks), FULL, 1).complete


@given(shapes)
def test_a_block_comes_after_those_that_lead_to_it_unless_they_loop(
    edges: list[tuple[int, ...]],
) -> None:
    blocks = graph(*edges)
    place = order(blocks)
    assert place[0] == 0
    assert sorted(place[block] for block in reached(blocks)) == list(range(len(reached(blocks))))


def test_a_variable_lives_until_its_last_read() -> None:
    body = (
        ir.Block((ir.Copy("x", 1, "int", AT), ir.Copy("y", "x", "int", AT)), ir.Jump(1)),
        ir.Block((ir.Copy("z", "y", "int", AT),), ir.Return("z", AT)),
    )
    function = ir.Function("f", "f", AT, (), {}, "int", ir.packed(body))
    assert live(function) == [frozenset(), frozenset({"y"})]


# The lattice: owners, and states of paths.

owners = st.builds(
    Owner,
    st.sampled_from(Kind),
    root=st.none() | st.tuples(st.sampled_from(("p", "q")), st.just(())),
    doubts=st.frozensets(st.sampled_from(("d", "e")), max_size=2),
)


@given(owners, owners)
def test_a_join_is_no_less_suspicious_and_has_no_order(one: Owner, two: Owner) -> None:
    both = join(one, two, "merged")
    assert both.kind == max(one.kind, two.kind)
    assert both.doubts >= one.doubts | two.doubts or one.fact == two.fact
    assert both.fact == join(two, one, "merged").fact


@given(owners)
def test_a_join_with_itself_says_nothing_new(one: Owner) -> None:
    assert join(one, one, "merged").fact == one.fact


@given(owners, owners, owners)
def test_joins_may_be_taken_in_any_order(one: Owner, two: Owner, three: Owner) -> None:
    left = join(join(one, two, "merged"), three, "merged")
    right = join(one, join(two, three, "merged"), "merged")
    assert left.kind == right.kind
    assert left.root == right.root


@given(st.lists(owners, max_size=5), st.lists(owners, max_size=5))
def test_what_a_container_holds_does_not_hang_on_the_order(
    one: list[Owner], two: list[Owner]
) -> None:
    assert alternatives(*one, *two) == alternatives(*two, *one, *one)


numbers = st.none() | st.integers(0, 2)


def state(env: dict[str, Any], kinds: dict[str, Kind], locks: set[str]) -> State:
    """A state whose variables hold numbers, and objects of their own names."""
    made = State()
    made.env.update({name: value for name, value in env.items() if value is not None})
    for name, kind in kinds.items():
        made.objects["o" + name] = Owner(kind)
        made.env[name] = ("o", "o" + name, 0, 0)
    made.locks = frozenset(locks)
    return made


envs = st.dictionaries(st.sampled_from(("a", "b")), numbers)
kinds = st.dictionaries(st.sampled_from(("f", "g")), st.sampled_from(Kind))
locks = st.sets(st.sampled_from(("l", "m")))
states = st.builds(state, envs, kinds, locks)


@given(states, states)
def test_joined_states_agree_on_what_both_knew(one: State, two: State) -> None:
    assume(one.property() == two.property())
    both = one.joined(two, "j")
    assert both.property() == one.property()
    for name, value in both.env.items():
        if isinstance(value, int):
            assert one.env.get(name) == two.env.get(name) == value
    assert both.joined(two, "j").same(both), "joining the same again adds nothing"


@given(states, states)
def test_a_weakened_state_is_as_suspicious_as_both(one: State, two: State) -> None:
    both = one.weakened(two, "w")
    assert both.locks == one.locks & two.locks
    for name in ("f", "g"):
        if name in one.env and name in two.env:
            held = both.objects["o" + name]
            assert held.kind == max(one.objects["o" + name].kind, two.objects["o" + name].kind)


@given(states, st.sampled_from((NULL, VALID)))
def test_a_copy_is_independent(one: State, mask: int) -> None:
    before = (dict(one.env), dict(one.facts), dict(one.objects))
    other = one.copy()
    other.env["new"] = 1
    other.narrow(("s", "x"), mask)
    other.objects["n"] = Owner(Kind.FRESH)
    assert (one.env, one.facts, one.objects) == before
    assert one.copy().same(one)


@pytest.mark.parametrize("promised", [True, False])
def test_what_one_path_promises_and_the_other_found_is_found_on_both(promised: bool) -> None:
    one, two = State(), State()
    for state, kind in ((one, "now"), (two, "flag")):
        state.objects["o1"] = Owner(Kind.SHARED)
        state.env["folio"] = ("o", "o1", 0, 0)
        state.facts[kind, "o1", "mapping"] = VALID
    both = one.joined(two, "j") if promised else two.joined(one, "j")
    assert both.facts == {("flag", "o1", "mapping"): VALID}


@pytest.mark.parametrize("first", [True, False])
def test_what_is_known_of_a_page_that_the_other_path_has_not_stays_known(first: bool) -> None:
    one, two = State(), State()
    one.objects["o1"] = Owner(Kind.SHARED)
    one.cells["*out", ()] = ("o", "o1", 0, 0)
    one.facts["now", "o1", "mapping"] = VALID
    two.cells["*out", ()] = 0
    both = one.weakened(two, "w") if first else two.weakened(one, "w")
    assert both.facts.get(("now", "o1", "mapping")) == VALID


@pytest.mark.parametrize("first", [True, False])
def test_what_one_path_found_of_a_formals_page_is_not_known_on_both(first: bool) -> None:
    one, two = State(), State()
    one.objects["F:folio"] = Owner(Kind.ENTRY)
    one.facts["flag", "F:folio", "PG_swapbacked"] = VALID
    both = one.joined(two, "j") if first else two.joined(one, "j")
    assert ("flag", "F:folio", "PG_swapbacked") not in both.facts
