"""Whether a directory of the cache is still as it was left.

    seal(folder)          writes down what every file in it is
    intact(folder)        says whether they all still are that, and nothing is missing

A generated header that was cut short still compiles, into a program that nobody wrote; so a
directory that is not intact is made again.

Invariants: a directory without a seal is not intact. Limits: of files above a megabyte (the
precompiled header) only the size, the time and both ends are compared.

Interface: `seal`, `intact`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

_NAME = "seal.json"
_LARGE = 1 << 20
_END = 1 << 16


def seal(folder: Path) -> None:
    """Write down what is in the directory. Raises OSError."""
    data = msgspec.json.encode(_contents(folder))
    handle, name = tempfile.mkstemp(prefix=".new-", dir=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    os.replace(name, folder / _NAME)


def intact(folder: Path) -> bool:
    """Whether the directory is as it was sealed."""
    try:
        known = msgspec.json.decode((folder / _NAME).read_bytes(), type=dict[str, str])
        return known == _contents(folder)
    except (OSError, ValueError):
        return False


def _contents(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name != _NAME and not path.name.startswith(".new-") and not path.is_dir():
            found[path.relative_to(folder).as_posix()] = _told(path)
    return found


def _told(path: Path) -> str:
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        told = hashlib.sha256()
        if status.st_size > _LARGE:
            told.update(f"{status.st_size} {status.st_mtime_ns} ".encode())
            told.update(stream.read(_END))
            stream.seek(-_END, os.SEEK_END)
        told.update(stream.read())
    return told.hexdigest()
