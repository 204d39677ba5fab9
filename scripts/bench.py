"""How long flaglint takes on a kernel, next to what else a user could run on the same files.

    python3 dev.py bench [--kernel DIR] [--repeat N] [--work DIR] [--output STEM] [--no-peers]

Measured in one go, each N times (3), so that the machine's mood is in all figures alike:

    parse       clang alone over the files of the default scope, headers precompiled, all cores
    cold        flaglint with an empty cache         unchanged   again, nothing changed
    file        one file of mm/ edited               header      page-flags.h edited
    peers       sparse, coccinelle, semgrep and clang -fsyntax-only over mm/, where installed

Each step is a process of its own, start included. Memory is that of all its processes together
at their worst moment (their proportional set size, sampled). Written are STEM.txt for people
and STEM.json for scripts: seconds, medians, and ratios to `parse`. The kernel is never written
to: a copy of links in the work directory is, and edits replace files there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from evaluation.scratch import Scratch
from scripts.kernels import kernels_dir

ROOT = Path(__file__).resolve().parent.parent
EDITED = "mm/rmap.c"
HEADER = "include/linux/page-flags.h"
SAMPLED = 0.05
"""Seconds between two looks at the memory in use."""

_PARSE = """\
import sys
from pathlib import Path
from flaglint import frontend
from flaglint.frontend import prepare
from flaglint.pool import Failure, Limits, each
from flaglint.tree import open_tree
tree = open_tree(sys.argv[1])
prepared = prepare(tree, Path(sys.argv[2]))
files = Path(sys.argv[3]).read_text().split()
def make():
    def parse(file):
        try:
            frontend.parse(prepared, file)
        except frontend.FrontendError:
            pass
    return parse
for answer in each(make, files, int(sys.argv[4]), Limits()):
    assert not isinstance(answer, Failure), answer
"""


_ARGUMENTS = """\
import json, sys
from pathlib import Path
from flaglint.frontend import prepare
from flaglint.tree import open_tree
prepared = prepare(open_tree(sys.argv[1]), Path(sys.argv[2]))
print(json.dumps([*prepared.args, *prepared.forced]))
"""

_SCOPE = """\
import sqlite3, sys, zlib
import msgspec
from flaglint.reading import Outcome
query = "select body from entry where kind = 'unit'"
rows = sqlite3.connect(sys.argv[1]).execute(query).fetchall()
units = [msgspec.msgpack.decode(zlib.decompress(body), type=Outcome).unit for body, in rows]
print("\\n".join(sorted({unit.file for unit in units if unit})))
"""


class Measured(NamedTuple):
    """One run: seconds of time and of all processes' CPU, bytes of memory at most, exit status."""

    seconds: float
    cpu: float
    memory: int
    status: int


class Step(NamedTuple):
    """A row of the result: what was run how often, over how many files."""

    name: str
    files: int
    runs: tuple[Measured, ...]

    @property
    def median(self) -> float:
        """The middle one of the runs' times, in seconds."""
        return statistics.median(run.seconds for run in self.runs)


def measure(command: Sequence[str | Path], cwd: Path = ROOT) -> Measured:
    """Run a command; its output is thrown away."""
    before = os.times()
    start = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    peak = [0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], sum(map(resident, family(process.pid))))
            time.sleep(SAMPLED)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    status = process.wait()
    seconds = time.monotonic() - start
    watcher.join()
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Measured(seconds, cpu, peak[0], status)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        except OSError:
            continue
        found += map(int, listed.split())
    return found


