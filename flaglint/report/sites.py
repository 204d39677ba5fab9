"""The ledger for people: every plain write of a flags word, its verdict and the evidence.

mm/filemap.c:1007:3  exclusive allocation
    write  __folio_set_locked()  PG_locked  head word
    see    mm/filemap.c:990  the folio comes from folio_alloc()
    via    filemap_read_folio() (mm/filemap.c:2400)  <- ...

`see` are the facts, `via` is the way there from an entry point, read as a finding's chain is.
"""

from __future__ import annotations

from collections import Counter

from flaglint.finding import Report, Site, Verdict
from flaglint.report.layout import Paint, field, flags, plural, printable
from flaglint.report.text import configurations, coverage, inactive, not_analysed

_STYLE = {
    Verdict.RACY: "error",
    Verdict.UNKNOWN: "warning",
    Verdict.INACTIVE: "dim",
}


def render(report: Report, *, colour: bool = False) -> str:
    """The table with evidence, then the counts by verdict and the coverage."""
    paint = Paint(colour)
    rows = [line for site in report.sites for line in _row(site, paint)]
    return "\n".join([*rows, *_totals(report)]) + "\n"


def _row(site: Site, paint: Paint) -> list[str]:
    reason = site.reason if site.reason != site.verdict else ""  # "locked" says it all
    rest = reason + ("  (poison window)" if site.but_for_walkers else "")
    verdict = f"{site.verdict.value:<10}" if rest else site.verdict.value
    style = _STYLE.get(site.verdict)
    helper = f"{site.helper}()" if site.helper.isidentifier() else site.helper
    lines = [
        paint("bold", printable(f"{site.file}:{site.line}:{site.column}"))
        + "  "
        + (paint(style, verdict) if style else verdict)
        + printable(rest)
    ]
    lines += field("write", [helper, flags(site.flag), f"{site.word} word"])
    where = f"{site.function}(): " if site.function else ""
    lines += field("in", [where + " ".join(site.expression.split())])
    for place in site.evidence:
        if not place.caller:
            lines += field("see", [f"{place.file}:{place.line}", place.message])
    callers = [place for place in reversed(site.evidence) if place.caller]
    lines += field("via", [f"{p.caller}() ({p.file}:{p.line})" for p in callers[:1]])
    lines += field("", [f"<- {p.caller}() ({p.file}:{p.line})" for p in callers[1:]])
    lines += field("built", [", ".join(site.configurations)] if site.configurations else [])
    if site.doubts:
        lines += field("doubt", ["; ".join(site.doubts)])
    return lines


def _totals(report: Report) -> list[str]:
    verdicts = Counter(site.verdict for site in report.sites)
    parts = ", ".join(f"{verdicts[v]} {v.value}" for v in Verdict if verdicts[v])
    lines = ["", plural(len(report.sites), "site") + (f": {parts}" if parts else "")]
    return [
        *lines,
        *configurations(report),
        coverage(report),
        *inactive(report),
        *not_analysed(report),
    ]
