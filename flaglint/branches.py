"""What a path tells that was taken: of values, flags, references and locks.

    if (folio_ref_freeze(folio, 2))     frozen on this path; on the other one it is as it was
    if (page != NULL)                   there is a page

A condition that was asked before and cannot be otherwise leaves no path at all.
"""

from __future__ import annotations

from flaglint.calls import Calls
from flaglint.memory import MAPPING
from flaglint.numbers import FLIP, SWAP, compute
from flaglint.ownership import EXCLUSIVE, Kind, Origin
from flaglint.state import State
from flaglint.values import ANY_CLASS, ERROR, NULL, TRUE, VALID, Value, object_of


class Branches(Calls):
    """Narrows states to the paths on which a condition holds, for one function."""

    def assume(self, state: State, value: Value, truth: bool) -> bool:
        """Narrow the state to paths on which the condition is `truth`; False: there is none."""
        if isinstance(value, int):
            return bool(value) == truth
        if not isinstance(value, tuple):
            return True
        match value[0]:
            case "n":
                return self.assume(state, value[1], not truth)
            case "i":
                mask = value[2] if truth else ANY_CLASS & ~value[2]
                return state.narrow(value[1], mask)
            case "c":
                operator = value[1] if truth else FLIP[value[1]]
                return self._compare(state, operator, value[2], value[3])
            case "t":
                return self._test(state, value, truth)
        return state.narrow(value, ANY_CLASS & ~NULL if truth else NULL)

    def _compare(self, state: State, operator: str, left: Value, right: Value) -> bool:
        if isinstance(left, int) and not isinstance(right, int):
            return self._compare(state, SWAP.get(operator, operator), right, left)
        one, two = state.number(left), state.number(right)
        if one is not None and two is not None:
            return bool(compute(operator, one, two))
        if isinstance(left, tuple) and left[0] == "t" and left[1] == "count" and two == 1:
            return self._alone(state, left[2]) if operator in ("==", "<=") else True
        if isinstance(left, tuple) and left[0] in ("t", "n", "i", "c") and two in (0, 1):
            if operator in ("==", "!="):
                return self.assume(state, left, (operator == "==") == bool(two))
        if two == 0 and operator in ("==", "!="):
            return state.narrow(left, NULL if operator == "==" else ANY_CLASS & ~NULL)
        if two is not None and operator == "==" and isinstance(left, tuple):
            if not state.narrow(left, VALID | ERROR):
                return False
            state.facts[("=", left)] = two
            return True
        if operator in ("==", "!=") and _empty_list(state, left, right):
            return operator == "=="
        if operator in ("==", "!=") and left == right and _exact(left):
            return operator == "=="
        if operator in ("==", "!=") and isinstance(left, tuple) and isinstance(right, tuple):
            if left[0] == right[0] == "e" or not state.mask(left) & state.mask(right):
                return operator == "!="
        for one, two in ((left, right), (right, left)):
            if isinstance(one, tuple) and one[:2] == ("t", "flag") and one[3] == MAPPING:
                # folio->mapping == mapping: what it is compared with is a mapping.
                if operator == "==" and isinstance(two, tuple) and two[0] in ("h", "a", "s"):
                    return self.assume(state, one, True)
        if operator == "==" and object_of(left) and object_of(right):
            return self._may_alias(state, str(object_of(left)), str(object_of(right)))
        return True

    def _may_alias(self, state: State, one: str, two: str) -> bool:
        if one == two:
            return True
        fresh = [state.objects[n].kind is Kind.FRESH for n in (one, two) if n in state.objects]
        return not any(fresh)

    def _alone(self, state: State, name: str) -> bool:
        # A reference count of one is exclusivity only while nobody can look the page up:
        # page cache, page tables and the LRU lists let anybody take another reference.
        owner = state.objects.get(name)
        if owner is None:
            return True
        kept = owner.kind is Kind.SHARED and owner.origin is Origin.MEMBER
        if kept or (owner.kind is Kind.ENTRY and owner.root is not None and owner.root[1]):
            why = "the only reference, to a page kept in a structure rather than looked up"
            state.objects[name] = owner.moved(Kind.OWNED, why, self.where)
        return True

    def _test(self, state: State, value: Value, truth: bool) -> bool:
        _, what, name, detail = value
        if what == "lock":
            if truth and name:
                self.hold(state, frozenset((name,)), self.where)
                self.there(state, detail)
            return True
        if what == "failed":
            state.facts[("failed", "")] = VALID if truth else NULL
            self._settle(state, truth)
            return True
        owner = state.objects.get(name)
        if owner is None or (what != "flag" and self.part(state, detail)):
            return True
        match what:
            case "flag":
                key = ("now", name, detail)
                if key not in state.facts:
                    key = ("flag", name, detail)
                now = state.facts.get(key, ANY_CLASS) & (TRUE if truth else NULL)
                if not now:
                    return False
                state.facts[key] = now
            case "zero":
                if truth:
                    why = "its reference count dropped to zero here"
                    state.objects[name] = owner.moved(Kind.ZERO, why, self.where)
                elif owner.extra:
                    state.objects[name] = owner._replace(extra=owner.extra - 1)
                else:
                    why = "the reference was dropped, and it was not the last"
                    state.objects[name] = owner.moved(Kind.RELEASED, why, self.where)
            case "count" if not truth:
                if owner.kind not in EXCLUSIVE:
                    why = "its reference count is zero here"
                    state.objects[name] = owner.moved(Kind.ZERO, why, self.where)
            case "reference" if not truth and owner.kind is Kind.SHARED:
                # No reference could be taken: there is none. Whoever dropped the last one is
                # about to free the page.
                why = "its reference count was found to be zero"
                doubt = "what the CPU that dropped the last reference still does with the page"
                state.objects[name] = owner.moved(Kind.ZERO, why, self.where)._replace(
                    doubts=owner.doubts | {doubt}
                )
            case "frozen" if truth:
                state.objects[name] = owner.frozen(self.where)
            case "reference" if truth and owner.kind in (Kind.PFN, Kind.UNKNOWN):
                why = "a reference was taken to a page found by its number"
                state.objects[name] = owner.moved(Kind.SHARED, why, self.where)
            case "reference" if truth and owner.kind is Kind.ENTRY and owner.root and owner.root[1]:
                # A list or a structure keeps it, but no reference: that others may free it
                # meanwhile is what getting one can fail for.
                why = "a reference was taken that could have failed: others can free it"
                state.objects[name] = owner.moved(Kind.SHARED, why, self.where)
            case "free" if truth:
                if owner.kind in (Kind.PFN, Kind.ENTRY, Kind.SHARED, Kind.UNKNOWN):
                    # True while the allocator's lock is held; race.judge looks for it.
                    why = "its type says that it is a free page"
                    state.objects[name] = owner.moved(Kind.FREE, why, self.where).from_(
                        Origin.TYPED
                    )
        return True


def _empty_list(state: State, left: Value, right: Value) -> bool:
    # Whether a cursor and a list's head are compared, and the list is known to be empty.
    for cursor, head in ((left, right), (right, left)):
        if isinstance(cursor, tuple) and cursor[0] == "l" and isinstance(head, tuple):
            if head[0] == "a" and head[1:] == cursor[1:3]:
                held = state.cells.get((head[1], (*head[2], "[list]")))
                return isinstance(held, tuple) and held == ("alts", ())
    return False


def _exact(value: Value) -> bool:
    # Whether it is one value, and not any of the frame numbers of a folio.
    return isinstance(value, tuple) and value[0] != "d"
