"""Units in whatever portions and order: the engine's results are the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from flaglint import ir
from flaglint.analysis import Program, load
from flaglint.data import rules_dir
from flaglint.engine import Engine
from flaglint.facts import facts_of
from flaglint.models import load_models
from flaglint.request import Request
from flaglint.store import Store
from flaglint.summing import Record

MINI_KERNEL = Path(__file__).parent.parent / "testdata/mini-kernel"


def quiet(*_: object) -> None:
    """No progress is shown."""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    cache = tmp_path_factory.mktemp("cache")
    return load(Request(paths=(str(MINI_KERNEL),), cache_dir=str(cache), jobs=1), quiet)


@pytest.fixture(scope="module")
def units(program: Program) -> list[ir.Unit]:
    """A unit for each file that has functions; all tables are in the first."""
    files: dict[str, list[ir.Function]] = {}
    for function in program.engine.functions.values():
        files.setdefault(function.where.file, []).append(function)
    tables = tuple(program.engine.tables)
    return [
        ir.Unit(file, tuple(some), () if number else tables, facts=tuple(map(facts_of, some)))
        for number, (file, some) in enumerate(sorted(files.items()))
    ]


def records(
    program: Program, portions: Sequence[Sequence[ir.Unit]], store: Store | None = None
) -> dict[str, Record]:
    layout = program.engine.know.layout
    engine = Engine(program.table, load_models(rules_dir()), layout, 1, store)
    for portion in portions:
        engine.add(portion)
        engine.follow(quiet)
    engine.finish()
    return engine.records


@pytest.mark.parametrize("seed", range(6))
def test_portions_make_no_difference(
    program: Program, units: list[ir.Unit], seed: int, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    shuffled = dice.sample(units, len(units))
    cuts = sorted(dice.sample(range(1, len(units)), 2))
    portions = [shuffled[: cuts[0]], shuffled[cuts[0] : cuts[1]], shuffled[cuts[1] :]]
    wanted = records(program, [units])
    assert any(record.plain for record in wanted.values())
    assert records(program, portions) == wanted
    with Store(tmp_path) as store:
        assert records(program, portions[:2], store).keys() <= wanted.keys()
        assert records(program, portions, store) == wanted
    with Store(tmp_path) as store:
        assert records(program, [units], store) == wanted


def test_what_a_rule_settles_does_not_hang_on_the_outcomes_of_the_body(program: Program) -> None:
    engine = program.engine
    calls = [
        (edge, engine.know.models.settles(engine.functions[edge.callee].name))
        for key in engine.functions
        for edge in engine.graph.into(key)
        if edge.callee in engine.records and edge.caller in engine.records and not edge.slot
    ]
    assert {settled for _, settled in calls} == {True, False}
    for edge, settled in calls:
        record = engine.records[edge.callee]
        other = msgspec.structs.replace(
            record, summary=(b"otherwise", record.summary[1]), version=b"otherwise"
        )
        one, two = (
            engine.signature(edge.caller, engine.looked_at(edge.caller, {edge.callee: each}))
            for each in (record, other)
        )
        assert (one == two) is settled, edge


def test_what_is_not_looked_at_makes_no_difference(
    program: Program, units: list[ir.Unit], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = records(program, [units])
    monkeypatch.setattr(Engine, "looked_at", lambda self, key, view: view)
    assert records(program, [units]) == seen, "Models.settles names what is looked into after all"


@pytest.mark.parametrize("seed", range(4))
def test_searching_tells_what_following_all_tells(
    program: Program, units: list[ir.Unit], seed: int
) -> None:
    """In fewer functions; and what is followed later comes out as if it had been at once."""
    cut = random.Random(seed).randrange(1, len(units))
    shuffled = random.Random(seed).sample(units, len(units))
    layout = program.engine.know.layout
    searched, followed = (Engine(program.table, load_models(rules_dir()), layout) for _ in range(2))
    for portion in (shuffled[:cut], shuffled[cut:]):
        searched.add(portion)
        searched.search(quiet)
        followed.add(portion)
        followed.follow(quiet)
        assert searched.hanging() == followed.hanging()
        assert searched.opaque() == followed.opaque()
    assert searched.hanging()
    assert searched.records.keys() < followed.records.keys()
    searched.follow(quiet)
    assert searched.records == followed.records
