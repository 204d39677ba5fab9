"""A project's settings: `flaglint.toml`, or `[tool.flaglint]` of a `pyproject.toml`.

    select = ["FL001", "FL010"]
    arch = "arm64"

    [[suppress]]
    rule = "FL001"

The file nearest to what is analysed counts, looking in its directory and then upwards as far as
the repository reaches; in one directory `flaglint.toml` wins. What the command line says wins
over the file.

Invariants: an unknown key or a value of the wrong type is an error, never ignored. A settings
file may be a stranger's, like the tree it lies in: no key makes flaglint write anywhere or run
anything, and reports name the file that was obeyed.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from flaglint.shipped import SHIPPED, VARIANTS

NAME, PROJECT = "flaglint.toml", "pyproject.toml"
_LIMIT = 1 << 20
"""Bytes of the largest settings file that is read."""


class SettingsError(Exception):
    """The settings cannot be used; the message is one line that names the file."""


class Settings(msgspec.Struct, frozen=True):
    """What a settings file says; empty without one.

    `path` is the file, "" for none. `select` and `ignore` are as on the command line, None
    where the file is silent; `format` is check's; `arch` and `config` are the kernel's, one or
    several, `config` relative to the file's directory; `category` is SARIF's. `baseline` is a
    file too. `suppress` holds the `[[suppress]]` tables unread.
    """

    path: str = ""
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    pedantic: bool | None = None
    format: str | None = None
    arch: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    jobs: int | None = None
    category: str | None = None
    baseline: str | None = None
    suppress: tuple[dict[str, Any], ...] = ()


def discover(start: Path) -> Settings:
    """The settings that hold for a file or directory; empty when there are none.

    Raises SettingsError for a file that cannot be used.
    """
    here = start.resolve()
    for directory in (here, *here.parents):
        for name in (NAME, PROJECT):
            path = directory / name
            if path.is_file():
                found = read(path, required=name == NAME)
                if found is not None:
                    return found
        if (directory / ".git").exists():
            break
    return Settings()


def read(path: Path, *, required: bool = True) -> Settings | None:
    """The settings in a file; None if it is a pyproject.toml without ours and not `required`.

    Raises SettingsError.
    """
    try:
        if path.stat().st_size > _LIMIT:
            raise SettingsError(f"{path}: too large for settings")
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        if path.name == PROJECT and not required:
            return None  # somebody else's file: its own tools will complain
        raise SettingsError(f"{path}: no TOML: {error}") from error
    if path.name == PROJECT:
        tool = document.get("tool")
        table = tool.get("flaglint") if isinstance(tool, dict) else None
        if table is None:
            if required:
                raise SettingsError(f"{path}: has no [tool.flaglint]")
            return None
        return _settings(path, table)
    return _settings(path, document)


def _settings(path: Path, table: object) -> Settings:
    if not isinstance(table, Mapping):
        raise SettingsError(f"{path}: tool.flaglint is no table")
    known = [name for name in Settings.__struct_fields__ if name != "path"]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.7)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
            raise SettingsError(f"{path}: unknown key '{key}'; {hint}")
    several = {
        key: [value] if isinstance(value := table[key], str) else value
        for key in ("arch", "config")
        if key in table
    }
    try:
        found = msgspec.convert({**table, **several, "path": str(path)}, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {error}") from error
    where = path.parent
    return msgspec.structs.replace(
        found,
        config=tuple(
            name if name in (SHIPPED, *VARIANTS) else str(where / name) for name in found.config
        ),
        baseline=str(where / found.baseline) if found.baseline else found.baseline,
    )
