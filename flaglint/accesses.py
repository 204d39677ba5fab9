"""Writes of a flags word as they are met: which word, in whose hands, on what conditions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flaglint import ir
from flaglint.access import BEHIND, Access, Place
from flaglint.finding import Taken
from flaglint.flagtable import Helper, Word
from flaglint.knowledge import Knowledge
from flaglint.layout import Spot, word_at
from flaglint.location import Location
from flaglint.lockset import inner
from flaglint.loops import Op, always
from flaglint.models import Models
from flaglint.ownership import CONDITIONAL, EXCLUSIVE, KEPT, OPEN, Kind, Origin, Owner, Root
from flaglint.pointers import Pointers
from flaglint.state import State
from flaglint.values import NULL, VALID, Value, formal_root, is_formal, is_open, object_of

_WORD = 1 << 64
"""How many values a flags word has."""
TAIL = "tail"
"""What facts call it that a page is not its folio's first."""
_TYPE_HELPER = re.compile(r"(__Set|__Clear|)Page(\w+)")


class Seen:
    """What interpreting something showed: of one visit of a block, or of a whole function.

    `accesses` by what makes two of them one, `calls` the locks certainly held at every call of
    a callee, `exits` the states at returns with what is returned.
    """

    __slots__ = ("accesses", "calls", "exits")

    def __init__(self) -> None:
        self.accesses: dict[tuple[object, ...], Access] = {}
        self.calls: dict[str, frozenset[str]] = {}
        self.exits: list[tuple[State, Value]] = []

    def note(self, access: Access) -> None:
        """One more access."""
        identity = access.identity
        known = self.accesses.get(identity)
        if known is None:
            self.accesses[identity] = access
            return
        # One context for all: what is certainly held is what is held in each of them.
        best = min(access, known, key=lambda each: (len(each.chain), each.chain))
        locks = access.locks & known.locks
        self.accesses[identity] = best if best.locks == locks else best._replace(locks=locks)

    def called(self, key: str, locks: frozenset[str]) -> None:
        """One more call, with these locks held."""
        self.calls[key] = self.calls.get(key, locks) & locks

    def include(self, other: Seen) -> None:
        """What the other showed as well."""
        for access in other.accesses.values():
            self.note(access)
        for key, locks in other.calls.items():
            self.called(key, locks)
        self.exits += other.exits


