"""The kernel tree under analysis: where it is, what it is, and how its C files are compiled.

The idea: a user names any path, configured or not, and everything later stages need is found
without running anything: `flaglint mm/rmap.c` in an unpacked tarball walks up to the root, and
takes the shipped configuration.

Invariants: nothing in the tree is executed, imported or written; text is read as data, never
evaluated; options taken from a build are filtered against a list of harmless ones, and paths
in them count only when they lie inside the tree or its object directory.

Limits: Makefiles are matched line by line, so a version or an include path that is computed
(`$(shell ...)`, `$(if ...)`) is not seen.

Interface: `open_tree`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import msgspec

from flaglint.folders import ARCHES
from flaglint.kconfig import fit
from flaglint.shipped import is_variant, shipped_config, varied

PAGE_FLAGS = "include/linux/page-flags.h"

_TEXT_LIMIT = 4 << 20
"""Bytes read of any one text file of the tree; the largest that matters is a tenth of this."""


class TreeError(Exception):
    """The tree cannot be analysed; the message is one line that says what to do next."""


class KernelTree(msgspec.Struct, frozen=True, dict=True):
    """A kernel tree and the configuration it is analysed under.

    `root` is absolute and resolved; `path` is what the user named, relative to the root ("."
    for the root itself); `version` is like "6.12.117", or "unknown". `config` holds the
    CONFIG_ symbols with their values as in a .config file ("y", "m", a number, a quoted
    string), sorted. `objtree` is the directory of a usable build's output, "" when headers
    have to be synthesised. `commands` is a compile_commands.json, "" when there is none.
    """

    root: str
    path: str
    version: str
    arch: str
    config: tuple[tuple[str, str], ...]
    objtree: str = ""
    commands: str = ""
    outside: bool = False

    @property
    def srcarch(self) -> str:
        """The architecture's directory under arch/ ("x86" for x86_64)."""
        return ARCHES[self.arch]

    @cached_property
    def symbols(self) -> dict[str, str]:
        """The configuration as a mapping."""
        return dict(self.config)


def open_tree(
    path: str | Path,
    *,
    arch: str = "x86_64",
    config: Path | None = None,
    objtree: Path | None = None,
    compile_commands: Path | None = None,
    outside: bool = False,
) -> KernelTree:
    """The tree that `path` (its root, or anything inside it) belongs to.

    `config` is a .config to use in place of the shipped one, or the fragment of a variant of
    that; headers are synthesised for it even where the tree holds a build. `objtree` is the O=
    directory of a build.
    Raises TreeError when there is no such tree, or `path` is nothing that can be analysed.
    """
    if arch not in ARCHES:
        raise TreeError(f"unknown architecture {arch}: use one of {', '.join(sorted(ARCHES))}")
    root, target = locate(path)
    output = None if config else _find_output(root, arch, objtree)
    if config and is_variant(config):
        base = read_config(shipped_config(arch))
        symbols = fit(varied(base, read_text(config)), root, ARCHES[arch])
    elif config:
        symbols = read_config(config)
    elif output:
        symbols = read_autoconf(output / "include/generated/autoconf.h")
    else:
        symbols = fit(read_config(shipped_config(arch)), root, ARCHES[arch])
    return KernelTree(
        root=str(root),
        path=target.relative_to(root).as_posix(),
        version=_version(root),
        arch=arch,
        config=symbols,
        objtree=str(output) if output else "",
        commands=_find_commands(root, output, compile_commands),
        outside=outside,
    )


def locate(path: str | Path) -> tuple[Path, Path]:
    """The root of the tree that `path` belongs to, and `path`, both resolved.

    Raises TreeError, as `open_tree` does.
    """
    named = Path(path)
    try:
        target = named.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise TreeError(f"{shown(named)}: no such file or directory; name a kernel tree") from None
    if not _is_text(target):
        raise TreeError(f"{shown(named)}: its path is not UTF-8; rename it")
    if target.is_file():
        _check_source(target, named)
    elif not target.is_dir():
        raise TreeError(f"{shown(named)}: neither a directory nor a C file; name a kernel tree")
    return _find_root(target, named), target


def read_config(path: Path) -> tuple[tuple[str, str], ...]:
    """The symbols of a .config file, sorted; raises TreeError when it holds none."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise TreeError(f"{shown(path)}: {reason}; give a kernel .config") from None
    found = dict(re.findall(r"^(CONFIG_\w+)=(.*?)\s*$", text, re.M))
    if not found:
        raise TreeError(f"{shown(path)}: no CONFIG_ line in it; give a kernel .config")
    return tuple(sorted((key, value) for key, value in found.items() if value != "n"))


def read_autoconf(path: Path) -> tuple[tuple[str, str], ...]:
    """The symbols of a build's autoconf.h, in the spelling of a .config, sorted."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"^#define (CONFIG_\w+) (.*?)\s*$", read_text(path), re.M):
        if name.endswith("_MODULE") and value == "1":
            found.setdefault(name.removesuffix("_MODULE"), "m")
        else:
            found[name] = "y" if value == "1" else value
    return tuple(sorted(found.items()))


