"""The store: results that a later run may need, by what they were made from.

One SQLite file in the cache directory holds bytes under a kind and a key. A key is a digest of
everything that went into the value, so an entry is right for as long as anybody asks for it:
nothing is ever updated, only forgotten.

    with Store(cache) as store:
        found = store.get("unit", key)
        if found is None:
            store.put("unit", key, made)

Invariants: what `get` returns is what some `put` was given, byte for byte, or None: each entry
carries a digest of itself. Several processes may use one store at once. A process may be killed
at any moment and costs the others nothing but its unfinished entries. The file stays below
`limit` bytes: what was used longest ago is forgotten first.

Whoever can write to the directory could plant results, so one that others can write to is
refused. A file that is damaged, foreign or of another version is replaced by an empty one. When
the disk is full or the file is locked for seconds, the store forgets instead of failing: it is
slower without, never wrong.

Limits: one connection belongs to one process and thread; it must not be used after a fork.

Interface: `Store`, `digest`, `private_directory`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import stat
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

LIMIT = 128 << 20
"""Bytes the file may take by default."""

_MAGIC = 0x666C6167
"""SQLite's application_id: tells our file from any other program's."""

_SCHEME = 1
"""Raise when the tables change."""

_PAGE = 8192
_PENDING = 4 << 20
"""Bytes of new entries that are kept back for one transaction."""

_ASKED = 400
"""Keys in one query; SQLite allows more, and gains nothing by it."""

_STALE = 3600
"""Seconds after which a use is written down; so that a run that finds everything writes nothing."""

_BUSY = 3.0
"""Seconds to wait for another process's transaction."""

_TABLES = """\
CREATE TABLE entry (
    kind TEXT NOT NULL, key BLOB NOT NULL, used INTEGER NOT NULL, size INTEGER NOT NULL,
    proof BLOB NOT NULL, body BLOB NOT NULL
);
CREATE UNIQUE INDEX entry_key ON entry (kind, key);
CREATE INDEX entry_used ON entry (used, size);
"""


class StoreError(Exception):
    """The cache directory cannot be trusted or made; the message is one line."""


def digest(*parts: bytes | str) -> bytes:
    """16 bytes that tell apart any two lists of parts, whatever their lengths."""
    # Joined first: a run makes a hundred thousand of these, of small parts.
    pieces: list[bytes] = []
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        pieces += (len(data).to_bytes(8, "little"), data)
    return hashlib.blake2b(b"".join(pieces), digest_size=16).digest()


