"""`make C=1 CHECK=flaglint`: a real make calls the checker as Kbuild does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.expectations import MINI_KERNEL
from tests.gittrees import SITE, edit

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")

OTHER = "mm/memory-failure.c"
# What Kbuild passes, in its order: sparse's options, the compiler's, and the file last.
MAKEFILE = """\
export srctree := {srctree}
export objtree := .
export SRCARCH := x86
export ARCH := x86
FLAGS := -D__linux__ -Dlinux -D__STDC__ -Dunix -D__unix__ -Wbitwise -Wno-return-void \\
	-D__x86_64__ --arch=x86 -mlittle-endian -m64 -Wp,-MMD,mm/.x.o.d \\
	-nostdinc -I$(srctree)/include \\
	-include $(srctree)/include/linux/kconfig.h -D__KERNEL__ -std=gnu11 -O2 -DKBUILD_MODNAME='"x"'
OBJECTS := $(patsubst $(srctree)/%.c,%.o,$(wildcard $(srctree)/mm/*.c))
all: $(OBJECTS)
VPATH := $(srctree)
%.o: %.c
	@mkdir -p $(dir $@)
	$(CHECK) $(FLAGS) $<
	@touch $@
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "linux"
    shutil.copytree(MINI_KERNEL, root)
    return root


def make(objtree: Path, srctree: str, cache: Path) -> subprocess.CompletedProcess[str]:
    makefile = objtree / "build.mk"
    makefile.write_text(MAKEFILE.format(srctree=srctree))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    python = f"{sys.executable} -m flaglint"
    return subprocess.run(
        ["make", "-s", "-j2", "-f", "build.mk", f"CHECK={python}"],
        cwd=objtree,
        env=kept | {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(MINI_KERNEL.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if ": warning: " in line]


def test_the_build_goes_on_and_hears_of_both_halves(root: Path, tmp_path: Path) -> None:
    done = make(root, ".", tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("analysing the whole tree") == 1
    plain, lost = sorted(warnings(done.stderr))
    assert plain.startswith(f"{SITE}:55:3: warning: plain RMW of the second page's flags")
    assert lost.startswith(f"{OTHER}:35:3: warning: folio_set_has_hwpoisoned() changes")
    built = len(list((root / "mm").glob("*.o")))
    assert built == len(list((root / "mm").glob("*.c"))) > 5

    edit(root, "mm/swap.c", "#include", "/* x */\n#include")
    done = make(root, ".", tmp_path / "cache")
    assert done.returncode == 0
    assert done.stderr.count("analysing the whole tree") == 1
    assert warnings(done.stderr) == [], "only swap.c was compiled"

    edit(root, SITE, "gets tight", "gets scarce")
    (root / "flaglint.toml").write_text(
        '[[suppress]]\nrule = "FL001"\nfunction = "deferred_split_folio"\nreason = "known"\n'
    )
    done = make(root, ".", tmp_path / "cache")
    assert (done.returncode, warnings(done.stderr)) == (0, [])


def test_a_tree_that_cannot_be_analysed_does_not_break_the_build(
    root: Path, tmp_path: Path
) -> None:
    (root / "include/linux/page-flags.h").write_text("")
    done = make(root, ".", tmp_path / "cache")
    assert done.returncode == 0
    # Once for all files; two that start at the same moment may both find out.
    assert done.stderr.count("not analysed: ") in (1, 2)
    assert "page-flags.h: empty" in done.stderr


def test_an_objtree_that_is_not_ready_does_not_break_it_either(root: Path, tmp_path: Path) -> None:
    objtree = tmp_path / "out"
    objtree.mkdir()
    done = make(objtree, str(root), tmp_path / "cache")
    assert done.returncode == 0
    assert "make prepare" in done.stderr


def test_an_architecture_that_is_not_known(root: Path, tmp_path: Path) -> None:
    env = os.environ | {"srctree": ".", "objtree": ".", "SRCARCH": "riscv"}
    done = subprocess.run(
        [sys.executable, "-m", "flaglint", "-D__linux__", "-I./include", SITE],
        cwd=root,
        env=env | {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(MINI_KERNEL.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"flaglint: {SITE}: not checked: arch/riscv is not supported\n"
