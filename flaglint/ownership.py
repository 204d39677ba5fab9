"""Who can reach a page: the ownership lattice and what the kernel's APIs do to it.

    folio = folio_alloc(gfp, 0);        FRESH    nobody else has the pointer
    xas_store(&xas, folio);             SHARED   published: anybody may change its flags
    if (folio_ref_freeze(folio, 2))     FROZEN   in this branch, until the unfreeze

An `Owner` describes one object (a folio: the head page and its tails) at one point of one
path. ENTRY and WITHIN are conditional (RacerD's OwnedIf): what they come to is decided by each
caller. The order of `Kind` is the order of suspicion: joining two paths keeps the later one.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from flaglint.location import Location
from flaglint.values import Value

Root = tuple[str, tuple[str, ...]]
"""A formal parameter and the steps from what it points to."""


class Kind(IntEnum):
    """What is known of an object, from the least to the most suspicious."""

    FRESH = 0
    """From an allocator on this path, not published."""
    BOOT = 1
    """A struct page that is being set up, before anybody can look it up."""
    ZERO = 2
    """Its reference count reached zero here."""
    FROZEN = 3
    """folio_ref_freeze() succeeded here and has not been undone."""
    FREE = 4
    """On the page allocator's free lists, under the allocator's lock."""
    OWNED = 5
    """Private by another argument: the only reference to a page that cannot be looked up."""
    ENTRY = 6
    """As the caller has it: `root` says which of the caller's objects it is."""
    WITHIN = 7
    """Fresh, but stored in a structure of the caller's: as private as that is."""
    PFN = 8
    """Reached by its frame number, with no reference taken."""
    UNKNOWN = 9
    """From somewhere the analysis cannot see; the doubts say where."""
    SHARED = 10
    """Published, or looked up where others can look too."""
    RELEASED = 11
    """The reference that kept it alive was dropped: others may hold it, or reuse it."""


EXCLUSIVE = frozenset((Kind.FRESH, Kind.BOOT, Kind.ZERO, Kind.FROZEN, Kind.FREE, Kind.OWNED))
"""Kinds that exclude every writer but those that need no reference."""

OPEN = frozenset((Kind.SHARED, Kind.RELEASED))
"""Kinds that others can write at any time."""

CONDITIONAL = frozenset((Kind.ENTRY, Kind.WITHIN))
"""Kinds that a caller decides."""

REASON = {
    Kind.FRESH: "allocation",
    Kind.BOOT: "boot",
    Kind.ZERO: "freeing",
    Kind.FROZEN: "frozen",
    Kind.FREE: "locked",
    Kind.OWNED: "exclusive",
}


class Origin(IntEnum):
    """Where an object came from, as far as behaviour hangs on it; `Owner.via` is the name."""

    ELSEWHERE = 0
    MEMORY = 1
    """Read from shared memory that nothing more is known of."""
    MEMBER = 2
    """Read from a structure's member: `via` is "record.member"."""
    GLOBAL = 3
    """Read from the global `via`."""
    LOOKUP = 4
    """Given by the look-up `via`."""
    LISTED = 5
    """Seen on the free list `via`: free while that list's lock is held."""
    TYPED = 6
    """Free by its page type: free while the allocator's lock is held."""
    RETURNED = 7
    """Its owner gives it back to the page allocator from here."""
    PUBLISHED = 8
    """Made reachable by others on this path."""
    HANDED = 9
    """Taken from the list `via`, which is emptied at once: the adders know (`handover`)."""


KEPT = frozenset((Origin.MEMORY, Origin.MEMBER, Origin.GLOBAL))
"""Origins of a page that is kept somewhere, and was not found where pages are looked up."""


def origin_of(field: str) -> Origin:
    """The origin of what was read from "record.member", "@global" or "look_up()"."""
    if field.endswith("()"):
        return Origin.LOOKUP
    if field.startswith("@"):
        return Origin.GLOBAL
    if "." in field and not field.startswith("list_head."):
        return Origin.MEMBER
    return Origin.MEMORY


