"""The evaluation from end to end, on the mini-kernel: edit, compile, analyse, score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.__main__ import main
from evaluation.runs import Bench, analyse_apart
from evaluation.scoring import Outcome, Score
from evaluation.seed import Edit, Is, Seed
from flaglint import analysis
from flaglint.finding import Report
from tests.expectations import MINI_KERNEL

ADD = ("mm/filemap.c", "filemap_add_folio")
WRITE = "__folio_set_referenced(folio);"


def seed(name: str, is_: Is, *edits: Edit) -> Seed:
    return Seed(name, ("mini",), "published/page-cache", is_, "a reason", edits)


BEHIND = seed("behind", Is.BUG, Edit(*ADD, call="folio_add_lru", after=WRITE))
IN_FRONT = seed("front", Is.TWIN, Edit(*ADD, call="__filemap_add_folio", before=WRITE))
UNKNOWN = seed("unknown", Is.BUG, Edit(*ADD, call="folio_add_lru", after="no_such_helper(folio);"))
MISPLACED = seed("misplaced", Is.BUG, Edit(*ADD, call="no_such_call", after=WRITE))
HARMLESS_BUG = seed("harmless", Is.BUG, *IN_FRONT.edit)
HARMFUL_TWIN = seed("harmful", Is.TWIN, *BEHIND.edit)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def bench(work: Path) -> Bench:
    return Bench(MINI_KERNEL, "mini", work, in_process(work))


def in_process(work: Path) -> Callable[[Path], Report]:
    def run(root: Path) -> Report:
        request = analysis.Request(paths=(str(root),), cache_dir=str(work / "cache"), jobs=1)
        return analysis.analyse(request, lambda *_: None)

    return run


def outcomes(scores: list[Score]) -> dict[str, Outcome]:
    return {one.seed.id: one.outcome for one in scores}


def test_one_by_one(bench: Bench) -> None:
    before = {path: path.read_bytes() for path in MINI_KERNEL.rglob("*") if path.is_file()}
    seeds = [BEHIND, IN_FRONT, UNKNOWN, MISPLACED, HARMLESS_BUG, HARMFUL_TWIN]
    scores = list(bench.one_by_one(seeds))
    assert outcomes(scores) == {
        "behind": Outcome.FOUND,
        "front": Outcome.SILENT,
        "unknown": Outcome.BROKEN,
        "misplaced": Outcome.BROKEN,
        "harmless": Outcome.MISSED,
        "harmful": Outcome.FALSE_ALARM,
    }
    told = {one.seed.id: " ".join(one.detail) for one in scores}
    assert "no_such_helper" in told["unknown"]
    assert "only 0 found at no_such_call" in told["misplaced"]
    assert "exclusive, allocation" in told["front"]
    assert "exclusive, allocation" in told["harmless"]
    assert "filemap_add_folio() __folio_set_referenced" in told["harmful"]
    assert {p: p.read_bytes() for p in MINI_KERNEL.rglob("*") if p.is_file()} == before


def test_together_says_the_same(bench: Bench) -> None:
    elsewhere = seed(
        "elsewhere",
        Is.BUG,
        Edit("fs/minifs.c", "minifs_fault", word="VM_FAULT_LOCKED", before=WRITE),
    )
    scores = list(bench.together([BEHIND, IN_FRONT, UNKNOWN, elsewhere]))
    assert outcomes(scores) == {
        "behind": Outcome.FOUND,
        "front": Outcome.SILENT,
        "unknown": Outcome.BROKEN,
        "elsewhere": Outcome.FOUND,
    }
    assert not [told for one in scores for told in one.detail if told.startswith("batch:")]


def test_an_analysis_in_a_process_of_its_own_says_the_same(work: Path) -> None:
    here = in_process(work)(MINI_KERNEL)
    there = analyse_apart(work / "cache")(MINI_KERNEL)
    assert there.findings == here.findings
    assert there.sites == here.sites


SEEDS = """
[[seed]]
id = "{name}"
kernel = ["mini"]
kind = "published/page-cache"
is = "{is_}"
why = "the folio is in the page cache"
[[seed.edit]]
file = "mm/filemap.c"
function = "filemap_add_folio"
call = "{call}"
after = "{write}"
"""


@pytest.mark.parametrize(
    ("is_", "call", "write", "status", "line"),
    [
        ("bug", "folio_add_lru", WRITE, 0, "1/1"),
        ("twin", "folio_add_lru", WRITE, 1, "false alarm: named"),
        ("bug", "folio_add_lru", "oops(", 2, "seed broken: named"),
    ],
)
def test_the_command(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    is_: str,
    call: str,
    write: str,
    status: int,
    line: str,
) -> None:
    (tmp_path / "a.toml").write_text(SEEDS.format(name="named", is_=is_, call=call, write=write))
    options = ["--seeds", str(tmp_path), "--work", str(tmp_path / "work")]
    assert main([*options, "--kernel", f"mini={MINI_KERNEL}"]) == status
    table = capsys.readouterr().out
    assert "linux mini" in table
    assert "published/page-cache" in table
    assert line in table


def test_the_command_wants_a_kernel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kernel", f"6.12={tmp_path}", "--work", str(tmp_path / "work"), "first"]) == 2
    assert "no kernel in" in capsys.readouterr().err
