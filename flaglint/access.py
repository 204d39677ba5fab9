"""A write of a page's flags word, with what was known at that moment.

One `Place` is one site in the text; one `Access` is that site seen in one calling context.
Equality of an access ignores its call chain, or recursion would never reach a fixed point.
"""

from __future__ import annotations

from typing import NamedTuple

from flaglint.finding import Step, Taken
from flaglint.location import Location
from flaglint.lockset import MustLockset
from flaglint.ownership import Kind, Owner, Root

HANDOVER = "handover"
"""The atomicity of a page's addition to a list that its reader empties at once (`handover`)."""


BEHIND = "behind a pointer"
"""The atomicity of a plain write of whatever word a pointer leads to that the function was given:
a caller says whether it is a page's. The owner's root is where the pointer is found."""


class Place(NamedTuple):
    """A site: where it stands, what it writes and how.

    `helper` is a helper's name, "(plain RMW)", "(plain store)" or a bulk writer's name;
    `flags` the enumerators it changes; `word` head, second or any; `atomicity` plain or
    atomic, or BEHIND. Of a handover, `flags` is the list's name and `word` is empty.
    """

    where: Location
    function: str
    helper: str
    flags: tuple[str, ...]
    word: str
    atomicity: str


class Access(NamedTuple):
    """`guards` are conditions on the formals of the function it is seen from (see summary).

    `beside` are formals' pages that are frozen meanwhile: where a caller passes one page for
    both, the page that is written is frozen. `taken` tells where `locks` were taken, for the
    reader: nothing is decided by it.
    """

    place: Place
    owner: Owner
    locks: MustLockset
    guards: frozenset[tuple[object, int]] = frozenset()
    chain: tuple[Step, ...] = ()
    taken: tuple[Taken, ...] = ()
    beside: frozenset[Root] = frozenset()

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two accesses one: locks and chains of equal ones are merged."""
        if self.place.atomicity == "atomic":
            return (self.place, self.owner.kind, self.owner.root, self.owner.view)
        return (self.place, self.owner.fact, self.guards)

    @property
    def kind(self) -> Kind:
        """The ownership of the page that is written."""
        return self.owner.kind
