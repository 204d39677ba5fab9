#!/usr/bin/env python3
"""Everything a developer runs, with nothing but Python and git installed:

    python3 dev.py setup          make .venv and install flaglint into it, with its tools
    python3 dev.py demo           run flaglint on the mini-kernel of testdata/
    python3 dev.py test           ruff, mypy and the tests that need no kernel
    python3 dev.py kernels        fetch Debian's 6.12 and 6.1 sources into a cache
    python3 dev.py test-kernels   the tests that run on those kernels
    python3 dev.py test-sarif     the SARIF output by Microsoft's validator (needs npm)
    python3 dev.py test-browser   the web page's tests in a real browser (needs Debian's chromium)
    python3 dev.py torture        broken, hostile and faulty trees, and a table of what came of them
    python3 dev.py check          the tests, but for torture, the browser's and the validator's
    python3 dev.py docs           write docs/rules/ from the cards in rules/
    python3 dev.py bench          how long a kernel takes, next to clang and other tools
    python3 dev.py eval           seeded bugs and harmless twins on those kernels, and the table

Each target but kernels first does the setup, if it was not done for this pyproject.toml. The
Makefile forwards to this file. Arguments after the target go to pytest (demo: to flaglint; eval:
to the evaluation, see `python -m evaluation --help`; bench: see scripts/bench.py).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import debian, kernels, multitool

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "flaglint-setup"
DEMO_TREE = "testdata/mini-kernel"
FINDINGS = 1


def setup() -> None:
    """Make the virtual environment, unless it was made for this very project file."""
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("setup: making .venv (once, and after a change of pyproject.toml)", flush=True)
    if not _has_pip():
        shutil.rmtree(VENV, ignore_errors=True)
        _make_venv()
    _run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", ".[dev]"])
    STAMP.write_text(wanted)


def _has_pip() -> bool:
    if not PYTHON.exists():
        return False
    done = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
    return done.returncode == 0


def _make_venv() -> None:
    """A virtual environment with pip, also where Debian's python3-venv is not installed."""
    if importlib.util.find_spec("ensurepip") is not None:
        _run([sys.executable, "-m", "venv", VENV])
        return
    print("setup: python3-venv is not installed, taking pip from Debian's python3-pip-whl")
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        try:
            debian.unpack(debian.download("python3-pip-whl", work), work)
            wheel = next(work.glob("usr/share/python-wheels/pip-*.whl"))
        except (debian.DebianError, subprocess.CalledProcessError, StopIteration) as error:
            sys.exit(f"setup: {error}\nsetup: install python3-venv, then run this again")
        _run([sys.executable, "-m", "venv", "--without-pip", VENV])
        _run([PYTHON, wheel / "pip", "install", "-q", "--no-index", wheel])


def demo(arguments: list[str]) -> None:
    """Show what flaglint says of the mini-kernel; findings are what it is there for."""
    command = [str(VENV / "bin" / "flaglint"), DEMO_TREE, *arguments]
    print(f"$ flaglint {' '.join(command[1:])}", flush=True)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status not in (0, FINDINGS):
        sys.exit(status)


def lint() -> None:
    """Format, style and types."""
    _run([PYTHON, "-m", "ruff", "format", "--check", "."])
    _run([PYTHON, "-m", "ruff", "check", "."])
    _run([PYTHON, "-m", "mypy"])


def test(arguments: list[str]) -> None:
    """The tests that need no kernel."""
    _run([PYTHON, "-m", "pytest", "-n", "auto", "-m", "not kernel and not torture", *arguments])


def test_kernels(arguments: list[str]) -> None:
    """The tests that run on real kernels, none of them skipped."""
    os.environ["FLAGLINT_REQUIRE_KERNELS"] = "1"
    _run([PYTHON, "-m", "pytest", "-m", "kernel", *arguments])


def test_sarif(arguments: list[str]) -> None:
    """The tests that ask Microsoft's SARIF validator, which npm fetches, none of them skipped."""
    try:
        multitool.fetch()
    except multitool.MultitoolError as error:
        sys.exit(f"dev.py: {error}")
    os.environ["FLAGLINT_REQUIRE_MULTITOOL"] = "1"
    _run([PYTHON, "-m", "pytest", "tests/test_sarif_multitool.py", *arguments])


def test_browser(arguments: list[str]) -> None:
    """The tests of the web page, none of them skipped."""
    _run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", ".[browser]"])
    os.environ["FLAGLINT_REQUIRE_BROWSER"] = "1"
    _run([PYTHON, "-m", "pytest", "tests/test_report_html_browser.py", *arguments])


def torture(arguments: list[str]) -> None:
    """The tests that hurt, on two cores; a quarter of an hour."""
    _run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", ".[torture]"])
    _run([PYTHON, "-m", "pytest", "tests/torture", "-q", "-n", "2", *arguments])


def fetch_kernels() -> None:
    """Debian's kernels, into the cache."""
    if kernels.main([]) != 0:
        sys.exit(1)


def evaluate(arguments: list[str]) -> None:
    """How many seeded bugs are found, how many twins cried over."""
    command = [str(PYTHON), "-m", "evaluation", *arguments]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def bench(arguments: list[str]) -> None:
    """How long it takes, next to clang and the peers; some minutes."""
    command = [str(PYTHON), "-m", "scripts.bench", *arguments]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 0:
        shown = " ".join(str(word) for word in command[:4])
        sys.exit(f"dev.py: failed with status {done.returncode}: {shown} ...")


def main(argv: list[str]) -> None:
    """Run one target."""
    target, arguments = (argv[0], argv[1:]) if argv else ("", [])
    if target not in (
        "setup", "demo", "lint", "test", "kernels", "test-kernels", "test-browser", "test-sarif",
        "torture", "check", "eval", "docs", "bench",
    ):  # fmt: skip
        sys.exit(str(__doc__))
    if target != "kernels":
        setup()
    if target == "demo":
        demo(arguments)
    if target == "bench":
        bench(arguments)
    if target in ("lint", "test", "check"):
        lint()
    if target in ("test", "check"):
        test(arguments)
    if target == "test-sarif":
        test_sarif(arguments)
    if target == "torture":
        torture(arguments)
    if target == "test-browser":
        test_browser(arguments)
    if target in ("kernels", "test-kernels", "check") or (target == "eval" and not arguments):
        fetch_kernels()
    if target in ("test-kernels", "check"):
        test_kernels(arguments)
    if target == "docs":
        _run([PYTHON, "-m", "scripts.rule_pages"])
    if target == "eval":
        evaluate(arguments)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - what an old Python is told
        sys.exit("flaglint needs Python 3.11 or newer; this is " + sys.version.split()[0])
    main(sys.argv[1:])
