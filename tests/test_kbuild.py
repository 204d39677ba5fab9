"""What Makefiles and compile_commands.json say of one file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flaglint.kbuild import (
    command_options,
    part_of,
    subdir_includes,
    switched_off,
    unbuilt_reason,
)
from flaglint.tree import TreeError, open_tree
from tests.small_tree import small_tree


@pytest.mark.parametrize(
    ("makefile", "expected"),
    [
        ("ccflags-y += -I $(src)/sub", ["fs/x/sub"]),
        ("ccflags-y := -I$(srctree)/$(src) -Wall", ["fs/x"]),
        ("ccflags-y += -I$(srctree)/include/extra", ["include/extra"]),
        ("CFLAGS_a.o := -I$(src)", ["fs/x"]),
        ("CFLAGS_b.o := -I$(src)", []),
        ("subdir-ccflags-y += \\\n\t-I$(src)/sub", ["fs/x/sub"]),
        ("ccflags-y += -I$(shell touch /tmp/x)", []),
        ("ccflags-y += -I$(src)/../../..", []),
        ("ccflags-y += -I/etc", []),
        ("ccflags-y += -I$(src)/gone", []),
    ],
)
def test_include_directories_of_a_makefile(
    tmp_path: Path, makefile: str, expected: list[str]
) -> None:
    root = small_tree(
        tmp_path / "linux",
        {
            "fs/x/Makefile": makefile + "\n",
            "fs/x/a.c": "",
            "fs/x/sub/h.h": "",
            "include/extra/h.h": "",
        },
    )
    found = subdir_includes(open_tree(root), "fs/x/a.c")
    assert [Path(path).relative_to(root).as_posix() for path in found] == expected


def test_subdir_flags_reach_files_below(tmp_path: Path) -> None:
    root = small_tree(tmp_path, {"fs/Makefile": "subdir-ccflags-y := -I$(src)/x\n", "fs/x/a.c": ""})
    assert subdir_includes(open_tree(root), "fs/x/a.c") == (str(root / "fs/x"),)


def test_a_folder_without_a_makefile_is_built_by_the_one_above(tmp_path: Path) -> None:
    makefile = "ccflags-y += -I$(src)\nobj-$(CONFIG_KVM_X) += svm/sev.o\n"
    root = small_tree(tmp_path, {"kvm/Makefile": makefile, "kvm/svm/sev.c": ""})
    tree = open_tree(root)
    assert subdir_includes(tree, "kvm/svm/sev.c") == (str(root / "kvm"),)
    assert unbuilt_reason(tree, "kvm/svm/sev.c") == "CONFIG_KVM_X is off"


@pytest.mark.parametrize(
    ("makefile", "above", "reason"),
    [
        ("obj-$(CONFIG_SLAB_X) += a.o", "", "CONFIG_SLAB_X is off"),
        ("obj-$(CONFIG_SWAP) += a.o", "", ""),
        ("obj-$(CONFIG_SLAB_X) += b.o a.o\nobj-$(CONFIG_SWAP) += a.o", "", ""),
        ("obj-y += a.o", "", ""),
        ("x-$(CONFIG_MMU) := b.o \\\n\ta.o", "", ""),
        (
            "x-y := a.o\nx-$(CONFIG_SWAP) := b.o\nx-$(CONFIG_MMU) += c.o\nobj-y += $(x-y)",
            "",
            "CONFIG_SWAP is on",
        ),
        ("x-y := a.o\nx-$(CONFIG_SLAB_X) := b.o\nobj-y += $(x-y)", "", ""),
        ("x-y := b.o\nx-$(CONFIG_SWAP) := a.o\nobj-y += $(x-y)", "", ""),
        ("obj-y += a.o", "obj-$(CONFIG_SLAB_X) += x/", "CONFIG_SLAB_X is off"),
        ("w-y := b.o a.o\nobj-$(CONFIG_SLAB_X) += w.o", "", "CONFIG_SLAB_X is off"),
        (
            "obj-$(CONFIG_SLAB_X) += w.o\nw-objs += a.o\nw-$(CONFIG_SWAP) += a.o",
            "",
            "CONFIG_SLAB_X is off",
        ),
        ("w-$(CONFIG_SLAB_X) += a.o\nobj-y += w.o", "", "CONFIG_SLAB_X is off"),
        ("w-y := a.o\nobj-$(CONFIG_SLAB_X) += w.o\nv-y := a.o\nobj-y += v.o", "", ""),
        ("a-y := a.o\nobj-y += a.o", "", ""),
        ("", "", ""),
    ],
)
def test_why_a_file_is_not_built(tmp_path: Path, makefile: str, above: str, reason: str) -> None:
    root = small_tree(tmp_path, {"fs/x/Makefile": makefile, "fs/Makefile": above, "fs/x/a.c": ""})
    assert unbuilt_reason(open_tree(root), "fs/x/a.c") == reason


def test_what_would_have_a_file_built(tmp_path: Path) -> None:
    makefile = "obj-$(CONFIG_SLAB_X) += a.o\nobj-$(CONFIG_SLAB_Y) += a.o\nobj-y += b.o\n"
    tree = open_tree(small_tree(tmp_path, {"fs/x/Makefile": makefile, "fs/x/a.c": ""}))
    assert switched_off(tree, "fs/x/a.c") == ("CONFIG_SLAB_X", "CONFIG_SLAB_Y")
    assert unbuilt_reason(tree, "fs/x/a.c") == "CONFIG_SLAB_X and CONFIG_SLAB_Y are off"
    assert switched_off(tree, "fs/x/b.c") == ()
    assert switched_off(tree, "arch/s390/mm/gmap.c") == ()


def test_a_file_that_is_a_part_of_another(tmp_path: Path) -> None:
    """As mm/percpu.c includes percpu-vm.c, which nothing else compiles."""
    files = {
        "mm/Makefile": "obj-y += whole.o own.o\n",
        "mm/whole.c": '# include "part.c"\n#include "own.c"\n',
        "mm/part.c": "",
        "mm/own.c": "",
        "mm/alone.c": '#include "alone.c"\n',
    }
    tree = open_tree(small_tree(tmp_path, files))
    assert part_of(tree, "mm/part.c") == "mm/whole.c"
    assert part_of(tree, "mm/own.c") == part_of(tree, "mm/alone.c") == ""
    assert unbuilt_reason(tree, "mm/part.c") == ""


def test_another_architectures_code_is_named(tmp_path: Path) -> None:
    tree = open_tree(small_tree(tmp_path, {"arch/s390/mm/gmap.c": "", "arch/x86/mm/pat.c": ""}))
    assert unbuilt_reason(tree, "arch/s390/mm/gmap.c") == "code for s390"
    assert unbuilt_reason(tree, "arch/x86/mm/pat.c") == ""
    assert unbuilt_reason(tree, "arch/x86/um/ptrace_64.c") == "code for um"


def database(root: Path, *words: str, file: str = "mm/rmap.c") -> None:
    entry = {"directory": str(root), "file": file, "arguments": ["cc", *words, file]}
    (root / "compile_commands.json").write_text(json.dumps([entry]))


def test_only_harmless_options_are_kept(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux", {"mm/rmap.c": "", "mm/own/h.h": ""})
    (tmp_path / "evil").mkdir()
    database(
        root,
        *("-o", "/tmp/overwritten", "-fplugin=./evil.so", "@response", "-Wp,-MD,x", "-pipe"),
        *("-Xclang", "-load", "-B./bin", "-MF", "deps", "-include", "/etc/passwd"),
        *("-I./mm/own", "-I", "../evil", "-isystem", "/usr/include", "-iquote", "gone"),
        *("-DA=1", "-D", "B", "-UC", "-D@x", "-std=gnu11", "-funsigned-char"),
    )
    assert command_options(open_tree(root)) == {
        "mm/rmap.c": (
            *("-I", str(root / "mm/own")),
            *("-DA=1", "-DB", "-UC", "-std=gnu11", "-funsigned-char"),
        )
    }


def test_a_command_line_is_split_not_run(tmp_path: Path) -> None:
    root = small_tree(tmp_path, {"mm/rmap.c": ""})
    entry = {
        "directory": str(root),
        "file": "mm/rmap.c",
        "command": "cc $(touch ran) '-DNAME=\"a b\"' -c mm/rmap.c; touch ran",
    }
    (root / "compile_commands.json").write_text(json.dumps([entry]))
    assert command_options(open_tree(root)) == {"mm/rmap.c": ('-DNAME="a b"',)}
    assert not (root / "ran").exists()


def test_files_outside_the_tree_are_left_out(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    (tmp_path / "other.c").write_text("")
    database(root, "-DA", file="../other.c")
    assert command_options(open_tree(root)) == {}


@pytest.mark.parametrize("text", ["", "{}", '[{"file": 1}]', "[[]]"])
def test_a_broken_database_is_one_clear_line(tmp_path: Path, text: str) -> None:
    root = small_tree(tmp_path, {"compile_commands.json": text})
    with pytest.raises(TreeError, match="no compilation database") as caught:
        command_options(open_tree(root))
    assert "\n" not in str(caught.value)


def test_a_tree_without_a_database_has_no_options(tmp_path: Path) -> None:
    assert command_options(open_tree(small_tree(tmp_path))) == {}


def test_reasons_in_a_real_kernel(kernel: Path) -> None:
    tree = open_tree(kernel)
    assert unbuilt_reason(tree, "mm/kasan/common.c") == "CONFIG_KASAN is off"
    assert unbuilt_reason(tree, "mm/ksm.c") == ""
    assert str(kernel.resolve() / "fs/xfs/libxfs") in subdir_includes(tree, "fs/xfs/xfs_aops.c")
