"""Writing a result to a file: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class OutputError(Exception):
    """The file cannot be written; the message is one line."""


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
