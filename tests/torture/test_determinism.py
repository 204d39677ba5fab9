"""The same input gives the same bytes, whatever the workers, the hash seed or the file order."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from tests.torture.conftest import Tally
from tests.torture.sandbox import Box

RUNS = (
    ("-j 1", {"PYTHONHASHSEED": "0"}),
    ("-j 2", {"PYTHONHASHSEED": "1"}),
    ("-j 7", {"PYTHONHASHSEED": "2"}),
    ("-j 2", {"PYTHONHASHSEED": "3", "LC_ALL": "C", "LANG": "C"}),
    ("-j 2", {"PYTHONHASHSEED": "4", "TZ": "Asia/Kathmandu", "COLUMNS": "40"}),
)


@pytest.mark.parametrize(
    "form", ["check --format text --pedantic", "check --format sarif", "sites --format json"]
)
def test_the_same_bytes(form: str, box: Box, tally: Tally) -> None:
    outputs = set()
    for number, (jobs, environment) in enumerate(RUNS):
        cache = str(box.cache / str(number))
        words = (*form.split(), *jobs.split(), "--cache-dir", cache)
        outcome = box.run(*words, environment=environment)
        assert outcome.wrongs == ()
        outputs.add(outcome.out)
    tally.add("determinism", inputs=len(RUNS), wrong_answers=len(outputs) - 1)
    assert len(outputs) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_files_on_disk(seed: int, box: Box, tally: Tally) -> None:
    """Directories are remade with their entries created in another order."""
    outputs = set()
    words = ("sites", "--format", "json", "-j", "2", "--cache-dir")
    for number in range(2):
        outcome = box.run(*words, str(box.cache / str(number)))
        assert outcome.wrongs == ()
        outputs.add(outcome.out)
        chance = random.Random(seed)
        aside = box.top / "aside"
        box.tree.rename(aside)
        for folder, folders, files in os.walk(aside):
            there = box.tree / os.path.relpath(folder, aside)
            there.mkdir(exist_ok=True)
            names = [*folders, *files]
            chance.shuffle(names)
            for name in names:
                if name in folders:
                    (there / name).mkdir()
                else:
                    shutil.copy2(os.path.join(folder, name), there / name)
        shutil.rmtree(aside)
    tally.add("determinism", inputs=2, wrong_answers=len(outputs) - 1)
    assert len(outputs) == 1
