"""include/linux/page-flags.h to a FlagTable: what each flag is and what each helper does.

    PAGEFLAG(Dirty, dirty, PF_HEAD)     ->  SetPageDirty: PG_dirty, set, atomic, head; and so on

Nothing is known of the macros by name. The header is preprocessed by our own expander, with both
branches of every #if kept (`preprocess`), cut into declarations (`declarations`), the enum read
(`enumeration`), each function's body parsed by pycparser (`bodies`) and walked to see which bit
operation it reaches on which word (`evaluate`). What bit operations mean is data (`knowledge`).

Assumptions: accessors are functions defined in this header. A header of a stranger's tree is
only read. Limits: #include is not followed, and other headers' accessors are not looked for.
The interface is `read_flags`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from flaglint.flagtable import HEADER, Flag, FlagTable
from flaglint.pageflags.declarations import declarations, function_text, unknown_uses
from flaglint.pageflags.enumeration import enumerate_flags, is_flags_enum
from flaglint.pageflags.knowledge import load_knowledge
from flaglint.pageflags.preprocess import preprocess
from flaglint.pageflags.table import tabulate
from flaglint.shipped import shipped_config
from flaglint.tree import read_config

_LIMIT = 2 << 20
"""Bytes of the largest header that is read; the kernel's has fifty thousand."""
_CONFLICT = re.compile(r"^(?:<{7} |>{7} |={7}$)", re.M)

__all__ = ["HeaderError", "read_flags", "read_text"]


class HeaderError(Exception):
    """The header is missing or has no page flags in it; the message is fit for a user."""


def read_flags(
    root: Path | str, *, arch: str = "x86_64", config: Mapping[str, str] | None = None
) -> FlagTable:
    """The table of the tree at `root` for `config` (default: the shipped one for `arch`).

    `config` maps CONFIG_ symbols to "y", "m" or a value. Raises HeaderError when the header
    cannot be read or defines no page flags, TreeError when there is no configuration for `arch`.
    """
    path = Path(root) / HEADER
    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
    except OSError as error:
        raise HeaderError(f"{path}: {error.strerror or error}") from error
    if len(data) > _LIMIT:
        raise HeaderError(f"{path}: too large for a header")
    text = data.decode("utf-8", errors="replace")
    return read_text(text, dict(read_config(shipped_config(arch))) if config is None else config)


def read_text(text: str, config: Mapping[str, str], file: str = HEADER) -> FlagTable:
    """The table of a header given as text; `file` is what its rows name as their place."""
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        line = text.count("\n", 0, conflict.start()) + 1
        raise HeaderError(f"{file}:{line}: a merge conflict; resolve it first")
    knowledge = load_knowledge()
    preprocessed = preprocess(text, config, knowledge.names)
    found, cut_doubts = declarations(preprocessed.pieces)
    enums = [d for d in found if is_flags_enum(d)]
    enum = next((d for d in enums if d.active), None)
    if enum is None:
        raise HeaderError(f"{file}: no enum of page flags in it")
    if preprocessed.unclosed:
        # What is missing may be any helper: an answer without it would be a wrong one.
        raise HeaderError(
            f"{file}: ends within the #if of line {preprocessed.unclosed}, cut short; restore it"
        )
    flags = enumerate_flags(enum, file)
    names = frozenset(flag.name for flag in (*flags.flags, *flags.absent))
    functions = [function for d in found if (function := function_text(d)) is not None]
    helpers = tabulate(functions, flags.flags, flags.absent, knowledge, file)
    unknown = [doubt for d in found for doubt in unknown_uses(d, names)]
    single = {flag.name: flag for flag in reversed(flags.flags)}
    twice = [f"{name} is enumerated twice" for name in single if _count(flags.flags, name) > 1]
    doubts = (*twice, *preprocessed.doubts, *cut_doubts, *flags.doubts, *unknown)
    return FlagTable(
        flags=tuple(flag for flag in flags.flags if flag is single[flag.name]),
        helpers=helpers.rows,
        inactive=helpers.inactive,
        doubts=tuple(dict.fromkeys(doubts)),
        absent=flags.absent,
    )


def _count(flags: tuple[Flag, ...], name: str) -> int:
    return sum(flag.name == name for flag in flags)
