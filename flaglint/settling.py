"""What a command line comes to: what it leaves open is filled in, from the settings file first.

    flaglint check mm/rmap.c      format "text", arch "x86_64", ... unless a flaglint.toml says else

Invariants: the command line wins over the settings, these over the defaults; a value is one of
the choices wherever it was given.

Interface: `settle`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from flaglint.arguments import CHECK_FORMATS, ROBOTS, suggestion
from flaglint.folders import ARCHES
from flaglint.request import RequestError, configurations
from flaglint.settings import Settings, SettingsError, discover, read

_SEVERAL = ("check", "diff", "hook", "sites")
"""The commands that can look at several configurations at once."""


def settle(options: argparse.Namespace) -> str:
    """Fill `options` in, and say in a line what settings were obeyed, "" for none.

    Besides what the grammar has, `found` are the settings and `configurations` what is to be
    analysed; `arch` and `config` are the first one's. Raises SettingsError and RequestError.
    """
    paths = [*getattr(options, "paths", ()), *([options.path] if "path" in options else ())]
    settings = Settings()
    if options.settings:
        settings = read(Path(options.settings)) or settings
    elif not options.isolated:
        settings = discover(Path(paths[0] if paths else "."))
    options.found = settings
    options.quiet = options.quiet or getattr(options, "format", "") in ROBOTS
    _check(settings, "format", (settings.format,), CHECK_FORMATS)
    _check(settings, "arch", settings.arch, tuple(ARCHES))
    if "format" in options and options.format is None:
        options.format = settings.format or CHECK_FORMATS[0]
    if "select" in options:
        options.pedantic = options.pedantic or bool(settings.pedantic)
    for name in ("select", "ignore", "category"):
        if name in options and getattr(options, name) is None:
            setattr(options, name, getattr(settings, name))
    for name in ("arch", "config", "jobs"):
        if name in options and not getattr(options, name):
            setattr(options, name, getattr(settings, name))
    options.configurations = configurations(options.arch or (), options.config or ())
    _, options.arch, options.config = options.configurations[0]
    if len(options.configurations) > 1 and options.command not in _SEVERAL:
        meant = f"{', '.join(_SEVERAL[:-1])} and {_SEVERAL[-1]}"
        raise RequestError(f"{options.command}: one --arch and --config; several are for {meant}")
    return f"settings from {settings.path}" if settings.path else ""


def _check(
    settings: Settings, name: str, values: tuple[str | None, ...], choices: tuple[str, ...]
) -> None:
    for value in values:
        if value is not None and value not in choices:
            meant = suggestion(value, choices) or f"; known are {', '.join(choices)}"
            raise SettingsError(f"{settings.path}: {name}: no '{value}'{meant}")
