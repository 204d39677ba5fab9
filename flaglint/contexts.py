"""In which contexts each write of a flags word was seen, as far as anybody decides it.

What callers decide is settled by them; what nobody was seen to call is settled here, by the
contracts of the tables it is kept in, or is a doubt.

Interface: `seen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from flaglint import ir
from flaglint.access import BEHIND, Access, Place
from flaglint.callgraph import CallGraph
from flaglint.handover import settled
from flaglint.layout import CARRIERS
from flaglint.models import Models
from flaglint.ownership import CONDITIONAL, TAKEN, Kind, Origin, last_member

_PAGES = frozenset(("struct page *", "struct folio *"))
_Seen = tuple[str, Access, tuple[str, ...]]
Contexts = Mapping[Place, Sequence[_Seen]]
"""Of each place: the functions it was decided in (by key), the access as seen there, doubts."""


def seen(
    decided: Mapping[str, Iterable[Access]],
    pending: Mapping[str, Iterable[Access]],
    graph: CallGraph,
    functions: Mapping[str, ir.Function],
    entry: Mapping[str, frozenset[str]],
    models: Models,
    private: Callable[[tuple[str, ...]], bool],
) -> Contexts:
    """Every place that writes a flags word, plainly or not, in the contexts it was seen in.

    `entry` holds the locks that all callers of a function hold; `private` tells whether memory
    reached from a formal by some steps is a caller's own.
    """
    contexts: dict[Place, list[_Seen]] = {}
    free_locks = frozenset((*models.free_types.values(), *models.free_lists.values()))
    for key, accesses in decided.items():
        for access in accesses:
            access = _locked(access, entry.get(key, frozenset()), free_locks)
            contexts.setdefault(access.place, []).append((key, access, ()))
    published = _contracts(models.published_arguments, "pages in use", graph, functions)
    fresh = _contracts(models.fresh_arguments, "a new page", graph, functions)
    # Nobody said that those words are a page's.
    pending = {
        key: tuple(access for access in accesses if access.place.atomicity != BEHIND)
        for key, accesses in pending.items()
    }
    for key, accesses in pending.items():
        for access in accesses:
            here = functions[key].where
            context: _Seen
            if why := _contract(access, published.get(key, {})):
                shared = access.owner.moved(Kind.SHARED, why, here)
                context = (key, access._replace(owner=shared), ())
            elif graph.callers.get(key):
                continue
            elif not access.owner.shown and (why := _contract(access, fresh.get(key, {}))):
                new = access.owner.moved(Kind.FRESH, why, here)
                context = (key, access._replace(owner=new), ())
            else:
                context = (
                    key,
                    *_uncalled(access, functions[key].name, private, models.reachable_lists),
                )
            contexts.setdefault(access.place, []).append(context)
    for key, accesses in pending.items():
        for access in accesses:
            if access.place not in contexts:
                doubt = "no calling context that reaches it was seen"
                contexts[access.place] = [(key, access, (doubt,))]
    return settled(contexts)


def _contracts(
    arguments: Mapping[str, int],
    given: str,
    graph: CallGraph,
    functions: Mapping[str, ir.Function],
) -> dict[str, dict[str, str]]:
    # function -> formal -> what the tables that the function is kept in say of its page
    found: dict[str, dict[str, str]] = {}
    for slot, number in arguments.items():
        for key in graph.targets.get(slot, ()):
            types = functions[key].types
            pages = [param for param in functions[key].params if types.get(param) in _PAGES]
            for param in pages[number : number + 1]:
                found.setdefault(key, {})[param] = f"{slot}() is given {given}"
    return found


def _contract(access: Access, contract: Mapping[str, str]) -> str:
    root = access.owner.root
    if access.kind is not Kind.ENTRY or access.owner.parted or not root or root[1]:
        return ""
    return contract.get(root[0], "")


def _uncalled(
    access: Access,
    name: str,
    private: Callable[[tuple[str, ...]], bool],
    reachable: frozenset[str],
) -> tuple[Access, tuple[str, ...]]:
    # Nobody was seen to call the function that the access is pending in.
    owner, here = access.owner, access.place.where
    if owner.claimed and owner.kind is Kind.ENTRY:
        return access._replace(owner=owner.vouched(here)), ()
    if owner.shown:  # published here, whatever the caller had
        owner = owner.moved(Kind.SHARED, owner.why, here).from_(Origin.PUBLISHED)
        return access._replace(owner=owner), ()
    steps = owner.root[1] if owner.root else ()
    if access.kind is Kind.ENTRY and steps and not (private(steps) and _carried(steps)):
        # Nobody was seen to call it with a structure of its own: what it reads from there
        # (a node's list, a mapping's member) was there before, for all to see.
        field = last_member(steps)
        there = owner.moved(Kind.SHARED, f"read from {field or 'shared memory'}", here)
        if (owner.unlisted or steps[-1] == TAKEN) and field not in reachable:
            there = there.from_(Origin.MEMBER, field or "a structure").withdrawn()
        return access._replace(owner=there), tuple(there.doubts)
    doubts = (f"no caller of {name}() was seen",) if access.kind in CONDITIONAL else ()
    return access, doubts


def _locked(access: Access, held: frozenset[str], free_locks: frozenset[str]) -> Access:
    # The locks of all callers count as held here; and a page known to be free only by its
    # type is free only while one of the allocator's locks is held.
    locks = access.locks | held
    owner = access.owner
    if (
        owner.kind is Kind.FREE
        and owner.origin in (Origin.TYPED, Origin.LISTED)
        and not locks & free_locks
    ):
        owner = owner._replace(
            kind=Kind.SHARED, why="a free page, but the allocator's lock is not held"
        )
    return access._replace(locks=locks, owner=owner)


def _carried(steps: tuple[str, ...]) -> bool:
    # Whether the steps stay in what only carries pages from one function to the next. Other
    # records may be on the stack here and in lists and mappings there.
    records = [step[1:].split(".", 1)[0] for step in steps if step.startswith(".")]
    return all(record in CARRIERS for record in records)
