"""The findings as SARIF 2.1.0, for review tools: one log with one run.

    results     message with links, both places, two thread flows, fingerprints  (results.py)
    rules       the cards, with Markdown help and severities                     (rules.py)
    invocation  what could not be analysed, told as notifications

The limits of code scanning services are kept: what has to be left out is said in a notification
`limited`, never silently. Nothing depends on the time or on the machine: the same tree gives the
same bytes, and paths are relative to the tree's root.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sarif_om as om

from flaglint.cards import Card
from flaglint.finding import Finding, Report
from flaglint.report.layout import SourceLine, plural
from flaglint.report.sarif import rules
from flaglint.report.sarif.model import BASE, Places, escaped, to_json
from flaglint.report.sarif.results import Detail, LineHash, result
from flaglint.report.text import coverage
from flaglint.report.unread import grouped

SCHEMA_URI = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


class Limits(msgspec.Struct, frozen=True):
    """What the strictest consumer (GitHub) takes of one run; `size` is in bytes, compressed."""

    results: int = 25_000
    size: int = 10_000_000


class _Shape(msgspec.Struct, frozen=True):
    """One attempt to stay below the limits, and what it leaves out."""

    detail: Detail
    results: int
    note: str = ""


def render(
    report: Report,
    cards: Sequence[Card],
    *,
    source: SourceLine | None = None,
    hashes: LineHash | None = None,
    category: str = "",
    home: str = "",
    limits: Limits | None = None,
) -> bytes:
    """The log as JSON.

    `source` gives lines to quote and `hashes` their code scanning hashes; `category` keeps the
    uploads of several runs apart; `home` is where to read about flaglint.
    """
    limits = limits or Limits()
    body = b""
    for shape in _shapes(len(report.findings), limits):
        run = _run(report, cards, shape, source, hashes, category or "flaglint", home)
        written = to_json(om.SarifLog(runs=[run], version="2.1.0"))
        log = {"$schema": SCHEMA_URI, "version": written.pop("version"), **written}
        body = msgspec.json.format(msgspec.json.encode(log), indent=2) + b"\n"
        if len(body) <= limits.size or len(gzip.compress(body, 6)) <= limits.size:
            break
    return body


def _shapes(found: int, limits: Limits) -> Iterator[_Shape]:
    """Ever smaller shapes of the log."""
    kept = min(found, limits.results)
    over = f"the limit of {plural(limits.results, 'result')}" if kept < found else ""
    yield _Shape(Detail(), kept, over)
    size = f"the limit of {limits.size} bytes compressed"
    lean = "source lines around each place"
    yield _Shape(Detail(context=False), kept, f"{size}: {lean} are left out")
    few = Detail(racing=4, flows=1, evidence=4, context=False)
    lean = f"{lean}, and all but one code flow a result,"
    yield _Shape(few, kept, f"{size}: {lean} are left out")
    while kept > 1:
        kept //= 2
        yield _Shape(few, kept, f"{size}: {lean} are left out")


def _run(
    report: Report,
    cards: Sequence[Card],
    shape: _Shape,
    source: SourceLine | None,
    hashes: LineHash | None,
    category: str,
    home: str,
) -> Any:
    places = Places(source, context=shape.detail.context)
    order = {card.id: number for number, card in enumerate(cards)}
    kept = _worst(report.findings, shape.results)
    reasons = {hidden.finding: hidden.reason for hidden in report.suppressed}
    return om.Run(
        tool=om.Tool(driver=rules.driver(cards, home)),
        automation_details=om.RunAutomationDetails(id=f"{category}/{report.kernel}"),
        original_uri_base_ids={
            BASE: om.ArtifactLocation(
                description=om.Message(text="The root of the analysed kernel tree.")
            )
        },
        column_kind="unicodeCodePoints",
        invocations=[
            om.Invocation(
                execution_successful=True,
                tool_execution_notifications=_notifications(report, shape, len(kept), places),
            )
        ],
        results=[
            result(found, order, places, shape.detail, hashes, reasons.get(found)) for found in kept
        ],
        properties={
            "kernel": report.kernel,
            "files": len(report.files),
            "coverage": msgspec.to_builtins(report.coverage),
            "doubts": dict(report.doubts),
        },
    )


def _worst(findings: Sequence[Finding], most: int) -> list[Finding]:
    """The gravest findings, in the report's order."""
    if len(findings) <= most:
        return list(findings)
    grave = {"error": 0, "warning": 1, "note": 2}
    ranked = sorted(enumerate(findings), key=lambda item: (grave[item[1].level], item[0]))
    return [found for _, found in sorted(ranked[:most], key=lambda item: item[0])]


def _notifications(report: Report, shape: _Shape, kept: int, places: Places) -> list[Any]:
    """The run succeeded; this is what it could not do."""
    told = [_notification(rules.COVERAGE, "note", coverage(report))]
    for unread in grouped(report.unread):
        text = f"not analysed: {unread}: {unread.reason}"
        made = _notification(rules.NOT_ANALYSED, "warning", text)
        made.locations = [places.location(file, 0) for file in unread.files]
        told.append(made)
    if report.doubts:
        named = "; ".join(f"{name}: {plural(count, 'site')}" for name, count in report.doubts)
        told.append(_notification(rules.DOUBTS, "note", f"no certainty: {named}"))
    if shape.note:
        left = len(report.findings) - kept
        more = f"; {plural(left, 'result')} left out, the gravest are kept" if left else ""
        told.append(_notification(rules.LIMITED, "warning", f"{shape.note}{more}"))
    return told


def _notification(name: str, level: str, text: str) -> Any:
    return om.Notification(
        message=om.Message(text=escaped(text)),
        level=level,
        descriptor=om.ReportingDescriptorReference(id=name, index=rules.notification_index(name)),
    )


__all__ = ["SCHEMA_URI", "Limits", "render"]