def resident(pid: int) -> int:
    """The proportional set size of a process, in bytes; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def peers(tree: Path, jobs: int, arguments: Sequence[str], work: Path) -> dict[str, list[str]]:
    """What is installed of the tools that people run on mm/, and how.

    `arguments` are those that flaglint gives clang, which the tools need for a tree that was
    never built.
    """
    listed = work / "mm"
    files = sorted(str(path.relative_to(tree)) for path in (tree / "mm").glob("**/*.c"))
    listed.write_text("\n".join(files))
    rule = work / "rule.cocci"
    rule.write_text("@r@ expression E, F; @@\n* __set_bit(E, F)\n")
    spread = ["xargs", "-a", str(listed), "-P", str(jobs), "-n", "8"]
    pattern = "$P->flags |= $X"
    known = {
        "sparse": [*spread, "sparse", *arguments],
        "clang": [*spread, "clang", "-fsyntax-only", *arguments],
        "spatch": ["spatch", "--very-quiet", "-j", str(jobs), "--sp-file", str(rule), "mm"],
        "semgrep": ["semgrep", "--quiet", "--metrics=off", "-l", "c", "-e", pattern, "mm"],
    }
    return {name: command for name, command in known.items() if shutil.which(name)}


class Bench:
    """The steps on one copy of a kernel, with one cache directory."""

    def __init__(self, kernel: Path, work: Path, repeat: int, jobs: int) -> None:
        """Make the copy, in `work`."""
        self.scratch = Scratch(kernel, work / "tree")
        self.cache = work / "cache"
        self.result = work / "result.json"
        self._work = work
        self._repeat = repeat
        self._jobs = jobs

    def flaglint(self) -> Measured:
        """One run on the copy as it is."""
        done = measure(
            [
                sys.executable, "-m", "flaglint", "sites", "--format", "json", "-o", self.result,
                "-j", str(self._jobs), "--cache-dir", self.cache, self.scratch.root,
            ]
        )  # fmt: skip
        if done.status != 0:
            sys.exit(f"bench: flaglint failed with status {done.status}")
        return done

    def steps(self, with_peers: bool) -> list[Step]:
        """All steps, in the order in which they are told."""
        cold = self._repeated(self._cold)
        reference = self.result.read_bytes()
        unchanged = self._repeated(self.flaglint)
        if self.result.read_bytes() != reference:
            sys.exit("bench: the second run does not say what the first did")
        edited = self._repeated(lambda: self._with(EDITED))
        header = self._repeated(lambda: self._with(HEADER))
        files = self._scope()
        listed = self._work / "files"
        listed.write_text("\n".join(files))
        self.flaglint()  # so that the precompiled header is there
        command: list[str | Path] = [
            sys.executable, "-c", _PARSE, self.scratch.root, self.cache, listed, str(self._jobs),
        ]  # fmt: skip
        parse = self._repeated(lambda: measure(command))
        count = len(files)
        found = [
            Step("parse", count, parse),
            Step("cold", count, cold),
            Step("unchanged", count, unchanged),
            Step("file", count, edited),
            Step("header", count, header),
        ]
        if with_peers:
            mm = sum(1 for file in files if file.startswith("mm/"))
            given = json.loads(self._told(_ARGUMENTS, self.scratch.root, self.cache))
            tools = peers(self.scratch.root, self._jobs, given, self._work)
            for name, line in tools.items():
                runs = [measure(line, self.scratch.root) for _ in range(self._repeat)]
                found.append(Step(name, mm, tuple(runs)))
        return found

    def _repeated(self, run: Callable[[], Measured]) -> tuple[Measured, ...]:
        return tuple(run() for _ in range(self._repeat))

    def _cold(self) -> Measured:
        shutil.rmtree(self.cache, ignore_errors=True)
        return self.flaglint()

    def _with(self, file: str) -> Measured:
        # Another edit each time: the same one would be found in the cache.
        text = f"{self.scratch.text(file)}\n/* edited at {time.time_ns()} */\n"
        with self.scratch.edited({file: text}):
            return self.flaglint()

    def _scope(self) -> list[str]:
        """The files that were read, as the store has them."""
        return self._told(_SCOPE, self.cache / "store.sqlite").split()

    def _told(self, script: str, *arguments: Path) -> str:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout


def table(steps: Sequence[Step], base: Step) -> str:
    """The result for people."""
    lines = [f"{'step':<11}{'files':>6}{'median s':>10}{'x parse':>9}{'CPU s':>8}{'MB':>7}   runs"]
    for step in steps:
        cpu = statistics.median(run.cpu for run in step.runs)
        memory = max(run.memory for run in step.runs) >> 20
        runs = " ".join(f"{run.seconds:.2f}" for run in step.runs)
        lines.append(
            f"{step.name:<11}{step.files:>6}{step.median:>10.2f}{step.median / base.median:>9.2f}"
            f"{cpu:>8.1f}{memory:>7}   {runs}"
        )
    return "\n".join(lines) + "\n"


def data(steps: Sequence[Step], base: Step, kernel: str) -> str:
    """The result for scripts."""
    rows = [
        {
            "name": step.name,
            "files": step.files,
            "median": round(step.median, 3),
            "ratio": round(step.median / base.median, 3),
            "seconds": [round(run.seconds, 3) for run in step.runs],
            "cpu": [round(run.cpu, 3) for run in step.runs],
            "memory": max(run.memory for run in step.runs),
        }
        for step in steps
    ]
    about = {
        "schema": 1,
        "kernel": kernel,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    return (
        json.dumps({**about, "load": round(os.getloadavg()[0], 1), "steps": rows}, indent=1) + "\n"
    )


def main(argv: Sequence[str]) -> int:
    """Measure, print the table, write both files."""
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kernel", type=Path, default=kernels_dir() / "6.12")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, help="default: a temporary directory")
    parser.add_argument("--output", type=Path, default=Path("bench"), metavar="STEM")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args(argv)
    if not options.kernel.is_dir():
        print(f"bench: no kernel in {options.kernel}: python3 dev.py kernels", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="flaglint-bench-") as made:
        work = (options.work or Path(made)).resolve()  # peers are started in the tree
        bench = Bench(options.kernel, work, options.repeat, options.jobs)
        steps = bench.steps(not options.no_peers)
    shown = table(steps, steps[0])
    print(shown, end="")
    options.output.with_suffix(".txt").write_text(shown)
    options.output.with_suffix(".json").write_text(data(steps, steps[0], options.kernel.name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
