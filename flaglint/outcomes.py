"""What the exits of a function come to, in terms that a caller can use.

Names of objects, symbols and memory that only the function knows are closed over: what the
result or the caller's memory mentions is kept under new names, the rest is forgotten. Too many
outcomes are made coarser, never cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flaglint.calls import Calls
from flaglint.memory import MAPPING
from flaglint.ownership import Owner, Root
from flaglint.state import MERGED, Cell, State
from flaglint.summary import Outcome
from flaglint.values import ANY_CLASS, ERROR, NULL, VALID, Value, formal_root

_MAX_OUTCOMES = 10
_NOT_ZERO = ("k", ("s", ""), VALID)


def outcomes_of(run: Calls, exits: Iterable[tuple[State, Value]]) -> tuple[Outcome, ...]:
    """The distinct ways in which the function ends; guards are what all of a way share."""
    found: dict[object, Outcome] = {}
    lasting = _lasting(run)
    for state, value in exits:
        outcome = _outcome(run, state, value, lasting)
        key = outcome.effect()
        if key in found:
            old = found[key]
            found[key] = _both(old, outcome)
        else:
            found[key] = outcome
    outcomes = list(found.values())
    for reduce in (_coarse, _coarser, _coarsest):
        if len(outcomes) <= _MAX_OUTCOMES:
            break
        merged: dict[object, Outcome] = {}
        if reduce is not _coarse:
            outcomes = list(_evened(outcomes))
        for outcome in outcomes:
            less = reduce(outcome)
            key = less.effect()
            if key in merged:
                less = _both(less, merged[key])
            merged[key] = less
        outcomes = list(merged.values())
    return tuple(outcomes)


def _evened(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """The outcomes with what one of them does to the caller's numbers and locks done by each.

    A lock that one of them drops is held after none. Of a cell that one of them writes a number
    to, the caller knows nothing after any; that no page is in a cell (NULL) is kept where another
    outcome has one there.
    """
    dropped = frozenset[str]().union(*(outcome.dropped for outcome in outcomes))
    stores = [store for outcome in outcomes for store in outcome.stores]
    pages = {("*" + param, steps) for out in outcomes for (param, steps), _ in out.changed}
    pages |= {cell for cell, held in stores if _page(held)}
    numbers = {cell for cell, held in stores if _number(held)} - pages
    for outcome in outcomes:
        after = dict(outcome.stores) | dict.fromkeys(numbers, ("s", ""))
        in_order = sorted(after.items(), key=lambda store: store[0])
        yield outcome._replace(stores=tuple(in_order), dropped=dropped)


def _both(one: Outcome, other: Outcome) -> Outcome:
    # Outcomes of one effect: what both are so under, what is so after both, and what either showed.
    return one._replace(
        guards=one.guards & other.guards,
        known=one.known & other.known,
        shown=one.shown | other.shown,
    )


def _coarse(outcome: Outcome) -> Outcome:
    """The outcome without what no ownership hangs on: which number but zero, which other value."""
    value = outcome.value
    if isinstance(value, int) and value != 0:
        value = _NOT_ZERO
    elif isinstance(value, tuple) and value[0] not in ("o", "k", "d", "e"):
        value = ("s", "")
    stores = tuple(
        (cell, _NOT_ZERO if isinstance(held, int) and held != 0 else held)
        for cell, held in outcome.stores
    )
    return outcome._replace(value=value, stores=stores)


def _coarser(outcome: Outcome) -> Outcome:
    """Without what the doubts are either; each sort of ownership and of result stays apart."""
    less = _coarse(outcome)
    value = less.value
    if isinstance(value, tuple) and value[0] == "e":
        value = ("k", ("s", ""), ERROR)
    elif isinstance(value, tuple) and not _page(value):
        value = ("k", ("s", ""), value[2]) if value[0] == "k" else None
    changed = tuple((root, _doubted(owner)) for root, owner in less.changed)
    new = tuple((name, _doubted(owner)) for name, owner in less.new)
    return less._replace(value=value, changed=changed, new=new, taken=frozenset())


def _coarsest(outcome: Outcome) -> Outcome:
    """Without which result it is; what is said of pages may belong to another: a doubt.

    That it is not zero stays: callers that are told of an error go no further with the page.
    """
    less = _coarser(outcome)
    value = less.value
    if value is None or value in (0, _NOT_ZERO) or _page(value):
        return less
    doubt = frozenset((MERGED,))
    changed = tuple((root, owner._replace(doubts=doubt)) for root, owner in less.changed)
    new = tuple((name, owner._replace(doubts=doubt)) for name, owner in less.new)
    return less._replace(value=None, changed=changed, new=new)


def _number(value: Value) -> bool:
    return isinstance(value, int) or value == _NOT_ZERO


def _page(value: Value) -> bool:
    inner = value[1] if isinstance(value, tuple) and value[0] == "k" else value
    return isinstance(inner, tuple) and inner[0] == "o"


def _doubted(owner: Owner) -> Owner:
    # The same without what the doubts are.
    return owner._replace(doubts=frozenset((MERGED,))) if owner.doubts else owner


class _Closing:
    """Renames what one exit's values mention to what a caller can know."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._names: dict[str, str] = {}
        self.roots: dict[str, str] = {}
        self.new: list[tuple[str, Owner]] = []

    def close(self, item: Value) -> Value:
        """The value without the function's own symbols."""
        if not isinstance(item, tuple):
            return item
        match item[0]:
            case "t" if item[1] in ("lock", "failed"):
                return (*item[:3], "") if item[1] == "lock" else ("s", "")
            case "o" | "d":
                return self._object(item, 1)
            case "t":
                return self._object(item, 2)
            case "a" if ("seen", item[1]) in self._state.facts:
                return ("h", "", "")
            case "a" if item[1].startswith("k"):
                root = self.roots.setdefault(item[1], f"k{len(self.roots)}")
                return ("a", root, item[2])
            case "a" | "l":
                return item if item[1].startswith("*") else ("s", "") if item[0] == "a" else None
            case "s":
                return item if str(item[1]).startswith("p:") else ("s", "")
            case "h":
                return ("h", "", item[2])
            case "n":
                return ("n", self.close(item[1]))
            case "i":
                return ("i", self.close(item[1]), item[2])
            case "c":
                return ("c", item[1], self.close(item[2]), self.close(item[3]))
            case "r":
                return ("r", *((steps, self.close(held)) for steps, held in item[1:]))
        return item

    def _object(self, item: Value, place: int) -> Value:
        name = item[place]
        if name.startswith("F:") and not name.endswith("'"):
            return item
        if name not in self._state.objects:
            return None
        if name not in self._names:
            self._names[name] = f"N{len(self._names)}"
            self.new.append((self._names[name], self._state.objects[name]))
        return (*item[:place], self._names[name], *item[place + 1 :])

    def stores(self) -> Iterator[tuple[Cell, Value]]:
        """What the caller's memory, and memory that is returned, holds at the exit."""
        cells = self._state.cells
        for cell in sorted(cells):
            held = cells[cell]
            if not (cell[0].startswith("*") or cell[0] in self.roots):
                continue
            closed = self.close(held)
            place = (self.roots.get(cell[0], cell[0]), cell[1])
            mask = self._state.mask(held)
            if isinstance(closed, int):
                yield place, closed
            elif not mask & VALID:
                yield place, 0 if mask == NULL else ("k", ("s", ""), mask)
            elif isinstance(closed, tuple) and closed[0] in ("a", "h"):
                # Whether it is NULL tells, say, whether the lock in it was taken.
                yield place, closed if mask == ANY_CLASS else ("k", closed, mask)
            elif isinstance(closed, tuple) and closed[0] in ("o", "d", "alts", "f"):
                yield place, closed
            elif held is None or (isinstance(closed, tuple) and closed[0] in ("s", "k")):
                yield place, ("s", "")  # what the caller knew of it is gone

    def known(self, lasting: frozenset[str]) -> Iterator[tuple[tuple[str, str, str], int]]:
        """What is so, and stays so, after the function of pages that the caller has then."""
        facts = self._state.facts
        for key, mask in facts.items():
            if not (isinstance(key, tuple) and key[0] in ("flag", "now") and key[2] in lasting):
                continue
            name = self._names.get(str(key[1]), str(key[1]))
            given = name != key[1] or (key[2] == MAPPING and formal_root(name))
            if given and (key[0] == "now" or ("now", *key[1:]) not in facts):
                yield (key[0], name, str(key[2])), mask