def private_directory(folder: Path) -> Path:
    """Make `folder` if need be, and see that nobody but the user can write to it.

    Returns it resolved. Raises StoreError.
    """
    try:
        folder = folder.resolve()
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        reason = f"{reason}; name another with --cache-dir"
        raise StoreError(f"{folder}: cannot be used as cache: {reason}") from None
    if status.st_uid != os.geteuid():
        raise StoreError(f"{folder}: the cache directory belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(f"{folder}: others can write to the cache directory; chmod go-w it")
    return folder


class Store:
    """Bytes by kind and key, shared by all runs that use the same cache directory.

    Raises StoreError from its constructor only. `limit` is in bytes.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        """Open the store of a cache directory, or begin one there."""
        folder = private_directory(folder)
        self._path = folder / "store.sqlite"
        self._limit = limit
        self._process = os.getpid()
        self._database: sqlite3.Connection | None = None
        self._pending: dict[tuple[str, bytes], bytes] = {}
        self._waiting = 0
        self._seen: set[int] = set()
        # Held, shared, while the file is open: who replaces the file must be alone, since a
        # process that closes an old file would remove the journal of the new one by its name.
        try:
            self._lock = os.open(
                folder / "store.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        except OSError as error:
            reason = f"{error.strerror}; name another with --cache-dir"
            raise StoreError(f"{folder}: cannot be used as cache: {reason}") from None
        with self._guarded():
            self._open()

    def __enter__(self) -> Store:
        """The store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, whatever happened."""
        self.close()

    @property
    def working(self) -> bool:
        """Whether entries are found and kept; False when the file could not be used."""
        return self._database is not None

    def get(self, kind: str, key: bytes) -> bytes | None:
        """The entry, None when there is none."""
        return self.get_many(kind, (key,)).get(key)

    def get_many(self, kind: str, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Those of the entries that there are, by key."""
        found: dict[bytes, bytes] = {}
        wanted: list[bytes] = []
        for key in keys:
            pending = self._pending.get((kind, key))
            if pending is None:
                wanted.append(key)
            else:
                found[key] = zlib.decompress(pending)
        broken: list[tuple[int]] = []
        with self._guarded():
            for start in range(0, len(wanted), _ASKED):
                some = wanted[start : start + _ASKED]
                for row, key, used, proof, body in self._rows(kind, some):
                    data = _unpacked(kind, key, proof, body)
                    if data is None:
                        broken.append((row,))
                        continue
                    found[key] = data
                    if used + _STALE < time.time():
                        self._seen.add(row)
            if broken and self._database is not None:
                with self._database:
                    self._database.executemany("DELETE FROM entry WHERE rowid = ?", broken)
        return found

    def put(self, kind: str, key: bytes, value: bytes) -> None:
        """Keep an entry; other processes see it a little later, at the latest after `close`."""
        packed = zlib.compress(value, 1)
        self._waiting += len(packed)
        self._pending[(kind, key)] = packed
        if self._waiting >= min(_PENDING, self._limit // 16):
            self.flush()

    def flush(self) -> None:
        """Write what was put so far."""
        now = int(time.time())
        rows = [
            (kind, key, now, len(packed), _proof(kind, key, packed), packed)
            for (kind, key), packed in self._pending.items()
            if len(packed) < self._limit // 8
        ]
        self._pending.clear()
        self._waiting = 0
        if not rows:
            return
        with self._guarded():
            self._make_room(sum(row[3] for row in rows))
            if self._database is not None:
                with self._database:
                    self._database.executemany(
                        "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows
                    )

    def close(self) -> None:
        """Write what is left, and what was used. The store is of no use afterwards."""
        if self._lock < 0:
            return
        if os.getpid() == self._process:
            self.flush()
            with self._guarded():
                if self._seen and self._database is not None:
                    now = int(time.time())
                    rows = [(now, row) for row in self._seen]
                    with self._database:
                        self._database.executemany(
                            "UPDATE entry SET used = ? WHERE rowid = ?", rows
                        )
            self._disconnect()
        os.close(self._lock)
        self._lock = -1

    def _rows(self, kind: str, keys: list[bytes]) -> list[tuple[int, bytes, int, bytes, bytes]]:
        if self._database is None or not keys:
            return []
        marks = ",".join("?" * len(keys))
        return self._database.execute(
            "SELECT rowid, key, used, proof, body FROM entry"  # noqa: S608 (marks are "?,?")
            f" WHERE kind = ? AND key IN ({marks})",
            (kind, *keys),
        ).fetchall()

    # The file

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Whatever SQLite has to complain of, the analysis goes on without what it lost."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL):
                return
            self._disconnect()
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                self._replace()

    def _open(self) -> None:
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        if not _ours(self._path):
            self._replace()
            return
        database = self._connected()
        if database is not None:
            self._database = database
        else:
            self._replace()

    def _connected(self) -> sqlite3.Connection | None:
        """A connection with our tables in it; None when the file is not one of ours."""
        database = sqlite3.connect(self._path, timeout=_BUSY)
        try:
            database.execute(f"PRAGMA page_size = {_PAGE}")
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            # A file made by others may hold functions and views that run when it is read.
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA cell_size_check = ON")
            database.execute("PRAGMA journal_size_limit = 16777216")
            database.execute(f"PRAGMA max_page_count = {self._limit // _PAGE}")
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not database.execute("SELECT 1 FROM sqlite_schema").fetchone():
                _begin(database)
                version = database.execute("PRAGMA user_version").fetchone()[0]
            magic = database.execute("PRAGMA application_id").fetchone()[0]
            if version == _SCHEME and magic == _MAGIC:
                return database
        except BaseException:
            database.close()
            raise
        database.close()
        return None

    def _replace(self) -> None:
        """Begin an empty file, if no other process has the present one open."""
        self._disconnect()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for suffix in ("", "-wal", "-shm", "-journal"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self._path}{suffix}")
            with contextlib.suppress(sqlite3.Error):
                self._database = self._connected()
        except OSError:
            pass  # others use it, or a directory stands there: no store for this run
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _disconnect(self) -> None:
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None

    def _make_room(self, wanted: int) -> None:
        """Forget the entries used longest ago, until `wanted` more bytes fit well."""
        if self._database is None:
            return
        allowed = self._limit * 7 // 8 - wanted * 5 // 4
        taken = self._database.execute("PRAGMA page_count").fetchone()[0]
        free = self._database.execute("PRAGMA freelist_count").fetchone()[0]
        excess = (taken - free) * _PAGE - allowed
        if excess <= 0:
            return
        with self._database:
            for row, size in self._database.execute(
                "SELECT rowid, size FROM entry ORDER BY used, rowid"
            ).fetchall():
                self._database.execute("DELETE FROM entry WHERE rowid = ?", (row,))
                excess -= size
                if excess <= -(self._limit // 8):
                    break
        self._database.execute("PRAGMA incremental_vacuum").fetchall()


def _begin(database: sqlite3.Connection) -> None:
    """Make the tables, unless another process is just as far."""
    database.execute("BEGIN IMMEDIATE")
    try:
        if not database.execute("SELECT 1 FROM sqlite_schema").fetchone():
            for statement in _TABLES.split(";\n"):
                if statement:
                    database.execute(statement)
            database.execute(f"PRAGMA application_id = {_MAGIC}")
            database.execute(f"PRAGMA user_version = {_SCHEME}")
        database.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _ours(path: Path) -> bool:
    """Whether the file is absent, or a plain file that only the user can have written."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and status.st_nlink == 1
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _proof(kind: str, key: bytes, packed: bytes) -> bytes:
    return digest(kind, key, packed)


def _unpacked(kind: str, key: bytes, proof: bytes, packed: object) -> bytes | None:
    """The value, None when the entry is not what was once written."""
    if not isinstance(packed, bytes) or _proof(kind, key, packed) != proof:
        return None
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return None
