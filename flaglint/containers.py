"""Lists and locks: what moves where, and what is held meanwhile."""

from __future__ import annotations

from flaglint import ir
from flaglint.actuals import page_around, taken_off
from flaglint.applying import Applying
from flaglint.layout import Spot
from flaglint.location import Location
from flaglint.lockset import lock_name
from flaglint.memory import MAPPING
from flaglint.models import LockRule
from flaglint.ownership import Kind, Origin, Owner, read_from
from flaglint.state import State
from flaglint.values import VALID, WHOLE, Value, object_of


class Containers(Applying):
    """Lists and locks, for one function."""

    def _list(self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]) -> bool:
        models = self.models
        if name in models.insert and len(args) > models.insert[name][1]:
            entry, head = (args[index] for index in models.insert[name])
            self._insert(state, entry, head, op.where, name)
            return True
        if name in models.splice and len(args) > models.splice[name][1]:
            source, head = (args[index] for index in models.splice[name])
            self._splice(state, source, head, op.where, name)
            return True
        if name in models.remove and len(args) > models.remove[name]:
            what = page_around(state, args[models.remove[name]])
            if what is not None and what in state.objects:
                self.leaves(state, what)
                state.objects[what] = self.left(state.objects[what], op.where)
        if name in models.empty and len(args) > models.empty[name]:
            self.emptied(state, args[models.empty[name]])
        return name in models.remove or name in models.empty

    def _insert(self, state: State, entry: Value, head: Value, where: Location, name: str) -> None:
        what = page_around(state, entry)
        if what is None or what not in state.objects:
            self._link(state, entry, head, where, name)
            return
        if _field(head) in self.models.inventories:
            state.objects[what] = taken_off(state.objects[what], where)
            return
        free = self._free_list_at(head)
        if free:
            # Nobody else's for as long as the list's lock is held.
            owner = state.objects[what].moved(Kind.FREE, f"it is on {free}", where)
            state.objects[what] = owner.from_(Origin.LISTED, free)
            return
        if isinstance(head, tuple) and head[0] in ("a", "l"):
            root, steps = head[1], head[2]
            spot = Spot("cell", root, (*steps, "[list]"))
            if self.private(spot):
                # An element is on one list: it has left the one it was on.
                self.leaves(state, what)
                if state.objects[what].kind is Kind.FREE:
                    state.objects[what] = taken_off(state.objects[what], where)
                self.add(state, (root, spot.steps), state.objects[what])
                state.members[what] = (root, steps)
                if state.objects[what].kind is Kind.FRESH and self.kept_by_caller(spot):
                    self.within(state, what, spot)
                return
        state.members.pop(what, None)
        list_ = head[2] if isinstance(head, tuple) and head[0] == "h" and head[2] else "a list"
        why = f"{name}() put it on {list_} that others can walk"
        self.publish(state, ("o", what, 0, 0), why, where)

    def _link(self, state: State, entry: Value, head: Value, where: Location, name: str) -> None:
        # What is not known to be a page joins a list: one that others can walk, or one of the
        # function's own or its caller's, which is not empty for that. It may be a structure that
        # was allocated here.
        if isinstance(head, tuple) and head[0] in ("a", "l"):
            spot = Spot("cell", head[1], (*head[2], "[list]"))
            private = self.private(spot) and ("seen", head[1]) not in state.facts
            if private or head[1].startswith("*"):
                self.add(state, (spot.root, spot.steps), self._linked(entry))
            if private:
                return
        self.publish(state, entry, f"{name}() put it on a list that others can walk", where)

    def _linked(self, entry: Value) -> Owner:
        # The member that an entry is of: the caller's page around it, should it be one.
        if isinstance(entry, tuple) and entry[0] == "a" and entry[1].startswith("*"):
            return Owner(Kind.ENTRY, root=(entry[1][1:], (*entry[2], WHOLE)), where=self.where)
        return self.some_member()

    def _free_list_at(self, head: Value) -> str:
        if isinstance(head, tuple) and head[0] in ("a", "l"):
            return self.free_list(head[2])
        field = _field(head)
        return field if field in self.models.free_lists else ""

    def _splice(self, state: State, source: Value, head: Value, where: Location, name: str) -> None:
        own = isinstance(head, tuple) and head[0] == "a"
        own = own and self.private(Spot("cell", head[1], (*head[2], "[list]")))
        here = source[1:3] if isinstance(source, tuple) and source[0] == "a" else ()
        for member in [each for each, home in state.members.items() if home == here]:
            if own:
                state.members[member] = (head[1], head[2])
            else:
                why = f"{name}() put it on a list that others can walk"
                self.publish(state, ("o", member, 0, 0), why, where)
        if isinstance(head, tuple) and head[0] == "a":
            for owner in self._taken_from(state, source):
                self.add(state, (head[1], (*head[2], "[list]")), owner)

    def _taken_from(self, state: State, head: Value) -> tuple[Owner, ...]:
        # All that is on a list, as far as that is known: the caller's, and what others can reach.
        free = self._free_list_at(head)
        if free:
            return (taken_off(self.on_free_list(free), self.where),)
        if isinstance(head, tuple) and head[0] == "h":
            return (read_from(head[2], self.where),)
        if not (isinstance(head, tuple) and head[0] in ("a", "l")):
            return ()
        held = state.cells.get((head[1], (*head[2], "[list]")))
        if isinstance(held, tuple) and held[0] == "alts":
            owners: tuple[Owner, ...] = held[1]
            return owners
        if not head[1].startswith("*"):
            return ()
        root = (head[1][1:], (*head[2], "[list]"))
        owner = self.on_entry(Owner(Kind.ENTRY, root=root, where=self.where), root[0])
        return (taken_off(owner, self.where),)

    def _lock(self, state: State, op: ir.Call, rule: LockRule, args: tuple[Value, ...]) -> None:
        name = rule.named
        if not name and 0 <= rule.lock < len(args):
            member = self.members.get(str(op.args[rule.lock]), "")
            name = lock_name(args[rule.lock], member)
        owner: Value = None
        if 0 <= rule.lock < len(op.args):
            owner = self.get(state, self.bases.get(str(op.args[rule.lock]), ""))
        match rule.mode:
            case "acquire" | "claim":
                self.there(state, owner)
                if name:
                    self.hold(state, frozenset((name,)), op.where)
                state.env[op.dst] = ("s", self.symbol(state))
            case "release":
                if name not in state.locks:
                    self.released |= {name}  # the caller's
                state.locks -= {name}
                if name == self.models.mapping_lock and args and object_of(args[0]):
                    # Without its lock it may be taken out of its mapping at any time.
                    for fact in ("now", "flag"):
                        state.facts.pop((fact, object_of(args[0]), MAPPING), None)
                self._let_go(state, name, op.where)
            case "try":
                state.env[op.dst] = ("t", "lock", name, owner)
            case "try_zero":
                state.env[op.dst] = ("n", ("t", "lock", name, owner))

    def there(self, state: State, owner: Value) -> None:
        """What holds a lock that was taken is not NULL."""
        if isinstance(owner, tuple) and owner[0] in ("s", "h", "a"):
            state.narrow(owner, VALID)


def _field(head: Value) -> str:
    # The member that a list's head is, as "record.member".
    if not isinstance(head, tuple):
        return ""
    if head[0] == "h":
        return str(head[2])
    steps = head[2] if head[0] in ("a", "l") else ()
    return steps[-1].removeprefix(".") if steps else ""
