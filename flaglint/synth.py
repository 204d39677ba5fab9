"""The headers a kernel build would generate, made by text alone from an unbuilt tree.

The idea: of what `make prepare` leaves behind, C parsing needs little: `asm/mmzone.h` when
arch/x86/include/asm/Kbuild says `generic-y += mmzone.h` is one line that includes
`<asm-generic/mmzone.h>`, and `CONFIG_KSM=y` is one #define of autoconf.h.

Invariants: everything is written below the output directory, which the caller keeps outside
the tree; the same tree and configuration give the same bytes; what the tree lacks (a Kbuild
file, a table) leaves its header empty or out, never an error.

Limits: constants that only a compiler knows (bounds.h) are asked from the frontend, which finds
the questions in `offset_sources` and has the answers written by `write_offsets`. Generated
headers that only assembler or a decompressor reads stay empty.

Interface: `write_headers`, then `offset_sources` and `write_offsets`; `include_dirs` is the
search path over the result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from flaglint import synth_arm64
from flaglint.tree import KernelTree, read_text

SCHEME = 2
"""Raise when the headers' content changes for an unchanged tree: caches are keyed by it."""


class OffsetSource(msgspec.Struct, frozen=True):
    """A C file of DEFINE(name, value) lines, and the generated header its values go to.

    `source` is relative to the tree's root, `header` to the output directory.
    """

    source: str
    header: str


def write_headers(tree: KernelTree, out: Path) -> None:
    """Write every header that text can give below `out`; raises OSError on a full disk."""
    arch = f"arch/{tree.srcarch}/include"
    for kind, generic in (("", "include/asm-generic"), ("uapi/", "include/uapi/asm-generic")):
        names = _wrappers(tree, f"{arch}/{kind}asm", generic)
        _write_all(
            out,
            {
                f"{arch}/generated/{kind}asm/{name}": f"#include <asm-generic/{name}>\n"
                for name in names
            },
        )
        for name in _listed(tree, f"{arch}/{kind}asm/Kbuild", ("generated", "syscall")):
            _write(out / arch / "generated" / f"{kind}asm" / name, "")
    if tree.srcarch == "x86":
        _write_x86(tree, out / arch / "generated")
    else:
        _write_arm64(tree, out / arch / "generated")
    numbers = [int(part) for part in re.findall(r"\d+", tree.version.split("-")[0])]
    version, patchlevel, sublevel = (*numbers, 0, 0, 0)[:3]
    code = (version << 16) + (patchlevel << 8) + min(sublevel, 255)
    _write_all(
        out / "include/generated",
        {
            "autoconf.h": autoconf(tree.config),
            "bounds.h": "",
            "timeconst.h": timeconst(int(tree.symbols.get("CONFIG_HZ", "250"))),
            "utsrelease.h": f'#define UTS_RELEASE "{tree.version}"\n',
            "utsversion.h": '#define UTS_VERSION "#1 SMP"\n',
            "compile.h": _COMPILE,
            "package.h": '#define LINUX_PACKAGE_ID ""\n',
            "uapi/linux/version.h": (
                f"#define LINUX_VERSION_CODE {code}\n"
                "#define KERNEL_VERSION(a, b, c) "
                "(((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))\n"
                f"#define LINUX_VERSION_MAJOR {version}\n"
                f"#define LINUX_VERSION_PATCHLEVEL {patchlevel}\n"
                f"#define LINUX_VERSION_SUBLEVEL {sublevel}\n"
            ),
            **dict.fromkeys(_EMPTY, ""),
        },
    )
    # The compiler's own header, which the wheel does not ship and old kernels include.
    _write(out / "compiler/stdarg.h", _STDARG)


