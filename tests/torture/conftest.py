"""Fixtures of the torture tests, and the table they end with."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.torture.sandbox import Box, Outcome
from tests.torture.verdicts import Row, wrong_answers

SECTIONS = ("eras", "configurations", "broken", "hostile", "faults", "fuzzing", "determinism")
COLUMNS = ("inputs", "faults", "refusals", "unread", "wrong answers", "left behind")


class Tally:
    """How often what happened, by section of the table; a file, for tests run in parallel."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, section: str, **counts: int) -> None:
        """Count; a column's spaces are underscores."""
        assert section in SECTIONS
        assert {name.replace("_", " ") for name in counts} <= set(COLUMNS)
        with self._file.open("a") as stream:
            stream.write(json.dumps([section, counts]) + "\n")

    def lines(self) -> Iterator[str]:
        """The table; nothing when nothing was counted."""
        rows = {section: dict.fromkeys(COLUMNS, 0) for section in SECTIONS}
        for line in self._file.read_text().splitlines():
            section, counts = json.loads(line)
            for name, count in counts.items():
                rows[section][name.replace("_", " ")] += count
        rows = {section: row for section, row in rows.items() if any(row.values())}
        if not rows:
            return
        rows["all"] = {name: sum(row[name] for row in rows.values()) for name in COLUMNS}
        yield f"{'':<16}" + "".join(f"{column:>15}" for column in COLUMNS)
        for section, row in rows.items():
            yield f"{section:<16}" + "".join(f"{row[column]:>15}" for column in COLUMNS)


_TALLY = pytest.StashKey[Tally]()
_FILE = "FLAGLINT_TORTURE_TALLY"
_HERE = Path(__file__).resolve().parent


def pytest_configure(config: pytest.Config) -> None:
    """One tally for the session and all its workers, which inherit the environment."""
    if _FILE not in os.environ:
        handle, os.environ[_FILE] = tempfile.mkstemp(prefix="flaglint-torture-")
        os.close(handle)
        config.add_cleanup(lambda: Path(os.environ.pop(_FILE)).unlink(missing_ok=True))
    config.stash[_TALLY] = Tally(Path(os.environ[_FILE]))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this directory is torture."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.torture)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table, if any of it was run."""
    lines = list(config.stash[_TALLY].lines())
    if lines:
        terminalreporter.section("torture")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Where a test counts what it did."""
    return pytestconfig.stash[_TALLY]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A fresh copy of the mini-kernel in a sandbox; whatever was done to it can be removed."""
    made = Box(tmp_path / "box")
    yield made
    for folder, _, _ in os.walk(made.top):
        Path(folder).chmod(0o700)
    shutil.rmtree(made.top, ignore_errors=True)


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The ledger of the mini-kernel as it is."""
    outcome = Box(tmp_path_factory.mktemp("baseline") / "box").run(
        "sites", "--format", "json", "-j", "1"
    )
    assert (outcome.status, outcome.wrongs) == (0, ()), outcome
    sites: list[Row] = outcome.document["sites"]
    assert any(site["verdict"] == "racy" for site in sites)
    return sites


Judge = Callable[..., Outcome]


def lost(document: Any) -> set[str]:
    """The files that have sites without a verdict because they were not read or understood."""
    return {
        site["file"]
        for site in document["sites"]
        if site["verdict"] == "unknown" and site["reason"] != "what was not read may matter"
    }


@pytest.fixture
def judged(box: Box, baseline: list[Row], tally: Tally) -> Judge:
    """Run the ledger of the box's tree, count it, and hold it to every promise."""

    def run(section: str, *arguments: str, faults: int = 1, **options: Any) -> Outcome:
        words = ("sites", "--format", "json", "-j", "1", *arguments)
        outcome = box.run(*words, **options)
        answers: list[str] = []
        counts = {"inputs": 1, "faults": faults, "refusals": int(outcome.status == 2)}
        if outcome.status == 0:
            document = outcome.document
            coverage = document["coverage"]
            assert coverage["textual"] == len(document["sites"])
            counts["unread"] = int(coverage["unparsed"] > 0)
            answers = wrong_answers(baseline, document["sites"], box.tree)
        left = [wrong for wrong in outcome.wrongs if wrong.startswith(("left", "survived"))]
        tally.add(section, **counts, wrong_answers=len(answers), left_behind=len(left))
        assert list(outcome.wrongs) == []
        assert answers == []
        return outcome

    return run
