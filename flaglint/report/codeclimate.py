"""The findings as a Code Climate report, which GitLab shows as Code Quality in a merge request.

A JSON array with one issue a finding. GitLab tells issues apart by their fingerprints and
compares the merge request's with the target branch's, so a fingerprint has to be unique in the
report and to survive line shifts; flaglint's own do both. Paths are relative to the tree's
root, which has to be the repository's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from flaglint.cards import Card
from flaglint.finding import Finding, Level, Report
from flaglint.report.github import body
from flaglint.report.json import encode_rows

_SEVERITY = {Level.ERROR: "critical", Level.WARNING: "major", Level.NOTE: "info"}


def render(report: Report, cards: Sequence[Card]) -> bytes:
    """A JSON array, empty when nothing was found."""
    by_id = {card.id: card for card in cards}
    seen: dict[str, int] = {}
    issues = [_issue(found, by_id, seen) for found in report.findings]
    return encode_rows(issues)


def _issue(found: Finding, cards: Mapping[str, Card], seen: dict[str, int]) -> dict[str, Any]:
    number = seen[found.fingerprint] = seen.get(found.fingerprint, 0) + 1
    print_ = found.fingerprint
    if number > 1:  # GitLab would drop the second of two equal ones
        print_ = hashlib.sha256(f"{print_}:{number}".encode()).hexdigest()[: len(print_)]
    issue: dict[str, Any] = {
        "type": "issue",
        "check_name": found.rule,
        "description": f"{found.rule}: {found.message}",
        "content": {"body": body(found)},
        "categories": ["Bug Risk"],
        "severity": _SEVERITY[found.level],
        "fingerprint": print_,
        "location": _location(found.file, found.line),
    }
    if found.rule in cards:
        issue["description"] = f"{found.rule} {cards[found.rule].name}: {found.message}"
    others = [_location(other.file, other.line) for other in found.racing]
    if others:
        issue["other_locations"] = others
    return issue


def _location(file: str, line: int) -> dict[str, Any]:
    return {"path": file, "lines": {"begin": line, "end": line}}
