"""What flaglint says: findings, the ledger of sites, and the coverage behind both.

These are the values that reports render; they decide nothing and hold no analysis state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from flaglint.flagtable import FlagTable

_LEADS_ON = "() calls on"


class Level(StrEnum):
    """A finding's severity, as SARIF spells it."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(StrEnum):
    """What was decided of one plain write."""

    RACY = "racy"
    EXCLUSIVE = "exclusive"
    LOCKED = "locked"
    UNKNOWN = "unknown"
    INACTIVE = "inactive"


WORST = (Verdict.RACY, Verdict.UNKNOWN, Verdict.LOCKED, Verdict.EXCLUSIVE, Verdict.INACTIVE)
"""Verdicts, the one that counts where a place has several first."""


class Step(msgspec.Struct, frozen=True, order=True):
    """One frame of a call chain: `function` is entered or calls on at `file`:`line`."""

    function: str
    file: str
    line: int


class Taken(msgspec.Struct, frozen=True, order=True):
    """Where a lock that is held at an access was taken: `function` did, at `file`:`line`."""

    lock: str
    function: str
    file: str
    line: int


class Evidence(msgspec.Struct, frozen=True, order=True):
    """One checkable sentence about a place in the tree."""

    file: str
    line: int
    message: str

    @classmethod
    def of_caller(cls, step: Step) -> Evidence:
        """That this frame of a chain leads on to the write."""
        return cls(step.file, step.line, f"{step.function}{_LEADS_ON}")

    @property
    def caller(self) -> str:
        """The function of a frame of a chain; "" where the sentence says something else."""
        name = self.message.removesuffix(_LEADS_ON)
        return name if name != self.message else ""


class RacingAccess(msgspec.Struct, frozen=True):
    """The other writer of the word: what it changes, under which locks, reached how.

    `chain` runs from an entry point (first) to the access (last); `taken` are the places on
    the way that took `locks`, as far as they were seen.
    """

    file: str
    line: int
    column: int
    function: str
    helper: str
    flag: str
    atomicity: str
    locks: tuple[str, ...]
    chain: tuple[Step, ...]
    taken: tuple[Taken, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """One result of one rule, with exactly one primary location.

    `steps` is the lost update as a numbered story; `why` names the facts that failed to
    exclude it; `fix` is what to consider. `chain` runs from an entry point to the access, and
    `taken` are the places on the way that took `locks`.
    `evidence` are further places that explain the finding. `configurations` are the names of
    those that have it, where several were asked for.
    """

    rule: str
    level: Level
    file: str
    line: int
    column: int
    function: str
    message: str
    fingerprint: str
    word: str = ""
    flag: str = ""
    helper: str = ""
    locks: tuple[str, ...] = ()
    chain: tuple[Step, ...] = ()
    racing: tuple[RacingAccess, ...] = ()
    doubts: tuple[str, ...] = ()
    why: str = ""
    steps: tuple[str, ...] = ()
    fix: str = ""
    evidence: tuple[Evidence, ...] = ()
    end_column: int = 0
    pedantic: bool = False
    taken: tuple[Taken, ...] = ()
    configurations: tuple[str, ...] = ()


FILE_LOST = "the file was not analysed"
FUNCTION_LOST = "the function was not analysed"
"""The one doubt of a place of which only the text is known."""


class Site(msgspec.Struct, frozen=True):
    """One row of the ledger: a place that writes a flags word non-atomically.

    `helper` is the helper's name, or "(plain RMW)", "(plain store)", "memset"...;
    `reason` is one of DESIGN's reasons (allocation, freeing, frozen, boot, offline, locked,
    exclusive) for a safe verdict, else what failed. `configurations` are the names of those
    that compile it, where several were asked for.
    """

    file: str
    line: int
    column: int
    function: str
    expression: str
    helper: str
    flag: str
    word: str
    verdict: Verdict
    reason: str
    poison_window: bool
    evidence: tuple[Evidence, ...]
    doubts: tuple[str, ...]
    configurations: tuple[str, ...] = ()

    @property
    def unparsed(self) -> bool:
        """Whether nothing but its text is known of it."""
        return self.doubts in ((FILE_LOST,), (FUNCTION_LOST,))

    @property
    def but_for_walkers(self) -> bool:
        """Whether it was shown to be safe except from code that finds pages by frame number."""
        return self.poison_window and self.verdict in (Verdict.EXCLUSIVE, Verdict.LOCKED)


class Coverage(msgspec.Struct, frozen=True):
    """How many places in the text name a plain writer, and what became of each.

    textual = analysed + inactive + unparsed.
    """

    textual: int
    analysed: int
    inactive: int
    unparsed: int


class Unread(msgspec.Struct, frozen=True, order=True):
    """A file, or a function of it, that could not be analysed, and why."""

    file: str
    reason: str
    function: str = ""


class Writer(msgspec.Struct, frozen=True):
    """One place that writes a flags word, plainly or atomically, over all its calling contexts.

    `flags` are the enumerators it changes, empty where the code does not say; `operation` as
    `flagtable.Operation` spells it, "" where not known. `locks` are held in every context that
    others can write in at the same time, `some_locks` in one or more of them only. `pages` says
    how the contexts have the page: "exclusive", "shared", "by frame number", "as the caller has
    it", "unknown".
    """

    file: str
    line: int
    column: int
    function: str
    helper: str
    flags: tuple[str, ...]
    word: str
    atomicity: str
    operation: str
    locks: tuple[str, ...]
    some_locks: tuple[str, ...]
    pages: tuple[str, ...]


class Suppressed(msgspec.Struct, frozen=True):
    """A finding that is not to be shown, why, and the file (`source`) that says so."""

    finding: Finding
    reason: str
    source: str


class Report(msgspec.Struct, frozen=True):
    """Everything one run has to say, ready for rendering.

    `kernel` is the tree's version; `files` are the C files that were analysed, all or in part;
    `root` the tree's absolute path (for source snippets; never printed into a report). `writers`
    are all the places that write a flags word, in the tree's order; `table` is what the header
    says of the words' bits. `suppressed` are the findings that the user's settings or baseline
    keep out of `findings`. `accidents` are files not read for reasons that may not come again.
    `configurations` are the names of those asked for, in their order, where it was several.
    """

    root: str
    kernel: str
    coverage: Coverage
    findings: tuple[Finding, ...]
    sites: tuple[Site, ...]
    files: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    doubts: tuple[tuple[str, int], ...] = ()
    writers: tuple[Writer, ...] = ()
    table: FlagTable | None = None
    suppressed: tuple[Suppressed, ...] = ()
    accidents: int = 0
    configurations: tuple[str, ...] = ()


def doubts_of(sites: Iterable[Site]) -> tuple[tuple[str, int], ...]:
    """How many sites each doubt stands in the way of, the most frequent first."""
    counts = Counter(doubt for site in sites for doubt in site.doubts)
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