class Owner(NamedTuple):
    """An object's ownership. `before` is what a freeze will be undone to; `extra` counts
    references taken on this path beyond the one it came with. `parted` says that
    its pages are folios of their own by now. `shown`, of an ENTRY, says that
    it was published here: shared, unless the caller has it frozen; `unlisted`, that it left the
    list it was on. `claimed` says that its reference count is about to be set. `kept` names a
    callee whose contract is that it publishes the page. `tentative` is what a publication that may
    have failed will be undone to. `origin` and `via` say where it came from.

    `view` is the struct the code sees the page as when that is neither page nor folio (a slab
    is never in the page cache). `why` and `where` are evidence; they take no part in
    `Owner.fact`, which is what two paths must agree on to be one.
    """

    kind: Kind
    root: Root | None = None
    doubts: frozenset[str] = frozenset()
    view: str = ""
    extra: int = 0
    parted: bool = False
    shown: bool = False
    unlisted: bool = False
    claimed: bool = False
    kept: str = ""
    tentative: tuple[Kind, Root | None, frozenset[str]] | None = None
    origin: Origin = Origin.ELSEWHERE
    before: Kind | None = None
    via: str = ""
    why: str = ""
    where: Location | None = None

    @property
    def fact(self) -> tuple[object, ...]:
        """The part that equality of paths looks at: the fields down to `origin`."""
        return self[:_FACTS]

    @property
    def conditional(self) -> bool:
        """Whether a caller decides what it is: whose page, or whose number it was found by."""
        return self.kind in CONDITIONAL or (self.kind is Kind.PFN and self.root is not None)

    @property
    def untouched(self) -> bool:
        """Whether it is just as the caller has it."""
        return (
            self.kind is Kind.ENTRY
            and not (
                self.doubts or self.extra or self.shown or self.kept or self.parted or self.unlisted
            )
            and self.tentative is None
        )

    def moved(self, kind: Kind, why: str, where: Location) -> Owner:
        """The same object with another kind."""
        return self._replace(
            kind=kind,
            root=None,
            origin=Origin.ELSEWHERE,
            via="",
            why=why,
            where=where,
            before=None,
            shown=False,
            unlisted=False,
            claimed=False,
            tentative=None,
        )

    def from_(self, origin: Origin, via: str = "") -> Owner:
        """The same with an origin."""
        return self._replace(origin=origin, via=via)

    def withdrawn(self) -> Owner:
        """A page that was found in a structure and taken out: the taker may have it alone."""
        if self.kind is not Kind.SHARED or self.origin not in (Origin.MEMBER, Origin.GLOBAL):
            return self
        doubt = f"who else has a page that was taken out of {self.via.removeprefix('@')}"
        return self._replace(kind=Kind.UNKNOWN, doubts=self.doubts | {doubt})

    def vouched(self, where: Location) -> Owner:
        """A page that has its reference count set next, whatever else is known of it."""
        why = "its reference count is set next: the caller vouches that nobody has a reference"
        return self.moved(Kind.OWNED, why, where)._replace(doubts=frozenset())

    def frozen(self, where: Location) -> Owner:
        """After a freeze that succeeded."""
        kept = self.before if self.kind is Kind.FROZEN else self.kind
        return self._replace(
            kind=Kind.FROZEN,
            root=None,
            before=kept,
            why="its reference count was frozen",
            where=where,
        )

    def thawed(self, where: Location) -> Owner:
        """After the unfreeze: what it was before, or shared when that was for the caller to say."""
        if self.before in (Kind.FRESH, Kind.WITHIN, Kind.BOOT):
            return self._replace(kind=self.before, before=None)
        if self.kind in (Kind.FRESH, Kind.BOOT, Kind.FREE):
            return self
        return self.moved(Kind.SHARED, "its reference count was unfrozen", where)

    def published(self, why: str, where: Location) -> Owner:
        """After others could have got hold of the pointer."""
        if self.kind in (Kind.SHARED, Kind.RELEASED):
            return self
        if self.kind in (Kind.ZERO, Kind.FROZEN, Kind.FREE, Kind.BOOT):
            # Reachable, but with a reference count of zero nobody can use it until that
            # changes; where it goes from here the unfreeze says. A fresh page that was
            # frozen is on its owner's list: whoever unfreezes it gets it alone.
            kept = self.before is Kind.FRESH
            return self if kept else self._replace(before=Kind.SHARED)
        was = (self.kind, self.root, self.doubts)
        # Wherever it came from and whatever was done with it: now others can reach it.
        known = self._replace(doubts=frozenset(), claimed=False, tentative=was)
        if self.kind is Kind.ENTRY:
            return known._replace(shown=True, why=why, where=where)
        return known.moved(Kind.SHARED, why, where)._replace(tentative=was, origin=Origin.PUBLISHED)

    def settled(self, failed: bool) -> Owner:
        """After it is known whether the last publication failed."""
        if self.tentative is None:
            return self
        kind, root, doubts = self.tentative
        if failed:
            return self._replace(
                kind=kind,
                root=root,
                doubts=doubts,
                shown=False,
                tentative=None,
                origin=Origin.ELSEWHERE,
                why="",
            )
        return self._replace(tentative=None)


