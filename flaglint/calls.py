"""What a call does: a bit operation, a header helper, a primitive of `rules/`, or a summary.

They are tried in that order. A call of none of these is a named doubt on every page it is
given, and its result is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from flaglint import ir
from flaglint.access import Access, Place
from flaglint.finding import Step
from flaglint.flagtable import Atomicity, FlagTable, Helper, Operation, Word
from flaglint.location import Location
from flaglint.lockset import lock_name
from flaglint.memory import Layout, Memory, Spot, objects_in
from flaglint.models import Bitop, LockRule, Models
from flaglint.ownership import CONDITIONAL, EXCLUSIVE, OPEN, Kind, Owner
from flaglint.state import State
from flaglint.summary import Outcome, Summary
from flaglint.values import ANY_CLASS, ERROR, NULL, VALID, Value, object_of

_TYPE_HELPER = re.compile(r"(__Set|__Clear|)Page(\w+)")
_CLASSES = {"IS_ERR": ERROR, "IS_ERR_OR_NULL": NULL | ERROR, "IS_ERR_VALUE": ERROR}
_PASS = frozenset(("ERR_CAST", "PTR_ERR_OR_ZERO", "kasan_reset_tag", "ERR_PTR", "PTR_ERR"))
_MAX_STATES = 24
_TAKEN = "[taken]"
"""A step: a member that has left the list."""


class Knowledge:
    """Everything a function's interpretation may look up; the same for all functions."""

    def __init__(
        self,
        table: FlagTable,
        models: Models,
        layout: Layout,
        summaries: Mapping[str, Summary],
        targets: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.helpers = table.active()
        self.bits = {flag.bit: flag.name for flag in reversed(table.flags) if not flag.alias_of}
        self.models = models
        self.layout = layout
        self.summaries = summaries
        self.targets = targets
        self.program: Container[str] = frozenset()
        self.stubs = table.inactive


class Calls(Memory):
    """The call half of the transfer function, for one function."""

    def __init__(self, function: ir.Function, know: Knowledge) -> None:
        super().__init__(function, know.layout)
        self.know = know
        self.models = know.models
        self.recording: dict[tuple[object, ...], Access] | None = None
        self.released: frozenset[str] = frozenset()
        self.free_params = _claimed_free(function, know.models)
        self.given_back: dict[str, set[int]] = {}
        self.owned_params: frozenset[str] = frozenset()
        self.called = ""
        self.calls_made: dict[str, frozenset[str]] = {}

    def on_entry(self, owner: Owner, param: str) -> Owner:
        name = self.function.name
        number = self.models.called_at_zero.get(name)
        if number is not None and self.function.params[number : number + 1] == (param,):
            why = f"{name}() is called with a reference count of zero"
            return owner.moved(Kind.ZERO, why, self.function.where)
        if param in self.owned_params and owner.root == (param, ()):
            why = "its owner gives it back to the page allocator on every path from here"
            return owner.moved(Kind.OWNED, why, self.function.where)
        if param in self.free_params:
            why = "it is a free page of the page allocator's"
            return owner.moved(Kind.FREE, why, self.function.where)
        return owner

    def free_list(self, steps: tuple[str, ...]) -> str:
        for step in steps:
            if step[1:] in self.models.free_lists:
                return step[1:]
        return ""

    # Accesses.

    def record(self, state: State, place: Place, name: str) -> None:
        """Note a write of the word of the object called `name`."""
        if self.recording is None or self.function.name in self.know.helpers:
            return  # a helper's own body is its row of the table
        owner = state.objects.get(name)
        if owner is None:
            owner = Owner(Kind.UNKNOWN, doubts=frozenset(("an object that was lost track of",)))
        access = Access(place, owner, state.locks, self._conditions(state, owner, place, name))
        self._note(access)

    def _conditions(
        self, state: State, owner: Owner, place: Place, name: str
    ) -> frozenset[tuple[object, int]]:
        # A page others can write is a race only on paths that some caller takes.
        if owner.kind in CONDITIONAL or (owner.kind in OPEN and place.atomicity == "plain"):
            return self.guards(state, name)
        return frozenset()

    def _note(self, access: Access) -> None:
        assert self.recording is not None
        access = access._replace(owner=access.owner._replace(tentative=None))
        if self.function.section == "init" and access.kind not in EXCLUSIVE:
            why = f"{self.function.name}() runs while memory is being set up"
            access = access._replace(
                owner=access.owner.moved(Kind.BOOT, why, self.function.where)
            )
        known = self.recording.get(access.identity)
        if known is None:
            self.recording[access.identity] = access
            return
        # One context for all: what is certainly held is what is held in each of them.
        best = min(access, known, key=lambda each: (len(each.chain), each.chain))
        self.recording[access.identity] = best._replace(locks=access.locks & known.locks)

    def guards(self, state: State, name: str) -> frozenset[tuple[object, int]]:
        """The conditions on formals under which this path is taken."""
        found: set[tuple[object, int]] = set()
        for key, mask in state.facts.items():
            if not isinstance(key, tuple):
                continue
            if key[0] == "s" and str(key[1]).startswith("p:"):
                found.add((key, mask))
            elif key[0] == "a" and key[2] == () and mask != VALID:
                found.add((key, mask))
            elif key[0] == "flag" and key[1] == name and name.startswith("F:"):
                found.add((key, mask))
            elif key[0] == "=" and isinstance(key[1], tuple) and str(key[1][1]).startswith("p:"):
                found.add((key, mask))
        return frozenset(found)

    def write(
        self, state: State, spot: Spot, helper: str, flags: tuple[str, ...], atomicity: str
    ) -> None:
        """A write of the flags word at a place."""
        index = spot.index
        word = "second" if index == 1 else "head" if index == 0 else "any"
        if spot.record not in ("", "page") and index == "b":
            word = "head"
        if self._accessor(spot.root):
            helper = self.function.name
        place = Place(self.where, self.function.key, helper, flags, word, atomicity)
        self.record(state, place, spot.root)

    def _accessor(self, name: str) -> bool:
        # A function that is there to write the word of the page it is given, in a header or
        # no longer than a header's: readers know the write by its name.
        if not name.startswith("F:"):
            return False
        return self.function.where.file.endswith(".h") or len(self.function.blocks) <= 4

    def flag_names(self, mask: Value) -> tuple[str, ...]:
        """The flags whose bits are set in a mask."""
        if not isinstance(mask, int):
            return ()
        if mask < 0:
            mask = ~mask
        return tuple(name for bit, name in sorted(self.know.bits.items()) if mask >> bit & 1)

    # Calls.

    def call(self, state: State, op: ir.Call) -> list[State]:
        """The states after a call."""
        args = tuple(self.get(state, arg) for arg in op.args)
        name = op.name
        models = self.models
        bitop = models.bitops.get(name)
        if bitop is not None and self._bitop(state, op, bitop, args):
            return [state]
        if name and models.observes(name):
            self.set(state, op.dst, ("s", self.symbol(state)), op.type)
            return [state]
        helper = self.know.helpers.get(name)
        if helper is not None and args and self._helper(state, op, helper, args[0]):
            return [state]
        if name in models.store_failed and ("failed", "") not in state.facts:
            return self._store_failed(state, op)
        if name and self._primitive(state, op, name, args):
            return [state]
        keys = (op.callee,) if op.callee else self._indirect(state, op)
        if self.recording is not None:
            for key in keys:
                held = self.calls_made.get(key, state.locks)
                self.calls_made[key] = held & state.locks
        found = [(key, self.know.summaries[key]) for key in keys if key in self.know.summaries]
        if found and len(found) == len(keys) and len(keys) <= 8:
            return self._summaries(state, op, found, args)
        for key, summary in found:
            self._instantiate(state, op, key, summary, args)
        self._unknown(state, op, name or op.slot or "a function pointer", args)
        return [state]

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
                doubt = f"what {name}() does with the page is not known"
                state.objects[item] = owner._replace(doubts=owner.doubts | {doubt})
        carried = next(objects_in(args), None)
        if op.type in self.models.entry_types and carried is not None:
            result = ("d", carried)
        overlay = self.layout.page_type(op.type)
        if overlay:
            doubt = f"where {name}() gets the page from is not known"
            owner = Owner(Kind.UNKNOWN, doubts=frozenset((doubt,)), where=op.where)
            result = self.new_object(state, owner, overlay)
        elif op.type.endswith("*"):
            result = ("h", self.at, "")
        for value in args:
            if isinstance(value, tuple) and value[0] == "a" and value[1].startswith("&"):
                self._clobber(state, value, name)
        self.set(state, op.dst, result, op.type)

    def _clobber(self, state: State, value: Value, name: str) -> None:
        # An unknown function may store through the pointer: what a plain local held is gone.
        if not value[2] and value[1][1:] in state.env:
            held = state.env[value[1][1:]]
            if not (isinstance(held, tuple) and held[0] in ("o", "d")):
                state.env[value[1][1:]] = None

    def _bitop(self, state: State, op: ir.Call, bitop: Bitop, args: tuple[Value, ...]) -> bool:
        if bitop.word >= len(args):
            return False
        word = args[bitop.word]
        if not (isinstance(word, tuple) and word[0] == "o" and word[3] == self.layout.flags):
            return False
        spot = Spot("page", word[1], index=word[2], offset=word[3])
        bit = args[bitop.bit] if bitop.bit >= 0 else None
        flags: tuple[str, ...] = ()
        if isinstance(bit, int):
            known = self.know.bits.get(bit)
            flags = (known,) if known else ()
        elif 0 <= bitop.mask < len(args):
            flags = self.flag_names(args[bitop.mask])
        if bitop.atomicity != "read":
            self.write(state, spot, op.name, flags, bitop.atomicity)
        state.env[op.dst] = ("s", self.symbol(state))
        rule = self.models.locks.get(op.name)
        if rule is not None:
            self._lock(state, op, rule, args)
        return True

    def _helper(self, state: State, op: ir.Call, helper: Helper, page: Value) -> bool:
        name = object_of(page)
        if name is None or not isinstance(page, tuple) or page[0] != "o":
            nowhere = not state.mask(page) & VALID  # a path that cannot be taken
            if helper.atomicity is Atomicity.PLAIN and not nowhere:
                lost = f"l{self.at}"
                doubt = f"which page {op.name}() is given is not known"
                state.objects[lost] = Owner(Kind.UNKNOWN, doubts=frozenset((doubt,)))
                name = lost
                page = ("o", lost, "b", 0)
            else:
                state.env[op.dst] = ("s", self.symbol(state))
                return True
        flags = tuple(helper.flag.split("|"))
        result: Value = ("s", self.symbol(state))
        if helper.operation is Operation.TEST:
            result = ("t", "flag", name, flags[0])
        if helper.atomicity is not Atomicity.READ:
            word = _word_of(helper, page[2], state.objects.get(name))
            place = Place(op.where, self.function.key, op.name, flags, word, str(helper.atomicity))
            self.record(state, place, name)
            if helper.operation in (Operation.SET, Operation.CLEAR):
                value = VALID if helper.operation is Operation.SET else NULL
                state.facts[("now", name, flags[0])] = value
        state.env[op.dst] = result
        return True

    def _primitive(
        self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]
    ) -> bool:
        models = self.models
        rule = models.locks.get(name)
        if rule is not None:
            self._body_accesses(state, op, args)
            self._lock(state, op, rule, args)
            return True
        if name in models.allocate:
            self._body_accesses(state, op, args)
            owner = Owner(Kind.FRESH, why=f"allocated by {name}()", where=op.where)
            overlay = self.layout.page_type(op.type) or "page"
            value = self.new_object(state, owner, overlay)
            # What an allocator gives is the first page of what it allocated.
            state.env[op.dst] = ("o", value[1], 0, 0)
            return True
        if name in models.allocate_memory:
            symbol = self.symbol(state)
            for cell in [c for c in state.cells if c[0] == f"k{symbol}"]:
                del state.cells[cell]
            state.env[op.dst] = ("a", f"k{symbol}", ())
            return True
        if name in _CLASSES and args:
            state.env[op.dst] = ("i", args[0], _CLASSES[name])
            return True
        if name in _PASS and args:
            state.env[op.dst] = args[0]
            if name == "ERR_PTR":
                symbol = ("s", self.symbol(state))
                state.facts[symbol] = ERROR if state.mask(args[0]) == VALID else NULL | ERROR
                state.env[op.dst] = symbol
            elif name == "PTR_ERR":
                state.env[op.dst] = ("s", self.symbol(state))
            return True
        return self._page_primitive(state, op, name, args) or self._list(state, op, name, args)

    def _page_primitive(
        self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]
    ) -> bool:
        models = self.models
        if name in models.page_head and args:
            self.set(state, op.dst, _head(args[0]), op.type)
            return True
        conditional = models.conditional.get(name)
        if conditional is not None and conditional[1] < len(args):
            what = object_of(args[conditional[1]])
            if what is not None:
                state.env[op.dst] = ("t", conditional[0], what, args[conditional[1]])
                return True
        if name in models.first_reference and args:
            count = args[1] if len(args) > 1 else 1
            if state.number(count) == 1 and self._first_reference(state, args[0], op.where):
                return True
            if name not in models.unfreeze:
                return False
        if name in models.unfreeze and args:
            self._unfreeze(state, args[models.unfreeze[name]], op.where)
            return True
        if name in models.split and args:
            what = object_of(args[0])
            if what is not None and what in state.objects:
                state.objects[what] = state.objects[what]._replace(parted=True)
            return True
        if name in models.take_reference and args:
            what = object_of(args[0])
            if what is not None and what in state.objects:
                owner = state.objects[what]
                state.objects[what] = owner._replace(extra=min(2, owner.extra + 1))
            return True
        if name in models.drop and args:
            self._body_accesses(state, op, args)
            self._release(state, args[models.drop[name]], name, op.where)
            return True
        if name in models.free_owned and args:
            self._body_accesses(state, op, args)
            self._release(state, args[models.free_owned[name]], name, op.where)
            return True
        if name in models.publish:
            self._body_accesses(state, op, args)
            self._settle(state, False)
            state.facts.pop(("failed", ""), None)
            for value in args:
                self.publish(state, value, f"{name}() made it reachable by others", op.where)
            state.env[op.dst] = ("s", self.symbol(state))
            if name in models.publish_if_zero:
                state.env[op.dst] = ("t", "failed", "", "")
            return True
        if name in models.store_failed:
            known = state.facts.get(("failed", ""))
            state.env[op.dst] = ("t", "failed", "", "")
            if known is not None:
                state.env[op.dst] = 0 if known == NULL else ("s", self.symbol(state))
                state.narrow(state.env[op.dst], known)
            return True
        if name in models.look_up:
            self._body_accesses(state, op, args)
            self.set(state, op.dst, ("h", self.symbol(state), f"{name}()"), op.type)
            found = object_of(state.env[op.dst])
            for flag in models.gives_flags.get(name, ()) if found else ():
                state.facts[("flag", found, flag)] = VALID
            if found and self.layout.page_type(op.type) == "folio":
                # A look-up that gives folios finds what is cached or mapped; no cast makes
                # a slab or a page table of that.
                state.objects[found] = state.objects[found]._replace(view="folio")
            return True
        if name in models.carry:
            carried = next(objects_in(args), None)
            if carried is not None:
                state.env[op.dst] = ("d", carried)
                return True
        if name in models.carried_back and args and op.type.endswith("*"):
            overlay = self.layout.page_type(op.type)
            carried = object_of(args[0])
            if overlay and carried is not None:
                state.env[op.dst] = ("o", carried, "b" if overlay == "page" else 0, 0)
                return True
        if name in models.counts and args:
            what = object_of(args[0])
            if what is not None:
                state.env[op.dst] = ("t", "count", what, "")
                return True
        match = _TYPE_HELPER.fullmatch(name)
        if match and match.group(2) in models.free_types and args:
            return self._free_type(state, op, match.group(1), args[0])
        pair = models.bulk.get(name)
        if pair is not None and args:
            self._bulk(state, op, pair, args)
            return True
        return False

    def _free_type(self, state: State, op: ir.Call, verb: str, page: Value) -> bool:
        name = object_of(page)
        if name is None or name not in state.objects:
            return False
        if not verb:
            state.env[op.dst] = ("t", "free", name, "")
            return True
        owner = state.objects[name]
        if owner.kind not in EXCLUSIVE:
            why = "it is a free page of the page allocator's"
            state.objects[name] = owner.moved(Kind.FREE, why, op.where)
        return True

    def _bulk(
        self, state: State, op: ir.Call, pair: tuple[int, int], args: tuple[Value, ...]
    ) -> None:
        to = args[pair[0]] if pair[0] < len(args) else None
        size = state.number(args[2]) if len(args) > 2 else None
        if size == self.layout.size and not (isinstance(to, tuple) and to[0] in ("o", "d", "a")):
            # As many bytes as a struct page has, at an address that was computed.
            doubt = f"which struct page, if any, {op.name}() overwrites is not known"
            name = f"m{self.at}"
            state.objects[name] = Owner(
                Kind.UNKNOWN, doubts=frozenset((doubt,)), where=op.where
            )
            to = ("o", name, "b", 0)
        if isinstance(to, tuple) and to[0] == "o" and to[3] <= self.layout.flags:
            spot = Spot("page", to[1], index=to[2], offset=to[3])
            self.write(state, spot, op.name, (), "plain")
        state.env[op.dst] = to

    def _unfreeze(self, state: State, page: Value, where: Location) -> None:
        name = object_of(page)
        if name is None or name not in state.objects:
            return
        if not self.part(state, page):
            state.objects[name] = state.objects[name].thawed(where)

    def _store_failed(self, state: State, op: ir.Call) -> list[State]:
        # Two paths from here, and not one with a question: the answer is kept in variables
        # that other errors are kept in too, and comes back from functions.
        failed = state.copy()
        self._settle(state, False)
        state.facts[("failed", "")] = NULL
        state.env[op.dst] = 0
        self._settle(failed, True)
        failed.facts[("failed", "")] = VALID
        failed.env[op.dst] = ("s", self.symbol(failed))
        failed.narrow(failed.env[op.dst], VALID)
        return [state, failed]

    def _settle(self, state: State, failed: bool) -> None:
        for name, owner in list(state.objects.items()):
            state.objects[name] = owner.settled(failed)

    def _first_reference(self, state: State, page: Value, where: Location) -> bool:
        name = object_of(page)
        if name is None or name not in state.objects:
            return False
        owner = state.objects[name]
        if owner.kind is Kind.FROZEN:
            return False
        if owner.kind not in EXCLUSIVE or owner.kind in (Kind.FREE, Kind.ZERO):
            why = "its reference count was zero, and the caller was given the first reference"
            state.objects[name] = owner.moved(Kind.FRESH, why, where)
        return True

    def _release(self, state: State, page: Value, name: str, where: Location) -> None:
        what = object_of(page)
        if what is not None and what in state.objects and not self.part(state, page):
            owner = state.objects[what]
            if self._one_of_many(state, page):
                return
            if owner.extra and name in self.models.drop:
                state.objects[what] = owner._replace(extra=owner.extra - 1)
                return
            if name in self.models.free_owned and what.startswith("F:") and "|" not in what:
                self.given_back.setdefault(what[2:], set()).add(int(self.at.split(".")[0]))
            why = f"{name}() dropped the reference that kept it"
            state.objects[what] = owner.moved(Kind.RELEASED, why, where)

    def _one_of_many(self, state: State, page: Value) -> bool:
        # One page of many that came in together, or of a folio that is being taken apart:
        # what becomes of it does not become of the others.
        if self.part(state, page):
            return True
        if not (isinstance(page, tuple) and page[0] == "o" and page[2] == "?"):
            return False
        return state.objects[page[1]].kind is Kind.ENTRY

    def _list(self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]) -> bool:
        models = self.models
        if name in models.insert and len(args) > models.insert[name][1]:
            entry, head = (args[index] for index in models.insert[name])
            self._insert(state, entry, head, op.where, name)
            return True
        if name in models.splice and len(args) > models.splice[name][1]:
            source, head = (args[index] for index in models.splice[name])
            self._splice(state, source, head)
            return True
        if name in models.remove and len(args) > models.remove[name]:
            what = object_of(args[models.remove[name]])
            if what is not None and what in state.objects:
                state.objects[what] = _taken_off(state.objects[what], op.where)
        if name in models.empty and len(args) > models.empty[name]:
            self.emptied(state, args[models.empty[name]])
        return name in models.remove or name in models.empty

    def _insert(
        self, state: State, entry: Value, head: Value, where: Location, name: str
    ) -> None:
        what = object_of(entry)
        if what is None or what not in state.objects:
            return
        if isinstance(head, tuple) and head[0] in ("a", "l"):
            root, steps = head[1], head[2]
            if self.free_list(steps):
                why = "it is on the page allocator's free list"
                state.objects[what] = state.objects[what].moved(Kind.FREE, why, where)
                return
            spot = Spot("cell", root, (*steps, "[list]"))
            if self.private(spot):
                self.add(state, (root, spot.steps), state.objects[what])
                state.members[what] = (root, steps)
                return
        if isinstance(head, tuple) and head[0] == "h" and head[2] in self.models.free_lists:
            why = "it is on the page allocator's free list"
            state.objects[what] = state.objects[what].moved(Kind.FREE, why, where)
            return
        list_ = head[2] if isinstance(head, tuple) and head[0] == "h" and head[2] else "a list"
        self.publish(state, ("o", what, 0, 0), f"{name}() put it on {list_} that others can walk", where)

    def _splice(self, state: State, source: Value, head: Value) -> None:
        if not (isinstance(source, tuple) and source[0] == "a"):
            return
        held = state.cells.get((source[1], (*source[2], "[list]")))
        owners = held[1] if isinstance(held, tuple) and held[0] == "alts" else frozenset()
        if isinstance(head, tuple) and head[0] == "a":
            for owner in sorted(owners, key=lambda o: (o.kind, str(o.root))):
                self.add(state, (head[1], (*head[2], "[list]")), owner)

    # Locks.

    def _lock(self, state: State, op: ir.Call, rule: LockRule, args: tuple[Value, ...]) -> None:
        name = rule.named
        if not name and 0 <= rule.lock < len(args):
            name = lock_name(args[rule.lock])
        match rule.mode:
            case "acquire" | "claim":
                if name:
                    state.locks |= {name}
                state.env[op.dst] = ("s", self.symbol(state))
            case "release":
                if name not in state.locks:
                    self.released |= {name}  # the caller's
                state.locks -= {name}
                self._let_go(state, name, op.where)
            case "try":
                state.env[op.dst] = ("t", "lock", name, "")
            case "try_zero":
                state.env[op.dst] = ("n", ("t", "lock", name, ""))

    def _let_go(self, state: State, lock: str, where: Location) -> None:
        # What was only looked at on a free list can be anybody's once the list's lock is
        # dropped; what was taken off the list stays the taker's.
        lists = {field for field, held in self.models.free_lists.items() if held == lock}
        for name, owner in list(state.objects.items()) if lists else ():
            if owner.kind is Kind.FREE and owner.why.removeprefix("it is on ") in lists:
                why = "it was on a free list whose lock has been dropped"
                state.objects[name] = owner.moved(Kind.SHARED, why, where)

    # Summaries.

    def _body_accesses(self, state: State, op: ir.Call, args: tuple[Value, ...]) -> None:
        summary = self.know.summaries.get(op.callee)
        if summary is not None:
            self._instantiate(state, op, op.callee, summary, args)

    def _summaries(
        self,
        state: State,
        op: ir.Call,
        found: list[tuple[str, Summary]],
        args: tuple[Value, ...],
    ) -> list[State]:
        results: list[State] = []
        for key, summary in found:
            self._instantiate(state, op, key, summary, args)
        for number, (_, summary) in enumerate(found):
            for position, outcome in enumerate(summary.outcomes):
                after = self._apply(state, op, summary, outcome, args, f"{number}.{position}")
                if after is not None:
                    results.append(after)
        return results[:_MAX_STATES]

    def _actuals(self, summary: Summary, args: tuple[Value, ...]) -> dict[str, Value]:
        return dict(zip(summary.params, args, strict=False))

    def _object(self, state: State, root: tuple[str, tuple[str, ...]], args: dict[str, Value],
                overlay: str = "folio") -> Value:
        # The caller's object for a formal's: the argument itself, or what memory that the
        # argument points to holds.
        param, steps = root
        value = args.get(param)
        if not steps:
            return self.coerce(state, value, f"struct {overlay} *")
        if steps[-1] == _TAKEN:
            member = self._object(state, (param, (*steps[:-1], "[list]")), args, overlay)
            name = object_of(member)
            if name is not None and name in state.objects:
                state.objects[name] = _taken_off(state.objects[name], self.where)
            return member
        if isinstance(value, tuple) and value[0] == "a":
            cell = (value[1], (*value[2], *steps))
            if not cell[1] and cell[0].startswith("&"):
                return state.env.get(cell[0][1:])
            if cell[1] and cell[1][-1] in ("[]", "[list]"):
                return self.take(state, cell, overlay)
            if cell in state.cells:
                return self.coerce(state, state.cells[cell], f"struct {overlay} *")
            if cell[0].startswith("&") and any(known[0] == cell[0] for known in state.cells):
                return 0  # a member its initialiser leaves out
            if cell[0].startswith("*") and len(cell[1]) <= 6:
                return self.formal(state, cell[0][1:], cell[1], overlay)
            return None
        if isinstance(value, tuple) and value[0] == "l":
            return self.take(state, (value[1], (*value[2], *steps)), overlay)
        if isinstance(value, tuple) and value[0] in ("h", "o"):
            return ("h", self.at, value[2] if value[0] == "h" else "page")
        return None

    def _instantiate(
        self, state: State, op: ir.Call, key: str, summary: Summary, args: tuple[Value, ...]
    ) -> None:
        """The callee's pending accesses, as this call decides them."""
        if self.recording is None or not summary.pending:
            return
        actuals = self._actuals(summary, args)
        names = self._lock_names(state, actuals)
        step = Step(self.function.name, op.where.file, op.where.line)
        self.called = op.name
        for access in summary.pending:
            if len(access.chain) > 10 or not self._possible(state, access.guards, actuals):
                continue
            for owner, name in self._owners(state, access, actuals):
                guards = self._conditions(state, owner, access.place, name)
                if owner.kind in CONDITIONAL or guards or owner.kind in OPEN:
                    guards |= self._passed_on(state, access, actuals)
                locks = state.locks | frozenset(names.get(lock, lock) for lock in access.locks)
                self._note(Access(access.place, owner, locks, guards, (step, *access.chain)))

    def _passed_on(
        self, state: State, access: Access, args: dict[str, Value]
    ) -> frozenset[tuple[object, int]]:
        # The callee's conditions that are conditions on this function's formals in turn.
        if access.place.atomicity != "plain":
            return frozenset()
        found: set[tuple[object, int]] = set()
        for key, mask in access.guards:
            if not isinstance(key, tuple):
                continue
            if key[0] == "s":
                value = self._symbol(state, str(key[1]), args)
                if isinstance(value, tuple) and value[0] == "s" and value[1].startswith("p:"):
                    found.add((value, mask & state.mask(value)))
            elif key[0] == "flag":
                name = object_of(args.get(key[1][2:]))
                if name and name.startswith("F:") and "|" not in name:
                    found.add((("flag", name, key[2]), mask))
        return frozenset(found)

    def _owners(
        self, state: State, access: Access, args: dict[str, Value]
    ) -> list[tuple[Owner, str]]:
        if access.kind not in CONDITIONAL:
            return [(access.owner, "")]
        root = access.owner.root
        assert root is not None
        doubts = access.owner.doubts
        if access.owner.kind is Kind.WITHIN:
            return [(self._within(args.get(root[0]), access.owner), "")]
        before = dict(state.objects)
        value = self._object(state, root, args)
        found: list[tuple[Owner, str]] = []
        if isinstance(value, tuple) and value[0] == "fork":
            found = [(owner, "") for owner in value[1]]
        elif not state.mask(value) & VALID:
            return []  # no page is passed: the access is not reached
        else:
            name = object_of(value) or ""
            owner = state.objects.get(name)
            if owner is None:
                sort = value[0] if isinstance(value, tuple) else ""
                if sort == "h":
                    owner = Owner(
                        Kind.SHARED, why=f"read from {value[2] or 'shared memory'}",
                        where=self.where,
                    )
                else:
                    doubt = f"which page is passed to {access.place.function.split('@')[0]}()"
                    owner = Owner(Kind.UNKNOWN, doubts=frozenset((doubt,)), where=self.where)
            found = [(owner, name)]
        for name in [n for n in state.objects if n not in before and not n.startswith("F:")]:
            del state.objects[name]
        kept = self.called if self.called in self.models.called_unpublished else access.owner.kept
        results = []
        for owner, name in found:
            if access.owner.shown:
                where = access.owner.where or self.where
                owner = owner.published(access.owner.why, where)
            if kept:
                owner = _kept(owner, kept)
            owner = owner._replace(
                doubts=owner.doubts | doubts, view=owner.view or access.owner.view, tentative=None
            )
            results.append((owner, name))
        return results

    def _within(self, value: Value, owner: Owner) -> Owner:
        if isinstance(value, tuple) and value[0] == "a":
            if value[1].startswith("*"):
                return owner._replace(root=(value[1][1:], ()))
            return owner._replace(kind=Kind.FRESH, root=None)
        return owner.moved(Kind.SHARED, "stored in a structure that others can reach", self.where)

    def _possible(
        self, state: State, guards: frozenset[tuple[object, int]], args: dict[str, Value]
    ) -> bool:
        for key, mask in guards:
            if not isinstance(key, tuple):
                continue
            match key[0]:
                case "s":
                    if not state.mask(self._symbol(state, str(key[1]), args)) & mask:
                        return False
                case "=":
                    number = state.number(self._symbol(state, str(key[1][1]), args))
                    if number is not None and number != mask:
                        return False
                case "a" if key[1][1:] in args:
                    if not state.mask(args[key[1][1:]]) & mask:
                        return False
                case "o" if key[1][2:] in args:
                    if not state.mask(args[key[1][2:]]) & mask:
                        return False
                case "flag" if key[1][2:] in args:
                    name = object_of(args[key[1][2:]])
                    known = state.facts.get(("flag", name, key[2]), ANY_CLASS)
                    if not state.facts.get(("now", name, key[2]), known) & mask:
                        return False
        return True

    def _lock_names(self, state: State, args: dict[str, Value]) -> dict[str, str]:
        names = {}
        for param, value in args.items():
            names["*" + param] = lock_name(value) or "*"
            if isinstance(value, tuple) and value[0] == "a" and value[1].startswith("&"):
                # A member of a local that points to a lock (a guard's, a fault's ptl): the
                # callee knows that lock by the member, the caller by what it put there.
                for (root, steps), held in state.cells.items():
                    if root == value[1] and steps and isinstance(held, tuple):
                        if held[0] in ("a", "h") and (known := lock_name(held)):
                            names[steps[-1].removeprefix(".")] = known
        return names

    def _apply(
        self,
        state: State,
        op: ir.Call,
        summary: Summary,
        outcome: Outcome,
        args: tuple[Value, ...],
        number: str,
    ) -> State | None:
        """The state after the call when it ends this way, or None when it cannot."""
        actuals = self._actuals(summary, args)
        if not self._possible(state, outcome.guards, actuals):
            return None
        after = state.copy()
        self.symbol(after)
        for key, mask in outcome.guards:
            self._learn(after, key, mask, actuals)
        names: dict[str, str] = {}
        for old, owner in outcome.new:
            new = f"n{self.at}:{old}"
            after.renew(new)
            if owner.kind is Kind.WITHIN and owner.root:
                owner = self._within(actuals.get(owner.root[0]), owner)
            elif owner.kind is Kind.ENTRY and owner.root:
                owner = self._entry(after, owner, actuals)
            after.objects[new] = owner
            names[old] = new
        for root, owner in outcome.changed:
            self._change(after, root, owner, actuals)
        for (base, steps), value in outcome.stores:
            if base.startswith("k"):  # memory the callee allocated and returns
                held = self._value(after, value, actuals, names)
                after.cells[f"k{self.at}:{base}", steps] = held
                continue
            self._store_back(after, base, steps, self._value(after, value, actuals, names),
                             actuals, op.where)
        locks = self._lock_names(after, actuals)
        dropped = frozenset(locks.get(lock, lock) for lock in outcome.dropped)
        self.released |= dropped - after.locks
        after.locks -= dropped
        for lock in sorted(dropped):
            self._let_go(after, lock, op.where)
        after.locks |= frozenset(
            held for lock in outcome.taken if (held := locks.get(lock, lock)) != "*"
        )
        value = outcome.value
        mask = ANY_CLASS
        if isinstance(value, tuple) and value[0] == "k":
            value, mask = value[1], value[2]
        value = self._value(after, value, actuals, names)
        self.set(after, op.dst, value, op.type)
        after.narrow(after.env.get(op.dst), mask)
        return after

    def _entry(self, state: State, owner: Owner, args: dict[str, Value]) -> Owner:
        assert owner.root is not None
        value = self._object(state, owner.root, args)
        if isinstance(value, tuple) and value[0] == "fork":
            return max(value[1], key=lambda each: each.kind)
        found = state.objects.get(object_of(value) or "")
        if found is not None:
            return found._replace(doubts=found.doubts | owner.doubts)
        if isinstance(value, tuple) and value[0] == "h":
            return Owner(Kind.SHARED, why="read from shared memory", where=self.where)
        return Owner(Kind.UNKNOWN, doubts=frozenset(("a page from a callee",)))

    def _learn(self, state: State, key: object, mask: int, args: dict[str, Value]) -> None:
        if not isinstance(key, tuple):
            return
        match key[0]:
            case "s":
                state.narrow(self._symbol(state, str(key[1]), args), mask)
            case "a" | "o":
                value = args.get(str(key[1])[1 if key[0] == "a" else 2 :])
                state.narrow(value, mask)
            case "flag":
                name = object_of(args.get(key[1][2:]))
                if name is not None and ("now", name, key[2]) not in state.facts:
                    state.facts[("flag", name, key[2])] = mask

    def _change(
        self,
        state: State,
        root: tuple[str, tuple[str, ...]],
        owner: Owner,
        args: dict[str, Value],
    ) -> None:
        value = self._object(state, root, args)
        name = object_of(value)
        if name is None or name not in state.objects or self._one_of_many(state, value):
            return
        mine = state.objects[name]
        doubts = mine.doubts | owner.doubts
        if owner.kind is Kind.FREE and owner.why.startswith("its type"):
            return  # the callee only looked
        if owner.kind is Kind.ENTRY:
            if owner.shown:
                mine = mine.published(owner.why, owner.where or self.where)
            state.objects[name] = mine._replace(
                doubts=doubts,
                view=mine.view or owner.view,
                extra=min(2, mine.extra + owner.extra),
            )
        elif owner.kind is Kind.FROZEN:
            state.objects[name] = mine.frozen(owner.where or self.where)
        elif owner.kind is Kind.SHARED:
            where = owner.where or self.where
            new = mine.published(owner.why, where)
            state.objects[name] = new._replace(doubts=doubts)
        elif owner.kind is Kind.WITHIN:
            pass
        else:
            state.objects[name] = owner._replace(view=mine.view or owner.view)

    def _store_back(
        self,
        state: State,
        base: str,
        steps: tuple[str, ...],
        value: Value,
        args: dict[str, Value],
        where: Location,
    ) -> None:
        target = args.get(base[1:])
        if not isinstance(target, tuple):
            self.publish(state, value, "stored to shared memory", where)
            return
        if target[0] == "a":
            cell = (target[1], (*target[2], *steps))
            if isinstance(value, tuple) and value[0] == "alts":
                for owner in sorted(value[1], key=lambda o: (o.kind, str(o.root))):
                    if owner.kind is Kind.ENTRY and owner.root is not None:
                        if owner.root == (base[1:], steps):
                            continue  # what the container held already
                        owner = self._entry(state, owner, args)
                    self.add(state, cell, owner)
                return
            spot = Spot("cell", cell[0], cell[1], field="the caller's memory")
            self.put(state, spot, value, where)
        elif target[0] in ("h", "o"):
            self.publish(state, value, "stored to shared memory", where)

    def _value(
        self, state: State, value: Value, args: dict[str, Value], names: dict[str, str]
    ) -> Value:
        if not isinstance(value, tuple):
            return value
        match value[0]:
            case "o" | "d" | "t":
                place = 2 if value[0] == "t" else 1
                item = value[place]
                if value[0] == "t" and value[1] == "lock":
                    return ("t", "lock", self._lock_names(state, args).get(item, item), "")
                new = names.get(item)
                index: int | str = value[2] if value[0] == "o" else 0
                if new is None and item.startswith("F:"):
                    found = self._formal(state, item, args)
                    new = object_of(found)
                    if new is None:
                        return found if value[0] == "o" else None
                    if value[0] == "o" and isinstance(found, tuple) and found[0] == "o":
                        index = found[2] if index == "b" else index
                if new is None:
                    return None
                if value[0] == "o":
                    return ("o", new, index, value[3])
                return (*value[:place], new, *value[place + 1 :])
            case "a":
                if value[1].startswith("*"):
                    base = args.get(value[1][1:])
                    if isinstance(base, tuple) and base[0] == "a":
                        return ("a", base[1], (*base[2], *value[2]))
                    if isinstance(base, tuple) and base[0] in ("h", "o"):
                        fields = [s[1:] for s in value[2] if s.startswith(".")]
                        fields = [f for f in fields if not f.startswith(("spinlock.", "raw_"))]
                        last = fields[-1] if fields else base[2] if base[0] == "h" else ""
                        return ("h", self.at, last)
                    if isinstance(base, int) and not value[2]:
                        return base
                    return None
                if value[1].startswith("k"):
                    return ("a", f"k{self.at}:{value[1]}", value[2])
                return value
            case "s":
                if str(value[1]).startswith("p:"):
                    return self._symbol(state, str(value[1]), args)
                return ("s", self.at)
            case "h":
                return ("h", self.at, value[2])
            case "r":
                held = ((at, self._value(state, part, args, names)) for at, part in value[1:])
                return ("r", *held)
            case "n":
                return ("n", self._value(state, value[1], args, names))
            case "i":
                return ("i", self._value(state, value[1], args, names), value[2])
            case "c":
                left = self._value(state, value[2], args, names)
                return ("c", value[1], left, self._value(state, value[3], args, names))
            case "l":
                base = args.get(value[1][1:])
                if isinstance(base, tuple) and base[0] == "a":
                    return ("l", base[1], (*base[2], *value[2]), value[3])
                return ("h", self.at, "")
        return value

    def _symbol(self, state: State, symbol: str, args: dict[str, Value]) -> Value:
        # A number that the callee found in its formals, as this caller has it.
        path, _, bits = symbol[2:].partition("&")
        param, *steps = path.split("|")
        value = args.get(param)
        if steps:
            if not (isinstance(value, tuple) and value[0] == "a"):
                return None
            cell = (value[1], (*value[2], *steps))
            if cell in state.cells:
                value = state.cells[cell]
            elif cell[0].startswith("*") and len(cell[1]) <= 6:
                value = ("s", "p:" + "|".join((cell[0][1:], *cell[1])))
            else:
                return None
        if not bits:
            return value
        number = state.number(value)
        if number is not None:
            return number & int(bits)
        if isinstance(value, tuple) and value[0] == "s" and "&" not in str(value[1]):
            return ("s", f"{value[1]}&{bits}")
        return None

    def _formal(self, state: State, name: str, args: dict[str, Value]) -> Value:
        param, *steps = name[2:].split("|")
        return self._object(state, (param, tuple(steps)), args)


