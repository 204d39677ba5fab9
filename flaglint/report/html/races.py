"""Findings: each race as two columns of time with the word between them, then its argument.

CPU 0                          the word                    CPU 1
1. reads the word              partially_mapped 0 hwpoisoned 0
                                                   0          1  2. sets PG_has_hwpoisoned
3. stores what it read                             1          0  <- lost
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from flaglint.finding import Finding, RacingAccess, Suppressed
from flaglint.report.html.markup import Markup, escape, join, tag
from flaglint.report.html.pieces import anchor, badge, call, chain, facts, frame, locks, place
from flaglint.report.layout import SourceLine, plural


class Context(msgspec.Struct, frozen=True):
    """What a finding's article refers to, elsewhere in the page and in the header.

    `operations` says of a helper what it does to its flag, as `flagtable.Operation` spells it;
    `sites` gives a place's row in the ledger, `bits` a flag's bit in a word's map, both by the
    element's id.
    """

    operations: Mapping[str, str]
    sites: Mapping[tuple[str, int, int, str], str]
    bits: Mapping[tuple[str, str], str]


_AFTER = {"set": "1", "test_and_set": "1", "clear": "0", "test_and_clear": "0"}
_BEFORE = {"1": "0", "0": "1"}
_OLD, _NEW = "old", "new"


def render(
    findings: Sequence[Finding],
    suppressed: Sequence[Suppressed],
    ids: Sequence[str],
    context: Context,
    source: SourceLine,
) -> Markup:
    """The section of findings, each under its id."""
    shown = [
        _finding(found, name, context, source) for found, name in zip(findings, ids, strict=True)
    ]
    if not shown:
        shown = [tag("p", "Nothing was found. What was looked at, and what not, is said below.")]
    return tag("section", tag("h2", "Findings"), *shown, _hidden(suppressed), id="findings")


def _hidden(suppressed: Sequence[Suppressed]) -> Markup:
    """What the user's settings or baseline keep out: no story, but a line with the reason."""
    if not suppressed:
        return join()
    rows = [
        tag(
            "li",
            badge(found.level.value, found.level.value),
            f" {found.rule} ",
            place(found.file, found.line),
            f" {found.message} ",
            tag("span", f"{hidden.reason} ({hidden.source})", class_="dim"),
        )
        for hidden in suppressed
        for found in (hidden.finding,)
    ]
    title = f"{plural(len(rows), 'finding')} suppressed by the settings or a baseline"
    return tag("details", tag("summary", title), tag("ul", *rows), class_="more", id="suppressed")


def _finding(
    found: Finding,
    name: str,
    context: Context,
    source: SourceLine,
) -> Markup:
    row = context.sites.get((found.file, found.line, found.column, found.helper))
    first = found.racing[0] if found.racing else None
    bit = context.bits.get((found.word, _flag(found.flag, "")))
    return tag(
        "article",
        tag(
            "h3",
            badge(found.level.value, found.level.value),
            " ",
            anchor(found.rule, f"rule-{found.rule}", class_="rule"),
            " ",
            place(found.file, found.line),
            tag("span", found.message, class_="message"),
            id=f"{name}-title",
        ),
        _story(found, first, context.operations) if first else _list(found.steps),
        _frames(found, first, source),
        facts(
            [
                ("why", found.why),
                ("fix", found.fix),
                ("doubt", "; ".join(found.doubts)),
                ("built under", ", ".join(found.configurations)),
                ("more", _more(found, row, bit)),
                ("fingerprint", tag("code", found.fingerprint)),
            ]
        ),
        _evidence(found),
        _others(found.racing[1:], source),
        class_=f"finding {found.level}",
        id=name,
        tabindex=-1,
        aria_labelledby=f"{name}-title",
    )


def _more(found: Finding, row: str | None, bit: str | None) -> Markup | None:
    links = [
        anchor("this write in the ledger", row) if row else None,
        anchor("its bit in the map of the word", bit) if bit else None,
        tag("code", f"flaglint graph TREE {found.file}:{found.line}") if found.racing else None,
    ]
    shown = [link for link in links if link]
    return join(*(join(", " if number else None, link) for number, link in enumerate(shown)))


def _list(steps: Sequence[str]) -> Markup:
    return tag("ol", *(tag("li", step) for step in steps)) if steps else join()


