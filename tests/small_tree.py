"""A kernel tree of a few lines, built by tests that need one to look a certain way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n"
PAGE_FLAGS = """\
#ifndef PAGE_FLAGS_H
#define PAGE_FLAGS_H
enum pageflags { PG_locked, PG_dirty,
#ifdef CONFIG_KSM
PG_ksm,
#endif
__NR_PAGEFLAGS };
#endif
"""


def small_tree(root: Path, files: Mapping[str, str] | None = None) -> Path:
    """Write a tree with a Makefile, page-flags.h and `files` below `root`; returns `root`."""
    content = {"Makefile": MAKEFILE, "include/linux/page-flags.h": PAGE_FLAGS, **(files or {})}
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
