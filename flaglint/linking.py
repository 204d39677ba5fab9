"""Which units make one program: what is built, and what else can be linked with it.

The idea: a file that the configuration does not build is worth reading too, as a driver that is
off may have the bug; but one that is there in another's place (an allocator that was not chosen)
defines what the chosen one does, and would stand for it in the call graph.

Invariants: what one built file defines, a file that is not built never replaces.

Limits: of two files that are not built, and define the same, the first in name order is taken.

Interface: `Linking`.
"""

from __future__ import annotations

from collections.abc import Sequence

from flaglint import ir
from flaglint.finding import Unread
from flaglint.kbuild import unbuilt_reason
from flaglint.tree import KernelTree


class Linking:
    """The program of a tree so far; `left_out` are files that cannot be a part of it, and why."""

    def __init__(self, tree: KernelTree) -> None:
        """Begin with no unit."""
        self.left_out: list[Unread] = []
        self._tree = tree
        self._defined: set[str] = set()

    def fitting(self, units: Sequence[ir.Unit]) -> list[ir.Unit]:
        """The units that can be linked with all that were before: built ones first."""
        reasons = {unit.file: unbuilt_reason(self._tree, unit.file) for unit in units if unit.file}
        taken: list[ir.Unit] = []
        for unit in sorted(units, key=lambda unit: bool(reasons.get(unit.file))):
            defined = {f.key for f in unit.functions if "@" not in f.key}
            reason = reasons.get(unit.file)
            twice = self._defined & defined if reason else set[str]()
            if twice:
                more = f"; another file defines {min(twice)}()"
                self.left_out.append(Unread(unit.file, f"{reason}{more}"))
                continue
            self._defined |= defined
            taken.append(unit)
        return taken
