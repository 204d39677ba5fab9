"""Faults of clang, of the disk, of the cache, and of whoever sits at the keyboard."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.torture.conftest import Judge, Tally, lost
from tests.torture.sandbox import ROOT, Box

RACY = "mm/huge_memory.c"
REPORT = ("check", "--format", "json", "-j", "1")


def crash(box: Box, how: str, file: str = RACY) -> None:
    """Make clang fall over a file."""
    path = box.path(file)
    path.write_text(path.read_text() + f"#pragma clang __debug {how}\n")


@pytest.mark.parametrize("how", ["crash", "llvm_fatal_error", "overflow_stack", "assert"])
def test_a_crash_costs_its_file(how: str, box: Box, judged: Judge) -> None:
    crash(box, how)
    document = judged("faults", "--timeout", "4").document
    assert lost(document) in ({RACY}, set())


def test_every_file_crashes(box: Box, judged: Judge) -> None:
    files = sorted(box.tree.glob("*/*.c"))
    for path in files:
        crash(box, "llvm_fatal_error", str(path.relative_to(box.tree)))
    outcome = judged("faults", faults=len(files))
    assert outcome.status == 2
    assert "none of the" in outcome.err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_hang_costs_its_file(jobs: str, box: Box, judged: Judge) -> None:
    os.mkfifo(box.path("mm/endless.h"))
    box.edit(RACY, "#include", '#include "endless.h"\n#include')
    document = judged("faults", "--timeout", "2", "-j", jobs).document
    assert lost(document) == {RACY}
    reasons = {site["reason"] for site in document["sites"] if site["file"] == RACY}
    assert reasons == {"took more than 2 seconds"}


def test_too_much_memory_costs_its_file(box: Box, judged: Judge) -> None:
    box.edit(RACY, "#include", '#include "/dev/zero"\n#include')
    document = judged("faults", "--memory", "400").document
    assert lost(document) == {RACY}


def test_common_headers_that_crash_are_refused(box: Box, judged: Judge) -> None:
    box.edit("include/linux/mm.h", "#include", "#pragma clang __debug llvm_fatal_error\n#include")
    outcome = judged("faults")
    assert outcome.status == 2
    assert "crash" in outcome.err


# The cache


def cache_files(box: Box) -> list[Path]:
    return sorted(path for path in box.cache.rglob("*") if path.is_file())


def is_database(path: Path) -> bool:
    """A directory in the place of these is refused, not removed."""
    return path.name.startswith("store.")


@pytest.mark.parametrize("damage", ["truncated", "noise", "empty", "swapped", "directory", "gone"])
def test_a_damaged_cache_changes_nothing(damage: str, box: Box, tally: Tally) -> None:
    first = box.run(*REPORT)
    files = cache_files(box)
    assert first.status == 1
    assert files
    chance = random.Random(7)
    for number, path in enumerate(files):
        data = path.read_bytes()
        match damage:
            case "truncated":
                path.write_bytes(data[: len(data) // 2])
            case "noise":
                path.write_bytes(chance.randbytes(len(data)))
            case "empty":
                path.write_bytes(b"")
            case "swapped":
                path.write_bytes(files[(number + 1) % len(files)].read_bytes())
            case "directory" if not is_database(path):
                path.unlink()
                path.mkdir()
            case "gone":
                path.unlink()
    again = box.run(*REPORT)
    tally.add("faults", inputs=1, faults=len(files), wrong_answers=int(again.out != first.out))
    assert again.wrongs == ()
    assert again.out == first.out


def test_cached_data_is_never_unpickled(box: Box, tally: Tally) -> None:
    first = box.run(*REPORT)
    mark = box.home / "executed"
    bomb = b"cos\nsystem\n(S'touch " + os.fsencode(mark) + b"'\ntR."
    for path in cache_files(box):
        path.write_bytes(bomb)
    again = box.run(*REPORT)
    tally.add("faults", inputs=1, faults=1)
    assert not mark.exists()
    assert (again.wrongs, again.out) == ((), first.out)


def test_a_cache_that_cannot_be_written(box: Box, tally: Tally) -> None:
    box.cache.rmdir()
    box.cache.write_text("a file")
    outcome = box.run(*REPORT)
    tally.add("faults", inputs=1, faults=1, refusals=1)
    assert outcome.wrongs == ()
    assert outcome.status == 2
    assert str(box.cache) in outcome.err


def test_a_full_disk(box: Box, tally: Tally) -> None:
    outcome = box.run("check", "-j", "1", "-o", "/dev/full")
    tally.add("faults", inputs=1, faults=1, refusals=1)
    assert outcome.wrongs == ()
    assert outcome.status == 2
    assert "/dev/full" in outcome.err


@pytest.mark.parametrize("kilobytes", [0, 4, 64, 256, 700])
def test_a_disk_that_fills_up(kilobytes: int, box: Box, tally: Tally) -> None:
    """Every write beyond that size of a file fails, wherever it is; then there is room again."""
    most = kilobytes << 10
    environment = {**os.environ, "XDG_CACHE_HOME": str(box.cache), "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-m", "flaglint", *REPORT, "-q", str(box.tree)],
        env={**environment, "TMPDIR": str(box.tmp), "HOME": str(box.home)},
        cwd=box.cwd,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    left = [*box.cwd.iterdir(), *box.tmp.iterdir(), *box.home.iterdir()]
    refused = run.returncode == 2
    tally.add("faults", inputs=1, faults=1, refusals=refused, left_behind=len(left))
    assert left == []
    assert "Traceback" not in run.stderr
    assert run.returncode in (1, 2)
    assert len(run.stderr.splitlines()) == refused
    whole = box.run(*REPORT)
    assert whole.wrongs == ()
    assert [found["rule"] for found in whole.document["findings"]] == ["FL001"]
    assert refused or run.stdout == whole.out


def test_two_runs_on_one_cache(box: Box, tally: Tally) -> None:
    command = [sys.executable, "-m", "flaglint", *REPORT, "-q", str(box.tree)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(box.cache), "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(command, env=environment, cwd=box.cwd, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    outputs = {run.communicate(timeout=120)[0] for run in runs}
    tally.add("faults", inputs=4)
    assert {run.returncode for run in runs} == {1}
    assert len(outputs) == 1


# Interrupted


def start(box: Box, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(box.cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "flaglint", *arguments, "-q", str(box.tree)],
        env={**environment, "TMPDIR": str(box.tmp), "HOME": str(box.home)},
        cwd=box.cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers(marker: str) -> list[int]:
    """Processes of ours that still work on a tree."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                words = Path("/proc", entry, "cmdline").read_bytes()
                state = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marker.encode() in words and state != "Z":
                found.append(int(entry))
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("after", [0.3, 0.8, 1.3, 2.0])
def test_killed_at_any_moment(how: signal.Signals, after: float, box: Box, tally: Tally) -> None:
    output = box.cwd / "report.json"
    run = start(box, *REPORT, "-j", "2", "-o", str(output))
    time.sleep(after)
    finished = run.poll() is not None
    run.send_signal(how)
    out, err = run.communicate(timeout=30)
    time.sleep(0.3)
    left = workers(str(box.tree))
    extra = [path.name for path in box.cwd.iterdir() if path != output]
    extra += [path.name for path in (*box.tmp.iterdir(), *box.home.iterdir())]
    tally.add("faults", inputs=1, faults=1, left_behind=len(left) + len(extra))
    assert left == []
    assert extra == []
    assert "Traceback" not in out + err
    if how is signal.SIGINT and not finished and run.returncode != 1:
        # 130 from the program, or the interpreter's own death while it was starting.
        assert run.returncode in (130, -signal.SIGINT)
    if how is signal.SIGINT and run.returncode == 130:
        assert err.startswith("flaglint: interrupted")
    if output.exists():
        output.unlink()
    whole = box.run(*REPORT)
    assert whole.wrongs == ()
    assert [found["rule"] for found in whole.document["findings"]] == ["FL001"]


def test_no_partial_output(box: Box, tally: Tally) -> None:
    """A run that is refused or cannot write leaves the old report as it was."""
    old = box.output / "report.txt"
    old.write_text("old")
    refused = start(box, "check", "-o", str(old), str(box.tree / "gone"))
    refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert old.read_text() == "old"
    missing = box.run("check", "-j", "1", "-o", box.output / "no" / "such" / "report.txt")
    tally.add("faults", inputs=2, faults=2, refusals=2)
    assert (missing.status, missing.wrongs) == (2, ())
    assert [path.name for path in box.output.iterdir()] == ["report.txt"]


def test_a_tree_on_a_read_only_disk(box: Box, judged: Judge) -> None:
    for folder, _, files in os.walk(box.tree):
        for name in files:
            Path(folder, name).chmod(0o400)
        Path(folder).chmod(0o500)
    assert judged("faults").status == 0


def test_the_tree_vanishes(box: Box, tally: Tally) -> None:
    run = start(box, *REPORT)
    time.sleep(0.6)
    shutil.rmtree(box.tree)
    _, err = run.communicate(timeout=60)
    tally.add("faults", inputs=1, faults=1)
    assert run.returncode in (0, 1, 2)
    assert "Traceback" not in err
