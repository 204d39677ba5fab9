"""One report in any of the formats of `flaglint check`.

The renderers stay apart and pure; this is the table that knows what each of them wants: the
rules' cards, source lines, colour. A format is one row of `_RENDERERS`, imported when it is
used, so that a terminal never waits for sarif-om.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from flaglint.cards import Card
from flaglint.finding import Report
from flaglint.quote import hasher, quoter


class Style(msgspec.Struct, frozen=True):
    """How to render. `category` is SARIF's automation category; `statistics` counts only."""

    format: str
    cards: tuple[Card, ...]
    colour: bool = False
    category: str = ""
    statistics: bool = False


class FormatError(Exception):
    """A format that cannot do what was asked; the message is one line."""


def render(report: Report, style: Style) -> bytes:
    """The report as bytes to write; raises FormatError."""
    if style.statistics:
        return _statistics(report, style)
    return _RENDERERS[style.format](report, style)


def _statistics(report: Report, style: Style) -> bytes:
    from flaglint.report import statistics

    if style.format == "json":
        return statistics.render_json(report, style.cards)
    if style.format not in ("text", "concise"):
        raise FormatError(f"--statistics has no {style.format} form; use text, concise or json")
    return _encoded(statistics.render(report, style.cards))


def _text(report: Report, style: Style) -> bytes:
    from flaglint.report import text

    return _encoded(text.render(report, colour=style.colour, source=quoter(report.root)))


def _concise(report: Report, style: Style) -> bytes:
    from flaglint.report import concise

    return _encoded(concise.render(report, colour=style.colour))


def _json(report: Report, _style: Style) -> bytes:
    from flaglint.report import json

    return json.render_check(report)


def _sarif(report: Report, style: Style) -> bytes:
    from flaglint.report import sarif

    return sarif.render(
        report,
        style.cards,
        source=quoter(report.root),
        hashes=hasher(report.root),
        category=style.category,
        home=_home(),
    )


def _home() -> str:
    """Where to read about flaglint: the first address of the package's own metadata, or ""."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        named = metadata("flaglint").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    return next((entry.partition(",")[2].strip() for entry in named), "")


def _github(report: Report, _style: Style) -> bytes:
    from flaglint.report import github

    return _encoded(github.render(report))


def _codeclimate(report: Report, style: Style) -> bytes:
    from flaglint.report import codeclimate

    return codeclimate.render(report, style.cards)


def _html(report: Report, style: Style) -> bytes:
    from flaglint.report import html

    return html.render(report, style.cards, quoter(report.root))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


_RENDERERS: dict[str, Callable[[Report, Style], bytes]] = {
    "text": _text,
    "concise": _concise,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
    "codeclimate": _codeclimate,
    "html": _html,
}
FORMATS = tuple(_RENDERERS)