def include_dirs(tree: KernelTree, generated: Path) -> tuple[str, ...]:
    """The header search path, in Kbuild's order, over the tree and `generated`."""
    arch = f"arch/{tree.srcarch}/include"
    root = Path(tree.root)
    return tuple(
        str(folder)
        for folder in (
            root / arch,
            generated / arch / "generated",
            root / "include",
            generated / "include",
            root / arch / "uapi",
            generated / arch / "generated/uapi",
            root / "include/uapi",
            generated / "include/generated/uapi",
            generated / "compiler",
        )
        if folder.is_dir()
    )


def offset_sources(tree: KernelTree) -> tuple[OffsetSource, ...]:
    """The tree's files of compile-time constants, in the order they build on each other."""
    candidates = (
        OffsetSource("kernel/bounds.c", "include/generated/bounds.h"),
        OffsetSource(
            f"arch/{tree.srcarch}/kernel/asm-offsets.c", "include/generated/asm-offsets.h"
        ),
        OffsetSource("kernel/sched/rq-offsets.c", "include/generated/rq-offsets.h"),
    )
    return tuple(item for item in candidates if Path(tree.root, item.source).is_file())


def write_offsets(out: Path, header: str, values: Mapping[str, int]) -> None:
    """Write one header of `offset_sources` with the values the compiler gave."""
    _write(out / header, "".join(f"#define {name} {value}\n" for name, value in values.items()))


def autoconf(config: Iterable[tuple[str, str]]) -> str:
    """autoconf.h for .config symbols: y is 1, m is 1 under the _MODULE name."""
    lines = []
    for name, value in config:
        if value == "m":
            lines.append(f"#define {name}_MODULE 1")
        else:
            lines.append(f"#define {name} {'1' if value == 'y' else value}")
    return "\n".join(lines) + "\n"


def timeconst(hz: int) -> str:
    """timeconst.h: the multipliers that turn milli-, micro- and nanoseconds into ticks and back.

    A quotient n/d becomes (x * mul + adj) >> shr with mul in the top half of 32 bits.
    """
    lines = ["#include <linux/param.h>", "#include <linux/types.h>"]
    for unit, per_second in (("MSEC", 1_000), ("USEC", 1_000_000)):
        for name, n, d in (
            (f"HZ_TO_{unit}", per_second, hz),
            (f"{unit}_TO_HZ", hz, per_second),
        ):
            shift = 0
            while _scaled(shift, n, d) < 1 << 31:
                shift += 1
            reduced = d // math.gcd(n, d)
            adjust = (1 << shift) * (reduced - 1) // reduced
            lines += [
                f"#define {name}_MUL32 U64_C({_scaled(shift, n, d):#x})",
                f"#define {name}_ADJ32 U64_C({adjust:#x})",
                f"#define {name}_SHR32 {shift}",
            ]
    for unit, per_second in (("MSEC", 1_000), ("USEC", 1_000_000), ("NSEC", 1_000_000_000)):
        common = math.gcd(hz, per_second)
        lines += [
            f"#define HZ_TO_{unit}_NUM {per_second // common}",
            f"#define HZ_TO_{unit}_DEN {hz // common}",
            f"#define {unit}_TO_HZ_NUM {hz // common}",
            f"#define {unit}_TO_HZ_DEN {per_second // common}",
        ]
    return "\n".join(lines) + "\n"


def _scaled(shift: int, n: int, d: int) -> int:
    """n/d in units of 2**-shift, rounded up."""
    return ((n << shift) + d - 1) // d


def _wrappers(tree: KernelTree, folder: str, generic: str) -> list[str]:
    """Headers of `folder` that are to be taken from asm-generic."""
    wanted = set(_listed(tree, f"{folder}/Kbuild", ("generic",)))
    for name in _listed(tree, f"{generic}/Kbuild", ("mandatory",)):
        if not Path(tree.root, folder, name).exists():
            wanted.add(name)
    return sorted(wanted)


