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
        self._kinds: set[str] = set()
        self._passing: set[str] = set()
        """Of the types that were met, those in whose values pages, or words' addresses, travel."""

    def concerns(self, function: ir.Function, facts: ir.Facts) -> bool:
        """Whether pages, or locks, pass through the function."""
        # A function that no page, list, batch or page-table entry passes through, and that
        # takes no lock, changes nothing a verdict depends on; calls of it are opaque. Paths of
        # its callers hang on a constant, and one may clear as many bytes as a struct page has.
        # One that has a flags word's address may write the word.
        if facts.constant or self._passes({*function.types.values(), *facts.kinds}):
            return True
        if not self._plain.isdisjoint(facts.named):
            return True  # the page may come in as anything
        models, size = self._models, self._size
        known = models.locks.keys() | models.store_number.keys()
        if function.result.endswith("*") and not models.allocate_memory.isdisjoint(facts.named):
            return True  # what it gives may be its caller's alone, and pages be kept there
        return not known.isdisjoint(facts.named) or any(
            name in models.bulk and number == size for name, number in facts.numbers
        )

    def handing_on(
        self,
        graph: CallGraph,
        functions: Mapping[str, ir.Function],
        facts: Mapping[str, ir.Facts],
        pages: AbstractSet[str],
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
            kinds = set(known.keeps)
            if not showing.isdisjoint(known.named):
                kinds |= {kind for to, kind in known.gives if to.partition("@")[0] in showing}
            if known.bearers and key in pages:  # it may show the pages that are kept there
                own = {f"struct {name} *" for name in known.bearers}
                types = functions[key].types
                kinds |= own.intersection(map(types.get, functions[key].params))
            waiting += [(key, kind) for kind in kinds & bearers]
        while waiting:
            key, kind = waiting.pop()
            if kind in handing.setdefault(key, set()):
                continue
            handing[key].add(kind)
            for caller in graph.callers.get(key, ()):
                waiting += [
                    (caller, each)
                    for to, each in facts[caller].gives
                    if to in (key, "")
                    and each in bearers
                    and (each == kind or "void *" in (each, kind))
                ]
        left = handing.keys() - pages
        found: set[str] = set()
        calling = list(pages)
        while calling:
            for callee in left.intersection(graph.callees[calling.pop()]):
                left.remove(callee)
                found.add(callee)
                calling.append(callee)
        return found

    def _passes(self, kinds: set[str]) -> bool:
        # There are few types, and many values.
        new = kinds - self._kinds
        self._kinds |= new
        self._passing |= {k for k in new if self._carriers.search(k) or is_word_pointer(k)}
        return not self._passing.isdisjoint(kinds)
