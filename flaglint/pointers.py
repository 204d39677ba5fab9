"""Arithmetic on what refers to pages: neighbours in the memory map, frame numbers, cursors."""

from __future__ import annotations

from flaglint import ir
from flaglint.layout import Spot
from flaglint.memory import Memory
from flaglint.ownership import Kind, Origin, Owner
from flaglint.state import State
from flaglint.values import Value, around, is_open, number_root, object_of

_BITS = 4096
"""A mask below that leaves nothing of an address that tells where it is."""


class Pointers(Memory):
    """The arithmetic half of the transfer function, for one function."""

    def arithmetic(self, state: State, op: ir.Binary) -> Value:
        """Pointer arithmetic on pages, their members and list cursors."""
        left, right = self.get(state, op.left), self.get(state, op.right)
        if isinstance(right, tuple) and right[0] in ("o", "l") and op.operator == "+":
            left, right = right, left
        if self.layout.page_type(op.type) and op.operator == "+" and self._map_base(state, left):
            return self._by_frame(state, right, self.layout.page_type(op.type))
        if isinstance(left, tuple) and left[0] == "o" and op.operator in ("+", "-"):
            if isinstance(right, tuple) and right[:2] == left[:2] and not op.type.endswith("*"):
                return None  # how far apart two pages of one folio are refers to neither
            if not op.type.endswith("*") and isinstance(right, tuple) and right[0] in ("o", "h"):
                return ("d", left[1])  # page - vmemmap: its frame number
            number = state.number(right)
            count = None if number is None else number * op.size
            if op.operator == "-" and count is not None:
                count = -count
            spot = Spot("page", left[1], page=left[2], offset=left[3])
            if count is None and op.size != self.layout.size:
                return ("d", left[1])
            moved = self._byte(spot, count)
            state.facts.pop(("loose", left[1]), None)  # another page of the folio
            page = f"?{self.at}" if is_open(moved.page) else moved.page
            return ("o", left[1], page, moved.offset)
        if isinstance(left, tuple) and left[0] == "l":
            number = state.number(right) or 0
            return (*left[:3], left[3] - number)
        if isinstance(left, tuple) and left[0] == "a":
            if self.layout.page_type(op.type.removesuffix("*").rstrip()):
                return left  # further on in the same array of pages
            if left[1][0] in "k&" and op.size > 1 and op.type.endswith("*"):
                # Another element of an array of this function's own.
                return left if left[2][-1:] == ("[]",) else (*left[:2], (*left[2], "[]"))
            if op.operator == "-":
                return around(left, state.number(right))
        mask = state.number(right)
        if op.operator == "&" and mask is not None and 0 <= mask < _BITS:
            return None  # the bits below a pointer, or a place in a section of the memory map
        for value in (left, right):
            if isinstance(value, tuple) and value[0] == "d":
                return value
            if isinstance(value, tuple) and value[0] == "o" and op.operator in "|^&":
                return ("d", value[1])  # with a bit in it, or without
        for value in (left, right):
            if isinstance(value, tuple) and value[0] == "h" and op.operator in "+-&|<<>>":
                # With a bit in it, it is no longer what the member points to.
                tagged = op.operator == "+" and op.size == 1 and op.type.endswith("*")
                field = "" if tagged and isinstance(right, int) else value[2]
                return ("h", self.symbol(state), field)  # it is found there, but another number
        return None

    def _map_base(self, state: State, value: Value) -> bool:
        # The memory map's start: a constant address, or a global that holds it.
        if isinstance(value, int):
            return True
        if isinstance(value, tuple) and value[0] == "h":
            return bool(value[2].startswith("@"))
        owner = state.objects.get(object_of(value) or "")
        return owner is not None and owner.origin is Origin.GLOBAL

    def _by_frame(self, state: State, frame: Value, overlay: str) -> Value:
        if isinstance(frame, tuple) and frame[0] == "d":
            return ("o", frame[1], "b" if overlay == "page" else 0, 0)
        if isinstance(frame, tuple) and frame[0] == "h":
            return self.looked_up(state, overlay, frame[2])
        why = "found by its frame number"
        owner = Owner(Kind.PFN, root=number_root(frame), why=why, where=self.where)
        return self.new_object(state, owner, overlay)