def _story(found: Finding, other: RacingAccess, operations: Mapping[str, str]) -> Markup:
    mine = _flag(found.flag, "")
    theirs = _flag(other.flag, mine)
    was, mine_after = _values(operations.get(found.helper, ""))
    their_was, their_after = _values(operations.get(other.helper, ""))
    steps = found.steps if len(found.steps) in (3, 4) else ("", "", "")
    lost = found.steps[3] if len(found.steps) == 4 else f"the change of {theirs} is lost"

    def word(mine_now: str, their_now: str, changed: str, gone: bool = False) -> Markup:
        return tag(
            "span",
            _bit(mine, mine_now, changed == "mine", False),
            _bit(theirs, their_now, changed == "theirs", gone),
            class_="bits",
        )

    rows = [
        _time("gets there", _side(found, found.function),
              word(was, their_was, ""), _side(other, other.function)),
        _time("1", escape(steps[0]), word(was, their_was, ""), None),
        _time("2", None, word(was, their_after, "theirs"), escape(steps[1])),
        _time("3", escape(steps[2]), word(mine_after, their_was, "mine", True), None),
    ]  # fmt: skip
    head = tag(
        "div",
        tag("div", "time", class_="time", role="columnheader"),
        tag("div", "CPU 0 ", badge("plain", "plain"), " ", tag("code", call(found.helper)),
            role="columnheader"),
        tag("div", "the word", class_="memory", role="columnheader"),
        tag("div", "CPU 1 ", badge(other.atomicity, other.atomicity), " ",
            tag("code", call(other.helper)), role="columnheader"),
        role="row",
    )  # fmt: skip
    return join(
        tag(
            "div",
            tag("div", head, class_="head", role="rowgroup"),
            tag("div", *rows, class_="body", role="rowgroup"),
            class_="story",
            role="table",
            aria_label=f"How the update of {theirs} gets lost",
        ),
        tag("p", tag("strong", "Lost: "), f"{lost}.", class_="lost"),
    )


def _time(label: str, left: Markup | None, word: Markup, right: Markup | None) -> Markup:
    # Roles on plain elements: a table that is laid out anew on a narrow screen stops being one.
    return tag(
        "div",
        tag("div", label, class_="time", role="rowheader"),
        tag("div", left, class_="cpu0", role="cell", data_label="CPU 0"),
        tag("div", word, class_="memory", role="cell", data_label="the word"),
        tag("div", right, class_="cpu1", role="cell", data_label="CPU 1"),
        role="row",
    )


def _side(access: Finding | RacingAccess, function: str) -> Markup:
    # The whole chain may be long: the innermost function is shown, the rest on demand.
    taken = [
        tag("li", tag("code", item.lock, class_="lock"), f" taken in {item.function}() ",
            place(item.file, item.line))
        for item in access.taken
    ]  # fmt: skip
    return tag(
        "details",
        tag(
            "summary",
            tag("code", f"{function}()"),
            tag("span", " holds ", class_="dim"),
            locks(access.locks),
        ),
        chain(access.chain),
        tag("ul", *taken, class_="chain") if taken else None,
        class_="reached",
    )


def _bit(name: str, value: str, changed: bool, gone: bool) -> Markup:
    inside = join(tag("span", name, class_="name"), " ", tag("b", value))
    if gone:
        inside = join(inside, tag("span", " lost", class_="gone"))
    return tag("span", inside, class_=f"bit-value{' changed' if changed else ''}"
               f"{' is-lost' if gone else ''}")  # fmt: skip


def _flag(flags: str, not_this: str) -> str:
    names = [name for name in flags.split("|") if name and name != not_this]
    return names[0] if names else "other bits"


def _values(operation: str) -> tuple[str, str]:
    after = _AFTER.get(operation)
    return (_BEFORE[after], after) if after else (_OLD, _NEW)


def _frames(found: Finding, other: RacingAccess | None, source: SourceLine) -> Markup:
    this = frame(source, found.file, found.line, found.column, found.helper, kind=found.level.value)
    if other is None:
        return this
    return tag("div", this, _frame(other, source), class_="pair")


def _frame(other: RacingAccess, source: SourceLine) -> Markup:
    return frame(source, other.file, other.line, other.column, other.helper, kind="other")


def _evidence(found: Finding) -> Markup:
    if not found.evidence:
        return join()
    rows = [tag("li", place(item.file, item.line), " ", item.message) for item in found.evidence]
    return tag("details", tag("summary", "Evidence"), tag("ul", *rows), class_="more")


def _others(others: Sequence[RacingAccess], source: SourceLine) -> Markup:
    if not others:
        return join()
    rows = [
        tag(
            "li",
            badge(other.atomicity, other.atomicity),
            " ",
            tag("code", call(other.helper)),
            f" writes {other.flag} " if other.flag else " ",
            place(other.file, other.line),
            " ",
            locks(other.locks),
            chain(other.chain),
            _frame(other, source),
        )
        for other in others
    ]
    title = escape(f"{plural(len(others), 'further writer')} that can race with it")
    return tag("details", tag("summary", title), tag("ul", *rows, class_="plain"), class_="more")
