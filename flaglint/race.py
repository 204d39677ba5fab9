"""Pairs the writers of each word: which plain writes can lose whose update.

A plain write is safe where every calling context owns the page, or where every writer that
could run at the same time holds a lock that is also held here. Otherwise some other writer of
the word is the witness: best a different flag (its loss is silent), atomic, with the fewest
locks, on exactly this word, reached by a short chain.

Interface: `judge` gives one `Judgement` for each plain site among the contexts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from flaglint import ir
from flaglint.access import Access, Place
from flaglint.callgraph import CallGraph
from flaglint.contexts import Contexts
from flaglint.finding import WORST, Evidence, RacingAccess, Step, Taken, Verdict
from flaglint.location import Location
from flaglint.opaque import by_operation
from flaglint.ownership import CONDITIONAL, EXCLUSIVE, OPEN, REASON, Kind, Origin

_SHOWN = 4


class Context(msgspec.Struct, frozen=True):
    """An access as decided in one function; `chain` runs from an entry point to it."""

    access: Access
    chain: tuple[Step, ...]
    doubts: tuple[str, ...] = ()


class Judgement(msgspec.Struct, frozen=True):
    """What was decided of one site, over all contexts it was seen in.

    `worst` is the context that decided; `racing` its best witnesses, best first.
    """

    place: Place
    verdict: Verdict
    reason: str
    poison_window: bool
    worst: Context | None
    contexts: tuple[Context, ...]
    racing: tuple[RacingAccess, ...] = ()
    walkers: tuple[RacingAccess, ...] = ()
    doubts: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class Chains:
    """The shortest call chain from an entry point to each function."""

    def __init__(self, graph: CallGraph, functions: Mapping[str, ir.Function]) -> None:
        self._graph = graph
        self._functions = functions
        self._known: dict[str, tuple[Step, ...]] = {}

    def to(self, key: str) -> tuple[Step, ...]:
        """The calls that lead to the function, outermost first; empty for an entry point."""
        known = self._known.get(key)
        if known is None:
            known = self._search(key)
            self._known[key] = known
        return known

    def _search(self, key: str) -> tuple[Step, ...]:
        came: dict[str, tuple[str, Step]] = {}
        todo = deque([key])
        seen = {key}
        last = key
        while todo:
            here = todo.popleft()
            callers = [edge for edge in self._graph.into(here) if edge.caller != here]
            if not callers:
                last = here
                break
            for edge in callers:
                if edge.caller not in seen:
                    seen.add(edge.caller)
                    name = self._functions[edge.caller].name
                    step = Step(name, edge.where.file, edge.where.line)
                    came[edge.caller] = (here, step)
                    todo.append(edge.caller)
        chain = []
        while last != key:
            last, step = came[last]
            chain.append(step)
        return tuple(chain)


def judge(
    contexts: Contexts, graph: CallGraph, functions: Mapping[str, ir.Function]
) -> tuple[Judgement, ...]:
    """One judgement for each place that writes a flags word plainly, in the tree's order.

    A place may write another word, or other flags, of each page that comes there: the worst counts.
    """
    chains = Chains(graph, functions)
    writers = _writers(contexts)
    judged: dict[tuple[Location, str, str], Judgement] = {}
    for place, found in sorted(contexts.items(), key=lambda item: item[0]):
        if place.atomicity == "plain":
            one = _judge(place, found, writers, chains, functions)
            judged[place[:3]] = _worse(judged.get(place[:3]), one)
    return tuple(judged.values())


def _worse(one: Judgement | None, other: Judgement) -> Judgement:
    if one is None:
        return other
    first, second = sorted((one, other), key=lambda judgement: WORST.index(judgement.verdict))
    return msgspec.structs.replace(first, contexts=(*second.contexts, *first.contexts))


def _writers(contexts: Contexts) -> list[tuple[str, Access]]:
    found: list[tuple[str, Access]] = []
    for place in sorted(contexts, key=lambda place: place[:4]):
        open_ = [
            (len(access.locks), len(access.chain), key, access)
            for key, access, _ in contexts[place]
            if access.kind in OPEN or access.kind is Kind.PFN
        ]
        by_locks: dict[tuple[frozenset[str], Kind, str], tuple[str, Access]] = {}
        for _, _, key, access in sorted(open_, key=lambda item: item[:3]):
            by_locks.setdefault((access.locks, access.kind, access.owner.view), (key, access))
        found += by_locks.values()
    return found


def _judge(
    place: Place,
    found: Sequence[tuple[str, Access, tuple[str, ...]]],
    writers: list[tuple[str, Access]],
    chains: Chains,
    functions: Mapping[str, ir.Function],
) -> Judgement:
    contexts = [_context(key, access, doubts, chains, functions) for key, access, doubts in found]
    ranked = sorted(contexts, key=_suspicion)
    walkers = _walkers(place, writers, chains, functions)
    worst = ranked[-1]
    certain = [c for c in ranked if c.access.kind in OPEN and not _doubts(c)]
    # A page in use by others is the story to tell; one that was let go comes after it.
    told = sorted(certain, key=lambda c: (c.access.kind is not Kind.SHARED, len(c.chain), c.chain))
    for context in told:
        racing = _racing(context, place, writers, chains, functions)
        if racing:
            return Judgement(
                place, Verdict.RACY, _failed(context), False, context, tuple(ranked), racing,
                walkers, evidence=_evidence(context),
            )  # fmt: skip
    doubtful = [
        c for c in ranked if c.access.kind not in EXCLUSIVE and (c not in certain or _doubts(c))
    ]
    doubtful += [c for c in ranked if c.access.kind in EXCLUSIVE and c.access.owner.doubts]
    if [c for c in doubtful if c.access.kind not in EXCLUSIVE]:
        doubts = sorted({d for c in doubtful for d in _doubts(c)})
        racing = _racing(worst, place, writers, chains, functions)
        return Judgement(
            place, Verdict.UNKNOWN, _failed(worst), bool(walkers), worst, tuple(ranked), racing,
            walkers, tuple(doubts), _evidence(worst),
        )  # fmt: skip
    doubts = sorted({d for c in doubtful for d in _doubts(c)})
    freed = [c for c in ranked if c.access.kind is not Kind.FREE]
    if worst.access.kind is Kind.FREE and freed:
        worst = freed[-1]
    if certain or worst.access.kind is Kind.FREE:
        return Judgement(
            place, Verdict.LOCKED, "locked", bool(walkers), worst, tuple(ranked), (), walkers,
            tuple(doubts), _evidence(worst),
        )  # fmt: skip
    window = bool(walkers) and worst.access.kind is not Kind.BOOT
    reason = REASON[worst.access.kind]
    if worst.access.kind is Kind.OWNED and worst.access.owner.origin is Origin.RETURNED:
        reason = "freeing"
    return Judgement(
        place, Verdict.EXCLUSIVE, reason, window, worst, tuple(ranked), (),
        walkers if window else (), tuple(doubts), _evidence(worst),
    )  # fmt: skip


def _suspicion(context: Context) -> tuple[int, int, str]:
    owner = context.access.owner
    return (int(owner.kind), -len(context.chain), str(context.chain))


def _doubts(context: Context) -> tuple[str, ...]:
    own = sorted(context.access.owner.doubts)
    if context.access.kind in OPEN:
        own = [doubt for doubt in own if not by_operation(doubt)]
    if context.access.kind is Kind.PFN:
        own.append("who else can hold a page found by its frame number")
    return (*own, *context.doubts)


def _context(
    key: str,
    access: Access,
    doubts: tuple[str, ...],
    chains: Chains,
    functions: Mapping[str, ir.Function],
) -> Context:
    return Context(access, _chain(key, access, chains, functions), doubts)


def _chain(
    key: str, access: Access, chains: Chains, functions: Mapping[str, ir.Function]
) -> tuple[Step, ...]:
    place = access.place
    name = functions[place.function].name if place.function in functions else place.function
    last = Step(name, place.where.file, place.where.line)
    return (*chains.to(key), *access.chain, last)


def _overlap(one: str, other: str) -> bool:
    return one == other or "any" in (one, other)


def _views_meet(site: Access, other: Access) -> bool:
    # Code that has a page as a slab, a page table... is sure of what it is; nobody finds such
    # a page in the page cache, on the LRU or mapped. Only a walk by frame number meets it.
    if site.owner.view.replace("folio", "") == other.owner.view.replace("folio", ""):
        return True
    return other.kind is Kind.PFN


def _racing(
    context: Context,
    place: Place,
    writers: list[tuple[str, Access]],
    chains: Chains,
    functions: Mapping[str, ir.Function],
) -> tuple[RacingAccess, ...]:
    site = context.access
    able = [
        (key, other)
        for key, other in writers
        if other.place != place
        and _overlap(place.word, other.place.word)
        and _views_meet(site, other)
        and not (site.locks & other.locks)
        and (set(other.place.flags) - set(place.flags) or not place.flags)
        and other.kind is not Kind.PFN
    ]
    able.sort(key=lambda item: _preference(place, item, chains))
    shown: list[RacingAccess] = []
    flags: set[tuple[str, ...]] = set()
    for key, other in able:
        if other.place.flags in flags:
            continue
        flags.add(other.place.flags)
        shown.append(_other(key, other, chains, functions))
        if len(shown) == _SHOWN:
            break
    if shown and place.word == "second":
        # The second page's word is also a struct page's: name a PF_ANY writer beside it.
        either = [item for item in able if item[1].place.word == "any"]
        if either and not any(_is(shown, other) for _, other in either):
            shown.insert(1, _other(*either[0], chains, functions))
    return tuple(shown[:_SHOWN])


def _is(shown: list[RacingAccess], other: Access) -> bool:
    where = other.place.where
    return any((o.file, o.line) == (where.file, where.line) for o in shown)


def _preference(place: Place, item: tuple[str, Access], chains: Chains) -> tuple[object, ...]:
    key, other = item
    return (
        other.place.word != place.word,
        other.place.atomicity != "atomic",
        not other.place.where.file.startswith("mm/"),
        not (other.chain or chains.to(key)),  # nobody was seen to call it
        len(other.locks),
        len(other.chain),
        other.place.where,
    )


def _walkers(
    place: Place,
    writers: list[tuple[str, Access]],
    chains: Chains,
    functions: Mapping[str, ir.Function],
) -> tuple[RacingAccess, ...]:
    found = (
        _other(key, other, chains, functions)
        for key, other in writers
        if other.kind is Kind.PFN
        and other.place.atomicity == "atomic"
        and _overlap(place.word, other.place.word)
    )
    return tuple(islice(found, _SHOWN))


def _other(
    key: str, access: Access, chains: Chains, functions: Mapping[str, ir.Function]
) -> RacingAccess:
    place = access.place
    name = functions[place.function].name if place.function in functions else place.function
    return RacingAccess(
        place.where.file,
        place.where.line,
        place.where.column,
        name,
        place.helper,
        "|".join(place.flags),
        place.atomicity,
        tuple(sorted(access.locks)),
        _chain(key, access, chains, functions),
        taken(access),
    )


def taken(access: Access) -> tuple[Taken, ...]:
    """Where the locks that are certainly held were taken, outermost first."""
    held = {at.lock: at for at in reversed(access.taken) if at.lock in access.locks}
    return tuple(at for at in access.taken if held.get(at.lock) is at)


def _failed(context: Context) -> str:
    owner = context.access.owner
    if owner.kind in CONDITIONAL:
        return "how callers have the page is not known"
    words = {
        Kind.SHARED: "the page is published",
        Kind.RELEASED: "the page was released",
        Kind.PFN: "the page was found by its frame number",
        Kind.UNKNOWN: "where the page comes from is not known",
    }
    return words.get(owner.kind, "")


def _evidence(context: Context) -> tuple[Evidence, ...]:
    owner = context.access.owner
    found: list[Evidence] = []
    if owner.why and owner.where is not None:
        found.append(Evidence(owner.where.file, owner.where.line, owner.why))
    found += map(Evidence.of_caller, context.chain[:-1])
    return tuple(found)
