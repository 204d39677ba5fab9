"""The documentation is true: its commands print what it says, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dev
from scripts.rule_pages import PAGES, pages
from tests.transcripts import ROOT, Block, Transcript, blocks, matches

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PLAYED = [path for path in DOCS if "```console" in path.read_text("utf-8")]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def slug(heading: str) -> str:
    """The anchor that code hosts give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", PLAYED, ids=lambda path: path.stem)
def test_the_commands_print_what_is_said(path: Path, tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    differences = [
        difference
        for block in blocks(path.read_text("utf-8"))
        for difference in transcript.play(block)
    ]
    assert "\n".join(differences) == ""


def test_the_architecture_names_the_modules_that_there_are() -> None:
    text = (ROOT / "docs/ARCHITECTURE.md").read_text("utf-8")
    names = {name.removesuffix(".py") for name in re.findall(r"`([a-z_0-9]+(?:\.py)?)`", text)}
    package = ROOT / "flaglint"
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    modules |= {path.parent.name for path in package.glob("*/__init__.py")}
    assert modules - names == set()
    assert {name for name in names - modules if f"`{name}.py`" in text} == set()


def test_there_are_commands_to_play() -> None:
    assert {"how-it-decides", "false-alarms", "model-rows", "adding-a-rule", "pictures"} <= {
        path.stem for path in PLAYED
    }


def test_the_pages_of_the_rules_are_those_of_the_cards() -> None:
    """`python3 dev.py docs` writes them."""
    assert {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")} == pages()


@pytest.mark.parametrize("path", [*DOCS, *TOP], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text("utf-8")):
        if target.startswith(("https:", "http:", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file) if file else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), re.M)
            assert anchor in {slug(heading) for heading in headings}, target


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.stem)
def test_every_page_is_listed(path: Path) -> None:
    index = path.parent / "README.md"
    if path != index:
        assert f"]({path.name})" in index.read_text("utf-8")


@pytest.mark.parametrize("path", [*DOCS, *TOP], ids=lambda path: path.name)
def test_targets_of_dev_py_exist(path: Path) -> None:
    for target in re.findall(r"dev\.py ([a-z-]+)", path.read_text("utf-8")):
        assert re.search(rf"python3 dev\.py {target}\s", str(dev.__doc__)), target


def test_a_block_is_read_as_written() -> None:
    text = "a\n```c mm/a.c\nint x;\n```\n```console\n$ flaglint\n```\n"
    assert list(blocks(text)) == [
        Block("c", "mm/a.c", "int x;\n", 2),
        Block("console", "", "$ flaglint\n", 5),
    ]
    with pytest.raises(ValueError, match="line 2"):
        list(blocks("\n```c\nint x;\n"))


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("a\n...\n", "a\n", True),
        ("a\n...\nb\n", "a\nx\ny\nb\n", True),
        ("a\n...\nb\n", "a\nx\n", False),
        ("a ... c\n", "a b c\n", True),
        ("a ... c\n", "a b\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "", True),
        ("", "x\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(
    expected: str, printed: str, same: bool
) -> None:
    assert matches(expected, printed) is same


def test_a_command_that_prints_something_else_is_seen(tmp_path: Path) -> None:
    transcript = Transcript(tmp_path)
    for text in (
        "$ flaglint explain\nno\n",
        "$ rm -rf /\n",
        "output first\n$ flaglint explain\n...\n",
    ):
        assert len(transcript.play(Block("console", "", text, 1))) == 1
    assert transcript.play(Block("console", "", "$ flaglint explain\n...\n$ echo $?\n0\n", 1)) == []
    assert (
        len(transcript.play(Block("diff", "", "--- a/no\n+++ b/no\n@@ -1 +1 @@\n-x\n+y\n", 1))) == 1
    )
    assert len(transcript.play(Block("consle", "", "", 1))) == 1
