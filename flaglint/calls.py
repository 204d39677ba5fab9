"""What a call does: a bit operation, a header helper, a primitive of `rules/`, or a summary.

They are tried in that order. A call of none of these is a named doubt on every page it is
given, and its result is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flaglint import ir
from flaglint.memory import objects_in
from flaglint.objects import array_at
from flaglint.opaque import effect, source
from flaglint.overwriting import address_given
from flaglint.ownership import CONDITIONAL, EXCLUSIVE, Kind, Owner
from flaglint.primitives import Primitives
from flaglint.state import State
from flaglint.summary import Summary
from flaglint.values import VALID, Value, is_formal

_MAX_STATES = 24
_ANYTHING = frozenset(("void *", "const void *"))
_LISTS = frozenset(("void *", "struct list_head *"))
"""Types of formals that may be a list of the caller's."""


class Calls(Primitives):
    """Decides what a call is, and what an unknown one leaves in doubt.

    `by_pointer` is the formal that the function called came in by, or "".
    """

    by_pointer: str = ""

    def call(self, state: State, op: ir.Call) -> list[State]:
        """The states after a call."""
        if self.counted:
            self.vouch(state, op)
        args = tuple(self.get(state, arg) for arg in op.args)
        name = op.name
        models = self.models
        if any(value[0] == "a" for value in args if isinstance(value, tuple)):
            args = self._as_pages(state, op, args)
        bitop = models.bitops.get(name)
        if bitop is not None and self._bitop(state, op, bitop, args):
            return [state]
        helper = self.know.helpers.get(name)
        if helper is not None and args and self._helper(state, op, helper, args[0]):
            return [state]
        if name in models.store_failed and ("failed", "") not in state.facts:
            return self._store_failed(state, op)
        if name and self._primitive(state, op, name, args):
            return [state]
        if name and models.observes(name):
            for value in args:  # what is no page may be written: copy_from_user()
                address_given(state, value)
            self.set(state, op.dst, ("s", self.symbol(state)), op.type)
            return [state]
        keys = (op.callee,) if op.callee else self._indirect(state, op)
        pointer: Value = None if op.callee else self.get(state, op.target)
        self.by_pointer = pointer[1] if is_formal(pointer) else ""
        for key in keys:
            self.seen.called(key, state.locks)
        found = [(key, self.know.summaries[key]) for key in keys if key in self.know.summaries]
        if found and len(found) == len(keys) and len(keys) <= 8:
            return self._summaries(state, op, found, args)
        for key, summary in found:
            with self._by(state, key):
                self._instantiate(state, op, key, summary, args)
        self._unknown(state, op, name or op.slot or "a function pointer", args)
        return [state]

    def _as_pages(self, state: State, op: ir.Call, args: tuple[Value, ...]) -> tuple[Value, ...]:
        # A `void *` that is given where a page is expected.
        if op.name not in self.know.helpers and not self.models.takes_page(op.name):
            return args
        return tuple(
            self.formal(state, value[1][1:], (), "folio")
            if isinstance(value, tuple)
            and value[0] == "a"
            and value[1][0] == "*"
            and not value[2]
            and self.function.types.get(value[1][1:]) in _ANYTHING
            else value
            for value in args
        )

    def _indirect(self, state: State, op: ir.Call) -> tuple[str, ...]:
        target = self.get(state, op.target)
        if isinstance(target, tuple) and target[0] == "f":
            return (target[1],)
        if op.slot:
            return self.know.targets.get(op.slot, ())
        return self.know.targets.get(f"{self.function.key}:{op.target}", ())

    def _unknown(self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]) -> None:
        result: Value = ("s", self.symbol(state))
        whole = [v[1] for v in args if isinstance(v, tuple) and v[0] == "o" and v[3] == 0]
        for item in [] if op.callee in self.know.program else whole:
            owner = state.objects.get(item)
            if owner is not None and owner.kind in (*EXCLUSIVE, *CONDITIONAL):
                doubts = owner.doubts | {effect(name)}
                state.objects[item] = owner._replace(doubts=doubts)
        carried = next(objects_in(args), None)
        number = carried is not None and ("d", carried) in args and op.type == "unsigned long"
        if carried is not None and (number or op.type in self.models.entry_types):
            result = ("d", carried)  # a number made from a page's number refers to the page
        overlay = self.layout.page_type(op.type)
        if overlay:
            owner = Owner(Kind.UNKNOWN, doubts=frozenset((source(name),)), where=op.where)
            result = self.new_object(state, owner, overlay)
        elif op.type.endswith("*"):
            result = ("h", self.at, "")
        for value, arg in zip(args, op.args, strict=True):
            if not (isinstance(value, tuple) and value[0] == "a"):
                continue
            address_given(state, value)
            if value[1].startswith("&"):
                self._clobber(state, value)
            if value[1].startswith(("&", "k")):
                places = self.function.types.get(str(arg), "").removesuffix("*").rstrip()
                if not value[2] or array_at(state, value[1:]) or self.layout.page_type(places):
                    state.facts["filled", value[1]] = VALID
            # Who calls a function that nobody knows with its caller's list may have it filled.
            elif not op.callee and self.function.types.get(value[1][1:]) in _LISTS:
                self.add(state, (value[1], (*value[2], "[list]")), self.some_member())
        self.set(state, op.dst, result, op.type)

    def _clobber(self, state: State, value: Value) -> None:
        # An unknown function may store through the pointer: what a plain local held is gone.
        if not value[2] and value[1][1:] in state.env:
            held = state.env[value[1][1:]]
            if not (isinstance(held, tuple) and held[0] in ("o", "d")):
                state.env[value[1][1:]] = None

    def _summaries(
        self,
        state: State,
        op: ir.Call,
        found: list[tuple[str, Summary]],
        args: tuple[Value, ...],
    ) -> list[State]:
        results: list[State] = []
        for number, (key, summary) in enumerate(found):
            with self._by(state, key):
                self._instantiate(state, op, key, summary, args)
                ends = [
                    self._apply(state, op, summary, outcome, args, f"{number}.{position}")
                    for position, outcome in enumerate(summary.outcomes)
                ]
            for after in ends:
                if after is not None:
                    self._carry(after, op, args)
                    results.append(after)
            if len(results) > _MAX_STATES:
                results = self.merged(results, op.dst)
        return results

    @contextmanager
    def _by(self, state: State, key: str) -> Iterator[None]:
        """What is so when the function is the one that the caller's pointer leads to."""
        if not self.by_pointer:
            yield
            return
        fact = ("fn", self.by_pointer, key)
        known = fact in state.facts
        state.facts[fact] = VALID
        yield
        if not known:
            del state.facts[fact]

    def merged(self, states: list[State], result: str) -> list[State]:
        """Fewer states that say no less is possible; `result` holds what the call gave."""
        raise NotImplementedError

    def _carry(self, state: State, op: ir.Call, args: tuple[Value, ...]) -> None:
        """A page-table entry made from another maps the same page, whatever bits it has."""
        if op.type in self.models.entry_types and not self._mapped(state.env.get(op.dst)):
            entries = (self._mapped(value) for value in args)
            carried = next((name for name in entries if name), "")
            if carried in state.objects:
                state.env[op.dst] = ("d", carried)

    def _mapped(self, value: Value) -> str:
        if isinstance(value, tuple) and value[0] == "r":
            return next((name for _, held in value[1:] if (name := self._mapped(held))), "")
        return value[1] if isinstance(value, tuple) and value[0] == "d" else ""
