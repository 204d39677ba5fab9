"""Accounting: every place in the text that names a plain writer is a row of the ledger.

The count here is made from the text alone and without the ledger's own code: comments and literals
are blanked, every #if branch is read, and a name is a use when an opening bracket follows and no
type stands in front.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flaglint import analysis
from flaglint.finding import Report
from flaglint.flagtable import Atomicity
from flaglint.ledger import statement
from flaglint.pageflags import read_flags
from flaglint.tree import open_tree
from tests.expectations import MINI_KERNEL
from tests.test_kernels import analysed

_IGNORED = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|^[ \t]*#[ \t]*define\b(?:[^\n\\]|\\.|\\\n)*",
    re.S | re.M,
)
_BEFORE = re.compile(r"(\w+|[^\w\s])\s*$")
_STATEMENT_WORDS = {"return", "else", "do", "case"}
_HELPERS = "include/linux/page-flags.h"
"""Where one helper is made of another: those are rows of the flag table, not of the ledger."""

_OTHER_TOPS = {"Documentation", "tools", "samples", "scripts", "usr", "rust", "certs"}
"""What no kernel is built from."""

Use = tuple[str, int, str]
"""File, line, name."""


def uses(text: str, names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Line and name of each use in a file's text, under whatever #if."""
    blanked = _IGNORED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    for match in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", blanked):
        if match.group(1) not in names:
            continue
        before = _BEFORE.search(blanked, max(0, match.start() - 200), match.start())
        word = before.group(1) if before else ";"
        declared = word == "*" or (word.isidentifier() and word not in _STATEMENT_WORDS)
        if not declared:
            yield blanked.count("\n", 0, match.start()) + 1, match.group(1)


def uses_in_tree(root: Path, names: frozenset[str], arch: str) -> Counter[Use]:
    """The uses in all C files of a tree that this architecture's kernel can be made of."""
    found: Counter[Use] = Counter()
    some = re.compile("|".join(sorted(names)))
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        if here == Path():
            folders[:] = [name for name in folders if name not in _OTHER_TOPS]
        if here == Path("arch"):
            folders[:] = [name for name in folders if name == arch]
        for name in files:
            if name.endswith((".c", ".h")):
                text = Path(folder, name).read_text("utf-8", errors="replace")
                if (here / name).as_posix() != _HELPERS and some.search(text):
                    for line, used in uses(text, names):
                        found[(here / name).as_posix(), line, used] += 1
    return found


def plain(root: Path) -> frozenset[str]:
    tree = open_tree(root)
    table = read_flags(tree.root, arch=tree.arch, config=tree.symbols)
    return frozenset(h.name for h in table.helpers if h.atomicity is Atomicity.PLAIN)


def rows(report: Report, names: frozenset[str]) -> set[Use]:
    return {(row.file, row.line, row.helper) for row in report.sites if row.helper in names}


def test_a_use_is_told_from_what_is_none() -> None:
    text = """
    static inline void __set(struct folio *folio) { __SetPageX(page); }
    struct folio *__set(int a);
    #define MAKE(a) __set(a)
    /* __set(folio) */
    #if 0
    int f(void) { if (g()) __set(folio); else __set(folio); return __set(a), "__set(b)"; }
    #else
    label: __set (folio); x = __set; do __set(folio); while (__set(folio));
    #endif
    """
    assert Counter(uses(text, frozenset({"__set"}))) == {(7, "__set"): 3, (9, "__set"): 3}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\t__set(folio);\n\tother();\n", "__set(folio);"),
        ("\tp->flags |= (q->flags &\n\t\t(A |\n\t\t B));\n", "p->flags |= (q->flags & (A | B));"),
        ("\tp->flags = one |\n\t\t   two;\n", "p->flags = one | two;"),
        ("SETTER(x)\nCLEARER(x)\n", "SETTER(x)"),
        ("\tif (test(page)) {\n\t\tf();\n", "if (test(page)) {"),
        ("\t__set(\n\n\tother();\n", "__set( "),
        ("", ""),
    ],
)
def test_a_statement_is_shown_whole(text: str, shown: str, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text(f"first();\n{text}")
    assert statement(str(tmp_path), "a.c", 2) == shown
    assert statement(str(tmp_path), "none.c", 2) == ""
    (tmp_path / "a.c").write_text("first();\n" + "\tf(\n" * 100)
    assert len(statement(str(tmp_path), "a.c", 2)) < 30


def test_the_mini_kernel_is_accounted_for(tmp_path: Path) -> None:
    request = analysis.Request(paths=(str(MINI_KERNEL),), cache_dir=str(tmp_path), jobs=1)
    report = analysis.analyse(request, lambda *_: None)
    names = plain(MINI_KERNEL)
    counted = uses_in_tree(MINI_KERNEL, names, "x86")
    assert len(counted) >= 25
    assert set(counted) == rows(report, names)


@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)
def test_6_12_is_accounted_for(kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = analysed(kernel, tmp_path_factory.getbasetemp() / "flaglint")
    names = plain(kernel)
    assert set(uses_in_tree(kernel, names, "x86")) == rows(run.report, names)
