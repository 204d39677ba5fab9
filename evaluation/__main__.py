"""The command: seeds on kernels, one at a time, and the table.

    python -m evaluation [--kernel 6.12=DIR] [--labels FILE] [--together] [-v] [SEED...]

Without --kernel, the kernels that `dev.py kernels` fetched. SEED is a name or the start of one, or
a kind. Exit status: 0 all as it should be (or known), 1 something missed or cried, 2 a seed broken.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation import labels, table
from evaluation.runs import Bench, analyse_apart
from evaluation.scoring import Outcome, Score
from evaluation.seed import Seed, SeedError, read_seeds
from scripts.kernels import VERSIONS, kernels_dir


def main(argv: Sequence[str]) -> int:
    """Run the chosen seeds; see the module."""
    options = _options(argv)
    try:
        scores, told = _run(options)
    except (SeedError, OSError) as error:
        print(f"evaluation: {error}", file=sys.stderr)
        return 2
    print(table.render(scores, told, options.verbose), end="")
    if any(one.outcome is Outcome.BROKEN for one in scores):
        return 2
    wrong = [one for one in scores if not one.outcome.right and not one.seed.known]
    return 1 if wrong else 0


def _run(options: argparse.Namespace) -> tuple[list[Score], list[str]]:
    seeds = [seed for seed in read_seeds(options.seeds) if _chosen(seed, options.names)]
    scores: list[Score] = []
    told: list[str] = []
    for version, kernel in _kernels(options.kernel).items():
        mine = [seed for seed in seeds if version in seed.kernel]
        if not mine and not options.labels:
            continue
        if not (kernel / "include/linux/page-flags.h").is_file():
            raise SeedError(f"no kernel in {kernel}: `python3 dev.py kernels` fetches it")
        bench = Bench(kernel, version, options.work, analyse_apart(options.work / "cache"))
        if options.labels and version == "6.12":
            told += labels.compare(options.labels, bench.plain())
        running = bench.together(mine) if options.together else bench.one_by_one(mine)
        for number, one in enumerate(running, 1):
            print(f"{number}/{len(mine)} {one.outcome}: {one.seed.id}", file=sys.stderr, flush=True)
            scores.append(one)
    if not scores and not told:
        raise SeedError(f"no seed is named {' or '.join(options.names) or 'so'}")
    return scores, told


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="SEED")
    parser.add_argument("--kernel", action="append", default=[], metavar="VERSION=DIR")
    parser.add_argument("--labels", type=Path, help="sites of 6.12 labelled by hand (JSON)")
    parser.add_argument("--together", action="store_true", help="many seeds in one analysis: quick")
    parser.add_argument("--work", type=Path, default=_work(), help="where copies are kept")
    parser.add_argument("--seeds", type=Path, default=Path(__file__).parent / "seeds")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell of every seed")
    return parser.parse_args(argv)


def _work() -> Path:
    """Beside the fetched kernels: hard links do not cross file systems."""
    return kernels_dir().parent / "evaluation"


def _kernels(named: Sequence[str]) -> dict[str, Path]:
    if not named:
        return {version: kernels_dir() / version for version in VERSIONS}
    found = {}
    for item in named:
        version, _, directory = item.partition("=")
        found[version] = Path(os.path.abspath(directory)) if directory else kernels_dir() / version
    return found


def _chosen(seed: Seed, names: Sequence[str]) -> bool:
    return not names or any(seed.id.startswith(name) or seed.kind == name for name in names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
