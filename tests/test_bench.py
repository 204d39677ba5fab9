"""The benchmark runs, compares runs of one tree, and writes what a script can read."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scripts import bench

MINI_KERNEL = Path(__file__).parent.parent / "testdata/mini-kernel"


def test_it_measures_every_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in MINI_KERNEL.rglob("*") if path.is_file()}
    stem = tmp_path / "figures"
    words = ["--kernel", MINI_KERNEL, "--repeat", 1, "--jobs", 1, "--work", tmp_path / "work"]
    assert bench.main([*map(str, words), "--output", str(stem), "--no-peers"]) == 0
    told = json.loads(stem.with_suffix(".json").read_text())
    steps = {step["name"]: step for step in told["steps"]}
    assert list(steps) == ["parse", "cold", "unchanged", "file", "header"]
    assert steps["parse"]["ratio"] == 1
    assert steps["unchanged"]["median"] < steps["cold"]["median"]
    for step in steps.values():
        assert step["files"] == len([*MINI_KERNEL.glob("mm/*.c"), *MINI_KERNEL.glob("fs/*.c")])
        assert step["memory"] > 1 << 20
        assert step["cpu"][0] > 0
    shown = stem.with_suffix(".txt").read_text()
    assert capsys.readouterr().out == shown
    assert [line.split()[0] for line in shown.splitlines()] == ["step", *steps]
    assert {path: path.read_bytes() for path in before} == before


def test_memory_is_that_of_all_processes() -> None:
    script = "import os; b = bytearray(50_000_000); os.fork(); b[::4096] = b'x' * len(b[::4096])"
    done = bench.measure([sys.executable, "-c", f"{script}; import time; time.sleep(0.4)"])
    assert done.status == 0
    assert done.memory > 90_000_000
    assert done.seconds > 0.4


def test_no_kernel_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--kernel", str(tmp_path / "none")]) == 2
    assert "dev.py kernels" in capsys.readouterr().err
