"""Quoted source: the right line, and nothing from outside the tree."""

from __future__ import annotations

from pathlib import Path

from flaglint.quote import quoter


def test_lines_count_from_one(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_bytes(b"one\r\ntwo\x0c2\n\xff\n")
    line = quoter(str(tmp_path))
    assert [line("a.c", number) for number in (0, 1, 2, 3, 99)] == [
        "",
        "one",
        "two\x0c2",
        "\ufffd",
        "",
    ]


def test_nothing_is_read_from_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link.c").symlink_to("../secret")
    line = quoter(str(tree))
    assert line("link.c", 1) == ""
    assert line("../secret", 1) == ""
    assert line(str(tmp_path / "secret"), 1) == ""


def test_what_cannot_be_read_is_no_line(tmp_path: Path) -> None:
    line = quoter(str(tmp_path))
    assert line("missing.c", 1) == ""
    assert line(".", 1) == ""
    assert line("nul\0.c", 1) == ""
