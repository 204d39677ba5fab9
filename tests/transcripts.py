"""Documents whose commands are run: what stands in a `console` block is what is printed.

In a Markdown file, in order, in one scratch copy of the project:

    ```console                      each "$ flaglint ..." is run, and what it prints has to match;
    $ flaglint sites linux          "..." on its own line stands for any lines, inside a line
    mm/a.c:3:1  exclusive ...       for any text, and "$ echo $?" shows the last status
    ```
    ```c mm/a.c                     written to that file; `toml`, `python`... likewise
    ```diff                         applied with `git apply`

A block without a path (```c) is only read. A fence that is none of these is an error, so that
no example is forgotten by a misspelling.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
READ_ONLY = frozenset(("", "c", "sh", "toml", "yaml", "python", "dot", "mermaid", "text"))


class Block(NamedTuple):
    """A fenced block: its info string's words, its text, and its first line's number."""

    kind: str
    path: str
    text: str
    line: int


def blocks(document: str) -> Iterator[Block]:
    """The fenced blocks of a Markdown text. Raises ValueError for one that is not closed."""
    opened: tuple[str, int] | None = None
    inside: list[str] = []
    for number, line in enumerate(document.split("\n"), 1):
        if not line.startswith("```"):
            inside.append(line)
        elif opened is None:
            opened, inside = (line[3:].strip(), number), []
        else:
            kind, _, path = opened[0].partition(" ")
            yield Block(kind, path, "\n".join(inside) + "\n", opened[1])
            opened = None
    if opened is not None:
        message = f"line {opened[1]}: the block is not closed"
        raise ValueError(message)


class Transcript:
    """Runs a document's blocks in a copy of the project at `where`."""

    def __init__(self, where: Path) -> None:
        self._where = where
        for name in ("flaglint", "rules", "testdata"):
            kept = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, where / name, ignore=kept)
        self._status = 0

    def play(self, block: Block) -> list[str]:
        """Do what a block says; the commands whose output differs, each as a message."""
        match block.kind:
            case "console":
                return [difference for difference in self._console(block) if difference]
            case "diff":
                done = self._run(["git", "apply", "--unidiff-zero", "-"], block.text)
                return [f"line {block.line}: {done.stderr}"] if done.returncode else []
            case kind if block.path and kind in READ_ONLY:
                path = self._where / block.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text)
                return []
            case kind if kind in READ_ONLY:
                return []
        return [f"line {block.line}: what is a block of {block.kind!r}?"]

    def _console(self, block: Block) -> Iterator[str]:
        parts = re.split(r"^\$ (.*)\n", block.text, flags=re.M)
        if parts[0]:
            yield f"line {block.line}: output without a command"
        for command, expected in zip(parts[1::2], parts[2::2], strict=True):
            status = f"{self._status}\n"
            printed = status if command == "echo $?" else self._flaglint(command)
            if not matches(expected, printed):
                yield f"line {block.line}: $ {command}\n{printed}"

    def _flaglint(self, command: str) -> str:
        words = command.split()
        if words[0] != "flaglint":
            return f"(not a command of flaglint: {command})\n"
        done = self._run([sys.executable, "-m", *words], "")
        self._status = done.returncode
        return done.stdout + done.stderr

    def _run(self, words: list[str], given: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PYTHONPATH": str(self._where),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            "XDG_CACHE_HOME": str(self._where / "cache"),
        }
        return subprocess.run(
            words, cwd=self._where, env=environment, input=given, capture_output=True, text=True,
            check=False,
        )  # fmt: skip


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what `expected` says, "..." standing for anything."""
    pattern = ""
    for line in expected.split("\n"):
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            parts = (re.escape(part) for part in line.rstrip().split("..."))
            pattern += ".*?".join(parts) + r"[ ]*\n"
    return re.fullmatch(pattern.removesuffix(r"[ ]*\n"), printed) is not None
