"""A file that is not built joins the program unless it is there in another's place."""

from __future__ import annotations

from pathlib import Path

import msgspec

from flaglint import ir
from flaglint.finding import Unread
from flaglint.linking import Linking
from flaglint.location import Location
from flaglint.tree import open_tree
from tests.small_tree import small_tree

MAKEFILE = "obj-y += slub.o page.o\nobj-$(CONFIG_OTHER_X) += slob.o driver.o\n"


def unit(file: str, *keys: str) -> ir.Unit:
    here = Location(file, 1, 1)
    functions = tuple(
        ir.Function(key, key.split("@")[0], here, (), {}, "void", msgspec.Raw(b"")) for key in keys
    )
    return ir.Unit(file, functions, ())


def linking(tmp_path: Path) -> Linking:
    return Linking(open_tree(small_tree(tmp_path, {"mm/Makefile": MAKEFILE})))


def fitting(link: Linking, *units: ir.Unit) -> list[str]:
    return [one.file for one in link.fitting(units)]


def test_what_is_built_comes_first(tmp_path: Path) -> None:
    link = linking(tmp_path)
    units = (unit("mm/driver.c", "probe"), unit("mm/slub.c", "kmalloc"), unit("", "inline"))
    assert fitting(link, *units) == ["mm/slub.c", "", "mm/driver.c"]
    assert link.left_out == []


def test_an_alternative_of_what_is_built_is_left_out(tmp_path: Path) -> None:
    link = linking(tmp_path)
    slob = unit("mm/slob.c", "slob_page", "kmalloc", "kfree")
    assert fitting(link, slob, unit("mm/slub.c", "kmalloc", "kfree")) == ["mm/slub.c"]
    reason = "CONFIG_OTHER_X is off; another file defines kfree()"
    assert link.left_out == [Unread("mm/slob.c", reason)]


def test_also_when_it_comes_later(tmp_path: Path) -> None:
    link = linking(tmp_path)
    assert fitting(link, unit("mm/slub.c", "kmalloc")) == ["mm/slub.c"]
    assert fitting(link, unit("mm/slob.c", "kmalloc"), unit("mm/driver.c", "x")) == ["mm/driver.c"]


def test_static_functions_and_built_files_are_no_matter(tmp_path: Path) -> None:
    link = linking(tmp_path)
    slob = unit("mm/slob.c", "init@mm/slob.c")
    assert fitting(link, unit("mm/slub.c", "weak"), slob) == ["mm/slub.c", "mm/slob.c"]
    assert fitting(link, unit("mm/page.c", "weak")) == ["mm/page.c"], "weak, and not weak"
