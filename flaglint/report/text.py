"""The report for people: each finding as compilers print it, then the argument, then totals.

    mm/huge_memory.c:3662:4: error: plain RMW of the second page's flags may lose ... [FL001]
        this   __folio_set_partially_mapped()  plain  writes PG_partially_mapped
               locks {split_queue_lock}
               deferred_split_folio()  <- __folio_remove_rmap() (mm/rmap.c:1585)  ...
        other  mm/memory-failure.c:2372  folio_set_has_hwpoisoned()  atomic  ...
        why    same word, no common lock; the folio is mapped and on the LRU

The first line of a finding is never wrapped (editors and scripts parse it), the rest fits 80
columns. The lost update is shown as two columns, one per CPU. A finding's `steps` are, in
this order: this CPU reads, the other changes, this CPU stores, and optionally what is lost;
any other number of steps is printed as a plain list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from flaglint.finding import Finding, RacingAccess, Report, Step, Verdict
from flaglint.report.layout import (
    Paint,
    SourceLine,
    field,
    plural,
    printable,
    two_columns,
)

MOST_RACING = 6
"""Other writers shown of one finding."""


def render(report: Report, *, colour: bool = False, source: SourceLine | None = None) -> str:
    """The whole report; quotes the line of each finding when `source` is given."""
    paint = Paint(colour)
    blocks = ["\n".join(_finding(found, paint, source)) for found in report.findings]
    blocks.append("\n".join(totals(report)))
    return "\n\n".join(blocks) + "\n"


def headline(found: Finding, paint: Paint) -> str:
    """`file:line:column: level: message [rule]`, the line every compiler prints."""
    place = paint("bold", f"{printable(found.file)}:{found.line}:{found.column}:")
    level = paint(found.level.value, f"{found.level}:")
    return f"{place} {level} {printable(found.message)} [{found.rule}]"


def locks(names: Iterable[str]) -> str:
    """`locks {a, b}`, or `no locks`."""
    inside = ", ".join(names)
    return f"locks {{{inside}}}" if inside else "no locks"


def call(helper: str) -> str:
    """A function gets its parentheses; "(plain RMW)" and the like have theirs."""
    return f"{helper}()" if helper.isidentifier() else helper


def call_chain(chain: Sequence[Step]) -> list[str]:
    """The chain from the access outwards: `f() <- g() (file:line) <- ...`, in pieces.

    A caller's place is where it calls on; the access's own place is the finding's.
    """
    frames = list(reversed(chain))
    pieces: list[str] = []
    for number, step in enumerate(frames):
        place = f" ({step.file}:{step.line})" if number else ""
        pieces.append(f"{'<- ' if number else ''}{step.function}(){place}")
    return pieces


def _finding(found: Finding, paint: Paint, source: SourceLine | None) -> list[str]:
    lines = [headline(found, paint)]
    if source is not None:
        lines += _quote(found, source, paint)
    if found.helper or found.chain:
        writes = f"writes {found.flag}" if found.flag else ""
        lines += field("this", [call(found.helper), "plain", writes, locks(found.locks)])
        lines += field("", call_chain(found.chain))
    for other in found.racing[:MOST_RACING]:
        lines += _racing(other)
    if len(found.racing) > MOST_RACING:
        more = plural(len(found.racing) - MOST_RACING, "writer")
        lines += field("", [f"and {more} more (--format json names them)"])
    lines += field("why", [found.why])
    lines += _steps(found)
    for place in found.evidence:
        lines += field("see", [f"{place.file}:{place.line}", place.message])
    lines += field("fix", [found.fix])
    if found.doubts:
        lines += field("doubt", ["; ".join(found.doubts)])
    return lines


def _racing(other: RacingAccess) -> list[str]:
    writes = f"writes {other.flag}" if other.flag else ""
    place = f"{other.file}:{other.line}"
    access = [place, call(other.helper), other.atomicity, writes, locks(other.locks)]
    return field("other", access) + field("", call_chain(other.chain))


def _quote(found: Finding, source: SourceLine, paint: Paint) -> list[str]:
    """The finding's source line with its place underlined."""
    line = source(found.file, found.line).rstrip()
    if not line:
        return []
    start = max(found.column - 1, 0)
    stop = found.end_column - 1 if found.end_column > found.column else start + 1
    indent = len(line) - len(line.lstrip())
    before, marked = printable(line[indent:start]), printable(line[max(start, indent) : stop])
    gutter = f"    {found.line:>5} | "
    marker = " " * len(before) + "^" * max(len(marked), 1)
    return [
        gutter + printable(line[indent:]),
        paint("dim", " " * (len(gutter) - 2) + "| ") + paint(found.level.value, marker),
    ]


def _steps(found: Finding) -> list[str]:
    steps = found.steps
    if not steps:
        return []
    if len(steps) not in (3, 4) or not found.racing:
        return [
            line
            for number, step in enumerate(steps, 1)
            for line in field("how" if number == 1 else "", [f"{number}. {step}"])
        ]
    other = found.racing[0]
    left = [f"CPU 0: {found.function}()", "-" * 36, f"1. {steps[0]}", "", f"3. {steps[2]}"]
    right = [f"CPU 1: {other.function}()", "-" * 36, "", f"2. {steps[1]}", ""]
    return ["", *two_columns(left, right), *field("=>", steps[3:]), ""]


def totals(report: Report) -> list[str]:
    """What was found, what was covered, what was not, and how much doubt is left."""
    found = Counter(finding.level.value for finding in report.findings)
    by_level = ", ".join(
        plural(found[level], level) for level in ("error", "warning", "note") if found[level]
    )
    lines = [
        plural(len(report.findings), "finding") + (f" ({by_level})" if by_level else ""),
        f"kernel {printable(report.kernel)}, {plural(report.files, 'file')} analysed",
        coverage(report),
    ]
    if report.suppressed:
        lines.insert(1, f"{len(report.suppressed)} suppressed: {_sources(report)}")
    verdicts = Counter(site.verdict for site in report.sites)
    if verdicts:
        parts = ", ".join(f"{verdicts[v]} {v.value}" for v in Verdict if verdicts[v])
        lines.append(f"{plural(len(report.sites), 'site')} in the ledger: {parts}")
    if report.doubts:
        named = ", ".join(f"{count} {printable(name)}" for name, count in report.doubts)
        lines.append(f"doubts: {named}")
    return [*lines, *not_analysed(report)]


def _sources(report: Report) -> str:
    counts = Counter(hidden.source for hidden in report.suppressed)
    return ", ".join(f"{counts[name]} by {printable(name)}" for name in sorted(counts))


def not_analysed(report: Report) -> list[str]:
    """Each file or function that could not be analysed, with the reason."""
    if not report.unread:
        return []
    lines = [f"not analysed: {plural(len(report.unread), 'place')}"]
    for item in report.unread:
        where = f"{item.file}: {item.function}()" if item.function else item.file
        lines.append(f"    {printable(where)}: {printable(item.reason)}")
    return lines


def coverage(report: Report) -> str:
    """How many places name a plain writer, and what became of them."""
    c = report.coverage
    return (
        f"{plural(c.textual, 'place')} in the text name a plain writer: "
        f"{c.analysed} analysed, {c.inactive} inactive, {c.unparsed} not parsed"
    )
