"""What is kept between runs changes how long a run takes, and nothing else."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flaglint import analysis, gathering, recall
from flaglint import survey as surveys
from flaglint.finding import Report
from flaglint.pageflags import HeaderError
from flaglint.reading import Job, ReadingError, local, prepare
from flaglint.report import json
from flaglint.request import Request
from flaglint.store import Store
from flaglint.tree import TreeError

ROOT = Path(__file__).parent.parent
MINI_KERNEL = ROOT / "testdata/mini-kernel"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINI_KERNEL, tmp_path / "linux"))


def quiet(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


def report(root: Path, cache: Path, jobs: int = 1) -> Report:
    return recall.analyse(
        Request(paths=(str(root),), pedantic=True, jobs=jobs, cache_dir=str(cache)), quiet
    )


def shown(found: Report) -> bytes:
    """Everything that a user can get out of a report."""
    parts = (json.render_check(found), json.render_sites(found), repr(found))
    return b"\n".join(p if isinstance(p, bytes) else p.encode() for p in parts)


# Edits of a tree, each by a generator of random numbers.


def sources(root: Path) -> list[Path]:
    return sorted((root / "mm").glob("*.c"))


def headers(root: Path) -> list[Path]:
    return sorted([*(root / "include/linux").glob("*.h"), *(root / "mm").glob("*.h")])


def lines_put_first(root: Path, dice: random.Random) -> None:
    path = dice.choice([*sources(root), *headers(root)])
    path.write_text("/* moved down */\n" * dice.randint(1, 3) + path.read_text())


def function_added(root: Path, dice: random.Random) -> None:
    path = dice.choice(sources(root))
    name = f"added_{dice.randint(0, 10**6)}"
    body = dice.choice(
        ["folio_set_partially_mapped(folio);", "__folio_set_partially_mapped(folio);", ";"]
    )
    include = "#include <linux/mm.h>\n#include <linux/page-flags.h>\n"
    path.write_text(
        f"{include}{path.read_text()}\nvoid {name}(struct folio *folio)\n{{\n\t{body}\n}}\n"
    )


def caller_outside(root: Path, dice: random.Random) -> None:
    names = re.findall(r"^(?:void|int) (\w+)\(struct folio \*folio\)", all_text(root), re.M)
    name = dice.choice(sorted(names))
    folder = root / dice.choice(["drivers", "net"])
    folder.mkdir(exist_ok=True)
    (folder / f"caller{dice.randint(0, 99)}.c").write_text(
        f"#include <linux/mm.h>\nvoid {name}(struct folio *folio);\n"
        f"void call_{name}(struct folio *folio)\n{{\n\t{name}(folio);\n}}\n"
    )


def all_text(root: Path) -> str:
    return "\n".join(path.read_text() for path in sources(root))


def lock_dropped(root: Path, dice: random.Random) -> None:
    locked = [path for path in sources(root) if "spin_lock" in path.read_text()]
    path = dice.choice(locked)
    text = path.read_text()
    places = [match.start() for match in re.finditer(r"\n[^\n]*spin_(un)?lock[^\n]*;", text)]
    at = dice.choice(places)
    path.write_text(text[:at] + "\n" + text[text.index("\n", at + 1) :])


def header_shadowed(root: Path, dice: random.Random) -> None:
    """A header appears where clang looks before it comes to the one it found so far."""
    path = dice.choice(sorted((root / "include/linux").glob("*.h")))
    place = root / "arch/x86/include/linux" / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(path.read_text().replace("spin_lock(", "raw_spin_lock("))


def file_removed(root: Path, dice: random.Random) -> None:
    dice.choice(sources(root)).unlink()


def header_removed(root: Path, dice: random.Random) -> None:
    dice.choice(headers(root)[1:]).unlink()


def line_removed(root: Path, dice: random.Random) -> None:
    path = dice.choice([*sources(root), *headers(root)])
    lines = path.read_text().splitlines(keepends=True)
    del lines[dice.randrange(len(lines))]
    path.write_text("".join(lines))


def makefile_said(root: Path, dice: random.Random) -> None:
    path = dice.choice(sources(root))
    with (root / "mm/Makefile").open("a") as stream:
        stream.write(f"obj-$(CONFIG_{dice.choice('ABC')}) += {path.stem}.o\n")


def restored(root: Path, dice: random.Random) -> None:
    path = dice.choice(sorted(p for p in MINI_KERNEL.rglob("*.[ch]")))
    place = root / path.relative_to(MINI_KERNEL)
    place.write_bytes(path.read_bytes())


EDITS: tuple[Callable[[Path, random.Random], None], ...] = (
    lines_put_first, function_added, caller_outside, lock_dropped, header_shadowed, file_removed,
    header_removed, line_removed, makefile_said, restored, restored,
)  # fmt: skip


@pytest.mark.parametrize("settled", [0, 2_000_000_000], ids=["old-files", "new-files"])
@pytest.mark.parametrize("seed", range(2))
def test_a_warm_run_says_what_a_cold_one_says(
    root: Path, tmp_path: Path, seed: int, settled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveys, "_SETTLED", settled)
    dice = random.Random(f"{seed} {settled}")
    report(root, tmp_path / "cache")
    for number in range(4):
        done = [dice.choice(EDITS) for _ in range(dice.randint(1, 2))]
        for edit in done:
            edit(root, dice)
        warm = answer(root, tmp_path / "cache")
        cold = answer(root, tmp_path / f"cold{number}")
        assert warm == cold, [edit.__name__ for edit in done]
        assert answer(root, tmp_path / "cache") == cold, "and again"


def answer(root: Path, cache: Path) -> bytes:
    """The report, or the error: a tree may be broken beyond analysis by an edit."""
    try:
        return shown(report(root, cache))
    except (ReadingError, HeaderError, TreeError) as error:
        return re.sub(rb"/\S*/", b"", str(error).encode())


def test_workers_make_no_difference(root: Path, tmp_path: Path) -> None:
    one = report(root, tmp_path / "one", jobs=1)
    assert shown(report(root, tmp_path / "two", jobs=2)) == shown(one)
    assert one.findings


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to workers to be read by clang, and whether there was an analysis at all."""
    seen: list[str] = []
    analyse = analysis.analyse

    def listening(jobs: int, limits: object) -> object:
        mapper = local(jobs, limits)  # type: ignore[arg-type]

        def work(job: Job, items: list[str], *rest: Callable[[], None]) -> object:
            seen.extend(items if job.kind == "file" else ["<headers>"])
            return mapper(job, items, *rest)

        return work

    def noted(*arguments: object) -> Report:
        seen.append("<analysis>")
        return analyse(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(analysis, "local", listening)
    monkeypatch.setattr(analysis, "analyse", noted)
    monkeypatch.setattr(surveys, "_SETTLED", -(10**15))
    return seen


def test_nothing_changed_is_no_work(root: Path, tmp_path: Path, watched: list[str]) -> None:
    first = report(root, tmp_path / "cache")
    assert "<analysis>" in watched
    assert "mm/rmap.c" in watched
    watched.clear()
    assert shown(report(root, tmp_path / "cache")) == shown(first)
    assert watched == []


def test_one_file_changed_is_one_file_read(root: Path, tmp_path: Path, watched: list[str]) -> None:
    report(root, tmp_path / "cache")
    watched.clear()
    path = root / "mm/rmap.c"
    path.write_text(path.read_text() + "/* more */\n")
    report(root, tmp_path / "cache")
    assert watched == ["<analysis>", "mm/rmap.c"]


def test_a_header_of_one_folder_is_read_with_its_users(
    root: Path, tmp_path: Path, watched: list[str]
) -> None:
    report(root, tmp_path / "cache")
    watched.clear()
    path = root / "mm/internal.h"
    path.write_text(path.read_text() + "/* more */\n")
    report(root, tmp_path / "cache")
    users = {f"mm/{p.name}" for p in sources(root) if '"internal.h"' in p.read_text()}
    assert users
    assert set(watched) == {"<analysis>", *users}


def test_the_same_tree_elsewhere_is_not_parsed(
    root: Path, tmp_path: Path, watched: list[str]
) -> None:
    first = report(root, tmp_path / "cache")
    watched.clear()
    other = Path(shutil.copytree(root, tmp_path / "elsewhere"))
    second = report(other, tmp_path / "cache")
    assert watched == ["<analysis>"]
    assert json.render_check(first) == json.render_check(second)


def test_another_flaglint_reads_for_itself(
    root: Path, tmp_path: Path, watched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report(root, tmp_path / "cache")
    watched.clear()
    for module in (recall, gathering):
        monkeypatch.setattr(module, "identity", lambda: b"another")
    report(root, tmp_path / "cache")
    assert "mm/rmap.c" in watched


def test_a_change_under_way_is_not_kept(
    root: Path, tmp_path: Path, watched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file saved while clang reads must not be known under the digest of before."""
    path = root / "mm/rmap.c"

    def saving(*arguments: object) -> object:
        path.write_text("/* saved */\n" + path.read_text())
        return prepare(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(analysis, "prepare", saving)
    report(root, tmp_path / "cache")
    monkeypatch.setattr(analysis, "prepare", prepare)
    path.write_bytes((MINI_KERNEL / "mm/rmap.c").read_bytes())
    warm = report(root, tmp_path / "cache")
    assert shown(warm) == shown(report(root, tmp_path / "cold"))


@pytest.mark.parametrize("damage", ["gone", "garbage", "emptied"])
def test_a_damaged_store_is_no_matter(
    root: Path, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveys, "_SETTLED", -(10**15))
    first = shown(report(root, tmp_path / "cache"))
    path = tmp_path / "cache/store.sqlite"
    match damage:
        case "gone":
            path.unlink()
        case "garbage":
            path.write_bytes(b"\xff" * path.stat().st_size)
        case _:
            path.write_bytes(b"")
    assert shown(report(root, tmp_path / "cache")) == first
    with Store(tmp_path / "cache") as store:
        assert store.working


@pytest.mark.parametrize("kind", ["unit", "reads", "inline", "summary", "words", "recent"])
def test_a_store_that_has_forgotten_some_is_no_matter(
    root: Path, tmp_path: Path, kind: str
) -> None:
    report(root, tmp_path / "cache")
    path = root / "mm/rmap.c"
    path.write_text("/* moved down */\n" + path.read_text())
    with sqlite3.connect(tmp_path / "cache/store.sqlite") as database:
        assert database.execute("DELETE FROM entry WHERE kind = ?", (kind,)).rowcount
    database.close()
    warm = report(root, tmp_path / "cache")
    assert shown(warm) == shown(report(root, tmp_path / "cold"))


def test_a_report_that_is_there_imports_no_engine(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "flaglint", str(root), "--format", "json"]
    command += ["--cache-dir", str(tmp_path / "cache")]
    runs = [
        subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].returncode == runs[1].returncode == 1
    loaded = [set(re.findall(r"\| +([\w.]+)$", run.stderr, re.M)) for run in runs]
    heavy = {"clang.cindex", "pycparser", "flaglint.engine", "flaglint.frontend", "sarif_om"}
    assert heavy - {"sarif_om"} <= loaded[0]
    assert not heavy & loaded[1]
