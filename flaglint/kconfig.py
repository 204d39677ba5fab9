"""What of an assumed configuration a tree's Kconfig files rule out.

The idea: the shipped configuration is a union over releases, and a symbol of a later release
may be off limits in an earlier one: `ARCH_HAS_PKEYS` has no prompt and no default, so it is on
only where the architecture's Kconfig selects it; arm64's did not before the headers came. What
depends on such a symbol goes with it.

Invariants: Kconfig is read as text and never evaluated, least of all its `$(shell ...)`;
symbols are only ever removed, and only on evidence, so a tree without Kconfig files loses
nothing.

Limits: of `depends on`, plain conjunctions of names are understood; `select X if Y` counts as
selecting X whatever Y is; Kconfig files of drivers are not read.

Interface: `fit`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

_FOLDERS = ("init", "kernel", "mm", "lib", "fs", "block", "security", "virt", "net")
"""Where generic code's Kconfig files lie, besides arch/."""

_LIMIT = 1 << 20


class _Symbol(msgspec.Struct):
    """What the definitions of one symbol say, all of them together."""

    typed: bool = False
    settable: bool = False
    """Has a prompt or a default: may be on without being selected."""
    requires: list[frozenset[str]] = msgspec.field(default_factory=list)
    """For each definition the names that all have to be on."""


def fit(
    config: tuple[tuple[str, str], ...], root: Path, srcarch: str
) -> tuple[tuple[str, str], ...]:
    """`config` without the symbols that the tree's Kconfig cannot have on.

    Names in `config` carry the CONFIG_ prefix; `srcarch` is the directory below arch/.
    """
    if not (root / "arch" / srcarch / "Kconfig").is_file():
        return config
    symbols: dict[str, _Symbol] = defaultdict(_Symbol)
    selected: set[str] = set()
    for text in _texts(root, srcarch):
        _read(text, symbols, selected)
    out: set[str] = set()
    while more := {
        name
        for name, symbol in symbols.items()
        if name not in out and name not in selected and not _possible(name, symbol, out)
    }:
        out |= more
    return tuple(
        (name, value)
        for name, value in config
        if value not in ("y", "m")
        or not (name.removeprefix("CONFIG_") in out or _foreign(name, symbols))
    )


def _foreign(name: str, symbols: Mapping[str, _Symbol]) -> bool:
    """Whether this is a capability that only other architectures' Kconfig files know."""
    return name.startswith("CONFIG_ARCH_") and name.removeprefix("CONFIG_") not in symbols


def _possible(name: str, symbol: _Symbol, out: set[str]) -> bool:
    """Whether the symbol can be on although no file that was read selects it."""
    if not symbol.typed:
        return True
    # Only architectures select these two families; others may be selected by a driver.
    if not symbol.settable and name.startswith(("ARCH_", "HAVE_")):
        return False
    return any(names.isdisjoint(out) for names in symbol.requires)


def _texts(root: Path, srcarch: str) -> Iterator[str]:
    yield from _read_files([root / "arch/Kconfig"])
    for folder in (f"arch/{srcarch}", *_FOLDERS):
        yield from _read_files(sorted((root / folder).glob("**/Kconfig*")))


def _read_files(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        try:
            if path.is_file():
                with path.open("rb") as stream:
                    yield stream.read(_LIMIT).decode("utf-8", "replace")
        except OSError:
            continue


def _read(text: str, symbols: dict[str, _Symbol], selected: set[str]) -> None:
    """Add one file's definitions and selections."""
    text = text.replace("\\\n", " ")
    for block in re.split(r"^(?=\S)", text, flags=re.M):
        head = re.match(r"(?:menu)?config\s+(\w+)", block)
        if head is None:
            continue
        body = re.split(r"^[ \t]+(?:---)?help", block, maxsplit=1, flags=re.M)[0]
        selected.update(re.findall(r"^[ \t]+select[ \t]+(\w+)", body, re.M))
        symbol = symbols[head[1]]
        if re.search(r"^[ \t]+(?:bool|tristate|def_bool|def_tristate)\b", body, re.M):
            symbol.typed = True
        if re.search(
            r"^[ \t]+(?:(?:bool|tristate)[ \t]+[\"']|prompt\b|def_|default\b)", body, re.M
        ):
            symbol.settable = True
        symbol.requires.append(frozenset(_conjuncts(body)))


def _conjuncts(body: str) -> Iterator[str]:
    """Names that the `depends on` lines of a definition require outright."""
    for expression in re.findall(r"^[ \t]+depends[ \t]+on[ \t]+(.*)", body, re.M):
        if "||" not in expression:
            for term in expression.split("#")[0].split("&&"):
                if re.fullmatch(r"\s*[A-Z0-9_a-z]+\s*", term) and term.strip() not in ("y", "m"):
                    yield term.strip()
