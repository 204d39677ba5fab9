"""The table as text and as JSON, and that no header makes the reader fail."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flaglint.flagtable import HEADER, FlagTable
from flaglint.pageflags import HeaderError, read_text
from flaglint.report.flags import table_json, table_text

HEADERS = Path(__file__).resolve().parent.parent / "testdata" / "headers"
SMALL = """enum pageflags {
    PG_a,
#ifdef CONFIG_B
    PG_b,
#endif
    __NR_PAGEFLAGS,
    PG_c = PG_a,
};
static inline void folio_set_c(struct folio *f) { __set_bit(PG_c, &f->flags); }
#ifdef CONFIG_B
static inline int PageB(struct page *p) { return test_bit(PG_b, &p->flags); }
#endif
static inline void any_bits(struct folio *f, unsigned long m)
{ xor_unlock_is_negative_byte(m, &f->flags); }
static inline void lost(struct folio *f) { twist(PG_a, &f->flags); }
"""


@pytest.fixture
def table() -> FlagTable:
    return read_text(SMALL, {}, "include/linux/page-flags.h")


def test_text(table: FlagTable) -> None:
    assert table_text(table, "6.99").splitlines() == [
        "include/linux/page-flags.h of 6.99",
        "",
        "flags (2 on 1 bits; 1 not configured)",
        "  bit  flag  alias of  line  condition",
        "    0  PG_a               2",
        "    0  PG_c  PG_a         7",
        "    -  PG_b               4  defined(CONFIG_B)",
        "",
        "helpers (2 plain, 1 atomic, 0 read; 1 not configured)",
        "  helper       flag        bit  operation  atomicity  word  line  condition",
        "  folio_set_c  PG_c          0  set        plain      head     9",
        "  PageB        PG_b          -  test       read       any     11"
        "  defined(CONFIG_B) [not configured]",
        "  any_bits     (caller's)    -  change     atomic     head    13",
        "  lost         PG_a          0  change     plain      head    15  [doubt]",
        "",
        "doubts (1)",
        "  lost: unknown function twist() is given the flags word",
    ]


def test_json_is_the_documented_object(table: FlagTable) -> None:
    value = table_json(table, "6.99")
    assert json.loads(json.dumps(value)) == value
    assert value["schema"] == 1
    assert value["kernel"] == "6.99"
    assert value["flags"] == [
        {"name": "PG_a", "bit": 0, "alias_of": None, "file": HEADER, "line": 2, "condition": ""},
        {"name": "PG_c", "bit": 0, "alias_of": "PG_a", "file": HEADER, "line": 7, "condition": ""},
    ]
    helpers = value["helpers"]
    assert isinstance(helpers, list)
    assert helpers[0] == {
        "name": "folio_set_c",
        "flag": "PG_c",
        "bit": 0,
        "operation": "set",
        "atomicity": "plain",
        "word": "head",
        "takes": "folio",
        "file": HEADER,
        "line": 9,
        "condition": "",
        "active": True,
        "doubts": [],
    }
    assert (helpers[1]["bit"], helpers[1]["active"]) == (None, False)
    assert (helpers[2]["flag"], helpers[2]["bit"]) == ("", None)
    assert value["inactive"] == ["PageB"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = SMALL + '#if "\x1b[31m" \x07\n' + "static inline int PageQ(struct page *p)"
    text += " { return test_bit(PG_a, &p->flags); }\n#endif\n"
    shown = table_text(read_text(text, {}))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\\x1b[31m" in shown


HEADER_TEXTS = [path.read_text(encoding="utf-8") for path in sorted(HEADERS.glob("*.h"))]
PIECES = ["{", "}", "(", ")", "#if\n", "\n#else\n", "\n#endif\n", "##", "\\\n", "/*", '"', ";", ","]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(HEADER_TEXTS), st.data())
def test_a_mutilated_header_is_read_or_refused(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 400))
        text = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[start + length :]
    with suppress(HeaderError):
        table = read_text(text, {"CONFIG_MMU": "y"})
        assert table_text(table)
        assert {h.name for h in table.helpers} >= set(table.active())