def _listed(tree: KernelTree, kbuild: str, kinds: Iterable[str]) -> list[str]:
    """Plain header names on the `<kind>-y +=` lines of a Kbuild file."""
    text = read_text(Path(tree.root, kbuild)).replace("\\\n", " ")
    pattern = rf"^[ \t]*(?:{'|'.join(kinds)})-y[ \t]*[:+]?=([^#\n]*)"
    names = " ".join(re.findall(pattern, text, re.M)).split()
    return [name for name in names if re.fullmatch(r"[\w-]+\.h", name)]


def _write_x86(tree: KernelTree, generated: Path) -> None:
    tables = "arch/x86/entry/syscalls"
    long_mode = _syscalls(tree, f"{tables}/syscall_64.tbl", ("common", "64"))
    compat = _syscalls(tree, f"{tables}/syscall_32.tbl", ("i386",))
    _write_all(
        generated,
        {
            "uapi/asm/unistd_64.h": _unistd(long_mode, "__NR_"),
            "uapi/asm/unistd_32.h": _unistd(compat, "__NR_"),
            "uapi/asm/unistd_x32.h": "",
            "asm/unistd_32_ia32.h": _unistd(compat, "__NR_ia32_"),
            "asm/unistd_64_x32.h": "",
            "asm/cpufeaturemasks.h": _FEATURE_MASKS,
        },
    )


def _write_arm64(tree: KernelTree, generated: Path) -> None:
    _write_all(generated, synth_arm64.headers(tree))
    native = _syscalls(
        tree, "scripts/syscall.tbl", ("common", "64", "renameat", "rlimit", "memfd_secret")
    )
    if native:
        _write(generated / "uapi/asm/unistd_64.h", _unistd(native, "__NR_"))
    compat = _syscalls(tree, "arch/arm64/tools/syscall_32.tbl", ("common", "eabi"))
    _write(generated / "asm/unistd_32.h", _unistd(compat, "__NR_"))
    _write(generated / "asm/unistd_compat_32.h", _unistd(compat, "__NR_compat32_"))


def _syscalls(tree: KernelTree, table: str, abis: Iterable[str]) -> dict[str, int]:
    """System call numbers by name, from the rows of a .tbl file for any of `abis`."""
    accepted = set(abis)
    rows = re.findall(r"^(\d+)\s+(\w+)\s+(\w+)", read_text(Path(tree.root, table)), re.M)
    return {name: int(number) for number, abi, name in rows if abi in accepted}


def _unistd(calls: Mapping[str, int], prefix: str) -> str:
    lines = [f"#define {prefix}{name} {number}\n" for name, number in calls.items()]
    total = max(calls.values(), default=-1) + 1
    return "".join(lines) + f"#define {prefix}syscalls {total}\n"


def _write_all(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        _write(folder / name, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


_EMPTY = (
    "asm-offsets.h",
    "rq-offsets.h",
    "vdso-offsets.h",
    "autoksyms.h",
    "integer-wrap.h",
    "gcc-plugins.h",
    "randstruct_hash.h",
    "randomize_layout_hash.h",
)

_COMPILE = (
    '#define UTS_MACHINE "unknown"\n'
    '#define UTS_VERSION "#1 SMP"\n'
    '#define LINUX_COMPILE_BY "flaglint"\n'
    '#define LINUX_COMPILE_HOST "localhost"\n'
    '#define LINUX_COMPILER "clang"\n'
)

_STDARG = (
    "#ifndef FLAGLINT_STDARG_H\n"
    "#define FLAGLINT_STDARG_H\n"
    "typedef __builtin_va_list va_list;\n"
    "#define va_start(list, last) __builtin_va_start(list, last)\n"
    "#define va_end(list) __builtin_va_end(list)\n"
    "#define va_arg(list, type) __builtin_va_arg(list, type)\n"
    "#define va_copy(to, from) __builtin_va_copy(to, from)\n"
    "#endif\n"
)

_FEATURE_MASKS = "#define REQUIRED_MASK_BIT_SET(x) 0\n#define DISABLED_MASK_BIT_SET(x) 0\n"