class Accesses(Pointers):
    """Records writes of flags words, with what is known at that moment."""

    def __init__(self, function: ir.Function, know: Knowledge) -> None:
        super().__init__(function, know.layout)
        self.know = know
        self.models = know.models
        self.seen = Seen()
        self.released: frozenset[str] = frozenset()
        self.addresses = frozenset(
            ir.global_address(op) for block in function.blocks for op in block.ops
        ).difference(("",))
        self.free_params = _claimed_free(function, know.models)
        self.counted = _calls_with(function, know.models.set_count)
        self.members, self.bases = _addressed(function)
        self.pointers = {
            op.dst: op.type
            for block in function.blocks
            for op in block.ops
            if isinstance(op, ir.Addr | ir.Load | ir.Cast | ir.Call)
        }
        """the types of temporaries that hold what was loaded, an address or a call's result"""
        self.freed = _calls_with(function, know.models.free_owned)
        self.copies: dict[str, ir.Call] = {}
        """page -> the call that copied a page's worth of memory into it"""
        self.given_back: dict[str, set[int]] = {}
        self.owned_params: frozenset[str] = frozenset()
        self.called = ""
        self.taken: dict[str, Location] = {}
        self.shown_at: dict[str, set[Op]] = {}
        """object -> the ops that publish it"""
        self.met_at: dict[tuple[object, ...], set[tuple[str, Op]]] = {}
        """a write of a published page -> the objects, the ops that write them"""

    def type_of(self, operand: ir.Operand) -> str:
        """The type of a variable or a temporary, or ""."""
        name = str(operand)
        return self.function.types.get(name) or self.pointers.get(name, "")

    def on_entry(self, owner: Owner, param: str) -> Owner:
        name = self.function.name
        number = self.models.called_at_zero.get(name)
        if number is not None and self.function.params[number : number + 1] == (param,):
            why = f"{name}() is called with a reference count of zero"
            return owner.moved(Kind.ZERO, why, self.function.where)
        if param in self.owned_params and owner.root == (param, ()):
            why = "its owner gives it back to the page allocator on every path from here"
            return owner.moved(Kind.OWNED, why, self.function.where).from_(Origin.RETURNED)
        if param in self.counted and always(self.function, {at[0] for at in self.counted[param]}):
            owner = owner._replace(claimed=True)
        if param in self.free_params:
            why = "it is a free page of the page allocator's"
            return owner.moved(Kind.FREE, why, self.function.where)
        return owner

    def free_list(self, steps: tuple[str, ...]) -> str:
        for step in steps:
            if step[1:] in self.models.free_lists:
                return step[1:]
        return ""

    def tells_mapping(self, field: str) -> bool:
        return field in self.models.mapping_members

    def of_slab(self, field: str) -> bool:
        return field in self.models.slab_members

    def handed_over(self, field: str) -> bool:
        return field.partition("(")[0] in self.models.handed_over

    def record(
        self, state: State, place: Place, name: str, page: int | str = 0, variable: str = ""
    ) -> None:
        """Note a write of the word of the object called `name`, or of that page of the folio.

        `variable` is what the function knows the page by, if it is one.
        """
        if self.function.name in self.know.helpers:
            return  # a helper's own body is its row of the table
        owner = state.objects.get(name)
        if owner is None:
            owner = Owner(Kind.UNKNOWN, doubts=frozenset(("an object that was lost track of",)))
        elif page not in (0, "b") and ("loose", name) in state.facts:
            owner = owner.moved(Kind.SHARED, "its reference count was unfrozen", self.where)
        elif _kept_somewhere(owner) and self._next(self.freed.get(variable, frozenset())):
            why = "its owner gives it back to the page allocator from here"
            owner = owner.moved(Kind.OWNED, why, place.where).from_(Origin.RETURNED)
            owner = owner._replace(doubts=frozenset())
        guards = self._conditions(state, owner, place, name)
        taken = self.taken_here(state.locks)
        beside = frozen_formals(state) if owner.kind is Kind.ENTRY else frozenset()
        self._note(Access(place, owner, state.locks, guards, taken=taken, beside=beside), name)

    def behind(
        self, state: State, address: Value, helper: str, flags: tuple[str, ...], place: Location
    ) -> None:
        """Note a plain write of the word at an address that this function was given."""
        if not (isinstance(address, tuple) and address[0] == "a" and address[1].startswith("*")):
            return
        if self.function.name in self.models.bitops:
            return  # whoever calls it writes the word
        if address[2] and address[2][-1] != "*":
            return  # a member of what it was given
        root = (address[1][1:], address[2])
        at = Place(place, self.function.key, helper, flags, "any", BEHIND)
        taken = self.taken_here(state.locks)
        guards = self.guards(state, "")
        owner = Owner(Kind.ENTRY, root=root, where=place)
        self.seen.note(Access(at, owner, state.locks, guards, taken=taken))

    def hold(self, state: State, locks: frozenset[str], where: Location) -> None:
        """Hold these locks from here on."""
        state.locks |= locks
        for lock in locks:
            self.taken[lock] = where

    def taken_here(self, locks: frozenset[str]) -> tuple[Taken, ...]:
        """Where this function took those of the locks that it took, in the order of lines."""
        places = ((self.taken[lock], lock) for lock in locks if lock in self.taken)
        return tuple(
            Taken(lock, self.function.name, where.file, where.line)
            for where, lock in sorted(places)
        )

    def _conditions(
        self, state: State, owner: Owner, place: Place, name: str
    ) -> frozenset[tuple[object, int]]:
        # A page others can write is a race only on paths that some caller takes.
        if owner.kind in CONDITIONAL or (owner.kind in OPEN and place.atomicity == "plain"):
            return self.guards(state, name)
        return frozenset()

    def vouch(self, state: State, op: ir.Call) -> None:
        """Pages whose reference count is set on every way from this call are the caller's alone."""
        for variable in self.counted.keys() & set(op.args):
            places = self.counted[str(variable)]
            if self._op() in places or self._later(places):
                name = object_of(self.get(state, variable))
                if name in state.objects:
                    state.objects[name] = state.objects[name]._replace(claimed=True)

    def _later(self, places: frozenset[Op]) -> bool:
        # Whether one of the ops comes on every way from here.
        block, number = self._op()
        later = {at[0] for at in places} - {block}
        return any(at[0] == block and at[1] > number for at in places) or (
            bool(later) and always(self.function, later, block)
        )

    def _next(self, places: frozenset[Op]) -> bool:
        # Whether one of the ops comes next but for writes of flags: nothing in between takes the
        # page from those who can still reach it.
        block, number = self._op()
        for at, op in enumerate(self.function.blocks[block].ops[number + 1 :], number + 1):
            if (block, at) in places:
                return True
            if isinstance(op, ir.Call) and op.name not in self.know.helpers:
                return False
        return False

    def shown(self, name: str) -> None:
        self.shown_at.setdefault(name, set()).add(self._op())

    def _op(self) -> Op:
        block, _, number = self.at.partition(".")
        return int(block), int(number) if number.isdigit() else len(self.function.blocks)

    def _note(self, access: Access, name: str) -> None:
        owner = access.owner
        if owner.claimed and owner.kind not in EXCLUSIVE | CONDITIONAL:
            owner = owner.vouched(access.place.where)
        if owner.tentative is not None:
            owner = owner._replace(tentative=None)
        if owner is not access.owner:
            access = access._replace(owner=owner)
        here = access.owner.shown or access.owner.origin is Origin.PUBLISHED
        if here and access.place.atomicity == "plain":
            self.met_at.setdefault(access.identity, set()).add((name, self._op()))
        if self.function.section == "init" and access.kind not in EXCLUSIVE:
            why = f"{self.function.name}() runs while memory is being set up"
            access = access._replace(owner=access.owner.moved(Kind.BOOT, why, self.function.where))
        self.seen.note(access)

    def guards(self, state: State, name: str) -> frozenset[tuple[object, int]]:
        """The conditions on formals under which this path is taken."""
        found: set[tuple[object, int]] = set()
        for key, mask in state.facts.items():
            if not isinstance(key, tuple):
                continue
            if key[0] == "fn" or is_formal(key):
                found.add((key, mask))
            elif key[0] == "a" and key[2] == () and mask != VALID:
                found.add((key, mask))
            elif key[0] == "flag" and key[1] == name and name.startswith("F:") and key[2] != TAIL:
                found.add((key, mask))
            elif key[0] == "=" and is_formal(key[1]):
                found.add((key, mask))
        return frozenset(found)

    def write(
        self, state: State, spot: Spot, helper: str, flags: tuple[str, ...], atomicity: str
    ) -> None:
        """A write of the flags word at a place."""
        index = spot.page
        word = word_at(index)
        first = state.facts.get(("flag", spot.root, TAIL)) == NULL
        if index == "b" and (first or spot.record not in ("", "page")):
            word = "head"
        if self._accessor(spot.root):
            helper = self.function.name
        place = Place(self.where, self.function.key, helper, flags, word, atomicity)
        self.record(state, place, spot.root, index)

    def _accessor(self, name: str) -> bool:
        # A function that is there to write the word of the page it is given, in a header or
        # no longer than a header's: readers know the write by its name.
        if not name.startswith("F:"):
            return False
        kind = self.function.types.get(name[2:].split("|", 1)[0], "")
        if not self.layout.page_type(kind):
            return False  # it is given an address, and pages are not what it is about
        return self.function.where.file.endswith(".h") or len(self.function.blocks) <= 4

    def flag_names(self, mask: Value) -> tuple[str, ...]:
        """The flags whose bits are set in a mask."""
        if not isinstance(mask, int):
            return ()
        mask %= _WORD
        return tuple(name for bit, name in sorted(self.know.bits.items()) if mask >> bit & 1)


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
                if argument in function.params and always(function, (number,)):
                    found.add(str(argument))
    return frozenset(found)


