"""What a ledger may say of a damaged tree, given what it said of the whole one.

Damage may take an answer away. It may not turn a racy place into a proven or an absent one,
make a place that is still in the text disappear from the ledger, or raise an alarm over a place
that was proven.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
_QUIET = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
_PROVEN = ("exclusive", "locked")


def wrong_answers(before: Sequence[Row], after: Sequence[Row], tree: Path) -> list[str]:
    """One line for each place that the second ledger judges worse than it may."""
    known = {_place(row): row["verdict"] for row in before}
    seen: dict[tuple[str, str, str], str] = {}
    for row in after:
        seen[_place(row)] = row["verdict"]
    wrong = []
    for place, verdict in known.items():
        now = seen.get(place)
        if now is None:
            # A write without a helper is told by its variable's declaration, which may be gone;
            # and it goes by its function's name only where that was understood.
            if place[2] in place[1] and _in_text(tree, place):
                wrong.append(f"{' '.join(place)}: was {verdict}, is not in the ledger")
        elif now != verdict and (
            (verdict == "racy" and now in (*_PROVEN, "inactive"))
            or (verdict in _PROVEN and now in ("racy", "inactive"))
        ):
            wrong.append(f"{' '.join(place)}: was {verdict}, is {now}")
    return wrong


def _place(row: Row) -> tuple[str, str, str]:
    return row["file"], row["expression"], row["helper"]


def _in_text(tree: Path, place: tuple[str, str, str]) -> bool:
    """Whether the file still has the line as code; a file that nobody can read has none."""
    path = tree / place[0]
    try:
        if not path.is_file():
            return False
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return False
    wanted = place[1].strip()
    comments = [m.span() for m in _QUIET.finditer(text) if m[0].startswith("/")]
    at = 0
    for line in text.splitlines(keepends=True):
        start = at + len(line) - len(line.lstrip())
        at += len(line)
        if line.strip() == wanted and not any(a < start < b for a, b in comments):
            return True
    return False
