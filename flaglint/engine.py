"""Summaries of all functions, callees first, and what is known of their accesses.

`Engine` takes units as they come: functions added later (files that call what is already
there) are summed up with the summaries that exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from flaglint import callgraph, ir
from flaglint.access import Access
from flaglint.flagtable import FlagTable
from flaglint.interpret import summarise
from flaglint.knowledge import Knowledge
from flaglint.layout import Layout
from flaglint.models import Models
from flaglint.pool import told
from flaglint.summary import Summary

_ROUNDS = 3
"""How often a component of mutually recursive functions is gone through."""


_CONTAINERS = ("folio_batch", "pagevec", "list_head", "vm_fault", "xa_state")
"""Types, besides pages and page-table entries, that pages are passed around in."""


class Engine:
    """The whole program as far as it is known."""

    def __init__(self, table: FlagTable, models: Models, layout: Layout) -> None:
        self.functions: dict[str, ir.Function] = {}
        self.decided: dict[str, tuple[Access, ...]] = {}
        self.summaries: dict[str, Summary] = {}
        self.incomplete: set[str] = set()
        self.failed: dict[str, str] = {}
        """Functions whose interpretation failed, and how."""
        self._tables: list[ir.Table] = []
        self._targets: dict[str, tuple[str, ...]] = {}
        self.know = Knowledge(table, models, layout, self.summaries, self._targets)
        self.know.program = self.functions
        self._calls: dict[str, dict[str, frozenset[str]]] = {}
        self._hanging: set[str] = set()
        self.graph = callgraph.build({}, ())
        words = "|".join(sorted({*layout.overlays, *models.entry_types, *_CONTAINERS}))
        self._carriers = re.compile(rf"\b(?:{words})\b")

    def add(self, units: Iterable[ir.Unit], progress: Callable[[int, int], None]) -> None:
        """Take more units in and sum up their functions."""
        new: set[str] = set()
        for unit in units:
            for function in unit.functions:
                if function.key not in self.functions:
                    self.functions[function.key] = function
                    new.add(function.key)
            self._tables += unit.tables
        self.graph = callgraph.build(self.functions, self._tables)
        self._targets.clear()
        self._targets.update(self.graph.targets)
        new = {key for key in new if self._matters(self.functions[key])}
        done = 0
        moved: set[str] = set()
        for component in self.graph.order:
            todo = [
                key
                for key in component
                if key in new or self._touched(key, moved, new) or self._decides(key)
            ]
            again = todo
            own = self.graph.calls.get(component[0], ())
            circular = len(component) > 1 or any(e.callee == component[0] for e in own)
            for _ in range(_ROUNDS if circular else 1):
                changed = self._round(again)
                moved |= changed
                again = [key for key in component if self._calls_any(key, changed)]
                if not again:
                    break
            done += len(new.intersection(todo))
            progress(done, len(new))

    def _matters(self, function: ir.Function) -> bool:
        # A function that no page, list, batch or page-table entry passes through, and that
        # takes no lock, changes nothing a verdict depends on; calls of it are opaque.
        if any(self._carriers.search(kind) for kind in function.types.values()):
            return True
        if len(function.blocks) == 1 and isinstance(function.blocks[0].end, ir.Return):
            if isinstance(function.blocks[0].end.value, int) and not function.blocks[0].ops:
                return True  # a constant, which paths of its callers hang on
        locks, bulk, layout = self.know.models.locks, self.know.models.bulk, self.know.layout
        for block in function.blocks:
            for op in block.ops:
                if isinstance(op, ir.Call):
                    if op.name in locks or self._carriers.search(op.type):
                        return True
                    if op.name in bulk and layout.size in op.args:
                        return True  # as many bytes as a struct page has
                elif isinstance(op, ir.Load | ir.Cast) and self._carriers.search(op.type):
                    return True
        return False

    def _touched(self, key: str, moved: set[str], new: set[str]) -> bool:
        # An older function calls, through a pointer or by name, what was only now understood.
        return key not in new and self._calls_any(key, moved)

    def _decides(self, key: str) -> bool:
        # No page passes through it, but it calls a function whose plain write hangs on its
        # callers: on a constant that this one passes, say.
        if key in self.summaries or key not in self.functions:
            return False
        return any(edge.callee in self._hanging for edge in self.graph.calls.get(key, ()))

    def _calls_any(self, key: str, callees: set[str]) -> bool:
        if key not in self.summaries:
            return False
        return any(edge.callee in callees for edge in self.graph.calls.get(key, ()))

    def _round(self, keys: list[str]) -> set[str]:
        changed = set()
        for key in keys:
            before = self.summaries.get(key)
            try:
                result = summarise(self.functions[key], self.know)
            except Exception as error:
                # It costs this function, and is said: its callers call what is not known.
                self.failed[key] = told(error)
                continue
            self.summaries[key] = result.summary
            self.decided[key] = result.decided
            if not result.complete:
                self.incomplete.add(key)
            self._calls[key] = result.calls
            if any(access.place.atomicity == "plain" for access in result.summary.pending):
                self._hanging.add(key)
            if before is None:
                if len(keys) > 1 or any(
                    access.place.atomicity == "plain" for access in result.summary.pending
                ):
                    changed.add(key)
            elif before.effect() != result.summary.effect():
                changed.add(key)
        return changed

    def entry_locks(self) -> dict[str, frozenset[str]]:
        """The locks that every caller of a function holds, as far as callers were seen."""
        held: dict[str, frozenset[str] | None] = {}
        for component in reversed(self.graph.order):
            for key in component:
                sets = []
                for edge in self.graph.callers.get(key, ()):
                    above = held.get(edge.caller)
                    here = self._calls.get(edge.caller, {}).get(key)
                    if here is not None and edge.caller not in component:
                        sets.append(here | (above or frozenset()))
                held[key] = frozenset.intersection(*sets) if sets else frozenset()
        return {key: locks for key, locks in held.items() if locks}

    def pending(self) -> dict[str, tuple[Access, ...]]:
        """The accesses of each function that its callers decide."""
        return {key: summary.pending for key, summary in self.summaries.items()}

    def hanging(self) -> dict[str, str]:
        """Functions whose callers decide a plain write: their names by key.

        Those that another file can call, and functions nobody was seen to call.
        """
        found = {}
        for key, summary in self.summaries.items():
            function = self.functions[key]
            plain = [a for a in summary.pending if a.place.atomicity == "plain"]
            if plain and ("@" not in key or "@include/" in key):
                found[key] = function.name
        return found
