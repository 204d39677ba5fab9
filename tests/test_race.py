"""Which other writers count: each with each set of locks, in whatever order they are met."""

from __future__ import annotations

import itertools

from flaglint import callgraph, ir
from flaglint.access import Access, Place
from flaglint.callgraph import CallGraph
from flaglint.facts import facts_of
from flaglint.finding import Step, Verdict
from flaglint.location import Location
from flaglint.ownership import Kind, Owner
from flaglint.race import Judgement, judge

_Context = tuple[str, Access, tuple[str, ...]]


def place(line: int, flag: str, atomicity: str, word: str = "head") -> Place:
    where = Location("mm/a.c", line, 1)
    return Place(where, f"f{line}", f"set_{flag}", (flag,), word, atomicity)


SITE = place(1, "PG_dirty", "plain")
OTHER = place(2, "PG_waiters", "atomic")


def met(at: Place, *locks: str, kind: Kind = Kind.SHARED, caller: str = "") -> _Context:
    owner = Owner(kind, why="found there", where=at.where)
    chain = (Step(caller, "mm/a.c", 99),) if caller else ()
    return caller or at.function, Access(at, owner, frozenset(locks), chain=chain), ()


def judged(*found: _Context, graph: CallGraph | None = None) -> Judgement:
    contexts: dict[Place, list[_Context]] = {}
    for context in found:
        contexts.setdefault(context[1].place, []).append(context)
    graph = graph or calls()
    functions = {name: function(name) for name in graph.callees}
    (judgement,) = judge(contexts, graph, functions)
    return judgement


def function(name: str, *called: tuple[str, int]) -> ir.Function:
    """One that calls others, each at a line."""
    ops = tuple(
        ir.Call("", callee, callee, "", "", (), "void", Location("mm/a.c", line, 1))
        for callee, line in called
    )
    body = ir.packed((ir.Block(ops, ir.Return("", SITE.where)),))
    return ir.Function(name, name, SITE.where, (), {}, "void", body)


def calls(*edges: tuple[str, str, int]) -> CallGraph:
    """Callers, callees, and the lines of the calls."""
    called: dict[str, list[tuple[str, int]]] = {}
    for caller, callee, line in edges:
        called.setdefault(caller, []).append((callee, line))
        called.setdefault(callee, [])
    functions = {name: function(name, *found) for name, found in called.items()}
    return callgraph.build(functions, {key: facts_of(f) for key, f in functions.items()}, ())


def test_a_lock_that_all_others_hold() -> None:
    both = met(OTHER, "a", "b"), met(OTHER, "a", "c")
    assert judged(met(SITE, "a"), *both).verdict is Verdict.LOCKED


def test_a_writer_that_holds_the_lock_in_one_context_only() -> None:
    """The one with the fewest locks is not always the one without the lock that counts."""
    found = judged(met(SITE, "a"), met(OTHER, "a"), met(OTHER, "b", "c", caller="g"))
    assert found.verdict is Verdict.RACY
    assert [racing.locks for racing in found.racing] == [("b", "c")]


def test_contexts_in_any_order_give_the_same() -> None:
    sites = [met(SITE, "a", caller=caller) for caller in ("f", "g", "h")]
    fresh = met(SITE, kind=Kind.FRESH, caller="i")
    orders = itertools.permutations((*sites, fresh, met(OTHER), met(OTHER, "b", caller="g")))
    first, *others = (judged(*order) for order in orders)
    assert first.verdict is Verdict.RACY
    assert all(other == first for other in others)


def test_beside_the_second_words_writers_one_of_any_word() -> None:
    """The second page's word is also a struct page's: whoever writes any page's writes it."""
    site = place(1, "PG_dirty", "plain", "second")
    others = [place(line, f"PG_{line}", "atomic", "second") for line in range(2, 7)]
    anybody = place(9, "PG_hwpoison", "atomic", "any")
    found = judged(met(site), *map(met, others), met(anybody))
    assert [racing.flag for racing in found.racing] == ["PG_2", "PG_hwpoison", "PG_3", "PG_4"]
    found = judged(met(site), *map(met, others))
    assert [racing.flag for racing in found.racing] == ["PG_2", "PG_3", "PG_4", "PG_5"]


def test_writers_of_another_word_do_not_count() -> None:
    other = place(2, "PG_waiters", "atomic", "second")
    assert judged(met(SITE), met(other)).verdict is Verdict.LOCKED
    assert judged(met(place(1, "PG_dirty", "plain", "any")), met(other)).verdict is Verdict.RACY


def test_both_sides_are_told_from_an_entry_point_on() -> None:
    """The shortest way: f9 calls f1 itself, and through f8; nobody gets lost in f7's recursion."""
    graph = calls(("f9", "f8", 80), ("f8", "f1", 81), ("f9", "f1", 90), ("f6", "f2", 60))
    around = calls(("f7", "f7", 70), ("f9", "f7", 71), ("f7", "f2", 72))
    found = judged(met(SITE), met(OTHER), graph=graph)
    assert found.worst is not None
    assert found.worst.chain == (Step("f9", "mm/a.c", 90), Step("f1", "mm/a.c", 1))
    assert found.racing[0].chain == (Step("f6", "mm/a.c", 60), Step("f2", "mm/a.c", 2))
    found = judged(met(SITE), met(OTHER), graph=around)
    assert [step.line for step in found.racing[0].chain] == [71, 72, 2]
