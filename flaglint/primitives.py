"""The primitives of `rules/`: bit operations, header helpers, references, publications."""

from __future__ import annotations

import re

from flaglint import ir
from flaglint.access import HANDOVER, Place
from flaglint.accesses import TAIL, word_of
from flaglint.containers import Containers
from flaglint.flagtable import Atomicity, Helper, Operation
from flaglint.layout import Spot
from flaglint.location import Location
from flaglint.memory import MAPPING, objects_in
from flaglint.models import Bitop
from flaglint.objects import replaced
from flaglint.overwriting import address_given
from flaglint.ownership import EXCLUSIVE, Kind, Owner, alternatives
from flaglint.state import State
from flaglint.values import ERROR, NULL, TRUE, VALID, Value, object_of

_TYPE_HELPER = re.compile(r"(__Set|__Clear|)Page(\w+)")
_CLASSES = {"IS_ERR": ERROR, "IS_ERR_OR_NULL": NULL | ERROR, "IS_ERR_VALUE": ERROR}
_PASS = frozenset(("ERR_CAST", "PTR_ERR_OR_ZERO", "kasan_reset_tag", "ERR_PTR", "PTR_ERR"))


class Primitives(Containers):
    """The primitives of `rules/`, for one function."""

    def _bitop(self, state: State, op: ir.Call, bitop: Bitop, args: tuple[Value, ...]) -> bool:
        if bitop.word >= len(args):
            return False
        word = args[bitop.word]
        bit = args[bitop.bit] if bitop.bit >= 0 else None
        if not (isinstance(word, tuple) and word[0] == "o" and word[3] == self.layout.flags):
            if bitop.atomicity == "plain":
                flag = self.know.bits.get(bit, "") if isinstance(bit, int) else ""
                self.behind(state, word, bitop.spelt, (flag,) if flag else (), op.where)
            return False
        spot = Spot("page", word[1], page=word[2], offset=word[3])
        flags: tuple[str, ...] = ()
        if isinstance(bit, int):
            known = self.know.bits.get(bit)
            flags = (known,) if known else ()
        elif 0 <= bitop.mask < len(args):
            flags = self.flag_names(args[bitop.mask])
        if bitop.atomicity != "read":
            self.write(state, spot, bitop.spelt, flags, bitop.atomicity)
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
            set_up = self.function.section == "init"
            owner = state.objects.get(name)
            word = word_of(helper, page[2], owner, self.models, set_up=set_up)
            place = Place(op.where, self.function.key, op.name, flags, word, str(helper.atomicity))
            self.record(state, place, name, page[2], str(op.args[0]))
            if helper.operation is Operation.CLEAR and flags[0] in self.models.split_flags:
                if name in state.objects and page[2] in (0, "b"):
                    state.objects[name] = state.objects[name]._replace(parted=True)
            if helper.operation in (Operation.SET, Operation.CLEAR):
                value = TRUE if helper.operation is Operation.SET else NULL
                state.facts[("now", name, flags[0])] = value
        state.env[op.dst] = result
        return True

    def _primitive(self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]) -> bool:
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
            for fact in ("seen", "filled"):
                state.facts.pop((fact, f"k{symbol}"), None)
            state.env[op.dst] = ("a", f"k{symbol}", ())
            return True
        mask = ERROR if name in models.no_pointer_if_true else _CLASSES.get(name)
        if mask is not None and args:
            state.env[op.dst] = ("i", args[0], mask)
            return True
        if name in _PASS and args:
            state.env[op.dst] = args[0]
            if name == "ERR_PTR" and isinstance(args[0], int) and args[0] < 0:
                state.env[op.dst] = ("e", args[0])
            elif name == "PTR_ERR" and isinstance(args[0], tuple) and args[0][0] == "e":
                state.env[op.dst] = args[0][1]
            elif name == "ERR_PTR":
                error = ("s", self.symbol(state))
                state.facts[error] = NULL | ERROR if state.mask(args[0]) & NULL else ERROR
                state.env[op.dst] = error
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
        if name in (models.split | models.split_tail) and args:
            what = object_of(args[0])
            first = not isinstance(args[0], tuple) or args[0][0] != "o" or args[0][2] in (0, "b")
            if what in state.objects and not (first and name in models.split_tail):
                state.objects[what] = state.objects[what]._replace(parted=True)
            return True
        if name in models.take_reference and args:
            what = object_of(args[0])
            if what is not None and what in state.objects:
                owner = state.objects[what]
                if owner.kind is Kind.FROZEN:  # from zero on: others can use it again
                    self._unfreeze(state, args[0], op.where)
                    return True
                if self.part(state, args[0]):
                    return True
                state.objects[what] = owner._replace(extra=min(2, owner.extra + 1))
            return True
        if name in models.drop and args:
            self._body_accesses(state, op, args)
            self._release(state, args[models.drop[name]], name, op.where)
            return True
        if name in models.drop_all and args:
            self._body_accesses(state, op, args)
            why = f"{name}() dropped the reference that kept it"
            self._every(state, args[models.drop_all[name]], Kind.RELEASED, why)
            return True
        number = models.fill_mapped.get(name)
        if number is not None and number < len(args):
            self._body_accesses(state, op, args)
            self._every(state, args[number], Kind.SHARED, f"{name}() found it mapped by a process")
            state.env[op.dst] = ("s", self.symbol(state))
            return True
        if name in models.free_owned and args:
            self._body_accesses(state, op, args)
            self._release(state, args[models.free_owned[name]], name, op.where)
            return True
        return self._reaching(state, op, name, args)

    def _reaching(self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]) -> bool:
        """How pages are published, found and carried."""
        models = self.models
        if name in models.publish:
            self._replaced(state, args)
            self._hand_over(state, op, args)
            self._body_accesses(state, op, args)
            self._settle(state, False)
            state.facts.pop(("failed", ""), None)
            for argument, value in zip(op.args, args, strict=True):
                if self._is_given(argument, value):
                    self.publish(state, value, f"{name}() made it reachable by others", op.where)
            state.env[op.dst] = ("s", self.symbol(state))
            if name in models.publish_if_zero:
                state.env[op.dst] = ("t", "failed", "", "")
            return True
        if name in models.store_number:
            self._store_number(state, args, models.store_number[name], name, op)
            return True
        if name in models.store_failed:  # asked again: the same answer
            known = state.facts[("failed", "")]
            state.env[op.dst] = 0 if known == NULL else ("s", self.symbol(state))
            state.narrow(state.env[op.dst], known)
            return True
        if name in models.find_mapped and self._own_memory(state, args):
            doubts = frozenset((f"who else has a page that {name}() finds",))
            owner = Owner(Kind.UNKNOWN, doubts=doubts, where=op.where)
            overlay = self.layout.page_type(op.type) or "page"
            found = self.new_object(state, owner, overlay)
            state.env[op.dst] = found if op.type.endswith("*") else ("d", object_of(found))
            return True
        if name in models.look_up:
            self._body_accesses(state, op, args)
            from_ = args[0] if self.handed_over(name) and args else None
            list_ = from_[2] if isinstance(from_, tuple) and from_[0] == "h" else ""
            self.set(state, op.dst, ("h", self.symbol(state), f"{name}({list_})"), op.type)
            found = object_of(state.env[op.dst])
            for flag in models.gives_flags.get(name, ()) if found else ():
                state.facts[("flag", found, flag)] = TRUE
            if found and self._gives_mapped(state, name, args):
                state.facts[("now", found, MAPPING)] = TRUE
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
        return self._looking(state, op, name, args)

    def _is_given(self, argument: ir.Operand, value: Value) -> bool:
        # Of a caller's structures, the one that is queued or linked, and not what it is put into.
        if not (isinstance(value, tuple) and value[0] == "a" and value[1].startswith("*")):
            return True
        kind = self.type_of(argument)
        return kind.removeprefix("const ") not in self.models.put_into

    def _own_memory(self, state: State, args: tuple[Value, ...]) -> bool:
        address = args[0] if args else None
        if not (isinstance(address, tuple) and address[0] == "a" and address[1][0] == "k"):
            return False
        return ("seen", address[1]) not in state.facts

    def _gives_mapped(self, state: State, name: str, args: tuple[Value, ...]) -> bool:
        """Whether the look-up's page is locked, and in its mapping as long as it is."""
        number, bits = self.models.gives_mapped.get(name, (-1, -1))
        if bits < 0:
            return False
        asked = state.number(args[number]) if 0 <= number < len(args) else None
        return number < 0 or (asked is not None and bool(asked & bits))

    def _looking(self, state: State, op: ir.Call, name: str, args: tuple[Value, ...]) -> bool:
        """What is asked of a page, and copies of its memory."""
        models = self.models
        if name in models.counts and args:
            what = object_of(args[0])
            if what is not None:
                state.env[op.dst] = ("t", "count", what, "")
                return True
        if name in models.tails and args:
            what = object_of(args[0])
            if what is not None and isinstance(args[0], tuple) and args[0][2:] == ("b", 0):
                state.env[op.dst] = ("t", "flag", what, TAIL)
                return True
        if name in models.mapping_of and args:
            what = object_of(args[0])
            if what is not None:
                state.env[op.dst] = ("t", "flag", what, MAPPING)
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
            # What is said of a neighbour in the memory map is not said of the page.
            whole = page[2] in (0, "b")
            state.env[op.dst] = ("t", "free", name, "") if whole else ("s", self.symbol(state))
            return True
        owner = state.objects[name]
        if owner.kind not in EXCLUSIVE:
            why = "it is a free page of the page allocator's"
            state.objects[name] = owner.moved(Kind.FREE, why, op.where)
        return True

    def _bulk(
        self, state: State, op: ir.Call, pair: tuple[int, int], args: tuple[Value, ...]
    ) -> None:
        to, source = (args[at] if 0 <= at < len(args) else None for at in pair)
        size = state.number(args[2]) if len(args) > 2 else None
        state.env[op.dst] = to
        address_given(state, to)
        self.copied(state, to, source)
        if size == self.layout.size:
            to = self._computed(state, op, to)
        if isinstance(to, tuple) and to[0] == "o" and to[3] <= self.layout.flags:
            spot = Spot("page", to[1], page=to[2], offset=to[3])
            self.write(state, spot, op.name, (), "plain")
        if op.name in self.models.page_copies and isinstance(source, tuple):
            # What is copied are struct pages, to take their place: a change between the copy
            # and the switch is lost, just as between a load and a store.
            if source[0] == "o" and source[3] == 0:
                spot = Spot("page", source[1], page=source[2], offset=self.layout.flags)
                self.write(state, spot, op.name, (), "plain")
            elif isinstance(to, tuple) and to[0] == "d":
                self.copies[to[1]] = op
                state.facts["copied", to[1]] = VALID

    def _computed(self, state: State, op: ir.Call, to: Value) -> Value:
        """The struct page at an address that was computed, when as many bytes are written."""
        if isinstance(to, tuple) and to[0] == "a" and to[1].startswith("*") and not to[2]:
            param = to[1][1:]
            if not self.function.types.get(param, "*").endswith("*"):
                return self.formal(state, param, (), "page")
        kind = self.type_of(op.args[0])
        if isinstance(to, tuple) and (to[0] in ("o", "d", "a") or (to[0] == "h" and to[2])):
            return to
        if kind.startswith("struct ") and not self.layout.page_type(kind):
            return to  # as large as a struct page by chance
        doubt = f"which struct page, if any, {op.name}() overwrites is not known"
        name = f"m{self.at}"
        state.objects[name] = Owner(Kind.UNKNOWN, doubts=frozenset((doubt,)), where=op.where)
        return ("o", name, "b", 0)

    def _store_number(
        self, state: State, args: tuple[Value, ...], pair: tuple[int, int], name: str, op: ir.Call
    ) -> None:
        to, value = (args[at] if at < len(args) else None for at in pair)
        own = isinstance(to, tuple) and to[0] == "a" and to[1].startswith(("&", "k"))
        if isinstance(value, tuple) and value[0] == "s" and value[1][2:] in self.function.params:
            value = self.formal(state, value[1][2:], (), "folio")  # should a caller's be a page's
        if not own:
            self.publish(state, value, f"{name}() stored what refers to it", op.where)
        state.env[op.dst] = ("s", self.symbol(state))

    def _hand_over(self, state: State, op: ir.Call, args: tuple[Value, ...]) -> None:
        """A page joins a list whose reader empties it at once; see `handover`."""
        pair = self.models.hand_over.get(op.name)
        entry, head = (args[at] if pair and at < len(args) else None for at in pair or (0, 0))
        name = object_of(entry)
        if name and isinstance(head, tuple) and head[0] == "h" and head[2]:
            place = Place(op.where, self.function.key, op.name, (head[2],), "", HANDOVER)
            self.record(state, place, name)

    def _replaced(self, state: State, args: tuple[Value, ...]) -> None:
        """A copy is mapped where struct pages may have been: in the kernel, at an address."""
        if len(args) < 4 or not (isinstance(args[0], tuple) and args[0][2:] == ("@init_mm",)):
            return
        copied = object_of(args[3])
        op = self.copies.get(copied or "")
        page = self.coerce(state, args[1], "struct page *")
        if op is not None and ("copied", copied) in state.facts and object_of(page):
            place = Place(op.where, self.function.key, op.name, (), "any", "plain")
            self.record(state, place, str(object_of(page)))

    def _unfreeze(self, state: State, page: Value, where: Location) -> None:
        name = object_of(page)
        if name is None or name not in state.objects:
            return
        head = isinstance(page, tuple) and page[0] == "o" and page[2] in (0, "b")
        if head or not self.part(state, page):
            # The first page's is the last one: nothing is taken apart any more after it.
            state.objects[name] = state.objects[name].thawed(where)._replace(parted=False)
        else:
            state.facts["loose", name] = VALID

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

    def _every(self, state: State, array: Value, kind: Kind, why: str) -> None:
        """Each page of an array or a batch at an address is in that state from here on."""
        owner = Owner(kind, why=why, where=self.where)
        if not (isinstance(array, tuple) and array[0] == "a"):
            return
        root, steps = array[1], array[2]
        variable = root[1:] if root.startswith("&") and not steps else ""
        type_ = self.function.types.get(variable, "")
        held = state.env.get(variable)
        if self.layout.page_type(type_.removesuffix("*").rstrip()):
            # The place of an array's address: the array that is there, or is allocated.
            if not (isinstance(held, tuple) and held[0] in "ah"):
                held = state.env[variable] = ("a", f"k{self.symbol(state)}", ())
            self._every(state, held, kind, why)
            return
        if overlay := self.layout.page_type(type_):
            name = object_of(held)  # one page's variable, passed as an array of one
            if kind is Kind.SHARED or name is None:
                state.env[variable] = self.new_object(state, owner, overlay)
            elif name in state.objects and not self._one_of_many(state, held):
                state.objects[name] = state.objects[name].moved(kind, why, self.where)
            return
        cells = [c for c in state.cells if c[0] == root and c[1][: len(steps)] == steps and c[1]]
        members = [cell for cell in cells if cell[1][-1] == "[]"] or [(root, (*steps, "[]"))]
        for cell in members:
            state.cells[cell] = alternatives(owner)
            replaced(state, cell)

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


def _head(value: Value) -> Value:
    if isinstance(value, tuple) and value[0] == "o" and value[2] in (0, "b"):
        return ("o", value[1], 0, 0)
    return value
