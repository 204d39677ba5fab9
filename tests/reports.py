"""Hand-made reports for the tests of renderers and of the command line."""

from __future__ import annotations

import msgspec

from flaglint.finding import (
    Coverage,
    Evidence,
    Finding,
    Level,
    RacingAccess,
    Report,
    Site,
    Step,
    Taken,
    Unread,
    Verdict,
)

SETTER = "__folio_set_partially_mapped"
LINE = f"\t\t\t{SETTER}(folio);"

RACING = RacingAccess(
    file="mm/memory-failure.c",
    line=2372,
    column=3,
    function="memory_failure",
    helper="folio_set_has_hwpoisoned",
    flag="PG_has_hwpoisoned",
    atomicity="atomic",
    locks=("mf_mutex",),
    chain=(
        Step("soft_offline_page", "mm/memory-failure.c", 2800),
        Step("memory_failure", "mm/memory-failure.c", 2372),
    ),
)

RACE = Finding(
    rule="FL001",
    level=Level.ERROR,
    file="mm/huge_memory.c",
    line=3662,
    column=4,
    end_column=4 + len(SETTER),
    function="deferred_split_folio",
    message="plain RMW of the second page's flags may lose a concurrent update",
    fingerprint="0123456789abcdef",
    word="second",
    flag="PG_partially_mapped",
    helper=SETTER,
    locks=("split_queue_lock",),
    chain=(
        Step("unmap_page_range", "mm/memory.c", 1700),
        Step("folio_remove_rmap_ptes", "mm/rmap.c", 1590),
        Step("deferred_split_folio", "mm/huge_memory.c", 3662),
    ),
    racing=(
        RACING,
        msgspec.structs.replace(
            RACING,
            file="mm/rmap.c",
            line=1300,
            helper="SetPageAnonExclusive",
            flag="PG_anon_exclusive",
            locks=(),
        ),
    ),
    why="same word, no common lock; the folio is mapped and on the LRU",
    steps=(
        "loads the second page's word",
        "folio_set_has_hwpoisoned() sets PG_has_hwpoisoned",
        "stores the word with PG_partially_mapped",
        "PG_has_hwpoisoned is lost: bad memory stays in use",
    ),
    fix="use folio_set_partially_mapped(), the atomic helper",
    taken=(Taken("split_queue_lock", "deferred_split_folio", "mm/huge_memory.c", 3655),),
    evidence=(Evidence("include/linux/page-flags.h", 870, "the header declares a plain setter"),),
    doubts=("unknown callee: ops->map",),
)

ALIAS = Finding(
    rule="FL010",
    level=Level.WARNING,
    file="include/linux/page-flags.h",
    line=186,
    column=2,
    function="",
    message="PG_partially_mapped shares its bit with PG_isolated, which is PF_ANY",
    fingerprint="fedcba9876543210",
    flag="PG_partially_mapped",
)

NOTE = Finding(
    rule="FL002",
    level=Level.NOTE,
    file="mm/memory-failure.c",
    line=2297,
    column=6,
    function="memory_failure",
    message="a pfn walker can hit 41 otherwise exclusive plain writes",
    fingerprint="00ff00ff00ff00ff",
    pedantic=True,
)

SITES = (
    Site(
        file="mm/filemap.c",
        line=1007,
        column=3,
        function="filemap_alloc",
        expression="__folio_set_locked(folio)",
        helper="__folio_set_locked",
        flag="PG_locked",
        word="head",
        verdict=Verdict.EXCLUSIVE,
        reason="allocation",
        poison_window=True,
        evidence=(
            Evidence("mm/filemap.c", 990, "the folio comes from folio_alloc()"),
            Evidence.of_caller(Step("filemap_read", "mm/filemap.c", 2400)),
            Evidence.of_caller(Step("filemap_read_folio", "mm/filemap.c", 1200)),
        ),
        doubts=(),
    ),
    Site(
        file="mm/huge_memory.c",
        line=3662,
        column=4,
        function="deferred_split_folio",
        expression=f"{SETTER}(\n\t\tfolio)",
        helper=SETTER,
        flag="PG_partially_mapped",
        word="second",
        verdict=Verdict.RACY,
        reason="published",
        poison_window=False,
        evidence=(),
        doubts=("unknown callee: ops->map",),
    ),
)

REPORT = Report(
    root="/nonexistent/linux",
    kernel="6.12.0",
    coverage=Coverage(textual=5, analysed=3, inactive=1, unparsed=1),
    findings=(RACE, ALIAS),
    sites=SITES,
    files=tuple(f"mm/{number}.c" for number in range(125)),
    unread=(Unread("mm/broken.c", "'asm/nowhere.h' file not found", "broken"),),
    doubts=(("unknown callee", 12), ("caller outside the analysed files", 3)),
)

EMPTY = Report(
    root="/nonexistent/linux",
    kernel="6.12.117",
    coverage=Coverage(0, 0, 0, 0),
    findings=(),
    sites=(),
)


def quoted(file: str, line: int) -> str:
    """The source lines that the sample finding quotes."""
    return {
        (RACE.file, RACE.line - 2): "\t\tif (partially_mapped) {",
        (RACE.file, RACE.line - 1): "\t\t\t/* the first time */",
        (RACE.file, RACE.line): LINE,
        (RACING.file, RACING.line): "\t\tfolio_set_has_hwpoisoned(folio);",
    }.get((file, line), "")
