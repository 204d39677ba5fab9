"""What a tree's Kconfig files take away from an assumed configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from flaglint.kconfig import fit
from tests.small_tree import small_tree

ARCH = """\
config X86
	def_bool y
	select ARCH_HAS_PKEYS
	select ARCH_SPELLED \\
		if SMP
"""
GENERIC = """\
config ARCH_HAS_PKEYS
	bool

config ARCH_SPELLED
	bool

config ARCH_HAS_LATER
	bool
	help
	default y would turn it on, were this not the help text.

config ARCH_WITH_DEFAULT
	bool
	default y

config NEEDS_LATER
	bool "Needs what is not there"
	depends on ARCH_HAS_LATER && SMP

config NEEDS_EITHER
	bool "Needs one of two"
	depends on ARCH_HAS_LATER || ARCH_HAS_PKEYS

config NEEDS_NEEDS
	tristate "Two steps away"
	depends on NEEDS_LATER

config SELECTED_BY_A_DRIVER
	bool
"""


def fitted(tmp_path: Path, *names: str, arch: str = ARCH) -> set[str]:
    root = small_tree(tmp_path, {"arch/x86/Kconfig": arch, "mm/Kconfig": GENERIC})
    kept = fit(tuple((f"CONFIG_{name}", "y") for name in names), root, "x86")
    return {name.removeprefix("CONFIG_") for name, _ in kept}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("ARCH_HAS_PKEYS", True),
        ("ARCH_SPELLED", True),
        ("ARCH_HAS_LATER", False),
        ("ARCH_WITH_DEFAULT", True),
        ("ARCH_OF_ANOTHER", False),
        ("NEEDS_LATER", False),
        ("NEEDS_EITHER", True),
        ("NEEDS_NEEDS", False),
        ("SELECTED_BY_A_DRIVER", True),
        ("UNKNOWN_DRIVER", True),
    ],
)
def test_a_symbol_goes_only_on_evidence(tmp_path: Path, name: str, kept: bool) -> None:
    assert (name in fitted(tmp_path, name)) == kept


def test_values_stay(tmp_path: Path) -> None:
    root = small_tree(tmp_path, {"arch/x86/Kconfig": ARCH, "mm/Kconfig": GENERIC})
    config = (("CONFIG_ARCH_HAS_LATER", "5"), ("CONFIG_NR_CPUS", "64"))
    assert fit(config, root, "x86") == config


def test_a_tree_without_kconfig_loses_nothing(tmp_path: Path) -> None:
    config = (("CONFIG_ARCH_HAS_LATER", "y"),)
    assert fit(config, small_tree(tmp_path), "x86") == config


def test_nothing_is_evaluated(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    arch = f"config X86\n\tdef_bool $(shell,touch {marker})\n\tselect ARCH_HAS_PKEYS\n"
    assert "ARCH_HAS_PKEYS" in fitted(tmp_path / "linux", "ARCH_HAS_PKEYS", arch=arch)
    assert not marker.exists()
