"""What others can reach from here on: pages, what keeps them, members of arrays and lists.

    pages[nr++] = page;
    xa_store(&xa, nr, page, gfp);       others find the page, and pages[] holds one that they find

A container is known by the sorts of its members; which of them were published is a doubt
until the loop over it has ended that published each.
"""

from __future__ import annotations

from flaglint import ir
from flaglint.layout import Layout
from flaglint.location import Location
from flaglint.loops import Loop, between, every_round, loop_around, loop_over
from flaglint.objects import ONE_OF_THEM, PASSED, Objects, replaced
from flaglint.overwriting import given
from flaglint.ownership import OPEN, Kind, Owner, Root, alternatives
from flaglint.state import Cell, State
from flaglint.values import VALID, Value, is_around, object_of


class Publishing(Objects):
    """Publication, for one function."""

    def __init__(self, function: ir.Function, layout: Layout) -> None:
        super().__init__(function, layout)
        self._loops: dict[tuple[int, str], Loop | None] = {}
        """a block, an index -> the loop that goes through an array with it there"""
        self._shown_members: dict[tuple[Cell, Loop], set[int]] = {}
        """container, loop over it -> the blocks that make a member reachable by others"""
        self._stored_members: dict[Cell, set[int]] = {}
        """array -> the blocks that store a page in it"""

    def publish(self, state: State, value: Value, why: str, where: Location) -> None:
        """Others can reach what the value refers to from here on."""
        waiting, roots = [value], set()
        while waiting:
            value = waiting.pop()
            name = object_of(value)
            if name is not None and name in state.objects and not self.part(state, value):
                self.show(state, name, state.objects[name].published(why, where))
            if isinstance(value, tuple) and value[0] == "r":
                waiting += [held for _, held in value[1:]]
            if isinstance(value, tuple) and value[0] == "a" and value[1].startswith("k"):
                # What points at itself, as an empty list does, is followed once.
                if value[1] not in roots:
                    roots.add(value[1])
                    state.facts["seen", value[1]] = VALID
                    inside = [cell for cell in state.cells if cell[0] == value[1]]
                    waiting += [state.cells[cell] for cell in inside]
                    for cell in inside:
                        self._publish_members(state, cell, why, where)
            if isinstance(value, tuple) and value[0] == "a":
                given(state, (value[1], value[2] if value[1][0] == "*" else ()))
                if value[1][0] == "*" and not is_around(value[2]):
                    state.facts["out", *pointed_by(value)] = VALID
                self._publish_members(state, (value[1], (*value[2], "[]")), why, where)

    def _publish_members(self, state: State, array: Cell, why: str, where: Location) -> None:
        # The address of an array was given: all that it holds.
        held = state.cells.get(array)
        kind = self.function.types.get(array[0][1:], "").removesuffix("*").rstrip()
        if held is None and array[0][0] == "*" and self.layout.page_type(kind):
            entry = Owner(Kind.ENTRY, root=(array[0][1:], array[1]), where=where)
            held = alternatives(self.on_entry(entry, array[0][1:]))
        if isinstance(held, tuple) and held[0] == "alts":
            members = (owner.published(why, where)._replace(tentative=None) for owner in held[1])
            state.cells[array] = alternatives(*members)
            for place, value in state.indexed.items():
                name = object_of(value)
                if place[0] == array and name:
                    state.objects[name] = state.objects[name].published(why, where)

    def show(self, state: State, name: str, owner: Owner) -> None:
        """The op being interpreted makes a page object reachable by others: such as `owner`."""
        self.shown(name)
        state.objects[name] = owner
        if not (owner.kind is Kind.SHARED or owner.shown):
            return
        homes = [place for place, held in state.indexed.items() if object_of(held) == name]
        if name in state.members:
            root, steps = state.members[name]
            homes.append(((root, (*steps, "[list]")), ""))
        for home in homes:
            self._perhaps_shown(state, name, home)
            doubt = {PASSED} if self.in_turn(home) else {ONE_OF_THEM}
            one = owner._replace(doubts=owner.doubts | doubt, tentative=None)
            before = state.cells.get(home[0])
            self.join_member(state, home[0], one)
            if state.cells[home[0]] != before:
                state.facts["lent", name] = VALID

    def _perhaps_shown(self, state: State, name: str, home: tuple[Cell, str]) -> None:
        # Another page at hand that is in the array may be the one that was published.
        for (array, by), value in state.indexed.items():
            other = object_of(value)
            if array != home[0] or other in (name, None) or (by.isdigit() and home[1].isdigit()):
                continue
            owner = state.objects.get(str(other))
            if owner is not None and owner.kind not in (*OPEN, Kind.UNKNOWN):
                doubts = owner.doubts | {ONE_OF_THEM}
                state.objects[str(other)] = owner._replace(kind=Kind.UNKNOWN, doubts=doubts)

    def leaves(self, state: State, name: str) -> None:
        """A page leaves the list that it was found on, and with it what it made of the list."""
        root, steps = state.members.pop(name, ("", ()))
        if root:
            self._unlent(state, name, (root, (*steps, "[list]")))

    def stored_over(self, state: State, array: Cell, by: str) -> None:
        """A member of an array is about to be replaced: with it goes what it made of the array."""
        name = object_of(state.indexed.get((array, by)))
        if name in state.objects:
            self._unlent(state, str(name), array)

    def _unlent(self, state: State, name: str, cell: Cell) -> None:
        if state.facts.pop(("lent", name), None) is None:
            return
        owner, held = state.objects[name], state.cells.get(cell)
        if isinstance(held, tuple) and held[0] == "alts":
            state.cells[cell] = alternatives(*(
                each
                for each in held[1]
                if (each.kind, each.root, each.shown) != (owner.kind, owner.root, owner.shown)
                or each.doubts.isdisjoint((PASSED, ONE_OF_THEM))
            ))  # fmt: skip

    def in_turn(self, home: tuple[Cell, str]) -> bool:
        """Whether the op is in a loop that comes to each member of the container once."""
        block = self._block()
        index, moved, _ = home[1].partition("=")
        if moved and not index:  # nobody knows where: maybe it was stored in the same round
            stored = self._stored_members.get(home[0], set())
            loop = loop_around(self.function, block, stored)
        else:
            if (block, index) not in self._loops:
                self._loops[block, index] = loop_over(self.function, block, index)
            loop = self._loops[block, index]
        if loop is not None:
            self._shown_members.setdefault((home[0], loop), set()).add(block)
        return loop is not None

    def stored_member(self, array: Cell) -> None:
        """The op being interpreted stores a page in the array."""
        self._stored_members.setdefault(array, set()).add(self._block())

    def _block(self) -> int:
        return int(self.at.partition(".")[0])

    def out_of_loops(self, state: State, block: int, to: int = -1) -> None:
        """Control goes from a block to another, or back to the caller."""
        for (cell, loop), shown in self._shown_members.items():
            if (block in loop.body or to < 0) and to not in loop.body:
                each = block == loop.head or self._shown_so_far(state, cell, loop, block)
                each = each and every_round(self.function, loop, shown)
                self.all_shown(state, cell, each=each)

    def _shown_so_far(self, state: State, array: Cell, loop: Loop, block: int) -> bool:
        # Whether the loop fills the array, and has shown what it stored, when a round ends early.
        stored = self._stored_members.get(array, set())
        own = array[0][0] in "&k" and ("filled", array[0]) not in state.facts
        if not (own and stored and stored <= loop.body):
            return False
        return block not in between(self.function, loop, stored, self._shown_members[array, loop])

    def all_shown(self, state: State, cell: Cell, *, each: bool) -> None:
        """A loop over a container has ended that published some of its members, or `each`."""
        held = state.cells.get(cell)
        if not (isinstance(held, tuple) and held[0] == "alts"):
            return
        if not any(owner.doubts & {PASSED, ONE_OF_THEM} for owner in held[1]):
            return
        left = frozenset() if each else frozenset((ONE_OF_THEM,))
        state.cells[cell] = alternatives(*(
            owner._replace(doubts=owner.doubts - {PASSED} | left) if PASSED in owner.doubts
            else owner._replace(doubts=owner.doubts - {ONE_OF_THEM}) if each
            else owner
            for owner in held[1]
            if not each or owner.kind in OPEN or owner.shown
        ))  # fmt: skip

    def members_shown(self, state: State, cell: Cell, owner: Owner) -> None:
        """A callee published the members of a container of its caller's, or one of them."""
        where = owner.where or self.where
        if cell not in state.cells and cell[0].startswith("*"):
            self.join_member(state, cell, Owner(Kind.ENTRY, root=(cell[0][1:], cell[1])))
        held = state.cells.get(cell)
        if not (isinstance(held, tuple) and held[0] == "alts"):
            return
        for each in held[1]:
            shown = each.published(owner.why, where)._replace(tentative=None)
            doubts = shown.doubts | owner.doubts | {ONE_OF_THEM}
            self.join_member(state, cell, shown._replace(doubts=doubts))
        if not owner.doubts:
            self.all_shown(state, cell, each=True)
            replaced(state, cell)

    def shown(self, name: str) -> None:
        """The op being interpreted makes a page object reachable by others."""

    def part(self, state: State, value: Value) -> bool:
        """Whether the value is one page, not the first, of a folio that is being taken apart.

        While the folio is frozen its tails become folios of their own; what happens to one of
        them does not happen to the rest.
        """
        if not (isinstance(value, tuple) and value[0] == "o"):
            return False
        owner = state.objects.get(value[1])
        if owner is None:
            return False
        return owner.parted or (owner.kind is Kind.FROZEN and value[2] not in (0, "b"))


def pointed_by(address: Value) -> Root:
    """The formal's pointer, or the one behind it, whose target an address is in."""
    steps: tuple[str, ...] = address[2]
    last = max((at for at, step in enumerate(steps) if step == "*"), default=0)
    return address[1][1:], steps[:last]
