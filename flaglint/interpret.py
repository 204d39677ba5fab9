"""Interprets one function's blocks over path states: the solver's domain.

`Interpreter.through` is one visit of a block: where control goes from there, in which states,
and what was seen on the way.
"""

from __future__ import annotations

from collections.abc import Hashable

from flaglint import ir
from flaglint.accesses import Seen
from flaglint.asked import Asked, answers
from flaglint.branches import Branches
from flaglint.dataflow import Key, live
from flaglint.knowledge import Knowledge
from flaglint.layout import Spot, is_word_pointer
from flaglint.numbers import FLIP, compute
from flaglint.overwriting import anywhere_stored, element_stored, is_record, overwritten
from flaglint.ownership import OPEN, Kind, Origin
from flaglint.state import State
from flaglint.values import ANY_CLASS, NULL, VALID, Value, formal_number, is_open, object_of

LIMIT = 12
"""States kept apart inside a block."""
_APART = 4
"""States that are not worth comparing inside a block: at its end all are."""


class Interpreter(Branches):
    """The transfer functions of one function, as the solver's domain."""

    def __init__(self, function: ir.Function, know: Knowledge) -> None:
        super().__init__(function, know)
        self.live = live(function)
        self.asked = Asked(function, know.summaries)
        # A local whose address is taken may be read through the pointer at any time.
        self.pinned = frozenset(
            op.path.base
            for block in function.blocks
            for op in block.ops
            if isinstance(op, ir.Addr) and not op.path.base.startswith("%")
        ) | frozenset(
            op.path.base
            for b in function.blocks
            for op in b.ops
            if isinstance(op, ir.Store)
            and op.path.steps
            and not isinstance(op.path.steps[0], ir.Deref)
        )
        self.indices = frozenset(
            name
            for block in function.blocks
            for op in block.ops
            if isinstance(op, ir.Load | ir.Store)
            for name in ir.indices(op.path)
        ).difference(self.pinned)
        self.kept = [names | self.pinned for names in self.live]
        self.answers = sorted(set(answers(function)))

    # The solver's domain.

    def entry(self) -> State:
        """Formals stand for what the caller has."""
        state = State()
        self.where = self.function.where
        for param in self.function.params:
            kind = self.function.types.get(param, "")
            overlay = self.layout.page_type(kind)
            if overlay:
                state.env[param] = self.formal(state, param, (), overlay)
            elif kind.endswith("*"):
                state.env[param] = ("a", "*" + param, ())
            else:
                state.env[param] = formal_number(param)
        return state

    def through(self, block: int, state: State) -> tuple[list[tuple[int, State]], Seen]:
        """Every way out of the block, and what was seen on the way."""
        self.seen = Seen()
        # The block's own symbols can mean something already only when it was gone through.
        self.looping = bool(state.passed >> block & 1)
        states = [state.copy()]
        states[0].passed |= 1 << block
        for number, op in enumerate(self.function.blocks[block].ops):
            self.at = f"{block}.{number}"
            self.where = op.where
            if len(states) == 1:
                states = self._step(states[0], op)
            else:
                states = [after for each in states for after in self._step(each, op)]
            if ir.defined(op) in self.indices:
                for each in states:
                    each.step(ir.defined(op))
            if len(states) > _APART:
                states = self.merged(states, ir.defined(op))
        leaving: list[tuple[int, State]] = []
        for each in states:
            leaving += self._leave(block, each)
        for to, each in leaving:
            self.out_of_loops(each, block, to)
            each.prune(self.kept[to])
        return leaving, self.seen

    def key(self, block: int, state: State) -> Key:
        """Ownership and locks, and the conditions that later branches may repeat."""
        env = state.env
        fine: set[Hashable] = {
            (name, env[name]) for name in self.answers if isinstance(env.get(name), int)
        }
        for known, mask in state.facts.items():
            if isinstance(known, tuple) and known[0] == "out":
                fine.add(known)
            elif isinstance(known, tuple) and known[0] == "s" and "&" in known[1]:
                if self.asked.again(block, known[1]):
                    # It weighs more than a variable that was set on one, when paths are compared.
                    fine |= {(known, mask), ((known, mask), 2)}
        return Key(state.property(), frozenset(fine))

    def join(self, block: int, old: State, new: State) -> State | None:
        """Join paths that agree."""
        if old.same(new) and ANY_CLASS not in old.facts.values():
            return None  # as it would come out
        joined = old.joined(new, f"j{block}")
        return None if joined.same(old) else joined

    def weaken(self, block: int, old: State, new: State) -> State | None:
        """Join paths that do not, with a doubt."""
        weakened = old.weakened(new, f"j{block}")
        same = weakened.same(old) and all(
            name in old.objects and old.objects[name].fact == owner.fact
            for name, owner in weakened.objects.items()
        )
        return None if same else weakened

    def merged(self, states: list[State], result: str) -> list[State]:
        """Fewer states; those in which a call failed are not put to those in which it did not."""
        kept: dict[Hashable, State] = {}
        few = len(states) <= LIMIT
        for state in states:
            paths = self.key(0, state) if few else state.property()
            key = (paths, state.mask(state.env.get(result)))
            if key in kept:
                kept[key] = kept[key].joined(state, f"c{self.at}")
            elif len(kept) < LIMIT:
                kept[key] = state
            else:
                last = next(reversed(kept))
                kept[last] = kept[last].weakened(state, f"c{self.at}")
        return list(kept.values())

    # Ops.

    def _step(self, state: State, op: ir.Op) -> list[State]:
        match op:
            case ir.Load():
                self.load(state, op)
                return self._forked(state, op.dst)
            case ir.Store():
                self._store(state, op)
            case ir.Rmw():
                self._modify(state, op)
            case ir.Copy(dst, src, kind):
                self.set(state, dst, self.get(state, src), kind)
                return self._forked(state, dst)
            case ir.Cast(dst, src, kind):
                self.set(state, dst, self.get(state, src), kind)
                return self._forked(state, dst)
            case ir.Addr():
                self.address(state, op)
            case ir.Binary():
                self._binary(state, op)
            case ir.Unary(dst, operator, src):
                value = self.get(state, src)
                state.env[dst] = ("n", value) if operator == "!" else self._arith(value)
            case ir.Call():
                after = []
                for each in self.call(state, op):
                    after += self._forked(each, op.dst)
                return after
        return [state]

    def _arith(self, value: Value) -> Value:
        return value if isinstance(value, tuple) and value[0] in ("d", "h") else None

    def _forked(self, state: State, name: str) -> list[State]:
        value = state.env.get(name)
        if not (isinstance(value, tuple) and value[0] == "fork"):
            return [state]
        states = []
        for owner in value[1]:
            one = state.copy()
            one.env[name] = self.new_object(one, owner, value[2])
            home, place = (*value[3:], None, None)[:2]
            if home is not None:
                one.members[one.env[name][1]] = home
            if place is not None:
                one.indexed[place] = one.env[name]
            states.append(one)
        return states

    def _store(self, state: State, op: ir.Store) -> None:
        spot = self.spot(state, op.path)
        name = "WRITE_ONCE" if op.marked else "(plain store)"
        value = self.get(state, op.src)
        if spot.sort == "page" and op.type in ("struct page", "struct folio"):
            self.write(state, spot, "(struct copy)", (), "plain")
        elif self.is_word(spot) and (
            spot.field.endswith("flags")
            or not spot.field
            or "flag" in spot.field
            or spot.field.endswith(".f")
        ):
            self.write(state, spot, name, self.flag_names(value), "plain")
        else:
            self._behind(state, op, name, value)
            if op.marked and self.kept_by_caller(spot):
                self._publish_member(state, spot, value)
            if spot.sort == "cell" and is_record(op.type):
                overwritten(state, (spot.root, spot.steps))
            elif spot.sort == "shared" and op.path.steps and self.get(state, op.path.base) is None:
                anywhere_stored(state, spot.field, self.pinned)
            if "[]" in spot.steps:  # an array keeps what its members are
                value = self.coerce(state, value, op.type)
            self.put(state, spot, value, op.where)

    def _publish_member(self, state: State, spot: Spot, value: Value) -> None:
        # Stored with WRITE_ONCE(), for others to read: from there they have it.
        name = object_of(value)
        new = name in state.objects and state.objects[name].kind not in OPEN
        self.publish(state, value, "stored with WRITE_ONCE(), for others to read", self.where)
        if name and new and state.objects[name].kind is Kind.SHARED:
            state.objects[name] = state.objects[name].from_(Origin.MEMBER, spot.field)

    def _behind(self, state: State, op: ir.Store | ir.Rmw, helper: str, bits: Value) -> None:
        # A word is written where a pointer leads that may be the address of a page's.
        path = op.path
        kind = self.type_of(path.base)
        if isinstance(op, ir.Store) and path.base not in self.function.types:
            kind = f"{op.type} *"  # WRITE_ONCE() casts the pointer
        if len(path.steps) == 1 and isinstance(path.steps[0], ir.Deref) and is_word_pointer(kind):
            address = self.get(state, path.base)
            self.behind(state, address, helper, self.flag_names(bits), self.where)

    def _modify(self, state: State, op: ir.Rmw) -> None:
        spot = self.spot(state, op.path)
        mask = self.get(state, op.src)
        if op.operator == "&=" and isinstance(mask, int):
            mask = ~mask  # what it leaves out is cleared
        if op.operator == "take":
            self.withdraw(state, spot)  # an exchange: what was there is the taker's
            return
        if self.is_word(spot):
            self.write(state, spot, "(plain RMW)", self.flag_names(mask), "plain")
        elif spot.sort == "cell":
            self._behind(state, op, "(plain RMW)", mask)
            if "[]" in spot.steps:
                element_stored(state, (spot.root, spot.steps))
            else:
                state.cells[(spot.root, spot.steps)] = ("s", self.symbol(state))

    def _binary(self, state: State, op: ir.Binary) -> None:
        left, right = self.get(state, op.left), self.get(state, op.right)
        if op.operator in FLIP:
            left, right = (
                self._as_folio(state, *each) for each in ((op.left, left), (op.right, right))
            )
            if left == right and self._in_array(op.left, left):
                right = ("s", self.symbol(state))  # one may have been moved on
            state.env[op.dst] = ("c", op.operator, left, right)
            return
        value = self.arithmetic(state, op)
        if value is None and op.operator in ("+", "-", "&", "|", "*", "<<", ">>"):
            one, two = state.number(left), state.number(right)
            if one is not None and two is not None and abs(one) < 2**63 and abs(two) < 2**63:
                value = compute(op.operator, one, two)
        if value is None and op.operator == "&" and isinstance(left, tuple) and left[0] == "s":
            mask = state.number(right)
            if mask is not None and "&" not in str(left[1]):
                value = ("s", f"{left[1]}&{mask}")  # the same bits are the same wherever tested
        if value is None:
            valid = op.type.endswith("*") and not state.mask(left) & NULL
            value = ("s", self.symbol(state))
            if valid:  # an element of an array that is there is there
                state.narrow(value, VALID)
        self.set(state, op.dst, value, op.type)

    def _in_array(self, operand: ir.Operand, value: Value) -> bool:
        # Whether it is an address in an array that other addresses in it look like.
        if not (isinstance(value, tuple) and value[0] == "a"):
            return False
        pages = self.layout.page_type(self.type_of(operand).removesuffix("*").rstrip())
        return bool(pages) or value[2][-1:] == ("[]",)

    def _as_folio(self, state: State, operand: ir.Operand, value: Value) -> Value:
        # What a look-up gave is one folio: of whichever page it was asked for again, the answer
        # is the same pointer.
        if isinstance(value, tuple) and value[0] == "o" and is_open(value[2]) and not value[3]:
            owner = state.objects.get(value[1])
            folio = self.function.types.get(str(operand)) == "struct folio *"
            if folio and owner and owner.origin is Origin.LOOKUP and not owner.parted:
                return ("o", value[1], 0, 0)
        return value

    # Control.

    def _leave(self, block: int, state: State) -> list[tuple[int, State]]:
        end = self.function.blocks[block].end
        self.at = f"{block}.end"
        match end:
            case ir.Jump(to):
                return [(to, state)]
            case ir.Branch(cond, yes, no):
                value = self.get(state, cond)
                if value is None and isinstance(cond, str) and cond:
                    value = ("s", f"{self.at}:{cond}")
                    state.env[cond] = value
                out = []
                ways: tuple[tuple[bool, int], ...] = ((True, yes), (False, no))
                if isinstance(cond, str) and cond.startswith("__ret_warn") and _counts(value):
                    # WARN_ON(folio_ref_count(folio)): a claim that there is no reference.
                    ways = ways[1:]
                for truth, to in ways:
                    each = state if (truth, to) == ways[-1] else state.copy()
                    if self.assume(each, value, truth):
                        out.append((to, each))
                return out
            case ir.Switch():
                return self._switch(state, end)
            case ir.Return(value, _):
                self.out_of_loops(state, block)
                self.seen.exits.append((state, self.get(state, value)))
        return []

    def _switch(self, state: State, end: ir.Switch) -> list[tuple[int, State]]:
        value = self.get(state, end.on)
        known = state.number(value)
        out = []
        for number, to in end.cases:
            if known is not None and number is not None and number != known:
                continue
            each = state.copy()
            if number is not None and self.assume(each, ("c", "==", value, number), True):
                out.append((to, each))
            elif number is None:
                out.append((to, each))
        if known is None or known not in [number for number, _ in end.cases]:
            out.append((end.default, state.copy()))
        return out


def _counts(value: Value) -> bool:
    while isinstance(value, tuple) and value[0] == "n":
        value = value[1]
    return isinstance(value, tuple) and value[:2] == ("t", "count")
