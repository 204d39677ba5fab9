"""Everything that reads a stranger's bytes, given any bytes."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.torture.conftest import Tally
from tests.torture.sandbox import ROOT
from tests.torture.targets import TARGETS, seeds

EXAMPLES = {"cache": 40, "header": 150, "rules": 20}
SECONDS = int(os.environ.get("FLAGLINT_FUZZ_SECONDS", "20"))


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes(name: str, tally: Tally) -> None:
    count = 0

    @settings(max_examples=EXAMPLES.get(name, 300), suppress_health_check=list(HealthCheck))
    @given(st.one_of(st.binary(max_size=2_000), st.text(max_size=2_000).map(str.encode)))
    def check(data: bytes) -> None:
        nonlocal count
        count += 1
        TARGETS[name](data)

    check()
    tally.add("fuzzing", inputs=count)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds(name: str, tally: Tally) -> None:
    """Real inputs with pieces cut, doubled, swapped and overwritten."""
    chance = random.Random(name)
    count = EXAMPLES.get(name, 300)
    for _ in range(count):
        data = bytearray(chance.choice(seeds(name)))
        for _ in range(chance.randrange(1, 8)):
            here = chance.randrange(len(data) + 1)
            there = min(len(data), here + chance.randrange(1, 40))
            match chance.randrange(4):
                case 0:
                    del data[here:there]
                case 1:
                    data[here:here] = data[here:there] * chance.randrange(1, 30)
                case 2:
                    data[here:there] = chance.randbytes(there - here)
                case _:
                    data[here:here] = chance.choice(
                        (
                            b"#if ",
                            b"\n#else\n",
                            b"##",
                            b"(",
                            b")",
                            b"{",
                            b"/*",
                            b'"',
                            b"\\\n",
                            b"\0",
                        )
                    )
        TARGETS[name](bytes(data))
    tally.add("fuzzing", inputs=count)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="no atheris wheel here")
@pytest.mark.parametrize("name", TARGETS)
def test_coverage_guided(name: str, tmp_path: Path, tally: Tally) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.guided", name, str(SECONDS), str(corpus)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS * 4 + 60,
        check=False,
    )
    runs = re.search(r"Done (\d+) runs", done.stderr)
    crash = [path.read_bytes() for path in tmp_path.glob("crash-*")]
    assert done.returncode == 0, (crash, done.stderr[-3000:])
    assert runs is not None
    tally.add("fuzzing", inputs=int(runs[1]))