def read_text(path: Path) -> str:
    """The file's text, "" when it is no regular file; at most a few megabytes of it."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            return stream.read(_TEXT_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""


def c_files(tree: KernelTree, under: str = ".") -> tuple[str, ...]:
    """The C files at or below `under`, relative to the root, sorted.

    Symbolic links to directories are not followed, and links that leave the tree are left out.
    """
    top = Path(tree.root, under)
    if top.is_file():
        return (Path(under).as_posix(),) if top.suffix == ".c" else ()
    return tuple(sorted(_walk_c(Path(tree.root), top)))


def inside(path: Path, roots: Iterable[Path]) -> Path | None:
    """`path` resolved, when it exists and lies below one of `roots`; else None."""
    try:
        resolved = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return resolved if any(resolved.is_relative_to(root) for root in roots) else None


def _find_root(target: Path, named: Path) -> Path:
    start = target if target.is_dir() else target.parent
    headerless = None
    for folder in (start, *start.parents):
        marked = (folder / "Makefile").is_file() or (folder / "mm").is_dir()
        if marked and (folder / PAGE_FLAGS).is_file():
            if (folder / PAGE_FLAGS).stat().st_size == 0:
                raise TreeError(f"{shown(folder / PAGE_FLAGS)}: empty; restore the header")
            return folder
        if headerless is None and (folder / "Kbuild").is_file() and (folder / "mm").is_dir():
            headerless = folder
    if headerless is not None:
        raise TreeError(
            f"{shown(headerless)}: a kernel tree without {PAGE_FLAGS}; "
            "unpack the whole include directory"
        )
    raise TreeError(
        f"{shown(named)}: not in a kernel tree (no {PAGE_FLAGS} here or above); "
        "name a kernel's root or a path inside one"
    )


def _check_source(target: Path, named: Path) -> None:
    """Refuse a file that cannot be C before anything is parsed."""
    try:
        with target.open("rb") as stream:
            head = stream.read(1 << 16)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise TreeError(f"{shown(named)}: {reason}; name a readable C file") from None
    if not head.strip():
        raise TreeError(f"{shown(named)}: empty file; name a C file or a kernel tree")
    if target.suffix not in (".c", ".h"):
        raise TreeError(f"{shown(named)}: not a C file; name a .c file or a kernel tree")
    if b"\0" in head:
        raise TreeError(f"{shown(named)}: binary data, no C; name a .c file or a kernel tree")


def _version(root: Path) -> str:
    text = read_text(root / "Makefile")[:20000]
    found = dict(
        re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)\s*=[ \t]*(\S*)", text, re.M)
    )
    if not re.fullmatch(r"\d+", found.get("VERSION", "")):
        return "unknown"
    numbers = [found.get(key, "") or "0" for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
    extra = found.get("EXTRAVERSION", "")
    return ".".join(numbers) + (extra if re.fullmatch(r"-[\w.+-]+", extra) else "")


def _find_output(root: Path, arch: str, objtree: Path | None) -> Path | None:
    """The build output to use: the one given, else the tree's own when it is complete."""
    generated = (
        "include/generated/autoconf.h",
        "include/generated/bounds.h",
        f"arch/{ARCHES[arch]}/include/generated/asm",
    )
    output = objtree or root
    missing = [name for name in generated if not (output / name).exists()]
    if not missing:
        return output.resolve()
    if objtree is not None:
        raise TreeError(
            f"{shown(objtree)}: no {missing[0]} for {arch} in it; run `make prepare` there, "
            "or leave the object directory out"
        )
    return None


def _find_commands(root: Path, output: Path | None, given: Path | None) -> str:
    if given is not None:
        if not given.is_file():
            raise TreeError(f"{shown(given)}: no such file; give a compile_commands.json")
        return str(given.resolve())
    for folder in (output, root):
        if folder is not None and (folder / "compile_commands.json").is_file():
            return str(folder / "compile_commands.json")
    return ""


def _walk_c(root: Path, top: Path) -> Iterator[str]:
    pending = [top]
    while pending:
        try:
            entries = sorted(pending.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                pending.append(entry)
            elif entry.suffix == ".c" and inside(entry, [root]) is not None:
                yield entry.relative_to(root).as_posix()


def _is_text(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(path: Path) -> str:
    """The path on one line, whatever characters its name holds."""
    return str(path).encode("unicode_escape", "backslashreplace").decode("ascii")
