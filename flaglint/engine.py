"""Summaries of all functions, callees first, and what is known of their accesses.

`Engine` takes units as they come: files that call what is already there are added later, when
it is known what hangs on callers. The same function with the same summaries of what it calls is
summed up once, by this run or by an earlier one that used the same store; what is independent is
done in several processes.

Invariants: what comes out hangs on the units alone, not on the order or the portions they came
in, nor on what the store had; with more units, only what is new, whose calls lead elsewhere, or
whose callees come out otherwise is looked at again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import TypeAlias

import msgspec

from flaglint import callgraph, ir
from flaglint.access import Access
from flaglint.crew import Crew, Inline, Task
from flaglint.flagtable import FlagTable
from flaglint.knowledge import Knowledge
from flaglint.layout import Layout
from flaglint.models import Models
from flaglint.packing import Anchors, DamagedError, Unpacker, unpack
from flaglint.relevance import Relevance
from flaglint.rounds import Rounds
from flaglint.store import Store, digest
from flaglint.summary import Summary
from flaglint.summing import (
    Record,
    Summing,
    read_record,
    read_summary,
    summary_bytes,
    without_outcomes,
)

_KIND = "summary"
_RECENT = "recent"
_SIZE = len(digest())
_ALONE = 40
"""Functions that are done sooner here than a worker is started."""


Progress: TypeAlias = Callable[[int, int], None]
_Part: TypeAlias = tuple[str, ...]
"""A strongly connected component of the call graph."""


class Engine:
    """The whole program as far as it is known.

    `salt` tells apart everything, besides functions, that results hang on: flaglint's version,
    its rules, the flags.
    """

    def __init__(
        self,
        table: FlagTable,
        models: Models,
        layout: Layout,
        jobs: int = 1,
        store: Store | None = None,
        salt: bytes = b"",
    ) -> None:
        self.functions: dict[str, ir.Function] = {}
        self.tables: list[ir.Table] = []
        """What the units' initialisers put into records."""
        self._targets: dict[str, tuple[str, ...]] = {}
        self.know = Knowledge(table, models, layout, {}, self._targets)
        self.know.program = self.functions
        self._jobs = jobs
        self._store = store
        shape = (sorted(layout.overlays), layout.size, layout.flags, sorted(layout.confined))
        self._salt = digest(salt, msgspec.msgpack.encode(shape))
        self.records: dict[str, Record] = {}
        self._pages: set[str] = set()
        self._facts: dict[str, ir.Facts] = {}
        self._suspects: set[str] = set()
        """Functions that name a plain writer, or touch a flags word themselves."""
        self._settled: set[str] = set()
        """Functions of which rules say all that calls of them come to."""
        self._ruled: dict[str, frozenset[str]] = {}
        self._fixed: dict[str, bytes] = {}
        self._made: dict[bytes, Record] = {}
        self._stale: set[str] = set()
        """Functions that were not summed up since they, or what they call, changed."""
        self._asked: dict[bytes, None] = {}
        self._recent = self._asked_before()
        self._stored = store.get_many(_KIND, self._recent) if store is not None else {}
        self.failed: dict[str, str] = {}
        """Functions whose interpretation failed, and how."""
        self.graph = callgraph.build({}, {}, ())
        self._anchors = Anchors(())
        self._unpacker = Unpacker(self._anchors)
        helpers = self.know.helpers.items()
        self._plain = frozenset(name for name, row in helpers if row.atomicity == "plain")
        self._relevance = Relevance(models, layout, self._plain)

    def add(self, units: Iterable[ir.Unit]) -> None:
        """Take more units in; `search` or `follow` sums their functions up."""
        tables: set[str] = set()
        for unit in units:
            for function, facts in zip(unit.functions, unit.facts, strict=True):
                if function.key not in self.functions:
                    self._take(function, facts)
            self.tables += unit.tables
            for table in unit.tables:
                if table.constant:
                    members = self.know.constants.setdefault(table.constant, {})
                    members.setdefault(table.slot, set()).add(table.function)
                    tables.add(table.constant)
        before = self.graph
        self.graph = callgraph.build(self.functions, self._facts, self.tables, before)
        changed = self.graph.changed(before)
        changed |= {k for k, facts in self._facts.items() if not tables.isdisjoint(facts.addresses)}
        self._targets.clear()
        self._targets.update(self.graph.targets)
        self._anchors = Anchors(self.functions.values())
        self._unpacker = Unpacker(self._anchors)
        more = self._relevance.handing_on(self.graph, self.functions, self._facts, self._pages)
        self._pages |= more
        changed |= more
        for key in changed:
            self._ruled.pop(key, None)
            self._fixed.pop(key, None)
        self._stale |= changed

    def _take(self, function: ir.Function, facts: ir.Facts) -> None:
        key = function.key
        self.functions[key] = function
        self._facts[key] = facts
        if self._relevance.concerns(function, facts):
            self._pages.add(key)
        overlays = self.know.layout.overlays
        if not (self._plain.isdisjoint(facts.named) and overlays.isdisjoint(facts.flags)):
            self._suspects.add(key)
        if function.params and self.know.models.settles(function.name):
            self._settled.add(key)

    def search(self, progress: Progress) -> None:
        """Sum up what `hanging` and `opaque` tell of, and nothing else.

        That is functions with a plain write, theirs or left to them by a callee, and all that
        these call: a third of the work, when others are about to come out otherwise again.
        """
        asking = self._suspects & self._pages
        for key, record in self.records.items():
            if record.plain or record.opaque:
                asking.add(key)
            if record.plain:  # these decide, though no page may pass through them
                asking.update(self.graph.callers.get(key, ()))
        _Pass(self, progress, searching=True).run(sorted(asking))

    def follow(self, progress: Progress) -> None:
        """Sum up all that is new or may come out otherwise."""
        _Pass(self, progress).run()

    def wanted(self, component: tuple[str, ...]) -> tuple[str, ...]:
        """The members that are to be summed up: a page matters to them, or a callee asks."""
        return tuple(key for key in component if key in self._pages or self._decides(key))

    def looked_at(self, key: str, view: dict[str, Record]) -> dict[str, Record]:
        """Of what a function may look up, that which makes a difference to it.

        Where a rule says what a call comes to, the callee's outcomes do not: how folio_put()
        ends is a rule's, and changes with each file that has something to free.
        """
        ruled = self._ruled.get(key)
        if ruled is None:
            by_pointer = {name for name, _ in self.graph.pointed.get(key, ())}
            ruled = frozenset(self._settled.intersection(self.graph.callees[key]) - by_pointer)
            self._ruled[key] = ruled
        if ruled.isdisjoint(view):
            return view
        seen = {name: record for name, record in view.items() if name not in ruled}
        for name in ruled & view.keys():
            record = without_outcomes(view[name])
            if record is not None:
                seen[name] = record
        return seen

    def signature(self, key: str, view: dict[str, Record]) -> bytes:
        """What a function's result is made from; `view` is what is `looked_at`."""
        fixed = self._fixed.get(key)
        if fixed is None:
            fixed = self._fixed[key] = self._made_from(key)
        callees = self.graph.callees[key]
        seen = [view[name].version if name in view else b"" for name in callees]
        return digest(fixed, msgspec.msgpack.encode(seen))

    def _made_from(self, key: str) -> bytes:
        # All that a function's result is made from but for what its callees come to.
        facts, constants = self._facts[key], self.know.constants
        tables = [
            (name, sorted((slot, sorted(found)) for slot, found in constants[name].items()))
            for name in facts.addresses
            if name in constants
        ]
        calls = (self.graph.callees[key], self.graph.pointed.get(key, ()))
        return digest(msgspec.msgpack.encode((self._salt, facts.digest, calls, tables)))

    def kept(self, signature: bytes) -> Record | None:
        """The result that was made before, by this run or by an earlier one."""
        self._asked[signature] = None
        record = self._made.get(signature)
        if record is not None or self._store is None:
            return record
        data = self._stored.pop(signature, None) or self._store.get(_KIND, signature)
        if data is None:
            return None
        try:
            record = self._made[signature] = read_record(data)
        except DamagedError:
            return None
        return record

    def keep(self, signature: bytes, data: bytes) -> Record:
        """Keep a result for this run and later ones."""
        record = self._made[signature] = read_record(data)
        if self._store is not None and not record.failed:
            self._store.put(_KIND, signature, data)
        return record

    def finish(self) -> None:
        """Tell later runs what this one asked for, so that they ask for all of it at once."""
        if self._store is not None and self._asked.keys() != set(self._recent):
            self._store.put(_RECENT, self._salt, b"".join(sorted(self._asked)))

    def task(self, key: str, view: dict[str, Record]) -> Task:
        """What is asked of who sums the function up."""
        size = len(memoryview(self.functions[key].body))
        size += sum(len(part) for record in view.values() for part in record.summary)
        return Task(key, {name: r.version for name, r in view.items()}, size)

    def crew(self) -> Crew | Inline:
        """Who does the work of one pass."""
        work = Summing(self.functions, self.know, self._anchors)
        few = self._jobs == 1 or self.size < _ALONE
        return Inline(work) if few else Crew(work, self._jobs)

    @property
    def size(self) -> int:
        """How many functions pages matter to."""
        return len(self._pages)

    def _asked_before(self) -> list[bytes]:
        # By the run before, of this tree as a rule: one query then finds thousands of results.
        told = self._store.get(_RECENT, self._salt) if self._store is not None else None
        return [told[at : at + _SIZE] for at in range(0, len(told), _SIZE)] if told else []

    def _decides(self, key: str) -> bool:
        # No page passes through it, but it calls a function whose plain write hangs on its
        # callers: on a constant that this one passes, say.
        for callee in self.graph.callees[key]:
            record = self.records.get(callee)
            if record is not None and record.plain:
                return True
        return False

    # What came of it.

    @property
    def incomplete(self) -> frozenset[str]:
        """Functions with more paths than were followed."""
        return frozenset(key for key, record in self.records.items() if not record.complete)

    def summary(self, key: str) -> Summary | None:
        """A function's summary, when it was summed up."""
        record = self.records.get(key)
        if record is None:
            return None
        return read_summary(record.summary, self._anchors)

    def accesses(self, key: str) -> tuple[Access, ...]:
        """The accesses in a function, or in what it calls, that no caller can change."""
        found: tuple[Access, ...] = unpack(self.records[key].decided, self._anchors)
        return found

    def decided(self) -> dict[str, tuple[Access, ...]]:
        """The accesses of each function that no caller can change."""
        return {key: self._unpacker(r.decided) for key, r in sorted(self.records.items())}

    def pending(self) -> dict[str, tuple[Access, ...]]:
        """The accesses of each function that its callers decide."""
        return {key: self._unpacker(r.summary[1]) for key, r in sorted(self.records.items())}

    def entry_locks(self) -> dict[str, frozenset[str]]:
        """The locks that every caller of a function holds, as far as callers were seen."""
        at: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for caller, record in self.records.items():
            for key, locks in record.calls.items():
                at.setdefault(key, []).append((caller, locks))
        held: dict[str, frozenset[str]] = {}
        for component in map(frozenset, reversed(self.graph.order)):
            for key in component:
                sets = [
                    held.get(caller, frozenset()).union(locks)
                    for caller, locks in at.get(key, ())
                    if caller not in component and key in self.graph.callees[caller]
                ]
                if sets and (common := frozenset.intersection(*sets)):
                    held[key] = common
        return held

    def hanging(self) -> dict[str, str]:
        """Functions whose callers decide a plain write: their names by key.

        Those that another file can call, and functions nobody was seen to call.
        """
        return {
            key: self.functions[key].name
            for key, record in sorted(self.records.items())
            if record.plain and ("@" not in key or "@include/" in key)
        }

    def opaque(self) -> frozenset[str]:
        """The names of functions without a body that a plain write's verdict hangs on."""
        named = (name for record in self.records.values() for name in record.opaque)
        return frozenset(named) - self.functions.keys()


