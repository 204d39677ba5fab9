"""The order in which a strongly connected component's functions are summed up.

Members are gone through in rounds, callees first. In one round a member sees what the round made
of callees that come before it, and what the round began with of those that come after: what is
seen never hangs on who is done first, so that members that do not call each other can be done at
the same time. The next round takes those of whose callees something else is known by now.

Interface: `Rounds`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from flaglint.summing import Record

_ROUNDS = 3
"""How often a component of mutually recursive functions is gone through."""


class Rounds:
    """One component, of which `members` are done, in this order.

    `callees` are those that each member looks up, in the component or not.
    """

    def __init__(
        self,
        members: tuple[str, ...],
        callees: Mapping[str, Collection[str]],
        records: dict[str, Record],
    ) -> None:
        self.members = members
        self._place = {key: number for number, key in enumerate(members)}
        self._callees = callees
        self._inner = {
            key: [callee for callee in callees[key] if callee in self._place] for key in members
        }
        self._records = records
        self._seen: dict[str, dict[str, bytes]] = {}
        """member -> what it was told of the members it calls, by their effect"""
        self._round = 0
        self._before: dict[str, Record] = {}
        self._waiting: dict[str, int] = {}
        """member -> how many of those that it sees as this round makes them are not done"""
        self._users: dict[str, list[str]] = {}
        """member -> those that wait for it"""
        self._open: set[str] = set()

    def begin(self) -> list[str]:
        """The members to do first."""
        for key in self.members:
            self._records.pop(key, None)
        return self._start(self.members)

    def view(self, key: str) -> dict[str, Record]:
        """What a member may look up when it is done in this round."""
        records = self._records
        found = {callee: records[callee] for callee in self._callees[key] if callee in records}
        for callee in self._inner[key]:
            if callee in self._open and self._place[callee] >= self._place[key]:
                found.pop(callee, None)
                if callee in self._before:
                    found[callee] = self._before[callee]
        self._seen[key] = {c: found[c].effect for c in self._inner[key] if c in found}
        return found

    def landed(self, key: str, record: Record) -> list[str]:
        """Take a member's result; the members to do next, none when all have been asked for."""
        if not record.failed:
            self._records[key] = record
        ready = []
        del self._waiting[key]
        for other in self._users.get(key, ()):
            self._waiting[other] -= 1
            if not self._waiting[other]:
                ready.append(other)
        if self._waiting:
            return ready
        if self._round == _ROUNDS:
            return []
        return self._start(key for key in self.members if self._differs(key))

    @property
    def done(self) -> bool:
        """Whether every member has its last result."""
        return not self._waiting

    def _differs(self, key: str) -> bool:
        now = {
            callee: self._records[callee].effect
            for callee in self._inner[key]
            if callee in self._records
        }
        return now != self._seen[key]

    def _start(self, members: Iterable[str]) -> list[str]:
        self._round += 1
        todo = list(members)
        self._open = set(todo)
        self._before = {key: self._records[key] for key in todo if key in self._records}
        self._waiting = dict.fromkeys(todo, 0)
        self._users = {}
        for key in todo:
            for callee in self._inner[key]:
                if callee in self._open and self._place[callee] < self._place[key]:
                    self._waiting[key] += 1
                    self._users.setdefault(callee, []).append(key)
        return [key for key, missing in self._waiting.items() if not missing]
