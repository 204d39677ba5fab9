"""What this flaglint is: a digest of everything of its own that a result depends on.

A version number would miss an edit of a rule or of a module in a checkout. Reading the package's
own files takes milliseconds.

Interface: `identity`.
"""

from __future__ import annotations

import importlib.metadata
import platform
from functools import cache
from pathlib import Path

from flaglint.data import rules_dir
from flaglint.store import digest

_PARSERS = ("libclang", "pycparser", "msgspec")


@cache
def identity() -> bytes:
    """A digest of flaglint's code, configurations and rules, and of its parsers' versions."""
    package = Path(__file__).resolve().parent
    parts: list[bytes | str] = [platform.python_version()]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in _PARSERS]
    for folder, suffixes in ((package, (".py", ".config", ".fragment")), (rules_dir(), (".toml",))):
        for path in sorted(folder.rglob("*")):
            if path.suffix in suffixes:
                parts += [path.relative_to(folder).as_posix(), path.read_bytes()]
    return digest(*parts)
