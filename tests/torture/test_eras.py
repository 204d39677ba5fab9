"""Headers of every era, and the same small kernel spelled as each era spells it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.test_pageflags import HEADERS, notes
from tests.torture.conftest import Tally
from tests.torture.sandbox import Box
from tests.torture.verdicts import Row

HEADER = "include/linux/page-flags.h"


@pytest.mark.parametrize("name", sorted(path.name for path in HEADERS.glob("*.h")))
def test_what_each_header_says(name: str, box: Box, tally: Tally) -> None:
    """From the command line, what tests/test_pageflags.py asks of the parser."""
    text = (HEADERS / name).read_text("utf-8")
    box.path(HEADER).write_text(text)
    config = box.home / "config"
    config.write_text("\n".join([*notes(text, "CONFIG"), "CONFIG_ODD=y"]).replace(" ", "\n"))
    outcome = box.run("flags", "--format", "json", "--config", config)
    assert (outcome.status, outcome.wrongs) == (0, ())
    found = sorted(
        f"{row['name']} {row['flag'] or '-'} {row['operation']} {row['atomicity']} {row['word']}"
        for row in outcome.document["helpers"]
    )
    wrong = set(found) ^ {*notes(text, "EXPECT"), *notes(text, "OFF")}
    tally.add("eras", inputs=1, wrong_answers=len(wrong))
    assert wrong == set()


def every(pattern: str, new: str, *files: str) -> Callable[[Path], None]:
    """Replace in files of the tree, or in all its C files and headers."""

    def change(tree: Path) -> None:
        chosen = [tree / file for file in files] or sorted(tree.rglob("*.[ch]"))
        count = 0
        for path in chosen:
            text, found = re.subn(pattern, new, path.read_text("utf-8"), flags=re.M)
            path.write_text(text, "utf-8")
            count += found
        assert count, pattern

    return change


WORD = r"((?:\b(?:page|folio|tail|nth)|\]|\))(?:->|\.)flags\b)(?!\()"
SPELLINGS: dict[str, tuple[Callable[[Path], None], ...]] = {
    # From 6.18 on.
    "the word in a struct": (
        every(WORD, r"\1.f"),
        every(
            r"^struct page \{",
            "typedef struct { unsigned long f; } memdesc_flags_t;\n#line 1\nstruct page {",
            "include/linux/mm_types.h",
        ),
        every(
            r"(?m)^(\t+)unsigned long flags;$",
            r"\1memdesc_flags_t flags;",
            "include/linux/mm_types.h",
        ),
    ),
    # Before 5.16, pages were all there was, and a folio was written through its page.
    "folios through their pages": (
        every(r"\bfolio_flags\(folio, n\)\); \}", "&(&folio->page)[n].flags); }", HEADER),
    ),
    # A header's macros may be called anything.
    "other names for the macros": (
        every(
            r"\b(?=(?:__)?(?:FOLIO_(?:TEST|SET|CLEAR)|FOLIO_FLAG|PAGEFLAG|SETPAGE|CLEARPAGE))", "X_"
        ),
        every(r"\bPF_(ANY|HEAD|NO_TAIL|NO_COMPOUND|SECOND)\b", r"Q_\1"),
        every(r"\bFOLIO_PF_(\w+)\b", r"FOLIO_Q_\1"),
    ),
    # 6.9 and later: the accessors are macros of macros, each of one operation.
    "one macro for all operations": (
        every(
            r"^#define (__)?FOLIO_(SET|CLEAR)_FLAG\(name, n\)[ \t\\]*\n.*\\?\n\{.*\}$",
            lambda m: (  # type: ignore[arg-type]
                f"#define {m[1] or ''}FOLIO_{m[2]}_FLAG(name, n) \\\n"
                f"OPERATION({m[1] or ''}folio_{m[2].lower()}, {m[1] or ''}{m[2].lower()}_bit, "
                "name, n) \\\n"
            ),
            HEADER,
        ),
        every(
            r"^#define FOLIO_SECOND_PAGE",
            "#define OPERATION(made, bitop, name, n) static __always_inline void made##_##name("
            "struct folio *folio) { bitop(PG_##name, folio_flags(folio, n)); }\n"
            "#define FOLIO_SECOND_PAGE",
            HEADER,
        ),
    ),
}


def told(rows: list[Row]) -> list[tuple[Any, ...]]:
    """What a ledger says of each place, whatever its lines are and look like."""
    keys = ("file", "function", "helper", "flag", "word", "verdict", "reason")
    return sorted(tuple(row[key] for key in keys) for row in rows)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_changes_no_verdict(
    spelling: str, box: Box, baseline: list[Row], tally: Tally
) -> None:
    for change in SPELLINGS[spelling]:
        change(box.tree)
    outcome = box.run("sites", "--format", "json", "-j", "1")
    assert (outcome.status, outcome.wrongs) == (0, ())
    before, after = told(baseline), told(outcome.document["sites"])
    tally.add("eras", inputs=1, wrong_answers=len(set(before) ^ set(after)))
    assert after == before
    assert outcome.document["unread"] == []


SHAPES = {
    "an operation nobody knows": "{ odd_operation(PG_active, &folio->flags); }",
    "a body that is no C": "{ @set(PG_active, &folio->flags) }",
    "assembler": '{ asm("odd %0" : "+m" (folio->flags)); __set_bit(PG_active, odd(folio)); }',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_unknown_shape_is_a_doubt(shape: str, box: Box, tally: Tally) -> None:
    """On a helper that is not understood hangs nothing but a doubt: no proof and no finding."""
    made = f"static inline void folio_odd_active(struct folio *folio) {SHAPES[shape]}\n"
    box.edit(HEADER, "/* page types live", f"{made}/* page types live")
    path = box.path("mm/swap.c")
    path.write_text(
        path.read_text()
        + "void odd(struct folio *folio)\n{\n\tfolio_add_lru(folio);\n"
        + "\tfolio_odd_active(folio);\n}\nEXPORT_SYMBOL(odd);\n"
    )
    flags = box.run("flags", "--format", "json").document
    outcome = box.run("sites", "--format", "json", "-j", "1")
    assert (outcome.status, outcome.wrongs) == (0, ())
    named = any("folio_odd_active" in str(row) for row in flags["helpers"]) or any(
        "odd" in str(doubt) for doubt in flags.get("doubts", ())
    )
    rows = [row for row in outcome.document["sites"] if row["helper"] == "folio_odd_active"]
    wrong = [row for row in rows if row["verdict"] != "unknown"]
    tally.add("eras", inputs=1, faults=1, unread=1, wrong_answers=len(wrong))
    assert named
    assert rows
    assert wrong == []
    assert all(row["doubts"] for row in rows)
