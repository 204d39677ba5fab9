"""All writers of the flags words, one value for each place: what a map of a word shows.

    mm/filemap.c:1007  __folio_set_locked  PG_locked  head  plain  {}  exclusive, shared

A place is seen in many calling contexts. Where others can write at the same time is what
counts: locks held only while the page is exclusive protect nothing, so they are left out unless
the page is exclusive everywhere.

Interface: `writers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flaglint import ir
from flaglint.access import Access, Place
from flaglint.contexts import Contexts
from flaglint.finding import Writer
from flaglint.flagtable import FlagTable
from flaglint.ownership import CONDITIONAL, EXCLUSIVE, OPEN, Kind


def writers(
    contexts: Contexts, functions: Mapping[str, ir.Function], table: FlagTable
) -> tuple[Writer, ...]:
    """Every place of `contexts`, in the tree's order."""
    operations = {name: helper.operation.value for name, helper in table.active().items()}
    return tuple(
        _writer(place, [access for _, access, _ in found], functions, operations)
        for place, found in sorted(contexts.items(), key=lambda item: item[0])
    )


def _writer(
    place: Place,
    found: Sequence[Access],
    functions: Mapping[str, ir.Function],
    operations: Mapping[str, str],
) -> Writer:
    open_ = [access for access in found if access.kind not in EXCLUSIVE] or found
    held = frozenset.intersection(*(frozenset(access.locks) for access in open_))
    ever = frozenset.union(*(frozenset(access.locks) for access in open_))
    function = functions.get(place.function)
    return Writer(
        file=place.where.file,
        line=place.where.line,
        column=place.where.column,
        function=function.name if function else place.function,
        helper=place.helper,
        flags=tuple(flag for flag in place.flags if flag),
        word=place.word,
        atomicity=place.atomicity,
        operation=operations.get(place.helper, ""),
        locks=tuple(sorted(held)),
        some_locks=tuple(sorted(ever - held)),
        pages=tuple(sorted({_page(access.kind) for access in found})),
    )


def _page(kind: Kind) -> str:
    if kind in EXCLUSIVE:
        return "exclusive"
    if kind in OPEN:
        return "shared"
    if kind is Kind.PFN:
        return "by frame number"
    return "as the caller has it" if kind in CONDITIONAL else "unknown"
