"""GitHub's line hash: the values its published tests give, and the definition spelt out."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.linehash import line_hashes

WORLD = ["e9496ae3ebfced30", "fb7c023a8b9ccb3f", "ce8ba1a563dcdaca", "e20e36e16fcb0cc8"]
WORLD += ["b3edc88f2938467e", "c8e28b0b4002a3a0", "c129715d7a2bc9a3"]


# The values are those of the tests of GitHub's codeql-action, which published the algorithm.
@pytest.mark.parametrize(
    ("text", "hashes"),
    [
        ("", ["c129715d7a2bc9a3:1"]),
        (
            " a\nb\n  \t\tc\n d",
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
        ),
        (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", [f"{h}:1" for h in WORLD]),
        (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", [f"{h}:1" for h in WORLD]),
        (
            " hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n",
            [f"{h}:1" for h in WORLD],
        ),
        (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", [f"{h}:1" for h in WORLD]),
        (
            "Lorem ipsum dolor sit amet.\n" * 10,
            [
                *(f"a7f2ff13bc495cf2:{number}" for number in range(1, 7)),
                "a7f2ff1481e87703:1",
                "a9cf91f7bbf1862b:1",
                "55ec222b86bcae53:1",
                "cc97dc7b1d7d8f7b:1",
                "c129715d7a2bc9a3:1",
            ],
        ),
    ],
)
def test_the_published_values(text: str, hashes: list[str]) -> None:
    assert list(line_hashes(text)) == hashes


def by_definition(text: str) -> list[str]:
    """The same, one window at a time and with nothing clever."""
    kept = re.sub("[ \t]", "", re.sub("\r\n|\r", "\n", text))
    units = [u for c in kept for u in _utf16(c)] + [0xFFFF]
    starts = [0] + [place + 1 for place, unit in enumerate(units) if unit == 10]
    seen: Counter[int] = Counter()
    hashes = []
    for start in starts:
        window = (units[start : start + 100] + [0] * 100)[:100]
        value = sum(u * 37 ** (99 - place) for place, u in enumerate(window)) % 2**64
        seen[value] += 1
        hashes.append(f"{value:x}:{seen[value]}")
    return hashes


def _utf16(char: str) -> list[int]:
    code = ord(char)
    if code < 0x10000:
        return [code]
    return [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)]


@given(st.text(st.sampled_from("ab{};\n\r \té😀"), max_size=400))
def test_as_defined(text: str) -> None:
    assert list(line_hashes(text)) == by_definition(text)


def test_a_change_far_away_changes_nothing() -> None:
    body = "".join(f"\tstatement_number_{number}(of, this, file);\n" for number in range(50))
    before, after = line_hashes(body), line_hashes("int added;\n" + body + "int more;\n")
    assert before[:40] == after[1:41]
    assert line_hashes(body.replace("\t", "    ").replace(", ", ",")) == before
