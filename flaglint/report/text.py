"""The report for people: each finding as compilers print it, then the argument, then totals.

    mm/huge_memory.c:3662:4: error: plain RMW of the second page's flags may lose ... [FL001]
      --> mm/huge_memory.c:3662:4 in deferred_split_folio()
     3662 |   __folio_set_partially_mapped(folio);
          |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ this writer: loads the word, ...
      ::: mm/memory-failure.c:2372:3 in memory_failure()
     2372 |   folio_set_has_hwpoisoned(folio);
          |   ------------------------------- other writer: changes PG_has_hwpoisoned ...

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

from flaglint.finding import Finding, RacingAccess, Report, Step, Taken, Verdict
from flaglint.report.frames import frame
from flaglint.report.layout import (
    Paint,
    SourceLine,
    field,
    flags,
    hanging,
    plural,
    printable,
    two_columns,
)
from flaglint.report.unread import Group, folded, grouped

_INACTIVE = (
    "inactive: `flaglint sites` says what leaves them out; `--config shipped --config FILE` judges "
    "them where FILE has them (a .config, or sparsemem, slab, slob)"
)
MOST_RACING = 6
"""Other writers shown of one finding."""


def render(report: Report, *, colour: bool = False, source: SourceLine | None = None) -> str:
    """The whole report; quotes the line of each finding when `source` is given."""
    paint = Paint(colour)
    blocks: list[str] = []
    told: dict[object, Finding] = {}
    for found in report.findings:
        first = told.setdefault(_cause(found), found)
        lines = [headline(found, paint)]
        if source is not None:
            lines += _frames(found, source, paint)
        lines += _argument(found) if first is found else _repeated(found, first)
        blocks.append("\n".join(lines))
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


def _cause(found: Finding) -> object:
    """Equal for two writes of one function that lose their race for one reason."""
    if not found.racing:
        return found
    others = tuple((other.file, other.line) for other in found.racing)
    return (found.rule, found.file, found.function, found.chain[:-1], found.why, others)


def _repeated(found: Finding, first: Finding) -> list[str]:
    """In place of an argument that was just made."""
    writes = f"writes {flags(found.flag)}" if found.flag else ""
    same = f"as {first.file}:{first.line}: same callers, same other writers, same reason"
    lines = field("this", [call(found.helper), "plain", writes, locks(found.locks)])
    return [*lines, *field("same", [same]), *field("fix", [found.fix])]


def _argument(found: Finding) -> list[str]:
    lines: list[str] = []
    if found.helper or found.chain:
        writes = f"writes {flags(found.flag)}" if found.flag else ""
        held = locks(found.locks) if found.chain else ""  # a declaration holds none anyway
        lines += field("this", [call(found.helper), "plain", writes, held])
        lines += field("", _taken(found.taken)) + field("", call_chain(found.chain))
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
    lines += field("built", [", ".join(found.configurations)] if found.configurations else [])
    if found.doubts:
        lines += field("doubt", ["; ".join(found.doubts)])
    return lines


def _racing(other: RacingAccess) -> list[str]:
    writes = f"writes {flags(other.flag)}" if other.flag else ""
    place = f"{other.file}:{other.line}"
    access = [place, call(other.helper), other.atomicity, writes, locks(other.locks)]
    return [
        *field("other", access),
        *field("", _taken(other.taken)),
        *field("", call_chain(other.chain)),
    ]


def _taken(places: Iterable[Taken]) -> list[str]:
    """Where each lock was taken."""
    return [f"{at.lock} taken at {at.file}:{at.line}" for at in places]


def _frames(found: Finding, source: SourceLine, paint: Paint) -> list[str]:
    """Both racing places with the lines before them, each marked and labelled."""
    mine = "this writer: loads the word, later stores it back" if found.racing else ""
    lines = frame("-->", found, source, paint, mark="^", style=found.level.value, label=mine)
    for other in found.racing[:1]:
        changed = other.flag.split("|")[0] or "the word"
        label = f"other writer: changes {changed} in between"
        lines += frame(":::", other, source, paint, mark="-", style="other", label=label)
    return lines


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
        f"kernel {printable(report.kernel)}, {plural(len(report.files), 'file')} analysed",
        *configurations(report),
        coverage(report),
        *inactive(report),
    ]
    if report.suppressed:
        lines.insert(1, f"{len(report.suppressed)} suppressed: {_sources(report)}")
    verdicts = Counter(site.verdict for site in report.sites)
    if verdicts:
        parts = ", ".join(f"{verdicts[v]} {v.value}" for v in Verdict if verdicts[v])
        lines.append(f"{plural(len(report.sites), 'site')} in the ledger: {parts}")
    lines += doubts(report)
    return [*lines, *not_analysed(report)]


def configurations(report: Report) -> list[str]:
    """The configurations asked for, if they are several."""
    names = ", ".join(report.configurations)
    return hanging([f"configurations: {names}"] if names else [], 0, 4)


def _sources(report: Report) -> str:
    counts = Counter(hidden.source for hidden in report.suppressed)
    return ", ".join(f"{counts[name]} by {printable(name)}" for name in sorted(counts))


def doubts(report: Report) -> list[str]:
    """What stood in the way of a verdict, and at how many sites."""
    if not report.doubts:
        return []
    named = [f"{count}  {printable(name)}" for name, count in report.doubts]
    return ["doubts (sites, and what is not known there):", *hanging(named, 4, 7)]


def not_analysed(report: Report) -> list[str]:
    """Each file or function that could not be analysed, grouped by the reason."""
    groups = folded(grouped(report.unread))
    if not groups:
        return []
    files = {item.file for item in report.unread}
    lines = [f"not analysed, all or in part: {plural(len(files), 'file')}"]
    return [*lines, *hanging(map(_reason, groups), 4, 8)]


def _reason(group: Group) -> str:
    more = f" (and {plural(group.others, 'other reason')}, see --format json)"
    return f"{group}: {group.reason}" + (more if group.others else "")


def inactive(report: Report) -> list[str]:
    """What to do about places that were not compiled, if there are any."""
    if not report.coverage.inactive:
        return []
    return hanging([_INACTIVE], 4, 4)


def coverage(report: Report) -> str:
    """How many places name a plain writer, and what became of them."""
    c = report.coverage
    return (
        f"{plural(c.textual, 'place')} in the text name a plain writer: "
        f"{c.analysed} analysed, {c.inactive} inactive, {c.unparsed} not parsed"
    )
