"""Applies a callee's summary at a call: the actuals for the formals, everything else follows.

`_possible` leaves out what the callee does on conditions that this call excludes; what names
and values mean here, `actuals` says.
"""

from __future__ import annotations

import msgspec

from flaglint import ir
from flaglint.access import BEHIND, Access
from flaglint.accesses import frozen_formals
from flaglint.actuals import Actuals, followed
from flaglint.finding import Step
from flaglint.layout import Spot, word_at
from flaglint.location import Location
from flaglint.objects import filled
from flaglint.overwriting import LOST, MARKS, given, overwritten
from flaglint.ownership import (
    CONDITIONAL,
    KEPT,
    OPEN,
    TAKEN,
    Kind,
    Origin,
    Owner,
    Root,
    last_member,
    read_from,
)
from flaglint.records import unpacked
from flaglint.state import State, linked
from flaglint.summary import Outcome, Summary
from flaglint.values import (
    ANY_CLASS,
    VALID,
    Value,
    formal_number,
    formal_root,
    is_formal,
    is_open,
    number_root,
    object_of,
)


class Applying(Actuals):
    """Puts a caller's values into a callee's summary, for one function."""

    def _body_accesses(self, state: State, op: ir.Call, args: tuple[Value, ...]) -> None:
        summary = self.know.summaries.get(op.callee)
        if summary is not None:
            self._instantiate(state, op, op.callee, summary, args)

    def _instantiate(
        self, state: State, op: ir.Call, key: str, summary: Summary, args: tuple[Value, ...]
    ) -> None:
        """The callee's pending accesses, as this call decides them."""
        if not summary.pending:
            return
        actuals = self._actuals(summary, args)
        names = self._lock_names(state, actuals)
        step = Step(self.function.name, op.where.file, op.where.line)
        self.called = op.name
        taken = self.taken_here(state.locks)
        held: dict[frozenset[str], frozenset[str]] = {}
        for access in summary.pending:
            if len(access.chain) > 10 or not self._possible(state, access.guards, actuals):
                continue
            if access.locks not in held:  # those of one callee hold few different sets
                renamed = (names.get(lock, lock) for lock in access.locks)
                held[access.locks] = state.locks | frozenset(renamed)
            locks = held[access.locks]
            chain = (step, *access.chain)
            places = taken + tuple(
                msgspec.structs.replace(at, lock=names[at.lock]) if at.lock in names else at
                for at in access.taken
            )
            if access.place.atomicity == BEHIND:
                access = access._replace(locks=locks, chain=chain, taken=places)
                self._behind_here(state, access, actuals)
                continue
            for owner, name in self._owners(state, access, actuals):
                guards = self._conditions(state, owner, access.place, name)
                if owner.kind in CONDITIONAL or guards or owner.kind in OPEN:
                    guards |= self._passed_on(state, access, actuals)
                # What the callee published itself it met in that order.
                met = "" if access.owner.shown else name
                beside: frozenset[Root] = frozenset()
                if owner.kind is Kind.ENTRY:
                    beside = frozen_formals(state) | self._beside(state, access, actuals)
                self._note(Access(access.place, owner, locks, guards, chain, places, beside), met)

    def _behind_here(self, state: State, access: Access, args: dict[str, Value]) -> None:
        """The callee's write of a word: a page's, one that this function was given too, or none."""
        assert access.owner.root is not None
        param, steps = access.owner.root
        word, steps = unpacked(args.get(param), steps)
        if steps and isinstance(word, tuple) and word[0] == "a":
            cell = followed(state, word[1], (*word[2], *steps[:-1]))
            there = state.env.get(cell[0][1:]) if cell[0].startswith("&") and not cell[1] else None
            word = state.cells.get(cell, there)
            if word is None and cell[0].startswith("*"):
                word = ("a", cell[0], (*cell[1], "*"))
        if isinstance(word, tuple) and word[0] == "o" and word[3] == self.layout.flags:
            owner = state.objects[word[1]]
            place = access.place._replace(word=word_at(word[2]), atomicity="plain")
            guards = self._conditions(state, owner, place, word[1])
            beside = frozen_formals(state) if owner.kind is Kind.ENTRY else frozenset()
            access = access._replace(place=place, owner=owner, guards=guards, beside=beside)
            self._note(access, word[1])
        elif isinstance(word, tuple) and word[0] == "a" and word[1].startswith("*"):
            if word[2][-1:] in ((), ("*",)):
                owner = access.owner._replace(root=(word[1][1:], word[2]))
                self.seen.note(access._replace(owner=owner, guards=self.guards(state, "")))

    def _beside(self, state: State, access: Access, args: dict[str, Value]) -> frozenset[Root]:
        # The callee's frozen pages that are formals' here in turn.
        pages = (object_of(self._object(state, root, args)) for root in access.beside)
        return frozenset(root for page in pages if page and (root := formal_root(page)))

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
                if is_formal(value):
                    found.add((value, mask & state.mask(value)))
            elif key[0] == "fn":
                value = self._symbol(state, key[1], args)
                if is_formal(value):
                    found.add((("fn", value[1], key[2]), mask))
            elif key[0] == "flag":
                name = object_of(args.get(key[1][2:]))
                if name and name.startswith("F:") and "|" not in name:
                    found.add((("flag", name, key[2]), mask))
        return frozenset(found)

    def _owners(
        self, state: State, access: Access, args: dict[str, Value]
    ) -> list[tuple[Owner, str]]:
        root = access.owner.root
        if not access.owner.conditional or root is None:
            return [(access.owner, "")]
        if access.kind is Kind.PFN:
            page, found_by = self._numbered(state, access.owner, args)
            return [(state.objects.get(page, found_by), page)]
        doubts = access.owner.doubts
        kept = self.called if self.called in self.models.called_unpublished else access.owner.kept
        if access.owner.kind is Kind.WITHIN:
            within = self._within(args.get(root[0]), access.owner)
            return [(_kept(within, kept) if kept else within, "")]
        before = dict(state.objects)
        value = self._object(state, root, args)
        found: list[tuple[Owner, str]] = []
        if isinstance(value, tuple) and value[0] == "fork":
            found = [(owner, "") for owner in value[1]]
        elif not state.mask(value) & VALID or (isinstance(value, tuple) and value[0] == "l"):
            return []  # no page is passed, or an empty list: the access is not reached
        else:
            name = object_of(value) or ""
            owner = state.objects.get(name)
            if owner is None and isinstance(value, tuple) and value[0] == "h":
                owner = self._found(root, value[2])
            elif owner is None:
                doubt = f"which page is passed to {access.place.function.split('@')[0]}()"
                owner = Owner(Kind.UNKNOWN, doubts=frozenset((doubt,)), where=self.where)
            if any(object_of(self._object(state, at, args)) == name for at in access.beside):
                owner = owner.frozen(access.place.where)  # one page was passed as both
            found = [(owner, name)]
        for name in [n for n in state.objects if n not in before and not n.startswith("F:")]:
            del state.objects[name]
        results = []
        for owner, name in found:
            if access.owner.extra and owner.kind is Kind.FROZEN:
                owner = owner.thawed(self.where)
            if access.owner.unlisted:
                owner = self.left(owner, access.owner.where or self.where)
            if access.owner.shown:
                where = access.owner.where or self.where
                owner = owner.published(access.owner.why, where)
            if kept:
                owner = _kept(owner, kept)
            owner = owner._replace(
                doubts=owner.doubts | doubts,
                view=owner.view or access.owner.view,
                claimed=owner.claimed or access.owner.claimed,
                tentative=None,
            )
            results.append((owner, name))
        return results

    def _within(self, value: Value, owner: Owner) -> Owner:
        if isinstance(value, tuple) and value[0] == "a":
            if value[1].startswith("*"):
                return owner._replace(root=(value[1][1:], ()))
            return owner._replace(kind=Kind.FRESH, root=None)
        why = "stored in a structure that others can reach"
        return owner.moved(Kind.SHARED, why, self.where).from_(Origin.MEMORY)

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
                case "fn":  # the callback that this caller passes
                    value = self._symbol(state, key[1], args)
                    if isinstance(value, tuple) and value[0] == "f" and value[1] != key[2]:
                        return False
                    if value == 0:
                        return False
                case "=":
                    number = state.number(self._symbol(state, str(key[1][1]), args))
                    if number is not None and number != mask:
                        return False
                case "a" if key[1][1:] in args:
                    if not state.mask(args[key[1][1:]]) & mask:
                        return False
                case "o" if key[1][2:] in args:
                    if not state.mask(self._held(state, args[key[1][2:]])) & mask:
                        return False
                case "flag" if key[1][2:] in args:
                    name = object_of(self._held(state, args[key[1][2:]]))
                    known = state.facts.get(("flag", name, key[2]), ANY_CLASS)
                    if not state.facts.get(("now", name, key[2]), known) & mask:
                        return False
        return True

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
        names = self._new(after, outcome, actuals)
        for root, owner in outcome.changed:
            self._change(after, root, owner, actuals)
        for (base, steps), value in outcome.stores:
            if base.startswith("k"):  # memory the callee allocated and returns
                held = self._value(after, value, actuals, names)
                after.cells[f"k{self.at}:{base}", steps] = held
                continue
            self._store_back(
                after, base, steps, self._stored(after, base, steps, value, actuals, names),
                actuals, op.where,
            )  # fmt: skip
        for root in sorted(outcome.shown):
            given = self._given(after, root, actuals)
            self.publish(after, given, f"{op.name}() made it reachable by others", op.where)
        locks = self._lock_names(after, actuals)
        dropped = frozenset(locks.get(lock, lock) for lock in outcome.dropped)
        self.released |= dropped - after.locks
        after.locks -= dropped
        for lock in sorted(dropped):
            self._let_go(after, lock, op.where)
        held = (locks.get(lock, lock) for lock in outcome.taken)
        self.hold(after, frozenset(lock for lock in held if lock != "*"), op.where)
        value = outcome.value
        mask = ANY_CLASS
        if isinstance(value, tuple) and value[0] == "k":
            value, mask = value[1], value[2]
        for (kind, item, fact), known in outcome.known:
            page = names.get(item) or object_of(self._formal(after, item, actuals))
            if page not in after.objects:
                continue
            key = ("now", page, fact)
            if kind == "flag":  # what the callee found, which may be known to be otherwise
                key = key if key in after.facts else ("flag", page, fact)
                known &= after.facts.get(key, ANY_CLASS)
                if not known:
                    return None
            after.facts[key] = known
        value = self._value(after, value, actuals, names)
        self.set(after, op.dst, value, op.type)
        after.narrow(after.env.get(op.dst), mask)
        return after

    def _new(self, state: State, outcome: Outcome, args: dict[str, Value]) -> dict[str, str]:
        # The callee's own objects, by what they are called here.
        names: dict[str, str] = {}
        for old, owner in outcome.new:
            names[old] = new = f"n{self.at}:{old}"
            state.renew(new)
            if owner.kind is Kind.PFN and owner.root:
                same, owner = self._numbered(state, owner, args)
                if same:
                    names[old] = same
                    continue
            elif owner.kind is Kind.WITHIN and owner.root:
                owner = self._within(args.get(owner.root[0]), owner)
            elif owner.kind is Kind.ENTRY and owner.root:
                owner = self._entry(state, owner, args)
            state.objects[new] = owner
            if owner.origin is Origin.PUBLISHED:
                self.shown(new)
        return names

    def _given(self, state: State, root: Root, args: dict[str, Value]) -> Value:
        # The pointer that a callee knows by a formal of its own.
        value, steps = unpacked(args.get(root[0]), root[1])
        if not steps or not isinstance(value, tuple) or value[0] != "a":
            return None if steps else value
        cell = followed(state, value[1], (*value[2], *steps))
        if cell[0].startswith("*"):
            return state.cells.get(cell, ("a", cell[0], (*cell[1], "*")))
        return state.cells.get(cell)

    def _let_go(self, state: State, lock: str, where: Location) -> None:
        # What was only looked at on a free list can be anybody's once the list's lock is
        # dropped; what was taken off the list stays the taker's.
        lists = {field for field, held in self.models.free_lists.items() if held == lock}
        for name, owner in list(state.objects.items()) if lists else ():
            if owner.kind is Kind.FREE and owner.origin is Origin.LISTED and owner.via in lists:
                why = "it was on a free list whose lock has been dropped"
                state.objects[name] = owner.moved(Kind.SHARED, why, where)

    def _entry(self, state: State, owner: Owner, args: dict[str, Value]) -> Owner:
        assert owner.root is not None
        value = self._object(state, owner.root, args)
        if isinstance(value, tuple) and value[0] == "fork":
            suspects: tuple[Owner, ...] = value[1]
            return max(suspects, key=lambda each: each.kind)
        found = state.objects.get(object_of(value) or "")
        if found is not None:
            return found._replace(doubts=found.doubts | owner.doubts)
        if isinstance(value, tuple) and value[0] == "h":
            return self._found(owner.root, value[2])
        return Owner(Kind.UNKNOWN, doubts=frozenset(("a page from a callee",)))

    def _numbered(self, state: State, owner: Owner, args: dict[str, Value]) -> tuple[str, Owner]:
        """The page that the callee found by a number it was given: an object's, or an owner."""
        assert owner.root is not None
        number = self._symbol(state, formal_number(*owner.root)[1], args)
        if isinstance(number, tuple) and number[0] == "h":
            found = read_from(number[2], self.where)
            if found.origin is Origin.LOOKUP:  # a page's; what a member keeps may be any number
                return "", found
        return object_of(number) or "", owner._replace(root=number_root(number))

    def _found(self, root: Root, field: str) -> Owner:
        # What a callee read in memory that others reach too, and maybe took out of there.
        owner = read_from(last_member(root[1]) or field, self.where)
        return self.left(owner, self.where) if root[1][-1:] == (TAKEN,) else owner

    def _learn(self, state: State, key: object, mask: int, args: dict[str, Value]) -> None:
        if not isinstance(key, tuple):
            return
        match key[0]:
            case "s":
                state.narrow(self._symbol(state, str(key[1]), args), mask)
            case "fn":
                value = self._symbol(state, key[1], args)
                if is_formal(value):
                    state.facts["fn", value[1], key[2]] = mask
            case "a" | "o":
                value = args.get(str(key[1])[1 if key[0] == "a" else 2 :])
                state.narrow(self._held(state, value) if key[0] == "o" else value, mask)

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
        walked = mine.kind is Kind.BOOT or _some_page(value) or owner.kind is Kind.FREE
        if walked and mine.kind in (Kind.PFN, Kind.BOOT):
            if owner.kind in (Kind.FREE, Kind.RELEASED):
                return  # one page of a walk over a memory map was handed over; the next was not
        doubts = mine.doubts | owner.doubts
        if owner.kind is Kind.FREE and owner.origin is Origin.TYPED:
            return  # the callee only looked
        if owner.kind is Kind.ENTRY:
            if owner.extra and mine.kind is Kind.FROZEN:
                mine = mine.thawed(self.where)
            if owner.unlisted:
                mine = self.left(mine, owner.where or self.where)
            if owner.shown:
                mine = mine.published(owner.why, owner.where or self.where)
                doubts = owner.doubts
            mine = mine._replace(
                doubts=doubts,
                view=mine.view or owner.view,
                extra=min(2, mine.extra + owner.extra),
                parted=mine.parted or owner.parted,
            )
            if owner.shown:
                self.show(state, name, mine)
            else:
                state.objects[name] = mine
        elif owner.kind is Kind.FROZEN:
            state.objects[name] = mine.frozen(owner.where or self.where)
        elif owner.kind is Kind.SHARED:
            where = owner.where or self.where
            new = mine.published(owner.why, where)
            doubts = owner.doubts if new.kind in OPEN else doubts
            self.show(state, name, new._replace(doubts=doubts))
        elif owner.kind is Kind.WITHIN:
            pass
        else:
            state.objects[name] = owner._replace(view=mine.view or owner.view)

    def _one_of_many(self, state: State, page: Value) -> bool:
        # One page of many that came in together, or of a folio that is being taken apart:
        # what becomes of it does not become of the others.
        if self.part(state, page):
            return True
        if not _some_page(page):
            return False
        assert isinstance(page, tuple)
        return state.objects[page[1]].kind is Kind.ENTRY

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
        if isinstance(target, tuple) and target[0] == "a":
            cell = followed(state, target[1], (*target[2], *steps))
            if steps and steps[-1] in MARKS:
                mark = overwritten if steps[-1] == LOST else given
                mark(state, (cell[0], cell[1][:-1]))
                return
            if isinstance(value, tuple) and value[0] == "alts":
                for owner in sorted(value[1], key=lambda o: (o.kind, str(o.root))):
                    if owner.kind is Kind.ENTRY and owner.root is not None:
                        if owner.root == (base[1:], steps):
                            if owner.shown:
                                self.members_shown(state, cell, owner)
                            elif cell not in state.cells and filled(state, cell):
                                self.add(state, cell, self.some_member())
                            continue  # what the container held already
                        page = self._object(state, owner.root, args)
                        owner = self._entry(state, owner, args)
                        if object_of(page) and cell[1][-1:] != ("[list]",):
                            state.indexed[cell, linked("", page)] = page
                    self.stored_member(cell)
                    self.add(state, cell, owner)
                return
            spot = Spot("cell", cell[0], cell[1], field="the caller's memory")
            self.put(state, spot, value, where)
        elif isinstance(value, tuple) and value[0] == "alts":
            # A container that is not this function's own: what joined it is on it for all.
            for owner in value[1]:
                if owner.root is not None and owner.root != (base[1:], steps):
                    member = self._object(state, owner.root, args)
                    self.publish(state, member, "put where others can find it", where)
        else:
            self.publish(state, value, "stored to shared memory", where)


def _some_page(value: Value) -> bool:
    return isinstance(value, tuple) and value[0] == "o" and is_open(value[2])


def _kept(owner: Owner, name: str) -> Owner:
    # By its contract the callee is what publishes the page; a structure that the page is kept
    # in until then is the caller's affair, and whether others use it there is not known.
    if owner.kind is Kind.SHARED and owner.origin in KEPT:
        doubt = f"who else uses a page that is kept in a structure until {name}()"
        return owner._replace(kind=Kind.UNKNOWN, doubts=owner.doubts | {doubt})
    return owner._replace(kept=name) if owner.kind in CONDITIONAL else owner
