"""The headers made without a build."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint import synth, synth_arm64
from flaglint.tree import KernelTree, open_tree
from tests.small_tree import small_tree

KBUILD = {
    "arch/x86/include/asm/Kbuild": (
        "generated-y += made.h\ngeneric-y += \\\n\tearly.h\ngeneric-y += a b.c\n"
    ),
    "arch/x86/include/asm/own.h": "",
    "arch/x86/include/uapi/asm/Kbuild": "generated-y += unistd_64.h\n",
    "include/asm-generic/Kbuild": "mandatory-y += own.h\nmandatory-y += lent.h # why\n",
    "include/uapi/asm-generic/Kbuild": "mandatory-y += types.h\n",
    "arch/x86/entry/syscalls/syscall_64.tbl": (
        "# c\n0\tcommon\tread\tsys_read\n7\t64\tpoll\ty\n9\tx32\tz\ty\n"
    ),
}


def written(tree: KernelTree, out: Path) -> dict[str, str]:
    synth.write_headers(tree, out)
    return {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*.h")}


def test_wrappers_come_from_kbuild_files(tmp_path: Path) -> None:
    tree = open_tree(small_tree(tmp_path / "linux", KBUILD))
    made = written(tree, tmp_path / "out")
    folder = "arch/x86/include/generated"
    assert made[f"{folder}/asm/early.h"] == "#include <asm-generic/early.h>\n"
    assert made[f"{folder}/asm/lent.h"] == "#include <asm-generic/lent.h>\n"
    assert made[f"{folder}/uapi/asm/types.h"] == "#include <asm-generic/types.h>\n"
    assert made[f"{folder}/asm/made.h"] == ""
    assert f"{folder}/asm/own.h" not in made
    assert f"{folder}/asm/a" not in made


def test_the_tree_stays_as_it_was(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux", KBUILD)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    synth.write_headers(open_tree(root), tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    tree = open_tree(small_tree(tmp_path / "linux", KBUILD))
    assert written(tree, tmp_path / "one") == written(tree, tmp_path / "two")


def test_system_call_numbers(tmp_path: Path) -> None:
    tree = open_tree(small_tree(tmp_path / "linux", KBUILD))
    made = written(tree, tmp_path / "out")["arch/x86/include/generated/uapi/asm/unistd_64.h"]
    assert made == "#define __NR_read 0\n#define __NR_poll 7\n#define __NR_syscalls 8\n"


def test_a_tree_with_next_to_nothing_is_enough(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    (root / "Makefile").write_text("all:\n")
    (root / "mm").mkdir()
    tree = open_tree(root)
    made = written(tree, tmp_path / "out")
    assert "#define CONFIG_KSM 1\n" in made["include/generated/autoconf.h"]
    assert synth.offset_sources(tree) == ()
    dirs = synth.include_dirs(tree, tmp_path / "out")
    assert str(root / "include") in dirs
    assert all(Path(folder).is_dir() for folder in dirs)


@pytest.mark.parametrize(
    ("version", "code"),
    [("6.12.117", 0x060C75), ("5.10.300", 0x050AFF), ("7.0.0-rc3", 0x070000), ("unknown", 0)],
)
def test_version_code(tmp_path: Path, version: str, code: int) -> None:
    tree = KernelTree(root=str(tmp_path), path=".", version=version, arch="x86_64", config=())
    made = written(tree, tmp_path / "out")["include/generated/uapi/linux/version.h"]
    assert f"#define LINUX_VERSION_CODE {code}\n" in made


def test_autoconf() -> None:
    config = (("CONFIG_A", "y"), ("CONFIG_B", "m"), ("CONFIG_C", "64"), ("CONFIG_D", '"x"'))
    assert synth.autoconf(config).splitlines() == [
        "#define CONFIG_A 1",
        "#define CONFIG_B_MODULE 1",
        "#define CONFIG_C 64",
        '#define CONFIG_D "x"',
    ]


@given(hz=st.sampled_from([24, 100, 128, 250, 256, 300, 1000, 1200]), time=st.integers(0, 2**20))
def test_time_constants_divide_rounding_up(hz: int, time: int) -> None:
    values = {
        name: int(value, 0)
        for name, value in re.findall(r"#define (\w+) (?:U64_C\()?(\w+)", synth.timeconst(hz))
    }
    for name, per_second in (("MSEC", 1_000), ("USEC", 1_000_000)):
        mul, adjust, shift = (
            values[f"{name}_TO_HZ_{part}"] for part in ("MUL32", "ADJ32", "SHR32")
        )
        assert mul < 1 << 32
        exact = Fraction(time * hz, per_second)
        assert abs(((mul * time + adjust) >> shift) - exact) <= 1
        assert Fraction(values[f"{name}_TO_HZ_NUM"], values[f"{name}_TO_HZ_DEN"]) == Fraction(
            hz, per_second
        )


def test_known_time_constants() -> None:
    made = synth.timeconst(250)
    for line in (
        "#define HZ_TO_MSEC_MUL32 U64_C(0x80000000)",
        "#define HZ_TO_MSEC_SHR32 29",
        "#define MSEC_TO_HZ_MUL32 U64_C(0x80000000)",
        "#define MSEC_TO_HZ_ADJ32 U64_C(0x180000000)",
        "#define MSEC_TO_HZ_SHR32 33",
    ):
        assert line in made.splitlines()


def test_offsets_are_written_as_given(tmp_path: Path) -> None:
    synth.write_offsets(tmp_path, "include/generated/bounds.h", {"A": 3, "B": -1})
    made = (tmp_path / "include/generated/bounds.h").read_text()
    assert made == "#define A 3\n#define B -1\n"


SYSREG = """\
# comment
SysregFields	SHARED
Field	1	ON
EndSysregFields

