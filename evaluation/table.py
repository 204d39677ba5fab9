"""The outcome of an evaluation, for a reader: one line a kind, then what went wrong.

The interface is `render`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from evaluation.scoring import Outcome, Score
from evaluation.seed import BUG_KINDS, TWIN_KINDS, Is

_HEAD = ("kind", "bugs found", "missed", "twins silent", "false alarms")


def render(scores: Iterable[Score], labels: Sequence[str] = (), verbose: bool = False) -> str:
    """The table of each kernel, then seeds that went wrong (all of them when `verbose`)."""
    by_kernel: dict[str, list[Score]] = defaultdict(list)
    for one in scores:
        by_kernel[one.kernel].append(one)
    parts = [_kernel(kernel, some, verbose) for kernel, some in by_kernel.items()]
    if labels:
        parts.append("\n".join(labels) + "\n")
    return "\n".join(parts)


def _kernel(kernel: str, scores: list[Score], verbose: bool) -> str:
    rows = [_HEAD]
    for kind in (*BUG_KINDS, *TWIN_KINDS):
        some = [one for one in scores if one.seed.kind == kind]
        if some:
            rows.append((kind, *_counts(some)))
    rows.append(("all", *_counts(scores)))
    for top in ("mm", "fs", "drivers"):
        some = [one for one in scores if any(f.startswith(f"{top}/") for f in one.seed.files)]
        if some:
            rows.append((f"in {top}/", *_counts(some)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [f"linux {kernel}", ""]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells))
        if row is _HEAD:
            lines.append("  ".join("-" * width for width in widths))
    seconds = sorted(one.seconds for one in scores if one.seconds)
    if seconds:
        middle = seconds[len(seconds) // 2]
        lines += ["", f"seconds a seed: {middle:.1f} in the middle, {seconds[-1]:.1f} at most"]
    for one in sorted(scores, key=lambda s: (s.outcome, s.seed.id)):
        if verbose or not one.outcome.right:
            lines += ["", *_story(one)]
    return "\n".join(lines) + "\n"


def _counts(scores: list[Score]) -> tuple[str, str, str, str]:
    bugs = [one.outcome for one in scores if one.seed.is_ is Is.BUG]
    twins = [one.outcome for one in scores if one.seed.is_ is Is.TWIN]
    return (
        _of(bugs.count(Outcome.FOUND), bugs),
        _some(bugs.count(Outcome.MISSED)),
        _of(twins.count(Outcome.SILENT), twins),
        _some(twins.count(Outcome.FALSE_ALARM)),
    )


def _of(count: int, outcomes: list[Outcome]) -> str:
    counted = [outcome for outcome in outcomes if outcome is not Outcome.BROKEN]
    return f"{count}/{len(counted)}" if counted else ""


def _some(count: int) -> str:
    return str(count) if count else ""


def _story(one: Score) -> list[str]:
    seed = one.seed
    known = f" (known: {seed.known})" if seed.known else ""
    lines = [f"{one.outcome}: {seed.id} [{seed.kind}] {', '.join(seed.files)}{known}"]
    lines.append(f"    {'a bug' if seed.is_ is Is.BUG else 'harmless'}: {seed.why}")
    lines += [f"    {told}" for told in one.detail]
    return lines
