"""The findings and the ledger as JSON, schema 1: the contract that users' scripts rely on.

Keys are only ever added under schema 1. Paths are relative to the tree's root, lines and
columns count from 1 (an `end_column` of 0 is unknown).
"""

from __future__ import annotations

from typing import Any

import msgspec

from flaglint import __version__
from flaglint.finding import Finding, Report, Site

SCHEMA = 1


def render_check(report: Report) -> bytes:
    """What `flaglint check --format json` writes."""
    return encode(
        _head(report)
        | {
            "findings": [_finding(found) for found in report.findings],
            "suppressed": [
                _finding(hidden.finding) | {"reason": hidden.reason, "source": hidden.source}
                for hidden in report.suppressed
            ],
            "files": len(report.files),
            "doubts": _counted(report.doubts),
            "unread": [msgspec.to_builtins(item) for item in report.unread],
        }
    )


def render_sites(report: Report) -> bytes:
    """What `flaglint sites --format json` writes."""
    return encode(
        _head(report)
        | {
            "sites": [_site(site) for site in report.sites],
            "files": len(report.files),
            "doubts": _counted(report.doubts),
            "unread": [msgspec.to_builtins(item) for item in report.unread],
        }
    )


def _head(report: Report) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "flaglint": __version__,
        "kernel": report.kernel,
        "configurations": report.configurations,
        "coverage": msgspec.to_builtins(report.coverage),
    }


def _finding(found: Finding) -> dict[str, Any]:
    """The finding's own fields; what no script should rely on is left out."""
    row: dict[str, Any] = msgspec.to_builtins(found)
    del row["pedantic"]
    return row


def _site(site: Site) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(site)
    return row


def _counted(doubts: tuple[tuple[str, int], ...]) -> dict[str, int]:
    return dict(doubts)


def encode_rows(rows: list[dict[str, Any]]) -> bytes:
    """A list of objects as indented UTF-8 JSON that ends with a newline."""
    return msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n"


def encode(value: dict[str, Any]) -> bytes:
    """An object as indented UTF-8 JSON that ends with a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
