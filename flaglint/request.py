"""What the user asked for, and where its results are kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from flaglint.folders import ARCHES
from flaglint.shipped import SHIPPED, VARIANTS, variant_file


class Request(msgspec.Struct, frozen=True):
    """What the user asked for. `paths` are a tree or files in one; `jobs` 0 means all cores.

    `objtree` is an O= directory, `commands` a compile_commands.json; `outside` allows files to
    include what is not in the tree. `seconds` and `megabytes` bound the reading of one file.
    `scope` "all" takes in every file that changes a page flag, not the plain writers only;
    `executor` is where files are read, as `flaglint.executors` spells it, "" for this machine.
    """

    paths: tuple[str, ...]
    arch: str = "x86_64"
    config: str | None = None
    pedantic: bool = False
    jobs: int = 0
    cache_dir: str = ""
    objtree: str | None = None
    commands: str | None = None
    outside: bool = False
    seconds: int = 60
    megabytes: int = 3072
    scope: str = "default"
    executor: str = ""


Configuration = tuple[str, str, str | None]
"""A name for people, the architecture, and the .config file; None for the shipped one."""


class RequestError(Exception):
    """What was asked for does not go together; the message is one line."""


def configurations(arches: Sequence[str], configs: Sequence[str]) -> tuple[Configuration, ...]:
    """The configurations that a command line names, each once; one at least.

    Besides files, `configs` may name the shipped one and its variants. Several architectures are
    taken with the shipped configuration of each. Raises RequestError.
    """
    arches = list(dict.fromkeys(arches)) or [next(iter(ARCHES))]
    configs = list(dict.fromkeys(configs)) or [SHIPPED]
    if len(arches) == 1:
        (arch,) = arches
        short = [os.path.basename(config) for config in configs]
        names = short if len(set(short)) == len(short) else configs
        return tuple(
            (arch, arch, None)
            if config == SHIPPED
            else (name, arch, str(variant_file(config)) if config in VARIANTS else config)
            for name, config in zip(names, configs, strict=True)
        )
    if configs != [SHIPPED]:
        raise RequestError(
            "a .config is of one architecture; give --config with one --arch, or run twice"
        )
    return tuple((arch, arch, None) for arch in arches)


def cache_directory(request: Request) -> Path:
    """Where results and prepared headers are kept: --cache-dir, or the user's cache."""
    return Path(request.cache_dir) if request.cache_dir else default_cache()


def default_cache() -> Path:
    """$XDG_CACHE_HOME/flaglint, by default ~/.cache/flaglint (a relative value is ignored)."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        base = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # nobody's home is known
        base = Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    return base / "flaglint"
