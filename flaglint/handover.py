"""Pages handed over on a list that is emptied at once: as private as those had them who put them.

    if (put_page_testzero(page))
            llist_add(&page->free_node, &freelist);     ZERO here, in every caller
    ...
    node = llist_del_all(&freelist);                    so ZERO here: nobody else has these

The exchange that empties the list gives what is on it to one reader only. Whether anybody can
reach a page in another way is what whoever adds it knows, in all the calling contexts that were
seen; additions travel through summaries as accesses do, under the atomicity `HANDOVER`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flaglint.access import HANDOVER, Access, Place
from flaglint.ownership import EXCLUSIVE, OPEN, Kind, Origin, Owner

_Seen = tuple[str, Access, tuple[str, ...]]


def settled(contexts: Mapping[Place, Iterable[_Seen]]) -> dict[Place, list[_Seen]]:
    """The contexts without additions; pages from such lists are what the additions say."""
    added: dict[str, list[Access]] = {}
    for place, found in contexts.items():
        if place.atomicity == HANDOVER:
            added.setdefault(place.flags[0], []).extend(access for _, access, _ in found)
    return {
        place: [
            (key, access._replace(owner=_taken(access.owner, added)), doubts)
            for key, access, doubts in found
        ]
        for place, found in contexts.items()
        if place.atomicity != HANDOVER
    }


def _taken(owner: Owner, added: Mapping[str, list[Access]]) -> Owner:
    if owner.origin is not Origin.HANDED or owner.kind is not Kind.UNKNOWN:
        return owner
    put = added.get(owner.via, [])
    worst = max(put, key=lambda access: (access.kind, access.chain), default=None)
    if worst is None or any(access.owner.doubts for access in put):
        return owner
    if worst.kind not in EXCLUSIVE and worst.kind not in OPEN:
        return owner
    why = f"it came through {owner.via.removeprefix('@')}, where it was put"
    if worst.owner.why:
        why += f" when {worst.owner.why}"
    return owner._replace(kind=worst.kind, doubts=frozenset(), why=why)
