"""What a change did, for the tools that patches pass through: b4, NIPA, scripts, people.

- text: the findings that the change introduces, as `check` prints them, then what it fixes;
- json: the three lists, schema 1;
- b4: a line for each introduced finding, with `ERROR:` where it should fail the check, and not
  a word about anything else, since any word counts;
- nipa: a summary for the patchwork check, and the findings for its log.

Invariants: what was there before the change is counted, never shown as the change's doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from flaglint import __version__
from flaglint.comparing import Changes
from flaglint.finding import Coverage, Finding, Level, Report
from flaglint.report import text
from flaglint.report.json import SCHEMA, encode
from flaglint.report.layout import Paint, SourceLine, plural, printable

PASS, FAIL, WARN = 0, 1, 250
"""NIPA's exit statuses."""

_NOTHING = "the change touches nothing that flaglint reads"


def render_text(
    changes: Changes,
    after: Report | None,
    *,
    colour: bool = False,
    source: SourceLine | None = None,
) -> str:
    """For people: introduced findings in full, the others by their first line or number."""
    if after is None:
        return f"{_NOTHING}\n"
    paint = Paint(colour)
    shown = msgspec.structs.replace(
        after, findings=changes.introduced, sites=(), doubts=(), unread=changes.unread
    )
    lines = [text.render(shown, colour=colour, source=source), f"{counted(changes)}\n"]
    for found in changes.fixed:
        what = "no longer reported, undecided" if found in changes.undecided else "fixed"
        lines.append(f"    {what}: {text.headline(found, paint)}\n")
    return "".join(lines)


def render_json(changes: Changes, after: Report | None) -> bytes:
    """`{schema, flaglint, kernel, introduced, fixed, preexisting, undecided, unread}`."""
    return encode(
        {
            "schema": SCHEMA,
            "flaglint": __version__,
            "kernel": after.kernel if after is not None else "",
            "introduced": _rows(changes.introduced),
            "fixed": _rows(changes.fixed),
            "preexisting": _rows(changes.preexisting),
            "undecided": [found.fingerprint for found in changes.undecided],
            "unread": [msgspec.to_builtins(item) for item in changes.unread],
        }
    )


def render_b4(changes: Changes) -> str:
    """For `b4.prep-perpatch-check-cmd`: "" when there is nothing to say."""
    rows = [_line(found) for found in changes.introduced]
    rows += [
        f"WARNING: {printable(item.file)}: can no longer be analysed: {printable(item.reason)}"
        for item in changes.unread
    ]
    return "".join(f"{row}\n" for row in rows)


def render_nipa(changes: Changes, after: Report | None) -> tuple[int, str, str]:
    """Exit status, the log, and the one-line description for $DESC_FD."""
    if after is None:
        return PASS, "", _NOTHING
    failing = [found for found in changes.introduced if found.level is Level.ERROR]
    status = FAIL if failing else WARN if changes.introduced or changes.unread else PASS
    summary = counted(changes)
    if changes.introduced:
        worst = min(changes.introduced, key=lambda found: list(Level).index(found.level))
        summary += f"; {worst.rule} in {worst.function or worst.file}"
    if changes.unread:
        summary += f"; {plural(len(changes.unread), 'place')} can no longer be analysed"
    return status, render_text(changes, after), printable(summary)


def counted(changes: Changes) -> str:
    """`introduced 1, fixed 0, preexisting 3`."""
    return (
        f"introduced {len(changes.introduced)}, fixed {len(changes.fixed)}, "
        f"preexisting {len(changes.preexisting)}"
    )


def introduced(changes: Changes, after: Report | None) -> Report:
    """The report after the change with what it introduces only, for the formats of `check`."""
    if after is None:
        return Report("", "", Coverage(0, 0, 0, 0), (), ())
    return msgspec.structs.replace(after, findings=changes.introduced, unread=changes.unread)


def not_checked(form: str, reason: str) -> tuple[int, str, str]:
    """Status, log and summary for b4 or NIPA when there is no answer: a warning for both."""
    line = f"not checked: {printable(reason)}"
    return (WARN, "", line) if form == "nipa" else (2, f"WARNING: {line}\n", "")


def fails(changes: Changes) -> bool:
    """Whether the change introduces more than a note."""
    return any(found.level is not Level.NOTE for found in changes.introduced)


def _line(found: Finding) -> str:
    kind = "ERROR" if found.level is Level.ERROR else "WARNING"
    named = found.function and not found.message.startswith(found.function)
    where = f"{found.file}:{found.line}: " + (f"{found.function}(): " if named else "")
    return f"{kind}: {printable(where)}{printable(found.message)} [{found.rule}]"


def _rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [msgspec.to_builtins(found) for found in findings]
    for row in rows:
        del row["pedantic"]
    return rows
