"""A map of each flags word: its bits, who writes each of them, and under which locks.

    bit  8  PG_partially_mapped   2 plain (1 racy), 1 atomic   __folio_set_partially_mapped() ...

The writers of any page's word are writers of the head's and of the second's word too, and are
listed there. A writer that does not say which bits it changes (a whole-word store, a mask made
elsewhere) writes the row "other bits".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from flaglint.finding import Site, Verdict, Writer
from flaglint.flagtable import FlagTable
from flaglint.report.html.markup import Markup, each, join, tag
from flaglint.report.html.pieces import anchor, badge, breakable, call, locks, place
from flaglint.report.layout import plural

_MANY = 4
"""A writer of more flags than this clears or copies the word: its row is "other bits"."""
_LOCKS = 8

TITLES = {
    "head": "The head page's word",
    "second": "The second page's word",
    "any": "Any page's word",
}
_ABOUT = {
    "head": "folio->flags, page->flags of a head page. Writers of any page's word write it too.",
    "second": "folio->_flags_1, page[1].flags. Writers of any page's word write it too.",
    "any": "page->flags where the code does not fix which page: it may be a head or a second one.",
}
_STATES = {
    "racy": "a plain writer that races",
    "unknown": "a plain writer in doubt",
    "safe": "plain writers, each exclusive or locked",
    "atomic": "atomic writers only",
    "unwritten": "no writer seen",
}
_SIGNS = {"racy": "✖", "unknown": "?", "safe": "●", "atomic": "○", "unwritten": ""}


class Row(msgspec.Struct, frozen=True):
    """A bit of one word. `number` -1 stands for bits that the writers do not name."""

    word: str
    number: int
    names: tuple[str, ...]
    writers: tuple[Writer, ...]
    state: str

    @property
    def id(self) -> str:
        """The element that describes it."""
        return f"bit-{self.word}-{'other' if self.number < 0 else self.number}"


Verdicts = Mapping[tuple[str, int, int, str], tuple[Site, str]]
"""A plain writer's row of the ledger, and the id of the element that shows it."""


def rows(
    word: str, writers: Sequence[Writer], table: FlagTable, verdicts: Verdicts
) -> tuple[Row, ...]:
    """The word's bits in their order, then what is written without naming a bit."""
    bits = {flag.name: flag.bit for flag in table.flags}
    names = _names(word, table)
    found: dict[int, list[Writer]] = {bit: [] for bit in sorted(set(bits.values()))}
    for writer in writers:
        if writer.word not in (word, "any"):
            continue
        for bit in _bits(writer, bits):
            found.setdefault(bit, []).append(writer)
    last = found.pop(-1, [])
    return tuple(
        Row(
            word,
            bit,
            names.get(bit) or _written(bit, some, bits),
            tuple(some),
            _state(some, verdicts),
        )
        for bit, some in (*found.items(), *([(-1, last)] if last else []))
    )


def _bits(writer: Writer, bits: Mapping[str, int]) -> set[int]:
    named = {flag for flag in writer.flags if flag}
    if not named or len(named) > _MANY:
        return {-1}
    return {bits.get(flag, -1) for flag in named}


def _written(bit: int, writers: Iterable[Writer], bits: Mapping[str, int]) -> tuple[str, ...]:
    """What the writers call a bit that no helper gives a name in this word."""
    return tuple(sorted({f for writer in writers for f in writer.flags if bits.get(f) == bit}))


def _names(word: str, table: FlagTable) -> dict[int, tuple[str, ...]]:
    """What a bit is called in this word: its first flag, then those with helpers for the word.

    The second page's word re-uses bits, so there a first flag counts only if it has helpers.
    """
    used: dict[str, set[str]] = {}
    for helper in table.helpers:
        for name in helper.flag.split("|"):
            used.setdefault(name, set()).add(helper.word.value)
    first = [flag for flag in table.flags if flag.alias_of is None and word != "second"]
    own = [flag for flag in table.flags if word in used.get(flag.name, ())]
    common = [flag for flag in table.flags if "any" in used.get(flag.name, ())]
    names: dict[int, dict[str, None]] = {}
    for flag in (*first, *own, *common):
        names.setdefault(flag.bit, {})[flag.name] = None
    return {bit: tuple(found) for bit, found in names.items()}


