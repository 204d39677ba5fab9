"""The mini-kernel: its one planted race is found, with its witness, and nothing else is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from clang import cindex

from flaglint import analysis
from flaglint.cli import main
from flaglint.flagtable import Atomicity, Word
from flaglint.frontend import parse, prepare
from flaglint.pageflags import read_flags
from flaglint.tree import open_tree
from tests.expectations import MINI_KERNEL, Expectation, Tag, differences, read_expectations

SOURCES = sorted(p.relative_to(MINI_KERNEL).as_posix() for p in MINI_KERNEL.rglob("*.c"))
FILES = sorted(p.relative_to(MINI_KERNEL).as_posix() for p in MINI_KERNEL.rglob("*.[ch]"))
PF_ANY_WRITERS = frozenset(
    {
        "SetPageAnonExclusive",
        "ClearPageAnonExclusive",
        "TestSetPageHWPoison",
        "ClearPageHWPoison",
    }
)


def expectations() -> tuple[Expectation, ...]:
    return tuple(
        expectation
        for file in FILES
        for expectation in read_expectations(file, (MINI_KERNEL / file).read_text())
    )


@pytest.mark.parametrize("configuration", [(), ("-DCONFIG_PAGE_IDLE_FLAG=1",)])
@pytest.mark.parametrize("file", SOURCES)
def test_compiles(file: str, configuration: tuple[str, ...]) -> None:
    include = str(MINI_KERNEL / "include")
    args = ["-nostdinc", "-D__KERNEL__", "-std=gnu11", "-Wall", "-I", include, *configuration]
    unit = cindex.Index.create().parse(str(MINI_KERNEL / file), args=args)
    assert [str(d) for d in unit.diagnostics] == []


def test_headers_stand_alone() -> None:
    index = cindex.Index.create()
    include = MINI_KERNEL / "include"
    for header in sorted(include.rglob("*.h")):
        name = header.relative_to(include).as_posix()
        unit = index.parse(
            "alone.c",
            args=["-nostdinc", "-D__KERNEL__", "-std=gnu11", "-Wall", "-I", str(include)],
            unsaved_files=[("alone.c", f"#include <{name}>\n#include <{name}>\n")],
        )
        assert [str(d) for d in unit.diagnostics] == [], name


def test_one_planted_race_and_many_probes() -> None:
    expected = expectations()
    (race,) = [e for e in expected if e.tag is Tag.RACE and e.rule == "FL001"]
    line = (MINI_KERNEL / race.file).read_text().split("\n")[race.line - 1]
    assert "__folio_set_partially_mapped(folio)" in line
    assert sum(e.tag is Tag.NORACE for e in expected) >= 25


def test_every_plain_helper_call_is_annotated() -> None:
    """A plain write that nobody thought about is no evidence of anything."""
    plain = re.compile(r"\b__(folio_(set|clear)_|(Set|Clear)Page|folio_mark_uptodate)")
    annotated = {(e.file, e.line) for e in expectations()}
    defined_there = re.compile(r"__folio_clear_lru_flags|\b__(Set|Clear)Page\w+\(struct")
    for file in SOURCES:
        for number, line in enumerate((MINI_KERNEL / file).read_text().split("\n"), 1):
            if plain.search(line) and not defined_there.search(line) and "Buddy" not in line:
                assert (file, number) in annotated, f"{file}:{number}: {line.strip()}"


def plain_helpers() -> set[tuple[str, int]]:
    """Where the header declares plain helpers: FL011's places, not annotated one by one."""
    tree = open_tree(MINI_KERNEL)
    table = read_flags(MINI_KERNEL, config=tree.symbols)
    return {(h.file, h.line) for h in table.helpers if h.atomicity is Atomicity.PLAIN}


def test_page_types_are_no_flags(tmp_path: Path) -> None:
    table = read_flags(MINI_KERNEL, config=open_tree(MINI_KERNEL).symbols)
    assert not {name for name in table.active() if "slab" in name or "Buddy" in name}
    assert table.active()["__folio_set_partially_mapped"].word is Word.SECOND


def test_frontend_reads_every_file(tmp_path: Path) -> None:
    prepared = prepare(open_tree(MINI_KERNEL), tmp_path / "cache")
    assert prepared.errors == ()
    for file in SOURCES:
        assert parse(prepared, file).errors == (), file


