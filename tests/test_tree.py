"""The tree stage: finding the root, refusing what is no kernel, and reading configurations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flaglint.shipped import VARIANTS, shipped_config, variant_file
from flaglint.tree import (
    TreeError,
    c_files,
    open_tree,
    read_autoconf,
    read_config,
)
from tests.small_tree import small_tree


def refusal(path: Path, *, config: Path | None = None, objtree: Path | None = None) -> str:
    with pytest.raises(TreeError) as caught:
        open_tree(path, config=config, objtree=objtree)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("inside", [".", "mm", "mm/rmap.c", "include/linux"])
def test_root_is_found_from_anywhere_inside(tmp_path: Path, inside: str) -> None:
    root = small_tree(tmp_path / "linux", {"mm/rmap.c": "int x;\n"})
    tree = open_tree(root / inside)
    assert (tree.root, tree.path, tree.version) == (str(root), inside, "6.12.117")


def test_a_link_to_the_tree_is_the_tree(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    (tmp_path / "link").symlink_to(root)
    assert open_tree(tmp_path / "link").root == str(root)


@pytest.mark.parametrize(
    ("makefile", "version"),
    [
        ("VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\n", "7.0.0-rc3"),
        ("VERSION = 6\nPATCHLEVEL = 1\n", "6.1.0"),
        ("VERSION = $(shell cat version)\n", "unknown"),
        ("all:\n", "unknown"),
    ],
)
def test_version_is_read_not_evaluated(tmp_path: Path, makefile: str, version: str) -> None:
    assert open_tree(small_tree(tmp_path, {"Makefile": makefile})).version == version


def test_a_tree_without_a_makefile_opens(tmp_path: Path) -> None:
    root = small_tree(tmp_path, {"mm/rmap.c": "int x;\n"})
    (root / "Makefile").unlink()
    assert open_tree(root).version == "unknown"


def test_what_is_no_kernel_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert "not in a kernel tree" in refusal(tmp_path / "plain")
    assert "no such file or directory" in refusal(tmp_path / "gone")
    assert "no such file or directory" in refusal(tmp_path / "go\nne")


def test_a_tree_without_page_flags_is_told_apart(tmp_path: Path) -> None:
    root = small_tree(tmp_path, {"mm/rmap.c": "int x;\n", "Kbuild": "obj-y += mm/\n"})
    (root / "include/linux/page-flags.h").unlink()
    assert "without include/linux/page-flags.h" in refusal(root / "mm")


def test_an_empty_page_flags_header_is_refused(tmp_path: Path) -> None:
    root = small_tree(tmp_path, {"include/linux/page-flags.h": ""})
    assert "page-flags.h: empty" in refusal(root)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("mm/empty.c", b"", "empty file"),
        ("mm/blank.c", b" \n\t\n", "empty file"),
        ("mm/notes.txt", b"hello\n", "not a C file"),
        ("mm/image.c", b"\x7fELF\0\0\0", "binary data"),
    ],
)
def test_files_that_are_no_c_are_refused(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    root = small_tree(tmp_path, {name: ""})
    (root / name).write_bytes(content)
    assert reason in refusal(root / name)


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="x86_64"):
        open_tree(small_tree(tmp_path), arch="pdp11")


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_shipped_configurations_turn_mm_on(arch: str) -> None:
    symbols = dict(read_config(shipped_config(arch)))
    features = (
        "TRANSPARENT_HUGEPAGE HUGETLB_PAGE MEMORY_FAILURE MEMORY_HOTPLUG KSM USERFAULTFD LRU_GEN "
        "ZONE_DEVICE DEVICE_PRIVATE MIGRATION COMPACTION CMA PAGE_IDLE_FLAG PAGE_REPORTING MEMCG "
        "NUMA SWAP ZSWAP ZSMALLOC Z3FOLD SHMEM TMPFS NUMA_BALANCING SECRETMEM DEBUG_VM SLUB "
        "SPARSEMEM_VMEMMAP FS_DAX SMP 64BIT MMU"
    )
    assert [name for name in features.split() if symbols.get(f"CONFIG_{name}") != "y"] == []
    assert "CONFIG_DEBUG_VM_PGFLAGS" not in symbols
    assert "CONFIG_SLAB" not in symbols


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_a_variant_is_the_shipped_one_with_something_else(arch: str, tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    shipped = open_tree(root, arch=arch).symbols
    found = {name: open_tree(root, arch=arch, config=variant_file(name)) for name in VARIANTS}
    for name, tree in found.items():
        assert len(shipped.items() & tree.symbols.items()) > len(shipped) - 10, name
    assert "CONFIG_SPARSEMEM_VMEMMAP" not in found["sparsemem"].symbols
    assert found["sparsemem"].symbols["CONFIG_SPARSEMEM"] == "y"
    for name in ("slab", "slob"):
        assert found[name].symbols[f"CONFIG_{name.upper()}"] == "y"
        assert "CONFIG_SLUB" not in found[name].symbols


def test_a_variant_turns_off_what_is_on() -> None:
    """A misspelt name would leave on what it is there to turn off."""
    every = {name for arch in ("x86_64", "arm64") for name, _ in read_config(shipped_config(arch))}
    older = {"CONFIG_HUGETLB_PAGE_FREE_VMEMMAP"}
    for variant in VARIANTS:
        text = variant_file(variant).read_text()
        off = set(re.findall(r"^# (CONFIG_\w+) is not set$", text, re.M))
        assert off <= every | older, variant


def test_a_config_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    config = tmp_path / "mine"
    config.write_text('# CONFIG_KSM is not set\nCONFIG_A=y\nCONFIG_B=m\nCONFIG_C="x y"\nCONFIG_D=n')
    assert open_tree(root, config=config).symbols == {
        "CONFIG_A": "y",
        "CONFIG_B": "m",
        "CONFIG_C": '"x y"',
    }


def test_a_config_without_symbols_is_refused(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    (tmp_path / "mine").write_text("hello\n")
    assert "no CONFIG_ line" in refusal(root, config=tmp_path / "mine")
    assert "give a kernel .config" in refusal(root, config=tmp_path / "gone")


def build_output(folder: Path) -> Path:
    """What `make prepare` leaves behind, as far as the tree stage looks."""
    (folder / "include/generated").mkdir(parents=True)
    (folder / "arch/x86/include/generated/asm").mkdir(parents=True)
    (folder / "include/generated/autoconf.h").write_text(
        "#define CONFIG_KSM 1\n#define CONFIG_NFS_FS_MODULE 1\n#define CONFIG_NR_CPUS 64\n"
    )
    (folder / "include/generated/bounds.h").write_text("#define NR_PAGEFLAGS 3\n")
    return folder


def test_the_trees_own_build_is_used(tmp_path: Path) -> None:
    root = build_output(small_tree(tmp_path))
    tree = open_tree(root)
    assert tree.objtree == str(root)
    assert tree.symbols == {"CONFIG_KSM": "y", "CONFIG_NFS_FS": "m", "CONFIG_NR_CPUS": "64"}


def test_a_build_for_another_architecture_is_not_used(tmp_path: Path) -> None:
    root = build_output(small_tree(tmp_path))
    assert open_tree(root, arch="arm64").objtree == ""


def test_a_given_config_goes_before_the_build(tmp_path: Path) -> None:
    root = build_output(small_tree(tmp_path / "linux"))
    (tmp_path / "mine").write_text("CONFIG_A=y\n")
    tree = open_tree(root, config=tmp_path / "mine")
    assert (tree.objtree, tree.symbols) == ("", {"CONFIG_A": "y"})


def test_an_object_directory_is_used_or_refused(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux")
    output = build_output(tmp_path / "obj")
    assert open_tree(root, objtree=output).objtree == str(output)
    (tmp_path / "none").mkdir()
    assert "run `make prepare`" in refusal(root, objtree=tmp_path / "none")


def test_autoconf_spelling(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text('#define CONFIG_A 1\n#define CONFIG_S "x"\n#define OTHER 1\n')
    assert read_autoconf(tmp_path / "a.h") == (("CONFIG_A", "y"), ("CONFIG_S", '"x"'))


def test_c_files_stay_in_the_tree(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux", {"mm/b.c": "", "mm/damon/a.c": "", "mm/b.h": ""})
    (tmp_path / "outside.c").write_text("int x;\n")
    (root / "mm/out.c").symlink_to(tmp_path / "outside.c")
    (root / "mm/loop").symlink_to(root)
    tree = open_tree(root)
    assert c_files(tree, "mm") == ("mm/b.c", "mm/damon/a.c")
    assert c_files(tree, "mm/b.c") == ("mm/b.c",)
    assert c_files(tree) == ("mm/b.c", "mm/damon/a.c")


def test_real_kernel_opens(kernel: Path) -> None:
    tree = open_tree(kernel / "mm/rmap.c")
    assert tree.path == "mm/rmap.c"
    assert tree.version.startswith(("6.12.", "6.1."))
    assert "mm/huge_memory.c" in c_files(tree, "mm")