def _state(writers: Iterable[Writer], verdicts: Verdicts) -> str:
    states = set()
    for writer in writers:
        if writer.atomicity != "plain":
            states.add("atomic")
            continue
        site = verdicts.get(_key(writer))
        verdict = site[0].verdict if site else Verdict.UNKNOWN
        states.add(verdict.value if verdict in (Verdict.RACY, Verdict.UNKNOWN) else "safe")
    return next((state for state in _STATES if state in states), "unwritten")


def _key(writer: Writer) -> tuple[str, int, int, str]:
    return (writer.file, writer.line, writer.column, writer.helper)


def maps(writers: Sequence[Writer], table: FlagTable, verdicts: Verdicts) -> tuple[Row, ...]:
    """The rows of all three words."""
    return tuple(row for word in TITLES for row in rows(word, writers, table, verdicts))


def render(found: Sequence[Row], verdicts: Verdicts, configurations: Sequence[str] = ()) -> Markup:
    """The section of the three maps; `configurations` are those asked for, if several were."""
    panels = [_panel(word, [row for row in found if row.word == word], verdicts) for word in TITLES]
    legend = each(
        tag("li", tag("span", _SIGNS[state] or " ", class_=f"sign {state}", aria_hidden="true"),
            " ", about)
        for state, about in _STATES.items()
    )  # fmt: skip
    return tag(
        "section",
        tag("h2", "The words"),
        tag(
            "p",
            "All flags of a page share one machine word. A plain write loads the whole word and"
            " stores it back, so it is in conflict with every other writer in the same map,"
            " whatever its bit. Choose a bit to see who writes it.",
            f" Bits are numbered as under {configurations[0]}; the writers are those of"
            " every configuration."
            if configurations
            else None,
        ),
        tag("ul", legend, class_="legend", aria_label="What the signs mean"),
        *panels,
        id="words",
    )


def _panel(word: str, found: Sequence[Row], verdicts: Verdicts) -> Markup:
    every = {_key(writer): writer for row in found for writer in row.writers}
    plain = sum(writer.atomicity == "plain" for writer in every.values())
    count = f"{plural(len(every), 'writer')}: {plain} plain, {len(every) - plain} atomic"
    return tag(
        "section",
        tag("h3", TITLES[word], " ", tag("span", count, class_="dim")),
        tag("p", _ABOUT[word], class_="dim"),
        tag("ol", *(_cell(row) for row in found), class_="strip", aria_label="Bits of the word"),
        *(_bit(row, verdicts) for row in found if row.writers),
        _lock_table(word, found, list(every.values())),
        class_="word",
        id=f"word-{word}",
    )


def _short(row: Row) -> str:
    return row.names[0].removeprefix("PG_") if row.names else ("other" if row.number < 0 else "-")


def _counts(row: Row) -> str:
    kinds = Counter(writer.atomicity for writer in row.writers)
    return f"{kinds['plain']} plain, {sum(kinds.values()) - kinds['plain']} atomic"


def _cell(row: Row) -> Markup:
    number = "…" if row.number < 0 else str(row.number)
    inside = join(
        tag("span", number, class_="number"),
        tag("span", _SIGNS[row.state] or " ", class_="sign", aria_hidden="true"),
        tag("span", breakable(_short(row)), class_="name"),
    )
    if not row.writers:
        return tag("li", tag("span", inside, class_="cell unwritten"))
    about = f"{_title(row)}: {_counts(row)}; {_STATES[row.state]}"
    link = tag("a", inside, href=f"#{row.id}", class_=f"cell {row.state}", title=about,
               aria_label=about)  # fmt: skip
    return tag("li", link)