Sysreg	REG_EL1	3	0	1	2	4
Res0	63:32
UnsignedEnum	31:28	RAS
	0b0000	NI
	0b0001	IMP
EndEnum
Field	27	TX
Res1	26:0
EndSysreg

Sysreg	OTHER_EL1	3	0	1	2	5
Fields	SHARED
Strange	new	line
EndSysreg
"""


def test_arm64_tables(tmp_path: Path) -> None:
    root = small_tree(
        tmp_path,
        {
            "arch/arm64/tools/sysreg": SYSREG,
            "arch/arm64/tools/cpucaps": "# c\nBTI\nHAS_CNP\n",
            "arch/arm64/include/uapi/asm/hwcap.h": "#define HWCAP_FP\t1\n#define HWCAP2_X 1\n",
        },
    )
    made = synth_arm64.headers(open_tree(root, arch="arm64"))
    assert made["asm/cpucap-defs.h"].splitlines() == [
        "#define ARM64_BTI 0",
        "#define ARM64_HAS_CNP 1",
        "#define ARM64_NCAPS 2",
    ]
    assert made["asm/kernel-hwcap.h"].splitlines() == [
        "#define KERNEL_HWCAP_FP __khwcap_feature(FP)",
        "#define KERNEL_HWCAP_X __khwcap2_feature(X)",
    ]
    lines = made["asm/sysreg-defs.h"].splitlines()
    for expected in (
        "#define SHARED_ON_MASK GENMASK(1, 1)",
        "#define SYS_REG_EL1 sys_reg(3, 0, 1, 2, 4)",
        "#define REG_REG_EL1 S3_0_C1_C2_4",
        "#define SYS_REG_EL1_CRm 2",
        "#define REG_EL1_RAS_WIDTH 4",
        "#define REG_EL1_RAS_SIGNED false",
        "#define REG_EL1_RAS_IMP UL(0b0001)",
        "#define REG_EL1_TX_SHIFT 27",
        "#define REG_EL1_RES0 (UL(0) | GENMASK_ULL(63, 32))",
        "#define REG_EL1_RES1 (UL(0) | GENMASK_ULL(26, 0))",
        "#define SYS_OTHER_EL1_Op2 5",
    ):
        assert expected in lines
    assert not any(line.startswith("#define OTHER_EL1_RES0") for line in lines)
