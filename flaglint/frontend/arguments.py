"""Clang's arguments for the files of a tree.

The idea: of a kernel's hundred compiler options a few change what C means (the dialect, the
target, where headers lie); the rest concern code generation, and gcc's own are unknown to clang.

Invariants: the arguments of all files are the same but for include directories and macros that
come from the file's own Makefile or compile_commands.json, so that one precompiled header
serves them all.

Interface: `common`, `forced_includes`, `per_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from flaglint.kbuild import command_options
from flaglint.tree import KernelTree, read_text

_TARGETS = {
    "x86_64": ("--target=x86_64-linux-gnu", "-mno-sse", "-mno-mmx", "-DCC_USING_FENTRY"),
    "arm64": (
        "--target=aarch64-linux-gnu",
        "-mgeneral-regs-only",
        '-DARM64_ASM_ARCH="armv8.5-a"',
    ),
}

_UNTRACED = ("-DNOTRACE",)
"""The kernel's own word for a file without tracepoints (include/linux/tracepoint.h). Those of a
file system expand to fifty times its text, and what they do with a page is to print it."""

_DIALECT = (
    ("-funsigned-char", r"-funsigned-char\b"),
    ("-fms-extensions", r"-fms-extensions\b|\bCONFIG_CC_MS_EXTENSIONS\b"),
)
"""Options that change what C means and came with some release, and the word in the top
Makefile that shows a tree uses them."""


def common(tree: KernelTree, dirs: Iterable[str]) -> tuple[str, ...]:
    """The arguments for any file of the tree, without the forced includes.

    `dirs` is the header search path. A file's own name is not told to it: KBUILD_MODNAME and
    kin are the same for all.
    """
    makefile = read_text(Path(tree.root, "Makefile"))
    return (
        "-xc",
        "-std=gnu11",
        "-nostdinc",
        "-w",
        "-ferror-limit=0",
        "-fshort-wchar",
        "-fno-strict-aliasing",
        *(flag for flag, mentioned in _DIALECT if re.search(mentioned, makefile)),
        *_TARGETS[tree.arch],
        "-D__KERNEL__",
        *_UNTRACED,
        '-DKBUILD_MODNAME="flaglint"',
        '-DKBUILD_BASENAME="flaglint"',
        '-DKBUILD_MODFILE="flaglint"',
        "-D__KBUILD_MODNAME=kmod_flaglint",
        *(f"-I{folder}" for folder in dirs),
    )


def forced_includes(tree: KernelTree, generated: Path) -> tuple[str, ...]:
    """The headers that Kbuild puts before every file, as far as the tree has them.

    A tree so small that it lacks kconfig.h gets the configuration itself, from `generated`.
    """
    names = ("compiler-version.h", "kconfig.h", "compiler_types.h")
    paths = [Path(tree.root, "include/linux", name) for name in names]
    if not paths[1].is_file():
        paths[1] = generated / "include/generated/autoconf.h"
    return tuple(word for path in paths if path.is_file() for word in ("-include", str(path)))


def per_file(tree: KernelTree, known: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Per file, what compile_commands.json says beyond the `known` arguments.

    The dialect is left out: a file of another dialect could not use the precompiled header.
    """
    common_words = set(known)
    result: dict[str, tuple[str, ...]] = {}
    for file, words in command_options(tree).items():
        kept: list[str] = []
        queue = iter(words)
        for word in queue:
            if word.startswith(("-I", "-i")):
                value = next(queue)
                joined = [f"-I{value}"] if word == "-I" else [word, value]
                if joined[-1] not in common_words:
                    kept += joined
            elif word not in common_words and not re.match(
                r"-D(__)?KBUILD_|-D__KERNEL__\b|-std=|-m(32|64)$", word
            ):
                kept.append(word)
        if kept:
            result[file] = tuple(kept)
    return result