def _title(row: Row) -> str:
    names = ", ".join(row.names)
    if row.number < 0:
        return "other bits"
    return f"bit {row.number}" + (f", {names}" if names else "")


def _bit(row: Row, verdicts: Verdicts) -> Markup:
    ordered = sorted(
        row.writers, key=lambda w: (w.atomicity != "plain", w.word != row.word, w.file, w.line)
    )
    return tag(
        "details",
        tag(
            "summary",
            tag("b", _title(row)),
            " ",
            tag("span", _counts(row), class_="dim"),
            " ",
            badge(_STATES[row.state], row.state) if row.state in ("racy", "unknown") else None,
        ),
        tag("ul", *(_writer(writer, row, verdicts) for writer in ordered), class_="writers"),
        class_="bit one",
        id=row.id,
        name=f"bits-{row.word}",
    )


def _writer(writer: Writer, row: Row, verdicts: Verdicts) -> Markup:
    site = verdicts.get(_key(writer))
    ledger = None
    if site is not None:
        verdict = site[0].verdict.value
        ledger = anchor(verdict, site[1], class_=f"badge {verdict}", title="its row in the ledger")
    other = tag("span", "any page's", class_="dim") if writer.word != row.word else None
    operation = writer.operation.replace("_", " and ")
    return tag(
        "li",
        badge(writer.atomicity, writer.atomicity),
        " ",
        tag("code", call(writer.helper)),
        f" {operation} " if operation else " ",
        other,
        tag(
            "span",
            join(" in ", tag("code", f"{writer.function}() ")) if writer.function else None,
            place(writer.file, writer.line),
            class_="where",
        ),
        locks(writer.locks, writer.some_locks),
        tag("span", "page ", ", ".join(writer.pages), class_="dim"),
        " ",
        ledger,
    )


def _lock_table(word: str, found: Sequence[Row], every: Sequence[Writer]) -> Markup:
    """How many of each bit's writers hold each lock: the column that is full is what is missing."""
    able = [writer for writer in every if set(writer.pages) != {"exclusive"}]
    counts = Counter(lock for writer in able for lock in writer.locks)
    chosen = [lock for lock, _ in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:_LOCKS]]
    if not able or not chosen:
        return join()
    head = tag(
        "tr",
        tag("th", "bit", scope="col"),
        tag("th", "writers", scope="col"),
        *(tag("th", tag("code", lock), scope="col") for lock in chosen),
    )
    body = []
    for row in found:
        some = [writer for writer in row.writers if set(writer.pages) != {"exclusive"}]
        if some:
            body.append(tag("tr", tag("th", _short(row), scope="row"), *_held(some, chosen)))
    total = tag("tr", tag("th", "all writers", scope="row"), *_held(able, chosen), class_="total")
    full = [lock for lock in chosen if counts[lock] == len(able)]
    said = (
        f"Held by every one of them: {', '.join(full)}."
        if full
        else f"No lock is held by all {len(able)} of them, so no lock alone makes this word"
        " exclusive, however well it protects one of the bits."
    )
    return tag(
        "details",
        tag("summary", tag("b", "Which lock covers which bit"), " ",
            tag("span", plural(len(counts), "lock"), class_="dim")),
        tag("p", "Counted are the writers that can run while others have the page, and the locks"
            " that each of them certainly holds. ", said),
        tag("div", tag("table", tag("thead", head), tag("tbody", *body, total), class_="cover"),
            class_="wide", tabindex=0, role="group",
            aria_label=f"{TITLES[word]}: which lock covers which bit"),
        class_="bit",
    )  # fmt: skip


def _held(writers: Sequence[Writer], chosen: Sequence[str]) -> list[Markup]:
    cells = [tag("td", str(len(writers)))]
    for lock in chosen:
        held = sum(lock in writer.locks for writer in writers)
        share = "all" if held == len(writers) else "part" if held else "nobody"
        cells.append(tag("td", f"{held} of {len(writers)}" if held else "-", class_=share))
    return cells
