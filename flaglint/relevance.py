"""Which functions are looked into at all: most of a kernel's have nothing to do with pages.

    struct page *get(...)                   pages pass through it
    void add(struct item *item)             others can reach what it was given, and a page in it

A function that is left out changes nothing that a verdict depends on; calls of it are opaque.

Interface: `Relevance`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from flaglint import ir
from flaglint.callgraph import CallGraph
from flaglint.layout import CARRIERS, Layout, is_word_pointer
from flaglint.models import Models


class Relevance:
    """Tells by types and names; `plain` are the helpers that write a flags word plainly."""

    def __init__(self, models: Models, layout: Layout, plain: frozenset[str]) -> None:
        self._models = models
        self._size = layout.size
        self._plain = plain
        words = "|".join(sorted({*layout.overlays, *models.entry_types, *CARRIERS}))
        self._carriers = re.compile(rf"\b(?:{words})\b")
        self._carried: dict[str, bool] = {}

    def concerns(self, function: ir.Function, facts: ir.Facts) -> bool:
        """Whether pages, or locks, pass through the function."""
        # A function that no page, list, batch or page-table entry passes through, and that
        # takes no lock, changes nothing a verdict depends on; calls of it are opaque. Paths of
        # its callers hang on a constant, and one may clear as many bytes as a struct page has.
        if facts.constant or any(map(self._carries, (*function.types.values(), *facts.kinds))):
            return True
        if not self._plain.isdisjoint(facts.named):
            return True  # the page may come in as anything
        models, size = self._models, self._size
        if any(map(is_word_pointer, (*function.types.values(), *facts.kinds))):
            return True  # it may write the word that it is given the address of
        known = models.locks.keys() | models.store_number.keys()
        if function.result.endswith("*") and not models.allocate_memory.isdisjoint(facts.named):
            return True  # what it gives may be its caller's alone, and pages be kept there
        return not known.isdisjoint(facts.named) or any(
            name in models.bulk and number == size for name, number in facts.numbers
        )

    def handing_on(
        self, graph: CallGraph, facts: Mapping[str, ir.Facts], pages: AbstractSet[str]
    ) -> set[str]:
        """Of what `pages` call, whatever else may show what it is given to others."""
        # What makes memory of its caller's reachable by others, or gives it to who does, changes
        # who has the pages that are kept there, though it names none. Only what is called with
        # pages about is looked at.
        models = self._models
        showing = models.publish | models.insert.keys() | models.splice.keys()
        bearers = {f"struct {name} *" for known in facts.values() for name in known.bearers}
        bearers.add("void *")
        handing: dict[str, set[str]] = {}
        waiting: list[tuple[str, str]] = []
        for key, known in facts.items():
            kinds = {kind for to, kind in known.gives if to.partition("@")[0] in showing}
            waiting += [(key, kind) for kind in kinds.union(known.keeps) & bearers]
        while waiting:
            key, kind = waiting.pop()
            if kind in handing.setdefault(key, set()):
                continue
            handing[key].add(kind)
            for edge in graph.callers.get(key, ()):
                waiting += [
                    (edge.caller, each)
                    for to, each in facts[edge.caller].gives
                    if to in (key, "")
                    and each in bearers
                    and (each == kind or "void *" in (each, kind))
                ]
        left = handing.keys() - pages
        found: set[str] = set()
        calling = list(pages)
        while calling:
            for edge in graph.calls.get(calling.pop(), ()):
                if edge.callee in left:
                    left.remove(edge.callee)
                    found.add(edge.callee)
                    calling.append(edge.callee)
        return found

    def _carries(self, kind: str) -> bool:
        # Whether pages travel in values of the type; there are few types, and many values.
        found = self._carried.get(kind)
        if found is None:
            found = self._carried[kind] = self._carriers.search(kind) is not None
        return found
