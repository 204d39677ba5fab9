"""Everything a function's interpretation may look up; the same for all functions."""

from __future__ import annotations

from collections.abc import Container, Mapping

from flaglint.flagtable import FlagTable
from flaglint.layout import Layout
from flaglint.models import Models
from flaglint.summary import Summary


class Knowledge:
    """Everything a function's interpretation may look up; the same for all functions."""

    def __init__(
        self,
        table: FlagTable,
        models: Models,
        layout: Layout,
        summaries: Mapping[str, Summary],
        targets: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.helpers = table.active()
        self.bits = {flag.bit: flag.name for flag in reversed(table.flags) if not flag.alias_of}
        self.models = models
        self.layout = layout
        self.summaries = summaries
        self.targets = targets
        self.constants: dict[str, dict[str, set[str]]] = {}
        """constant table -> its members that are set -> the functions they are set to"""
        self.program: Container[str] = frozenset()
        self.stubs = table.inactive