TAKEN = "[taken]"
"""A step of a root: a member that has left the list."""

_FACTS = Owner._fields.index("origin") + 1


def join(one: Owner, other: Owner, doubt: str) -> Owner:
    """The more suspicious of two; where they disagree, `doubt` is noted.

    What only one of them has in its favour (references it took, a publication that may have
    failed, a contract) is lost. Which of the two comes first makes no difference to the facts.
    """
    if one.fact == other.fact:
        return one
    worse = max(one, other, key=lambda owner: (owner.kind, owner.root or ("", ())))
    doubts = one.doubts | other.doubts
    if one.kind != other.kind or one.root != other.root:
        doubts |= {doubt}
    origin, via = worse.origin, worse.via
    if one.kind is other.kind and one.origin is not other.origin:
        # How a free page is known to be free says which lock keeps it so; elsewhere an origin
        # is in a page's favour.
        best = max(one, other, key=lambda owner: (owner.origin, owner.via))
        free = one.kind is Kind.FREE
        origin, via = (best.origin, best.via) if free else (Origin.ELSEWHERE, "")
    return worse._replace(
        doubts=doubts,
        view=one.view if one.view == other.view else "",
        extra=min(one.extra, other.extra),
        parted=one.parted and other.parted,
        shown=one.shown or other.shown,
        unlisted=one.unlisted and other.unlisted,
        claimed=one.claimed and other.claimed,
        kept=one.kept if one.kept == other.kept else "",
        tentative=_undone(one, other) or _undone(other, one),
        origin=origin,
        via=via,
    )


def _undone(one: Owner, other: Owner) -> tuple[Kind, Root | None, frozenset[str]] | None:
    # What a failed publication leaves, when it leaves that on the other path as well.
    if one.tentative == other.tentative or one.tentative is None:
        return one.tentative
    same = one.tentative[:2] == (other.kind, other.root) and not other.shown
    return one.tentative if same and other.tentative is None else None


def last_member(steps: tuple[str, ...]) -> str:
    """The member that a root's steps end in, as "record.member", or ""."""
    return next((step[1:] for step in reversed(steps) if step.startswith(".")), "")


def read_from(field: str, where: Location) -> Owner:
    """A page read from shared memory: a member, a global, or what a look-up gave."""
    why = f"read from {field or 'shared memory'}"
    return Owner(Kind.SHARED, origin=origin_of(field), via=field, why=why, where=where)


@lru_cache(maxsize=4096)  # nine times in ten the same ones come together as before
def alternatives(*owners: Owner) -> Value:
    """What a container may hold: owners, not objects, since it holds many.

    One of each fact, in an order that does not depend on how they came together.
    """
    if len(owners) == 1:
        return ("alts", owners)
    found: dict[tuple[object, ...], Owner] = {}
    for _, alike in groupby(sorted(owners, key=_rank), key=_rank):
        # Most differ in what is cheap to compare; all other fields only where they do not.
        same = list(alike)
        for owner in sorted(same, key=_finer_rank) if len(same) > 1 else same:
            found.setdefault(owner.fact, owner)
    return ("alts", tuple(found.values()))


def _rank(owner: Owner) -> tuple[object, ...]:
    return (owner.kind, owner.root or ("", ()), sorted(owner.doubts))


_OTHERS = attrgetter(
    "view", "before", "extra", "parted", "shown", "unlisted", "claimed", "kept", "tentative",
    "origin", "via", "why",
)  # fmt: skip


def _finer_rank(owner: Owner) -> tuple[object, ...]:
    # Every other field, as something that can be compared.
    return (*map(str, _OTHERS(owner)), owner.where or Location("", 0, 0))
