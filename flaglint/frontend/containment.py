"""What a translation unit included, held against where headers may come from.

    #include "../../../home/user/.netrc"          in a stranger's file

clang reads what it is told to, and its errors quote what it read. A unit that included anything
from outside the tree (through `../`, an absolute path or a symbolic link) is therefore given up
as a whole, unless the user allowed it.

Invariants: paths are compared after every link in them is resolved. Limits: clang has read the
file by then; only nothing of it is passed on.

Interface: `outsider`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

from clang import cindex

from flaglint.tree import KernelTree


def outsider(tu: cindex.TranslationUnit, tree: KernelTree, dirs: Sequence[str], common: str) -> str:
    """The first included file that lies outside, as it was spelled; "" when there is none.

    Inside are the tree, its object directory, and of the search path `dirs` and the directory
    of the `common` header what flaglint made itself.
    """
    if tree.outside:
        return ""
    given = tuple(folder for folder in (tree.root, tree.objtree) if folder)
    made = tuple(d for d in (*dirs, os.path.dirname(common)) if not _below(d, given))
    roots = (*given, *made)
    for inclusion in tu.get_includes():
        if inclusion.include is None:
            return "a file that clang cannot name"
        name = inclusion.include.name
        if not _below(_resolved(name), roots):
            return str(name)
    return ""


@cache
def _resolved(path: str) -> str:
    return os.path.realpath(path)


def _below(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith(root + os.sep) for root in roots)
