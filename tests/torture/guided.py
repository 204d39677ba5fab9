"""Fuzz one target, guided by what of our code and pycparser's each input reaches.

    python -m tests.torture.guided NAME SECONDS CORPUS

Needs atheris, which ends the process with a status that says how it went.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["flaglint", "pycparser", "tests.torture.targets"]):
    from tests.torture.targets import TARGETS, seeds


def main(name: str, seconds: str, corpus: str) -> None:
    """Fuzz for some seconds; a crashing input is left in the working directory."""
    for number, seed in enumerate(seeds(name)):
        Path(corpus, f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, corpus], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
