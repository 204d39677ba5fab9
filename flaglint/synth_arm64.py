"""arm64's generated headers, from the tables a build makes them of.

The idea: `Field 31:27 VPMR` inside `Sysreg ICH_VMCR_EL2 3 4 12 11 7` stands for a mask, a shift
and a width, named after the register; a capability is its place in a list.

Invariants: an unknown line of a table is skipped, so a newer table loses only what is new in it.

Limits: bits are not checked to be complete or disjoint; the kernel's own build does that.

Interface: `headers`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from flaglint.tree import KernelTree, read_text

_TOOLS = "arch/arm64/tools"


def headers(tree: KernelTree) -> dict[str, str]:
    """The generated headers by path below arch/arm64/include/generated."""
    root = Path(tree.root)
    capabilities = _capabilities(read_text(root / _TOOLS / "cpucaps"))
    hwcaps = read_text(root / "arch/arm64/include/uapi/asm/hwcap.h")
    return {
        "asm/sysreg-defs.h": "".join(_registers(read_text(root / _TOOLS / "sysreg"))),
        # One list under two names: the header was renamed when a hand-written one took cpucaps.h.
        "asm/cpucap-defs.h": capabilities,
        **(
            {}
            if (root / "arch/arm64/include/asm/cpucaps.h").is_file()
            else {"asm/cpucaps.h": capabilities}
        ),
        "asm/kernel-hwcap.h": "".join(
            f"#define KERNEL_HWCAP_{name} __khwcap{word}_feature({name})\n"
            for word, name in re.findall(r"^#define\s+HWCAP(\d*)_([A-Z0-9_]+)", hwcaps, re.M)
        ),
    }


def _capabilities(table: str) -> str:
    names = re.findall(r"^[A-Za-z0-9_]+$", table, re.M)
    lines = [f"#define ARM64_{name} {number}\n" for number, name in enumerate(names)]
    return "".join(lines) + f"#define ARM64_NCAPS {len(names)}\n"


def _registers(table: str) -> Iterator[str]:
    """The #define lines of the system register table."""
    register = prefix = field = ""
    reserved: dict[str, list[str]] = defaultdict(list)
    shared = False
    for line in table.splitlines():
        match line.split("#")[0].split():
            case ["Sysreg", name, *encoding] if len(encoding) == 5:
                register, prefix, shared = name, "", False
                yield from _encoding(name, encoding)
            case ["SysregFields", name]:
                register, prefix, shared = name, "", False
            case ["Fields", _]:
                shared = True
            case ["Prefix", name]:
                prefix = f"{name}_"
            case ["EndSysreg" | "EndSysregFields" | "EndPrefix"]:
                if not shared:
                    for kind in ("RES0", "RES1", "UNKN"):
                        mask = " | ".join(["UL(0)", *reserved[kind]])
                        yield f"#define {prefix}{register}_{kind} ({mask})\n"
                reserved.clear()
                prefix = ""
            case ["Res0" | "Res1" | "Unkn" as kind, bits]:
                high, low = _bits(bits)
                reserved[kind.upper()].append(f"GENMASK_ULL({high}, {low})")
            case ["Field" | "Enum" | "SignedEnum" | "UnsignedEnum" as kind, bits, name]:
                field = f"{prefix}{register}_{name}"
                yield from _field(kind, field, *_bits(bits))
            case [value, name] if re.fullmatch(r"0b[01]+", value):
                yield f"#define {field}_{name} UL({value})\n"


def _encoding(name: str, numbers: list[str]) -> Iterator[str]:
    op0, op1, crn, crm, op2 = numbers
    yield f"#define REG_{name} S{op0}_{op1}_C{crn}_C{crm}_{op2}\n"
    yield f"#define SYS_{name} sys_reg({', '.join(numbers)})\n"
    for part, number in zip(("Op0", "Op1", "CRn", "CRm", "Op2"), numbers, strict=True):
        yield f"#define SYS_{name}_{part} {number}\n"


def _field(kind: str, name: str, high: int, low: int) -> Iterator[str]:
    mask = f"GENMASK({high}, {low})"
    yield f"#define {name} {mask}\n#define {name}_MASK {mask}\n"
    yield f"#define {name}_SHIFT {low}\n#define {name}_WIDTH {high - low + 1}\n"
    if kind.endswith("signedEnum") or kind == "SignedEnum":
        yield f"#define {name}_SIGNED {'true' if kind == 'SignedEnum' else 'false'}\n"


def _bits(spelled: str) -> tuple[int, int]:
    """Highest and lowest bit of "31:27" or "5"; (0, 0) when it is neither."""
    match = re.fullmatch(r"(\d{1,2})(?::(\d{1,2}))?", spelled)
    if match is None:
        return (0, 0)
    return (int(match[1]), int(match[2] or match[1]))
