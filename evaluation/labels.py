"""Sites labelled by hand, held against the ledger of the unedited kernel.

A file of labels is JSON: `{"kernel": "6.12.117 ...", "sites": [{"file", "line", "function",
"helper", "word", "expected": "safe" | "racy"}, ...]}`. They are kept outside this project.

The interface is `compare`.
"""

from __future__ import annotations

import json
from pathlib import Path

from evaluation.seed import SeedError
from flaglint.finding import Report, Verdict

_SAFE = (Verdict.EXCLUSIVE, Verdict.LOCKED)


def compare(path: Path, report: Report) -> list[str]:
    """Lines that say how many labels the ledger agrees with, and which it does not."""
    try:
        sites = json.loads(path.read_text("utf-8"))["sites"]
    except (OSError, ValueError, KeyError) as error:
        raise SeedError(f"{path}: no labelled sites: {error}") from error
    rows = {(row.file, row.line, row.helper): row for row in report.sites}
    right = 0
    lines: list[str] = []
    for label in sites:
        row = rows.get((label["file"], label["line"], label["helper"]))
        if row is None:
            lines.append(f"{_name(label)}: not in the ledger")
        elif (row.verdict is Verdict.RACY) != (label["expected"] == "racy"):
            lines.append(f"{_name(label)}: {row.verdict}, labelled {label['expected']}")
        elif row.verdict not in _SAFE and label["expected"] == "safe":
            lines.append(f"{_name(label)}: {row.verdict} ({row.reason})")
        elif row.word != label["word"]:
            lines.append(f"{_name(label)}: word {row.word}, labelled {label['word']}")
        elif row.reason != label["reason"]:
            lines.append(f"{_name(label)}: because of {row.reason}, labelled {label['reason']}")
        else:
            right += 1
    return [f"labelled sites: {right} of {len(sites)} in verdict, word and reason", *lines]


def _name(label: dict[str, str]) -> str:
    return f"  {label['file']}:{label['line']} {label['function']}() {label['helper']}"
