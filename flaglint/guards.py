"""Fewer conditions for the same accesses, by resolution.

    set_bit() on vmf->page  if write and if shared
    set_bit() on vmf->page  if write and if not shared     =>  set_bit() on vmf->page  if write

A function records an access with all that it knows of its formals on that path, whether the
access hangs on it or not. Callers ask every condition again, so what does not matter goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flaglint.access import Access
from flaglint.values import ANY_CLASS

Guards = frozenset[tuple[object, int]]


def resolved(pending: Iterable[Access]) -> Iterator[Access]:
    """The same accesses: each is reached under just the conditions that it was reached under."""
    alike: dict[tuple[object, ...], dict[Guards, Access]] = {}
    for access in pending:
        same = alike.setdefault((access.place, access.owner.fact, access.locks), {})
        same.setdefault(access.guards, access)
    for same in alike.values():
        _resolve(same)
        yield from same.values()


def _resolve(found: dict[Guards, Access]) -> None:
    todo = list(found)
    for guards in todo:
        if guards not in found:
            continue
        if any(other < guards for other in found):
            del found[guards]  # an access with fewer conditions stands for it
            continue
        for key, mask in sorted(guards, key=str):
            rest = guards - {(key, mask)}
            other = _opposite(key, mask, rest, found)
            if other is not None:
                access = found.pop(guards)
                found.pop(other)
                found[rest] = access._replace(guards=rest)
                todo.append(rest)
                break


def _opposite(key: object, mask: int, rest: Guards, found: dict[Guards, Access]) -> Guards | None:
    # The same conditions but for `key`, whose classes the two cover between them.
    if not isinstance(key, tuple) or key[0] == "=":
        return None
    for other in range(1, ANY_CLASS):
        if other | mask == ANY_CLASS and rest | {(key, other)} in found:
            return rest | {(key, other)}
    return None
