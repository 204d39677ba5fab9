"""Writing a result to a file: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO


class OutputError(Exception):
    """The file cannot be written; the message is one line."""


def check_target(name: str) -> None:
    """See that a file can be put there, as far as that can be told before. Raises OutputError."""
    if os.path.isdir(name):
        raise OutputError(f"{name}: a directory; name a file in it")
    folder = os.path.dirname(os.path.realpath(name))
    if not os.path.isdir(folder):
        raise OutputError(f"{name}: there is no directory {folder}; make it, or name another file")
    if not os.path.exists(name) and not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{name}: {folder} cannot be written; name another file")


def replace_file(path: Path, body: bytes) -> None:
    """Put `body` at `path` in one step, so that no reader sees half of it.

    A device or a pipe is simply written to. Raises OutputError.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(body)
        else:
            _replace(path.resolve(), body)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise OutputError(message) from error


def write_whole(stream: BinaryIO, body: bytes, name: str) -> None:
    """Write all of `body` to a stream, or raise OutputError (BrokenPipeError if nobody reads it).

    A stream that is not buffered takes what fits and is content; only the next write complains.
    """
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[stream.write(rest) or 0 :]
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in a buffer would be tried again, and complained about, at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise OutputError(f"{name}: {error.strerror or error}") from error


def _replace(target: Path, body: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
