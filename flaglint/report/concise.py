"""One line per finding, as compilers print it, and nothing else: for editors and grep."""

from __future__ import annotations

from flaglint.finding import Report
from flaglint.report.layout import Paint
from flaglint.report.text import headline


def render(report: Report, *, colour: bool = False) -> str:
    """The findings' first lines; "" when there are none."""
    paint = Paint(colour)
    return "".join(headline(found, paint) + "\n" for found in report.findings)