@pytest.mark.parametrize("pedantic", [False, True])
def test_verdicts(pedantic: bool, tmp_path: Path) -> None:
    request = analysis.Request(
        paths=(str(MINI_KERNEL),), pedantic=pedantic, jobs=1, cache_dir=str(tmp_path)
    )
    report = analysis.analyse(request, lambda phase, done, total: None)
    assert report.kernel.startswith("6.12.0")
    assert report.unread == ()

    shown = [f for f in report.findings if pedantic or not f.pedantic]
    declared = {(f.file, f.line) for f in shown if f.rule == "FL011"}
    assert declared == (plain_helpers() if pedantic else set())
    findings = [f for f in shown if f.rule != "FL011"]
    expected = [e for e in expectations() if pedantic or e.rule != "FL002"]
    assert differences(expected, findings, FILES) == []


def test_witness_of_the_planted_race(tmp_path: Path) -> None:
    request = analysis.Request(paths=(str(MINI_KERNEL),), jobs=1, cache_dir=str(tmp_path))
    report = analysis.analyse(request, lambda phase, done, total: None)
    (planted,) = [f for f in report.findings if f.rule == "FL001"]
    assert planted.function == "deferred_split_folio"
    assert planted.word == "second"
    assert planted.flag == "PG_partially_mapped"
    assert any("split_queue_lock" in lock for lock in planted.locks)
    assert planted.chain[-1].function == "deferred_split_folio"
    assert len(planted.chain) > 1

    helpers = {access.helper for access in planted.racing}
    assert "folio_set_has_hwpoisoned" in helpers
    assert helpers & PF_ANY_WRITERS
    for access in planted.racing:
        assert not any("split_queue_lock" in lock for lock in access.locks)
        assert access.chain[-1].function == access.function


def test_each_lock_of_the_witness_says_where_it_was_taken(tmp_path: Path) -> None:
    """A reader checks a lockset at the calls that took it, in the frame that made them."""
    request = analysis.Request(paths=(str(MINI_KERNEL),), jobs=1, cache_dir=str(tmp_path))
    report = analysis.analyse(request, lambda phase, done, total: None)
    (planted,) = [f for f in report.findings if f.rule == "FL001"]
    both = [(planted.chain, planted.taken)]
    both += [(other.chain, other.taken) for other in planted.racing]
    calls: dict[str, str] = {}
    for chain, taken in both:
        frames = {step.function: step.line for step in chain}
        for at in taken:
            calls[at.lock] = (MINI_KERNEL / at.file).read_text().split("\n")[at.line - 1].strip()
            assert at.line <= frames[at.function], "taken before the frame calls on"
    assert calls["deferred_split.split_queue_lock"].startswith("spin_lock_irqsave(")
    assert calls["@mf_mutex"] in ("mutex_lock(&mf_mutex);", "guard(mutex)(&mf_mutex);")
    for access in (planted.locks, *(other.locks for other in planted.racing)):
        assert set(access) <= set(calls)


def test_no_lock_outlives_the_function_that_takes_and_drops_it(tmp_path: Path) -> None:
    request = analysis.Request((str(MINI_KERNEL),), jobs=1, cache_dir=str(tmp_path))
    dumped = analysis.dump(request, "summary", ("try_to_unmap", "reclaim_one", "rmap_walk"))
    assert "reclaim_one" in dumped
    assert "locks +['" not in dumped


def test_the_flags_stage_is_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["flags", str(MINI_KERNEL)]) == 0
    table = capsys.readouterr().out
    assert main(["dump", "flags", str(MINI_KERNEL)]) == 0
    assert capsys.readouterr().out == table
    assert main(["dump", "flags", str(MINI_KERNEL), "__folio_set_partially_mapped"]) == 0
    shown = capsys.readouterr().out
    assert "  __folio_set_partially_mapped " in shown
    assert "folio_set_has_hwpoisoned" not in shown


@pytest.mark.parametrize("stage", ["flags", "ir", "callgraph", "summary"])
def test_a_function_that_no_stage_has_is_said(
    stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["dump", stage, str(MINI_KERNEL), "no_such", "--cache-dir", str(tmp_path)]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"the stage {stage} has nothing of no_such" in err
