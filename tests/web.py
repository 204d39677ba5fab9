"""A page taken apart for tests: its elements, its text, and a report to make one from."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

import msgspec

from flaglint.finding import Report, Writer
from flaglint.flagtable import Atomicity, Flag, FlagTable, Helper, Operation, Word
from tests.reports import RACE, RACING, REPORT

HEADER = "include/linux/page-flags.h"
VOID = frozenset(("meta", "link", "input", "br", "wbr"))


class Element(NamedTuple):
    """One start tag and the text directly and indirectly inside."""

    name: str
    attributes: dict[str, str]
    text: list[str]

    def says(self) -> str:
        """Its text with single spaces."""
        return " ".join("".join(self.text).split())

    def has(self, kind: str) -> bool:
        """Whether it is of this class."""
        return kind in self.attributes.get("class", "").split()


class Page(HTMLParser):
    """All elements in their order. Asserts that every one is closed, and only itself."""

    def __init__(self, body: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(body.decode())
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        element = Element(tag, {name: value or "" for name, value in attrs}, [])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text.append(data)

    def named(self, name: str) -> list[Element]:
        """The elements of one name."""
        return [element for element in self.elements if element.name == name]

    def of(self, kind: str) -> list[Element]:
        """The elements of one class."""
        return [element for element in self.elements if element.has(kind)]

    def id(self, name: str) -> Element:
        """The one element with this id."""
        (found,) = [e for e in self.elements if e.attributes.get("id") == name]
        return found


def helper(name: str, flag: str, bit: int, operation: Operation, kind: Atomicity) -> Helper:
    """An accessor of the second word, but for PF_ANY ones."""
    word = Word.ANY if flag in ("PG_anon_exclusive", "PG_isolated") else Word.SECOND
    return Helper(name, flag, bit, operation, kind, word, "folio", HEADER, 1, "")


TABLE = FlagTable(
    flags=(
        Flag("PG_locked", 0, None, HEADER, 10, ""),
        Flag("PG_reclaim", 1, None, HEADER, 11, ""),
        Flag("PG_active", 2, None, HEADER, 12, ""),
        Flag("PG_anon_exclusive", 3, None, HEADER, 13, ""),
        Flag("PG_isolated", 1, "PG_reclaim", HEADER, 14, ""),
        Flag("PG_partially_mapped", 1, "PG_reclaim", HEADER, 14, ""),
        Flag("PG_has_hwpoisoned", 2, "PG_active", HEADER, 15, ""),
    ),
    helpers=(
        helper(RACE.helper, "PG_partially_mapped", 1, Operation.SET, Atomicity.PLAIN),
        helper(RACING.helper, "PG_has_hwpoisoned", 2, Operation.SET, Atomicity.ATOMIC),
        helper("SetPageIsolated", "PG_isolated", 1, Operation.SET, Atomicity.ATOMIC),
        helper("SetPageAnonExclusive", "PG_anon_exclusive", 3, Operation.SET, Atomicity.ATOMIC),
    ),
)

PLAIN = Writer(
    file=RACE.file,
    line=RACE.line,
    column=RACE.column,
    function=RACE.function,
    helper=RACE.helper,
    flags=("PG_partially_mapped",),
    word="second",
    atomicity="plain",
    operation="set",
    locks=("split_queue_lock",),
    some_locks=("folio lock",),
    pages=("exclusive", "shared"),
)
ATOMIC = msgspec.structs.replace(
    PLAIN,
    file=RACING.file,
    line=RACING.line,
    column=RACING.column,
    function=RACING.function,
    helper=RACING.helper,
    flags=("PG_has_hwpoisoned",),
    atomicity="atomic",
    locks=("mf_mutex",),
    some_locks=(),
    pages=("shared",),
)
ANYWHERE = msgspec.structs.replace(
    ATOMIC,
    file="mm/rmap.c",
    line=1300,
    helper="SetPageAnonExclusive",
    flags=("PG_anon_exclusive",),
    word="any",
    locks=(),
)
WHOLE = msgspec.structs.replace(
    PLAIN,
    file="mm/mm_init.c",
    line=7,
    helper="(plain store)",
    flags=(),
    word="any",
    operation="",
    locks=(),
    some_locks=(),
    pages=("exclusive",),
)

WEB = msgspec.structs.replace(REPORT, writers=(PLAIN, ATOMIC, ANYWHERE, WHOLE), table=TABLE)
"""The hand-made report with writers and a header."""


def hostile(report: Report, text: str) -> Report:
    """The report with `text` in every place that comes from the tree."""
    finding = report.findings[0]
    other = msgspec.structs.replace(
        finding.racing[0], file=text, function=text, helper=text, flag=text, locks=(text,),
        chain=tuple(msgspec.structs.replace(s, function=text, file=text) for s in finding.chain),
    )  # fmt: skip
    finding = msgspec.structs.replace(
        finding, file=text, function=text, message=text, helper=text, flag=text, locks=(text,),
        chain=other.chain, racing=(other, other), doubts=(text,), why=text, steps=(text,) * 4,
        fix=text, fingerprint="0",
        evidence=tuple(msgspec.structs.replace(e, file=text, message=text)
                       for e in finding.evidence),
    )  # fmt: skip
    site = msgspec.structs.replace(
        report.sites[0], file=text, function=text, expression=text, helper=text, flag=text,
        reason=text, evidence=finding.evidence, doubts=(text,),
    )  # fmt: skip
    writer = msgspec.structs.replace(
        PLAIN, file=text, function=text, helper=text, locks=(text,), some_locks=(text,)
    )
    flags = tuple(msgspec.structs.replace(flag, name=text) for flag in TABLE.flags[:1])
    return msgspec.structs.replace(
        report, kernel=text, findings=(finding,), sites=(site,),
        unread=tuple(msgspec.structs.replace(u, file=text, reason=text, function=text)
                     for u in report.unread),
        doubts=((text, 1),), writers=(writer, ATOMIC),
        table=msgspec.structs.replace(TABLE, flags=(*flags, *TABLE.flags[1:])),
    )  # fmt: skip
