"""Validate SARIF files with Microsoft's sarif-multitool, by the rules of the format and of GitHub.

    python3 scripts/multitool.py FILE...        exit 0: nothing but what ALLOWED says

The tool comes from npm (nodejs and npm of Debian will do) into $XDG_CACHE_HOME/flaglint, once; no
script of the package runs. It exits with 0 whatever it found, so its own output is what is read:
its results, and whether it came to an end. A run that wrote nothing is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGE, VERSION = "@microsoft/sarif-multitool-linux", "5.7.0"
RULES, LEVELS = "Sarif;Ghas", "Error;Warning;Note"
ALLOWED = {
    ("SARIF2005", "Warning_ProvideToolnformationUri"): "flaglint has no home page yet",
    (
        "SARIF2012",
        "Note_ProvideHelpUri",
    ): "so the rules' help, which is in the file, has no address",
    ("SARIF2006", "Note_Default"): "there is no network where this runs",
    ("SARIF2002", "Note_Default"): "code scanning shows a message's text, not its arguments",
    ("SARIF2003", "Note_Default"): "the analysed tree need not be a repository",
}
"""Rule and message of the results that are no failure, and why."""


class MultitoolError(Exception):
    """The tool cannot be fetched or does not work; the message says which."""


def home() -> Path:
    """Where the tool is kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = base if base.is_absolute() else Path.home() / ".cache"
    return base / "flaglint" / f"sarif-multitool-{VERSION}"


def program() -> Path:
    """The tool's executable, whether it is there or not."""
    return home() / "node_modules" / PACKAGE / "Sarif.Multitool"


def fetch() -> Path:
    """The tool's executable, fetched if it is not there. Raises MultitoolError."""
    if program().exists():
        return program()
    if shutil.which("npm") is None:
        raise MultitoolError("npm is not installed (Debian: apt-get install nodejs npm)")
    home().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home().parent, prefix=".multitool-") as name:
        command = ["npm", "install", "--prefix", name, "--ignore-scripts", "--no-audit"]
        command += ["--no-fund", "--no-save", "--loglevel=error", f"{PACKAGE}@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise MultitoolError(f"npm install {PACKAGE}: {done.stderr.strip()}")
        (Path(name) / "node_modules" / PACKAGE / "Sarif.Multitool").chmod(0o755)
        if not home().exists():
            Path(name).rename(home())
            Path(name).mkdir()  # for TemporaryDirectory to remove
    return program()


def complaints(file: Path) -> list[str]:
    """What the tool says of a file, but for what is allowed. Raises MultitoolError."""
    with tempfile.TemporaryDirectory() as name:
        output = Path(name) / "validation.sarif"
        command = [str(program()), "validate", "--rule-kind", RULES, "--level", LEVELS]
        command += ["-o", str(output), str(file)]
        environment = dict(os.environ, DOTNET_SYSTEM_GLOBALIZATION_INVARIANT="1")
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if not output.exists():
            raise MultitoolError(f"{file}: the tool wrote nothing: {done.stdout}{done.stderr}")
        (run,) = json.loads(output.read_text("utf-8-sig"))["runs"]
    invocation = run["invocations"][0]
    if not invocation.get("executionSuccessful"):
        raise MultitoolError(f"{file}: the tool did not come to an end: {invocation}")
    if not run.get("artifacts") and not run.get("results") and "1 file" not in done.stdout:
        raise MultitoolError(f"{file}: the tool read nothing: {done.stdout}")
    return [_told(each) for each in run.get("results", []) if not _allowed(each)]


def _allowed(result: dict[str, Any]) -> bool:
    return (result.get("ruleId"), result["message"].get("id")) in ALLOWED


def _told(result: dict[str, Any]) -> str:
    message = result["message"]
    place = result.get("locations", [{}])[0].get("physicalLocation", {}).get("region", {})
    text = message.get("text") or f"{message.get('id')} {message.get('arguments')}"
    line = place.get("startLine", 0)
    return f"{result.get('ruleId')} {result.get('level', 'warning')}, line {line}: {text}"


def main(argv: Sequence[str]) -> int:
    """Validate the files; 0 if nothing is wrong, 1 if something is, 2 if that is not known."""
    if not argv:
        print(__doc__, file=sys.stderr)
        return 2
    status = 0
    try:
        fetch()
        for name in argv:
            found = complaints(Path(name))
            status = 1 if found else status
            print("\n".join([f"{name}: {text}" for text in found] or [f"{name}: valid"]))
    except MultitoolError as error:
        print(f"multitool: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
