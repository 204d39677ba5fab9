"""What a kernel's folders are for, known before any tree is opened.

Interface: `ARCHES`, `arch_of`, `holds_kernel_code`.
"""

from __future__ import annotations

ARCHES = {"x86_64": "x86", "arm64": "arm64"}
"""Supported architectures, the default one first, and the directory of each under arch/."""

_NO_KERNEL_CODE = frozenset(
    ("Documentation", "tools", "samples", "scripts", "usr", "rust", "certs")
)


def arch_of(srcarch: str) -> str | None:
    """The architecture whose directory under arch/ has this name; None if it is not supported."""
    return next((arch for arch, folder in ARCHES.items() if folder == srcarch), None)


def holds_kernel_code(top: str) -> bool:
    """Whether code that runs in the kernel is compiled from this folder at the tree's top."""
    return top not in _NO_KERNEL_CODE
