"""What a tree may make clang read: its own files, and nothing that they lead to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flaglint.frontend import FrontendError, Parsed, parse, parse_headers, prepare
from flaglint.tree import open_tree
from tests.small_tree import small_tree

SECRET = "token-4711"
MM = "struct page { unsigned long flags; };\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/secret.h").write_text(f"#error {SECRET}\n")
    files = {
        "include/linux/mm.h": MM,
        "mm/a.c": "#include <linux/mm.h>\nint a(void) { return 0; }\n",
        "mm/b.c": "#include <linux/mm.h>\nint b(void) { return 0; }\n",
    }
    return small_tree(tmp_path / "linux", files)


def read(root: Path, file: str = "mm/a.c", outside: bool = False) -> Parsed:
    return parse(prepare(open_tree(root, outside=outside), root.parent / "cache"), file)


def refusal(root: Path) -> str:
    with pytest.raises(FrontendError, match=r"outside") as caught:
        read(root)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def include(root: Path, line: str) -> None:
    path = root / "mm/a.c"
    path.write_text(f"#include {line}\n{path.read_text()}")


@pytest.mark.parametrize("spelling", ["../../home/secret.h", "{}/home/secret.h"])
def test_a_path_that_leaves_the_tree(root: Path, spelling: str) -> None:
    include(root, '"' + spelling.format(root.parent) + '"')
    assert "secret.h from outside the tree" in refusal(root)
    assert read(root, "mm/b.c").errors == ()


def test_a_computed_path_that_leaves_the_tree(root: Path) -> None:
    include(root, "WHERE")
    path = root / "mm/a.c"
    path.write_text('#define WHERE "../../home/secret.h"\n' + path.read_text())
    assert "secret.h" in refusal(root)


def test_a_link_to_a_file_outside(root: Path) -> None:
    (root / "mm/linked.h").symlink_to(root.parent / "home/secret.h")
    include(root, '"linked.h"')
    assert "mm/linked.h" in refusal(root)


def test_a_link_to_a_directory_outside(root: Path) -> None:
    (root / "include/away").symlink_to(root.parent / "home")
    include(root, "<away/secret.h>")
    assert "include/away/secret.h" in refusal(root)


def test_an_include_directory_that_is_a_link(root: Path) -> None:
    (root / "include").rename(root.parent / "elsewhere")
    (root / "include").symlink_to(root.parent / "elsewhere")
    assert "include/linux/mm.h" in refusal(root)


def test_a_link_within_the_tree_is_followed(root: Path) -> None:
    (root / "mm/linked.h").symlink_to("../include/linux/mm.h")
    (root / "mm/a.c").write_text('#include "linked.h"\nint a(void) { return 0; }\n')
    assert read(root).errors == ()


def test_a_common_header_from_outside(root: Path) -> None:
    (root / "include/linux/mm.h").unlink()
    (root.parent / "home/mm.h").write_text(MM)
    (root / "include/linux/mm.h").symlink_to(root.parent / "home/mm.h")
    with pytest.raises(FrontendError, match=r"outside the tree"):
        parse_headers(prepare(open_tree(root), root.parent / "cache"))


def test_the_user_may_allow_it(root: Path) -> None:
    include(root, '"../../home/secret.h"')
    (error,) = read(root, outside=True).errors
    assert SECRET in error.message


def test_a_header_that_is_a_pipe_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "include/linux/pipe.h")
    with pytest.raises(FrontendError, match=r"pipe\.h: a pipe or a device"):
        read(root)