def _word_of(helper: Helper, index: int | str, owner: Owner | None) -> str:
    # PF_ANY says nothing of which page; the pointer may. A flag that compound pages do not
    # have is written where the pointer points, which for the pages of a memory map that is
    # walked is any page.
    if helper.word is Word.ANY and index in (0, 1):
        return "second" if index == 1 else "head"
    if helper.word is Word.HEAD and helper.takes == "page":
        if index == "?" or (owner is not None and owner.kind is Kind.PFN):
            return "any"
    return str(helper.word)


def _kept(owner: Owner, name: str) -> Owner:
    # By its contract the callee is what publishes the page; a structure that the page is kept
    # in until then is the caller's affair, and whether others use it there is not known.
    if owner.kind is Kind.SHARED and owner.why.startswith("read from"):
        doubt = f"who else uses a page that is kept in a structure until {name}()"
        return owner._replace(kind=Kind.UNKNOWN, doubts=owner.doubts | {doubt})
    return owner._replace(kept=name) if owner.kind in CONDITIONAL else owner


def _claimed_free(function: ir.Function, models: Models) -> frozenset[str]:
    """The formals that every path takes off the free lists: they are free pages on entry.

    __ClearPageBuddy() insists that its page is one, and nothing else may make it one meanwhile.
    """
    found = set()
    for number, block in enumerate(function.blocks):
        for op in block.ops:
            if not (isinstance(op, ir.Call) and op.args):
                continue
            match = _TYPE_HELPER.fullmatch(op.name)
            if match and match.group(1) == "__Clear" and match.group(2) in models.free_types:
                argument = op.args[0]
                if argument in function.params and always(function, number):
                    found.add(str(argument))
    return frozenset(found)


def always(function: ir.Function, wanted: int) -> bool:
    """Whether every path from the entry to a return goes through the block."""
    seen = {0}
    todo = [0]
    while todo:
        block = todo.pop()
        if block == wanted:
            continue
        end = function.blocks[block].end
        if isinstance(end, ir.Return):
            return False
        for to in ir.successors(end):
            if to not in seen:
                seen.add(to)
                todo.append(to)
    return True


def _taken_off(owner: Owner, where: Location) -> Owner:
    """A page after it left the list it was on: a free list's page is the taker's alone."""
    if owner.kind is Kind.FREE:
        return owner.moved(Kind.FRESH, "it was taken off the allocator's free list", where)
    if owner.kind is Kind.ENTRY and owner.root and owner.root[1][-1:] == ("[list]",):
        return owner._replace(root=(owner.root[0], (*owner.root[1][:-1], _TAKEN)))
    return owner


def _head(value: Value) -> Value:
    if isinstance(value, tuple) and value[0] == "o" and value[2] in (0, "b"):
        return ("o", value[1], 0, 0)
    return value