def _calls_with(function: ir.Function, given: Mapping[str, int]) -> dict[str, frozenset[Op]]:
    # The variables that are given to one of the functions, at the number of its argument, and
    # where. What is loaded again from the same place is the same.
    calls: dict[str, set[Op]] = {}
    for block, each in enumerate(function.blocks):
        for number, op in enumerate(each.ops):
            if isinstance(op, ir.Call) and op.name in given and len(op.args) > given[op.name]:
                calls.setdefault(str(op.args[given[op.name]]), set()).add((block, number))
    if not calls:
        return {}
    loads = {
        op.dst: str(op.path)
        for each in function.blocks
        for op in each.ops
        if isinstance(op, ir.Load) and op.dst.startswith("%")
    }
    found: dict[str, frozenset[Op]] = {}
    for variable, places in calls.items():
        path = loads.get(variable)
        names = {variable} | {name for name, at in loads.items() if path and at == path}
        for name in names:
            found[name] = found.get(name, frozenset()) | places
    return found


def _kept_somewhere(owner: Owner) -> bool:
    # Whether the page was read from a structure, where it may be that structure's alone.
    if owner.kind is Kind.ENTRY:
        return owner.root is not None and bool(owner.root[1]) and not owner.shown
    return owner.kind in (Kind.SHARED, Kind.UNKNOWN) and owner.origin in KEPT


