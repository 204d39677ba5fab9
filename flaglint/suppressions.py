"""Findings that a project has decided not to hear of again, each for a reason it gives.

    [[suppress]]
    rule = "FL001"
    function = "folio_add_new_anon_rmap"
    reason = "the folio is not mapped yet: only this thread can see it"
    expires = 2027-01-31

They stand in the project's own settings, not in comments of the analysed code, where a
stranger's patch could hide what it does.

Invariants: a reason is mandatory, and so is something that narrows it down (a function, a file
or a flag). A row that hides nothing, or has expired, is remarked on; an expired one hides
nothing. What is hidden stays in the report (`Report.suppressed`), so that a total can tell.

Interface: `read_suppressions`, `suppress`.
"""

from __future__ import annotations

import datetime
import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from flaglint.cards import Card, find_card
from flaglint.finding import Finding, Report, Suppressed

_TEXTS = ("function", "file", "flag")
_KEYS = ("rule", *_TEXTS, "reason", "expires")


class SuppressionError(Exception):
    """A row that cannot be understood; the message is one line that names the row."""


class Suppression(msgspec.Struct, frozen=True):
    """One row. `rule` is an id; "" in `function`, `file` (a glob) or `flag` means any.

    It holds up to and on the day `expires`, for ever when None.
    """

    rule: str
    reason: str
    function: str = ""
    file: str = ""
    flag: str = ""
    expires: datetime.date | None = None

    def __str__(self) -> str:
        parts = (f"{name} {getattr(self, name)}" for name in _TEXTS if getattr(self, name))
        return f"suppression of {self.rule} ({', '.join(parts)})"

    def hides(self, finding: Finding) -> bool:
        """Whether the row is about this finding, whatever the day."""
        return (
            finding.rule == self.rule
            and self.function in ("", finding.function)
            and (not self.file or fnmatch.fnmatchcase(finding.file, self.file))
            and (not self.flag or self.flag in finding.flag.split("|"))
        )


def read_suppressions(
    rows: Iterable[Mapping[str, Any]], cards: Sequence[Card]
) -> tuple[Suppression, ...]:
    """The `[[suppress]]` tables of a settings file; raises SuppressionError."""
    return tuple(_row(number, row, cards) for number, row in enumerate(rows, 1))


def suppress(
    report: Report,
    rows: Sequence[Suppression],
    today: datetime.date,
    *,
    source: str,
    whole: bool = True,
) -> tuple[Report, tuple[str, ...]]:
    """The report without what the rows hide, and remarks on rows that are of no use.

    `source` names the settings file. `whole` says that the report covers a whole tree with all
    rules: only then is a row that hides nothing worth a remark.
    """
    used: set[int] = set()
    kept: list[Finding] = []
    hidden = list(report.suppressed)
    for found in report.findings:
        number = next((n for n, row in enumerate(rows) if holds(row, today, found)), None)
        if number is None:
            kept.append(found)
            continue
        used.add(number)
        hidden.append(Suppressed(found, rows[number].reason, source))
    remarks = tuple(
        f"{source}: {row} {what}"
        for number, row in enumerate(rows)
        if (what := _useless(row, number in used, today, report.findings, whole))
    )
    shown = msgspec.structs.replace(report, findings=tuple(kept), suppressed=tuple(hidden))
    return shown, remarks


def holds(row: Suppression, today: datetime.date, finding: Finding) -> bool:
    """Whether the row hides this finding on this day."""
    return (row.expires is None or today <= row.expires) and row.hides(finding)


def _useless(
    row: Suppression, used: bool, today: datetime.date, findings: Sequence[Finding], whole: bool
) -> str:
    if used:
        return ""
    if row.expires is not None and today > row.expires and any(map(row.hides, findings)):
        return f"expired on {row.expires}: what it hid is reported again"
    return "matches no finding: remove it" if whole else ""


def _row(number: int, row: Mapping[str, Any], cards: Sequence[Card]) -> Suppression:
    where = f"suppress #{number}"
    for key in row:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, 1, 0.7)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(_KEYS)}"
            raise SuppressionError(f"{where}: unknown key '{key}'; {hint}")
    for key in ("rule", "reason"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise SuppressionError(f"{where}: no {key}; give one as a text")
    card = find_card(tuple(cards), row["rule"])
    if card is None:
        known = ", ".join(card.id for card in cards)
        raise SuppressionError(f"{where}: no rule {row['rule']}; the rules are {known}")
    if not any(row.get(key) for key in _TEXTS):
        raise SuppressionError(
            f"{where}: name a function, a file or a flag: a rule alone is left out by `ignore`"
        )
    for key in _TEXTS:
        if not isinstance(row.get(key, ""), str):
            raise SuppressionError(f"{where}: {key} is no text")
    expires = row.get("expires")
    if isinstance(expires, datetime.datetime):
        expires = expires.date()
    if expires is not None and not isinstance(expires, datetime.date):
        raise SuppressionError(f"{where}: expires is no date; write expires = 2027-01-31")
    return Suppression(
        rule=card.id,
        reason=row["reason"].strip(),
        expires=expires,
        **{key: row.get(key, "") for key in _TEXTS},
    )
