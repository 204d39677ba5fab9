"""The order in which a strongly connected component's functions are summed up.

Members are gone through in rounds, callees first. In one round a member sees what the round made
of callees that come before it, and what the round began with of those that come after: what is
seen never hangs on who is done first, so that members that do not call each other can be done at
the same time. The next round takes those of whose callees something else is known by now.

Interface: `Rounds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flaglint.summing import Record

_ROUNDS = 3
"""How often a component of mutually recursive functions is gone through."""


class Rounds:
    """One component, `part`, of which `members` are done, in this order.

    `callees` are those that each member looks up, in the component or not.
    """

    def __init__(
        self,
        members: tuple[str, ...],
        callees: Mapping[str, frozenset[str]],
        records: dict[str, Record],
        part: tuple[str, ...],
    ) -> None:
        self.members = members
        self.part = part
        self._place = {key: number for number, key in enumerate(members)}
        self._callees = callees
        self._records = records
        self._seen: dict[str, dict[str, bytes]] = {}
        """member -> what it was told of the members it calls, by their effect"""
        self._round = 0
        self._before: dict[str, Record] = {}
        self._waiting: dict[str, set[str]] = {}
        self._open: set[str] = set()

    def begin(self) -> list[str]:
        """The members to do first."""
        for key in self.members:
            self._records.pop(key, None)
        return self._start(self.members)

    def view(self, key: str) -> dict[str, Record]:
        """What a member may look up when it is done in this round."""
        found = {}
        for callee in self._callees[key]:
            later = callee in self._open and self._place[callee] >= self._place[key]
            record = (self._before if later else self._records).get(callee)
            if record is not None:
                found[callee] = record
        self._seen[key] = {c: r.effect for c, r in found.items() if c in self._place}
        return found

    def landed(self, key: str, record: Record) -> list[str]:
        """Take a member's result; the members to do next, none when all have been asked for."""
        if not record.failed:
            self._records[key] = record
        ready = []
        del self._waiting[key]
        for other, missing in self._waiting.items():
            if key in missing:
                missing.discard(key)
                if not missing:
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
            for callee in self._callees[key]
            if callee in self._place and callee in self._records
        }
        return now != self._seen[key]

    def _start(self, members: Iterable[str]) -> list[str]:
        self._round += 1
        todo = list(members)
        self._open = set(todo)
        self._before = {key: self._records[key] for key in todo if key in self._records}
        self._waiting = {
            key: {
                callee
                for callee in self._callees[key]
                if callee in self._open and self._place[callee] < self._place[key]
            }
            for key in todo
        }
        return [key for key, missing in self._waiting.items() if not missing]