class _Pass:
    """One pass over the call graph: which component is ready, and who is at work on what.

    Only what is stale is summed up. Callers join when what they call came out otherwise; in a
    pass that is `searching`, when a plain write was left to them. Components go by numbers.
    """

    def __init__(self, engine: Engine, progress: Progress, *, searching: bool = False) -> None:
        self._engine = engine
        self._graph = engine.graph
        self._stale = engine._stale
        self._progress = progress
        self._searching = searching
        self._before = {key: record.version for key, record in engine.records.items()}
        above = self._graph.above(self._stale)
        self._parts = [part for part in self._graph.order if not above.isdisjoint(part)]
        """Of functions that are stale or may become so; the others are as they will be."""
        self._home = {key: number for number, part in enumerate(self._parts) for key in part}
        self._missing: dict[int, int] = {}
        """component -> how many of those that it calls are not finished"""
        self._users: dict[int, list[int]] = {}
        self._finished: set[int] = set()
        self._ready: deque[int] = deque()
        self._rounds: dict[str, Rounds] = {}
        self._todo: list[tuple[int, str]] = []
        """What can be done now, as a heap: first what most has to wait for, once anything is done
        that was not known."""
        self._weight: dict[str, int] = {}
        self._signature: dict[str, bytes] = {}
        self._done = 0

    def run(self, keys: Iterable[str] | None = None) -> None:
        """Sum up these functions, or all, and what they call."""
        self._take(self._home if keys is None else keys)
        crew: Crew | Inline | None = None
        under_way = 0
        try:
            while self._ready or self._todo or under_way:
                while self._ready:
                    self._begin(self._ready.popleft())
                if self._todo and (crew is None or crew.free()):
                    _, key = heappop(self._todo)
                    view = self._engine.looked_at(key, self._rounds[key].view(key))
                    known = self._known(key, view)
                    if known is not None:
                        self._landed(key, known)
                        continue
                    if crew is None:
                        crew = self._engine.crew()
                        self._weigh()
                    task = self._engine.task(key, view)
                    crew.submit(task, {r.version: summary_bytes(r) for r in view.values()})
                    under_way += 1
                elif under_way and crew is not None:
                    task, data = crew.finished()
                    under_way -= 1
                    self._landed(task.key, self._engine.keep(self._signature[task.key], data))
        finally:
            if crew is not None:
                crew.stop()

    def _take(self, keys: Iterable[str]) -> None:
        """Have the components of these functions done, and first those that they call."""
        home, callees = self._home, self._graph.callees
        todo = [home[key] for key in keys if key in home]
        while todo:
            number = todo.pop()
            if number in self._missing:
                continue
            below = {home[to] for key in self._parts[number] for to in callees[key] if to in home}
            below -= self._finished
            below.discard(number)
            self._missing[number] = len(below)
            for other in below:
                self._users.setdefault(other, []).append(number)
            todo += below
            if not below:
                self._ready.append(number)

    def _begin(self, number: int) -> None:
        engine, part = self._engine, self._parts[number]
        if self._stale.isdisjoint(part):
            self._through(number)
            return
        self._stale.difference_update(part)
        members = engine.wanted(part)
        for key in part:
            engine.failed.pop(key, None)
        for key in set(part).difference(members):  # a callee had asked, and asks no more
            engine.records.pop(key, None)
        if not members:
            self._through(number)
            return
        rounds = Rounds(members, self._graph.callees, engine.records)
        for key in members:
            self._rounds[key] = rounds
        self._do(rounds.begin())

    def _weigh(self) -> None:
        # By function, how much is to be done one after the other from there on, in bytes of IR:
        # a long chain that is begun late ends with one process at work and the others waiting.
        functions, callers = self._engine.functions, self._graph.callers
        weight = self._weight
        for part in reversed(self._parts):
            for key in reversed(part):
                then = [weight[to] for to in callers.get(key, ()) if to in weight]
                weight[key] = len(memoryview(functions[key].body)) + max(then, default=0)
        self._todo = [(-weight[key], key) for _, key in self._todo]
        heapify(self._todo)

    def _do(self, keys: Iterable[str]) -> None:
        for key in keys:
            heappush(self._todo, (-self._weight.get(key, 0), key))

    def _known(self, key: str, view: dict[str, Record]) -> Record | None:
        self._signature[key] = self._engine.signature(key, view)
        return self._engine.kept(self._signature[key])

    def _landed(self, key: str, record: Record) -> None:
        rounds = self._rounds[key]
        if record.failed:
            self._engine.failed[key] = record.failed
        self._do(rounds.landed(key, record))
        if rounds.done:
            self._done += len(rounds.members)
            self._progress(self._done, max(self._done, self._engine.size))
            self._through(self._home[key])

    def _through(self, number: int) -> None:
        engine, part, callers = self._engine, self._parts[number], self._graph.callers
        self._finished.add(number)
        for key in part:
            record = engine.records.get(key)
            now = record.version if record is not None else None
            if now != self._before.get(key):
                self._stale.update(callers.get(key, ()))
            if self._searching and record is not None and record.plain:
                self._take(callers.get(key, ()))
        self._stale.difference_update(part)
        for user in self._users.get(number, ()):
            self._missing[user] -= 1
            if not self._missing[user]:
                self._ready.append(user)
