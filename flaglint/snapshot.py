"""A copy of a tree in the cache, made to hold one revision and then another.

A comparison analyses two trees that differ in a few files. Both are laid out at one place, one
after the other, and only what differs is written: so everything that is kept per place or per
file (precompiled header, units, text index) serves both, and the next comparison as well.

Invariants: a file's modification time is made from its content's id, so equal content has the
same size and time in every revision, and other content another time. What is about to be changed
is written down as unknown first: a killed run leaves nothing that a later one would trust. One
process at a time uses a snapshot (`flock`); nobody but the user can write to it. Nothing is
written outside the folder: files are created anew, never through a link.

Limits: the copy of a whole kernel takes about a gigabyte; it is removed after a month of disuse.

Interface: `Snapshot`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import msgspec

from flaglint.contents import Contents, Stats, decode_stats, encode_stats
from flaglint.store import StoreError, private_directory

_KEEP_SECONDS = 30 * 24 * 3600
_UNKNOWN = ""


class SnapshotError(Exception):
    """The copy cannot be made; the message is one line."""


class Snapshot:
    """The copy in a folder of the cache; a context manager that holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        """The snapshot in `folder`, which is made if need be. Raises SnapshotError."""
        self._folder = folder
        self.root = folder / "tree"
        self._held = folder / "held.msgpack"
        self._stats = folder / "directory.msgpack"
        try:
            private_directory(folder.parent)
            private_directory(folder)
            _prune(folder.parent, folder.name)
            self._lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except StoreError as error:
            raise SnapshotError(str(error)) from None
        except OSError as error:
            raise SnapshotError(f"{folder}: {error.strerror or error}") from None

    def __enter__(self) -> Snapshot:
        """Wait for other processes that use the snapshot."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            os.utime(self._folder)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let others use it."""
        os.close(self._lock)

    def hold(self, contents: Contents) -> int:
        """Make the copy hold these contents; returns how many files were written or removed.

        Raises SnapshotError, and what reading `contents` raises.
        """
        held = self._read_held()
        stale = {path for path, blob in held.items() if contents.ids.get(path) != blob}
        wanted = sorted(path for path, blob in contents.ids.items() if held.get(path) != blob)
        if not stale and not wanted:
            return 0
        try:
            self._write_held(held | dict.fromkeys((*stale, *wanted), _UNKNOWN))
            self._remove(stale)
            for path, body in contents.read(wanted):
                self._create(path, body, contents.ids[path])
            self._write_held(dict(contents.ids))
        except OSError as error:
            raise SnapshotError(f"{self.root}: {error.strerror or error}") from None
        return len(stale | set(wanted))

    def directory_stats(self) -> Stats:
        """What was last kept by keep_directory_stats()."""
        with contextlib.suppress(OSError):
            return decode_stats(self._stats.read_bytes())
        return {}

    def keep_directory_stats(self, stats: Stats) -> None:
        """Keep what is known of the directory that the snapshot copies."""
        with contextlib.suppress(OSError):
            _replace(self._stats, encode_stats(stats))

    def _read_held(self) -> dict[str, str]:
        try:
            return msgspec.msgpack.decode(self._held.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError):
            shutil.rmtree(self.root, ignore_errors=True)
            return {}

    def _write_held(self, held: dict[str, str]) -> None:
        _replace(self._held, msgspec.msgpack.encode(held))

    def _remove(self, paths: Iterable[str]) -> None:
        for path in paths:
            target = self.root / path
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()
            for folder in target.parents:
                if folder == self.root:
                    break
                try:
                    folder.rmdir()
                except OSError:
                    break

    def _create(self, path: str, body: bytes, blob: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            target.unlink()  # left by a killed run
        handle = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        with open(handle, "wb") as stream:
            stream.write(body)
            stream.flush()
            # Before today, and after 1970, for whoever thinks that a young file may still change.
            when = int(blob[:15], 16) % (1_000_000_000 * 1_000_000_000)
            os.utime(handle, ns=(when, when))


def _replace(path: Path, data: bytes) -> None:
    aside = path.with_suffix(".new")
    aside.write_bytes(data)
    aside.replace(path)


def _prune(folder: Path, keep: str) -> None:
    """Remove snapshots that nobody used for a month."""
    limit = time.time() - _KEEP_SECONDS
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):
            if entry.name != keep and entry.stat().st_mtime < limit:
                shutil.rmtree(entry, ignore_errors=True)
