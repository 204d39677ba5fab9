"""What is known on a path, by what it is known of: the keys, and how two paths' are put together.

    ("o", object)               the classes of the pointers to the page
    ("s" | "h" | "a" | "d", ..)  the classes of a value
    ("=", value)                the number that the value equals
    ("flag" | "now", page, what) what a test found of the page; what was done to it, or is promised
    ("fn", formal, function)    which function a formal leads to
    ("seen", memory)            memory allocated here that others can reach by now
    ("filled", memory)          memory that may hold what was not seen being put there
    ("out", formal, steps)      others can reach what the formal, or a pointer behind it, points to
    ("loose", page)             of a folio taken apart, the page at hand has references again
    ("lent", page)              the list or array that it is in got a sort of member by the page
    ("failed", "")              whether the store before failed

Invariant: what two paths come to together, each of them knew, or has nothing that it is about.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet

from flaglint.values import ANY_CLASS, mentions, mentions_any

Facts = Mapping[Hashable, int]


def joined(
    one: Facts, pages: AbstractSet[str], two: Facts, others: AbstractSet[str]
) -> dict[Hashable, int]:
    """What is known where a path that knows `one` and one that knows `two` meet.

    `pages` and `others` are the pages that each of them has, by the same names.
    """
    merged = {key: known for key, known in two.items() if _tells(key, pages)}
    for key, known in one.items():
        if key in two:
            if isinstance(key, tuple) and key[0] == "=":
                if two[key] == known:
                    merged[key] = known
            elif known | two[key] != ANY_CLASS:
                merged[key] = known | two[key]
        elif _tells(key, others):
            merged[key] = known
        elif isinstance(key, tuple) and key[0] in ("now", "flag"):
            # Promised on one path, found on the other: on both it was found.
            kind = "flag" if key[0] == "now" else "now"
            both = known | two.get((kind, *key[1:]), ANY_CLASS)
            if both != ANY_CLASS:
                merged["flag", key[1], key[2]] = both
    return merged


def kept(key: Hashable, symbols: set[str]) -> bool:
    """Whether it is still about something, when those symbols and pages are all there are."""
    if not isinstance(key, tuple):
        return False
    if key[0] in ("failed", "fn", "seen", "filled", "out"):
        return True
    if key[0] == "=":
        return kept(key[1], symbols)
    if key[0] in ("s", "h"):
        return key[1] in symbols or str(key[1]).startswith("p:")
    if key[0] in ("o", "d", "flag", "now", "loose", "lent"):
        return key[1] in symbols or str(key[1]).startswith("F:")
    if key[0] == "a":
        return True
    return mentions(key, "") or mentions_any(key, symbols)


def about(facts: Iterable[Hashable], symbols: AbstractSet[str]) -> list[tuple[Hashable, ...]]:
    """The keys of the symbols themselves, of what is built from them, and of bits of them."""
    found = []
    for key in facts:
        if isinstance(key, tuple):
            inner = key[1] if key[0] == "=" and isinstance(key[1], tuple) else key
            name = inner[1] if len(inner) > 1 else None
            if mentions_any(key, symbols) or (
                isinstance(name, str) and "&" in name and _whole(name) in symbols
            ):
                found.append(key)
    return found


def rekey(key: Hashable, old: str, new: str) -> Hashable:
    """The key with one name in place of another."""
    if isinstance(key, tuple):
        return tuple(rekey(part, old, new) for part in key)
    return new if key == old else key


def rekeyed(key: Hashable, names: dict[str, str]) -> Hashable:
    """The key with all names replaced."""
    if isinstance(key, tuple):
        return tuple(rekeyed(part, names) for part in key)
    return names.get(key, key) if isinstance(key, str) else key


def _tells(key: Hashable, there: AbstractSet[str]) -> bool:
    # Whether it is said of a page that is not there on the other path: what it says stays so. So
    # does that memory was made reachable, or may hold what was not seen.
    if not isinstance(key, tuple):
        return False
    if key[0] in ("now", "flag"):  # a formal's page is there whether it was looked at or not
        return key[1] not in there and not str(key[1]).startswith("F:")
    return key[0] in ("seen", "filled", "out")


def _whole(bits: str) -> str:
    """The symbol in "symbol&mask"."""
    return bits.rpartition("&")[0]