def frozen_formals(state: State) -> frozenset[Root]:
    """The formals' pages that are frozen at this point."""
    return frozenset(
        root
        for name, owner in state.objects.items()
        if owner.kind is Kind.FROZEN and (root := formal_root(name))
    )


def _addressed(function: ir.Function) -> tuple[dict[str, str], dict[str, str]]:
    """The temporaries that hold the address of a member: as "record.member", and whose it is.

    For locks: which class &x->lock is does not depend on knowing x.
    """
    found: dict[str, str] = {}
    bases: dict[str, str] = {}
    for block in function.blocks:
        for op in block.ops:
            if isinstance(op, ir.Addr) and op.path.steps:
                fields = [s for s in op.path.steps if isinstance(s, ir.Field)]
                names = [f"{f.record}.{f.name}" for f in fields]
                names = [name for name in names if not inner(name)]
                if names:
                    found[op.dst] = names[-1]
                if isinstance(op.path.steps[0], ir.Deref):
                    bases[op.dst] = bases.get(op.path.base, op.path.base)
            elif isinstance(op, ir.Call) and op.name == "spinlock_check" and op.args:
                for table in (found, bases):
                    member = table.get(str(op.args[0]))
                    if member:
                        table[op.dst] = member
    return found, bases


def word_of(
    helper: Helper,
    index: int | str,
    owner: Owner | None,
    models: Models,
    *,
    set_up: bool = False,
) -> str:
    """The word that a helper writes, given the page at an index of an object.

    `set_up` says that this is where struct pages are being set up.
    """
    # PF_ANY says nothing of which page; the pointer may, and so does a flag that the first
    # page of a folio is known by. A helper that only insists on its page being no tail writes
    # where the pointer points: any page, where a memory map is walked, or is still being made
    # and no page is anybody's tail yet.
    if helper.word is Word.ANY and helper.flag in models.split_flags:
        return "head"
    if helper.word is Word.ANY and helper.understood and index in (0, 1):
        return "second" if index == 1 else "head"
    walked = set_up or is_open(index) or (owner is not None and owner.kind is Kind.PFN)
    return "any" if helper.asserted and walked else str(helper.word)
