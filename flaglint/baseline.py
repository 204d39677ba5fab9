"""A baseline: the findings that a project starts with, so that only new ones are heard of.

The file is JSON, one finding a row, with its fingerprint (what counts) and the place and
message it had when it was written (for people, and for reviewing a change of the file).

Invariants: rows are sorted by place and hold no line numbers, so that a baseline written again
without a change of findings is the same, byte for byte. A row hides one finding: a second one with
the same fingerprint is new.

Interface: `read_baseline`, `encode_baseline`, `without_baseline`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from flaglint.finding import Finding, Report, Suppressed

SCHEMA = 1
_LIMIT = 64 << 20


class BaselineError(Exception):
    """The file is no baseline of ours; the message is one line."""


class Row(msgspec.Struct, frozen=True, order=True):
    """One accepted finding; only `fingerprint` is compared."""

    file: str
    function: str
    rule: str
    fingerprint: str
    message: str


class Baseline(msgspec.Struct, frozen=True):
    """What the file holds, and the file itself (`path`, not written)."""

    findings: tuple[Row, ...]
    path: str = ""


class _Document(msgspec.Struct, frozen=True):
    schema: int
    findings: tuple[Row, ...]


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises BaselineError."""
    try:
        if path.stat().st_size > _LIMIT:
            raise BaselineError(f"{path}: too large for a baseline")
        document = msgspec.json.decode(path.read_bytes(), type=_Document)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise BaselineError(f"{path}: {reason}; write it with --write-baseline") from None
    except msgspec.MsgspecError as error:
        raise BaselineError(f"{path}: no baseline: {error}") from None
    if document.schema != SCHEMA:
        raise BaselineError(
            f"{path}: baseline schema {document.schema}, this flaglint reads {SCHEMA}"
        )
    return Baseline(document.findings, str(path))


def encode_baseline(findings: Iterable[Finding]) -> bytes:
    """The file that accepts these findings."""
    rows = sorted(Row(f.file, f.function, f.rule, f.fingerprint, f.message) for f in findings)
    document = msgspec.json.encode(_Document(SCHEMA, tuple(rows)))
    return msgspec.json.format(document, indent=2) + b"\n"


def without_baseline(
    report: Report, baseline: Baseline, *, whole: bool = True
) -> tuple[Report, tuple[str, ...]]:
    """The report without accepted findings, and a remark when rows match nothing any more.

    `whole` says that the report covers a whole tree with all rules: only then is a row that
    hides nothing worth a remark.
    """
    open_rows = Counter(row.fingerprint for row in baseline.findings)
    kept: list[Finding] = []
    hidden = list(report.suppressed)
    for found in report.findings:
        if open_rows[found.fingerprint]:
            open_rows[found.fingerprint] -= 1
            hidden.append(Suppressed(found, "accepted by the baseline", baseline.path))
        else:
            kept.append(found)
    left = sum(open_rows.values())
    remarks: tuple[str, ...] = ()
    if left and whole:
        rows = "1 finding" if left == 1 else f"{left} findings"
        verb = "is" if left == 1 else "are"
        remarks = (f"{baseline.path}: {rows} of the baseline {verb} no more: write it again",)
    shown = msgspec.structs.replace(report, findings=tuple(kept), suppressed=tuple(hidden))
    return shown, remarks
