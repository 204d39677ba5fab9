"""The configurations that flaglint brings along: one for each architecture, and variants of it.

    x86_64.config        CONFIG_SLUB=y, CONFIG_SPARSEMEM_VMEMMAP=y, ...
    slab.fragment        # CONFIG_SLUB is not set
                         CONFIG_SLAB=y

The idea: some of a kernel's code excludes other code (two allocators, two memory models), so no
configuration has it all. A fragment says what to change, as those of the kernel's own
merge_config.sh do; with `--config shipped --config slab` both are judged.

Interface: `SHIPPED`, `VARIANTS`, `shipped_config`, `variant_file`, `is_variant`, `varied`.
"""

from __future__ import annotations

import re
from pathlib import Path

SHIPPED = "shipped"
"""What the command line calls the architecture's own configuration."""
_FOLDER = Path(__file__).parent / "configs"
_SUFFIX = ".fragment"
VARIANTS = ("sparsemem", "slab", "slob")
"""What the command line calls the variants; the comment of each file says what it is."""


def shipped_config(arch: str) -> Path:
    """The configuration file flaglint ships for `arch`."""
    return _FOLDER / f"{arch}.config"


def variant_file(name: str) -> Path:
    """The fragment of one of VARIANTS."""
    return _FOLDER / f"{name}{_SUFFIX}"


def is_variant(path: Path) -> bool:
    """Whether this is one of our fragments, and no configuration by itself."""
    return path.suffix == _SUFFIX and path.parent == _FOLDER


def varied(config: tuple[tuple[str, str], ...], fragment: str) -> tuple[tuple[str, str], ...]:
    """`config` with what the fragment's text turns on and off, sorted."""
    off = set(re.findall(r"^# (CONFIG_\w+) is not set$", fragment, re.M))
    on = dict(re.findall(r"^(CONFIG_\w+)=(.*)$", fragment, re.M))
    kept = {name: value for name, value in config if name not in off}
    return tuple(sorted({**kept, **on}.items()))