def _outcome(run: Calls, state: State, value: Value, lasting: frozenset[str]) -> Outcome:
    closing = _Closing(state)
    mask = state.mask(value)
    result = 0 if mask == NULL else closing.close(value)
    if mask != ANY_CLASS and isinstance(result, tuple) and result[0] in ("o", "s", "h", "a"):
        result = ("k", result, mask)
    stores = tuple(closing.stores())
    guards = set(run.guards(state, ""))
    for name in state.objects:
        if name.startswith("F:") and "|" not in name and not name.endswith("'"):
            known = state.facts.get(("o", name))
            if known is not None:
                guards.add((("o", name), known))
    return Outcome(
        value=result,
        changed=tuple(_changed(state)),
        new=tuple(closing.new),
        stores=stores,
        taken=state.locks,
        dropped=run.released - state.locks,
        guards=frozenset(guards),
        known=frozenset(closing.known(lasting)),
        shown=frozenset(
            (key[1], key[2]) for key in state.facts if isinstance(key, tuple) and key[0] == "out"
        ),
    )


def _lasting(run: Calls) -> frozenset[str]:
    # What nobody changes behind the holder's back: a locked page's mapping, and the flags that a
    # look-up promises.
    promised = (flag for flags in run.models.gives_flags.values() for flag in flags)
    return frozenset((MAPPING, *promised))


def _changed(state: State) -> Iterator[tuple[Root, Owner]]:
    for name in sorted(state.objects):
        root = formal_root(name)
        owner = state.objects[name]._replace(tentative=None)
        if root and not owner.untouched:
            yield root, owner
