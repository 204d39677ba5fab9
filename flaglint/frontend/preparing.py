"""Making, once per tree and configuration, what all files are parsed with.

The idea: synthesised headers and the precompiled header live in the cache under a digest of
what they are made from, so "is it still right?" is "is it there?".

Invariants: a directory of headers is renamed into place complete; a precompiled header counts
once its seal stands beside it, which is written last, and while that holds. Two processes may
do the same work at once, the second result replacing an equal first one. What nobody used for
a month is removed.

Limits: headers are told apart by size and time, not by content.

Interface: `prepare`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import stat
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec
from clang import cindex

from flaglint import synth
from flaglint.frontend import arguments
from flaglint.frontend.containment import outsider
from flaglint.frontend.sealing import intact, seal
from flaglint.frontend.units import (
    Diagnostic,
    FrontendError,
    Prepared,
    errors_of,
    main_functions,
    translate,
)
from flaglint.tree import KernelTree, c_files, read_text, shown

_SCHEME = 3
"""Raise when the arguments or the precompiled header change for an unchanged tree."""

_PCH_HEADERS = (("mm", 120), ("fs", 60))
"""Whose most included headers are precompiled, and how many: a precompiled header is read on
demand, so a long list costs little. Past sixty from fs/, headers come in that only compile
after others, or whose names collide with those of unrelated files."""

_KEEP_SECONDS = 30 * 24 * 3600

_MARK = "flaglint_value_"
_DEFINE = f"""\
#ifndef FLAGLINT_KBUILD_H
#define FLAGLINT_KBUILD_H
#define DEFINE(sym, val) enum {{ {_MARK}##sym = (val) }}
#define OFFSET(sym, str, mem) DEFINE(sym, __builtin_offsetof(struct str, mem))
#define BLANK() do {{ }} while (0)
#define COMMENT(x) do {{ }} while (0)
#endif
"""
"""Stands in for include/linux/kbuild.h, whose DEFINE() prints into the assembler output."""


class _Built(msgspec.Struct, frozen=True):
    """What is known of a precompiled header: its errors, the files inside it.

    `outsider` is one of them that lies outside the tree, "" when there is none.
    """

    errors: tuple[Diagnostic, ...]
    headers: tuple[str, ...] = ()
    outsider: str = ""


def prepare(tree: KernelTree, cache: Path) -> Prepared:
    """Make, or find in `cache`, the headers and the precompiled header for `tree`.

    Safe against other processes doing the same, and against being killed. Raises OSError when
    the cache cannot be written, FrontendError when a header is no file or lies outside the tree.
    """
    cache = cache.resolve()
    stamp = _stamp(tree)
    generated = Path(tree.objtree) if tree.objtree else _headers(tree, cache, stamp)
    dirs = synth.include_dirs(tree, generated)
    args = arguments.common(tree, dirs)
    forced = arguments.forced_includes(tree, generated)
    folder = cache / "pch" / _digest((_SCHEME, stamp, args, forced))
    common = folder / "common.h"
    record = folder / "built.json"
    pch = folder / "common.pch"
    built = None
    with contextlib.suppress(OSError, ValueError):
        if intact(folder):
            built = msgspec.json.decode(record.read_bytes(), type=_Built)
            os.utime(folder)
    if built is None:
        for path in (common, record, pch):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder.parent)
        _replace(common, _common_header(tree).encode())
        built = _build_pch(tree, (*args, *forced), dirs, common, pch)
        _replace(record, msgspec.json.encode(built))
        seal(folder)
    if built.outsider and not tree.outside:
        where = shown(Path(built.outsider))
        raise FrontendError(f"the common headers include {where}, outside the tree")
    return Prepared(
        tree=tree,
        args=args,
        forced=forced,
        include_dirs=dirs,
        pch=str(pch) if pch.is_file() else "",
        common=str(common),
        errors=built.errors,
        options=arguments.per_file(tree, (*args, *forced)),
        headers=built.headers,
        generated=str(generated),
    )


def _headers(tree: KernelTree, cache: Path, stamp: str) -> Path:
    """The directory of synthesised headers, made if it is not there yet."""
    final = cache / "headers" / _digest((synth.SCHEME, stamp))
    if final.is_dir():
        if intact(final):
            os.utime(final)
            return final
        shutil.rmtree(final, ignore_errors=True)
    final.parent.mkdir(parents=True, exist_ok=True)
    _prune(final.parent)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
    try:
        synth.write_headers(tree, aside)
        for item in synth.offset_sources(tree):
            synth.write_offsets(aside, item.header, _constants(tree, aside, item.source))
        seal(aside)
        try:
            aside.rename(final)
        except OSError:
            # Another process was first, with the same content.
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return final


def _constants(tree: KernelTree, generated: Path, source: str) -> dict[str, int]:
    """The values of the DEFINE() lines of `source`, as the compiler computes them."""
    args = (
        *arguments.common(tree, synth.include_dirs(tree, generated)),
        *arguments.forced_includes(tree, generated),
    )
    overlay = {str(Path(tree.root, "include/linux/kbuild.h")): _DEFINE}
    tu = translate(Path(tree.root, source), args, overlay=overlay)
    if tu is None:
        return {}
    return {
        inner.spelling.removeprefix(_MARK): inner.enum_value
        for function in main_functions(tu)
        for inner in function.walk_preorder()
        if inner.kind == cindex.CursorKind.ENUM_CONSTANT_DECL and inner.spelling.startswith(_MARK)
    }


def _common_header(tree: KernelTree) -> str:
    """A header that includes those which mm/ and fs/ include most.

    Each directory counts once, so that one file system's headers do not come in for all; mm/
    itself counts by file.
    """
    chosen: dict[str, None] = {}
    for top, limit in _PCH_HEADERS:
        users: dict[str, set[str]] = defaultdict(set)
        for file in c_files(tree, top):
            user = file if top == "mm" else str(Path(file).parent)
            text = read_text(Path(tree.root, file))
            for name in re.findall(r"^#\s*include\s+<(linux/[\w/-]+\.h)>", text, re.M):
                users[name].add(user)
        ranked = sorted(users, key=lambda name: (-len(users[name]), name))
        chosen.update(dict.fromkeys(name for name in ranked[:limit] if len(users[name]) > 1))
    present = [name for name in chosen if Path(tree.root, "include", name).is_file()]
    return "".join(f"#include <{name}>\n" for name in present)


def _build_pch(
    tree: KernelTree, args: Sequence[str], dirs: Sequence[str], common: Path, pch: Path
) -> _Built:
    """Compile `common` into `pch`; where that fails there is none, and the errors say why."""
    allow = ("-Xclang", "-fallow-pch-with-compiler-errors")
    tu = translate(common, (*allow, *args), for_pch=True, local=False)
    if tu is None:
        return _Built((Diagnostic(common.name, 1, 1, "clang could not read the common headers"),))
    handle, name = tempfile.mkstemp(prefix=".new-", dir=pch.parent)
    os.close(handle)
    try:
        tu.save(name)
        os.replace(name, pch)
    except cindex.TranslationUnitSaveError:
        Path(name).unlink(missing_ok=True)
    root = f"{tree.root}/"
    headers = {os.path.normpath(item.include.name).removeprefix(root) for item in tu.get_includes()}
    strange = outsider(tu, msgspec.structs.replace(tree, outside=False), dirs, str(common))
    return _Built(errors_of(tu, tree.root), tuple(sorted(headers)), strange)


def _stamp(tree: KernelTree) -> str:
    """A digest of the configuration and of the names, sizes and times of all headers."""
    arch = f"arch/{tree.srcarch}/include"
    pending = [
        f"{base}/{part}" for base in {tree.root, tree.objtree} - {""} for part in ("include", arch)
    ]
    rows: list[tuple[str, int, int]] = []
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif not entry.is_file() and _irregular(entry.path):
                    # Opening it might never return.
                    raise FrontendError(f"{shown(Path(entry.path))}: a pipe or a device, no header")
                else:
                    status = entry.stat(follow_symlinks=False)
                    rows.append((entry.path, status.st_size, status.st_mtime_ns))
    for name in ("Makefile", *(item.source for item in synth.offset_sources(tree))):
        with contextlib.suppress(OSError):
            status = Path(tree.root, name).stat()
            rows.append((name, status.st_size, status.st_mtime_ns))
    clang = importlib.metadata.version("libclang")
    return _digest((clang, tree.root, tree.arch, tree.version, tree.config, sorted(rows)))


def _irregular(path: str) -> bool:
    with contextlib.suppress(OSError):
        mode = os.stat(path).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:24]


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that no reader ever sees half of it."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    os.replace(name, path)


def _prune(folder: Path) -> None:
    """Remove what has not been used for a month, leftovers of killed processes included."""
    limit = time.time() - _KEEP_SECONDS
    for entry in folder.iterdir():
        with contextlib.suppress(OSError):
            if entry.stat().st_mtime < limit:
                shutil.rmtree(entry, ignore_errors=True)
