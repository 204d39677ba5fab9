"""A copy of the mini-kernel to do bad things to, and flaglint run on it under watch.

Whatever is done to the tree, a run must: end in time and within its memory, with a status that
says what happened; print no traceback; start no program; leave the tree, the home, the working
and the temporary directory as they were, and no process behind.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MINI = ROOT / "testdata" / "mini-kernel"
WATCH = Path(__file__).resolve().parent / "watch.py"
STATUSES = (0, 1, 2)


class Outcome(NamedTuple):
    """What one run gave: exit status, both streams, and what it did that it must not."""

    status: int
    out: str
    err: str
    wrongs: tuple[str, ...]
    seconds: float

    @property
    def document(self) -> Any:
        """The report, where it is JSON."""
        return json.loads(self.out)


class Box:
    """Directories of one test: `tree` to be damaged, and the user's home, cache and so on."""

    def __init__(self, top: Path, tree: Path | None = None) -> None:
        self.top = top
        self.tree = tree or top / "linux"
        self.home, self.cwd, self.tmp = top / "home", top / "cwd", top / "tmp"
        self.output = top / "output"
        self.cache = top / "cache"
        for folder in (self.home, self.cwd, self.tmp, self.cache, self.output):
            folder.mkdir(parents=True)
        if tree is None:
            shutil.copytree(MINI, self.tree)

    def path(self, name: str) -> Path:
        """A path in the tree, its directory made."""
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first `old` in a file of the tree, which must be there."""
        path = self.tree / name
        text = path.read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, 1), "utf-8")

    def run(
        self,
        *arguments: str | Path,
        seconds: float = 60.0,
        memory: int = 6 << 30,
        environment: dict[str, str] | None = None,
    ) -> Outcome:
        """Run `flaglint ARGUMENTS TREE`. `wrongs` names each promise that the run broke."""
        log = self.top / "log"
        log.unlink(missing_ok=True)
        before = self._fingerprints()
        command = [sys.executable, "-B", str(WATCH), str(log), str(memory)]
        command += [
            str(self.tree),
            str(self.cache),
            str(self.output),
            "/dev/full",
            "--",
            *map(str, arguments),
            "-q",
            str(self.tree),
        ]
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=self.cwd,
            env=self._environment(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        wrongs = []
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            wrongs.append(f"took more than {seconds:g} seconds")
        took = time.monotonic() - started
        wrongs += [f"survived: process {pid}" for pid in _survivors(str(log))]
        if process.returncode not in STATUSES and not wrongs:
            wrongs.append(f"exit status {process.returncode}")
        if b"Traceback" in err + out or b"internal error" in err + out:
            lines = (err + out).decode("utf-8", "replace").splitlines()
            told = [line for line in lines if "rror" in line][-2:]
            wrongs.append(f"internal error: {' / '.join(told)[:400]}")
        if process.returncode == 2 and not err.strip():
            wrongs.append("a refusal without a reason")
        wrongs += [f"left or changed: {name}" for name in self._changed(before)]
        if log.exists():
            wrongs += log.read_text("utf-8", "replace").splitlines()
        return Outcome(
            process.returncode,
            out.decode("utf-8", "surrogateescape"),
            err.decode("utf-8", "surrogateescape"),
            tuple(wrongs),
            took,
        )

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LD_LIBRARY_PATH")}
        return {
            **kept,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.cache),
            "TMPDIR": str(self.tmp),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            **more,
        }

    def _fingerprints(self) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for top in (self.tree, self.home, self.cwd, self.tmp):
            for folder, folders, files in os.walk(top):
                for name in (*folders, *files, ""):
                    path = os.path.join(folder, name) if name else folder
                    status = os.lstat(path)
                    times = () if stat.S_ISFIFO(status.st_mode) else (status.st_mtime_ns,)
                    found[path] = (status.st_mode, status.st_size, status.st_ino, *times)
        return found

    def _changed(self, before: dict[str, tuple[object, ...]]) -> list[str]:
        after = self._fingerprints()
        return sorted(p for p in before.keys() | after.keys() if before.get(p) != after.get(p))


def _survivors(mark: str) -> list[int]:
    """Processes whose command line still names `mark`, given half a second to be gone."""
    found: list[int] = []
    for _ in range(10):
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdecimal():
                try:
                    words = Path("/proc", entry, "cmdline").read_bytes()
                except OSError:
                    continue
                if mark.encode() in words:
                    found.append(int(entry))
        if not found:
            return []
        time.sleep(0.05)
    return found
