"""Which functions of a text its errors cost: those that are no longer what was written.

    void f(struct page *page) { x = ; __SetPageLocked(page); }     the call of g() in it is gone
    void g(void) { } }                                             may have ended too early

After an error clang goes on with what it can make of the rest, and that is another program: a
page may be used without having been looked up, or kept without having been published. So such
a function is not analysed at all: it is one that nothing is known of, and is named.

Invariants: an error costs the function that its line stands in; between two functions, those
that clang could not tell there, and the one before where the text closes more than it opened.
What is never closed costs all that follows. Text that is C after the damage is another
program, not damage.

Limits: functions that clang did not tell are told by how a head is written at a line's start.

Interface: `costs`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec

_HEAD = re.compile(
    rb"^(?:[A-Za-z_][\w \t*]*?[ \t*])?"
    rb"(?!(?:if|for|while|switch)\b)([A-Za-z_]\w*)\s*\([^;{}]*\)\s*\{",
    re.M,
)
_BODY = re.compile(rb"\)[^;{}=]*\{")
"""What the beginning of a function's body looks like, when its head is no C."""
_QUIET = re.compile(rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
_ENDLESS = "unterminated "
"""How clang's messages begin when a comment, a directive or a macro's arguments never end."""


class Span(msgspec.Struct, frozen=True):
    """A function as clang told it: its first and its last line."""

    name: str
    first: int
    last: int


class Cost(msgspec.Struct, frozen=True):
    """A function that an error costs; "" for text in which no function could be told."""

    name: str
    line: int
    message: str


def costs(
    text: bytes, errors: Iterable[tuple[int, str]], spans: Iterable[Span]
) -> tuple[Cost, ...]:
    """What the errors (line and message) of a file cost, each function once.

    `spans` are the functions that clang found in the file.
    """
    lines = [0, *(match.end() for match in re.finditer(b"\n", text))]
    known = sorted(spans, key=lambda span: span.first)
    heads = [
        (bisect_right(lines, match.start()), match[1].decode("ascii"))
        for match in _HEAD.finditer(text)
    ]
    found: dict[str, Cost] = {}
    for line, message in sorted(errors):
        hit = [span for span in known if span.first <= line <= span.last]
        before = [span for span in known if span.last < line]
        after = [span for span in known if span.first > line]
        if hit:
            first, last = min(s.first for s in hit), max(s.last for s in hit)
        else:
            first = max((span.last for span in before), default=0) + 1
            last = min((span.first for span in after), default=len(lines) + 1) - 1
        names = [span.name for span in hit]
        if message.startswith(_ENDLESS):
            last = len(lines)
            names += [span.name for span in after]
        elif not hit and before and _closes_more(_part(text, lines, first, last)):
            names.append(max(before, key=lambda span: span.last).name)
        names += [name for at, name in heads if first <= at <= last]
        if not names and _BODY.search(_part(text, lines, first, last)):
            names = [""]
        for name in names:
            found.setdefault(name, Cost(name, line, message))
    return tuple(found.values())


def _part(text: bytes, lines: Sequence[int], first: int, last: int) -> bytes:
    """Lines `first` to `last` of the text."""
    end = lines[last] if last < len(lines) else len(text)
    return text[lines[first - 1] : end] if first <= len(lines) else b""


def _closes_more(text: bytes) -> bool:
    """Whether a brace is closed that was not opened in the text."""
    depth = 0
    for brace in re.findall(rb"[{}]", _QUIET.sub(b"", text)):
        depth += 1 if brace == b"{" else -1
        if depth < 0:
            return True
    return False
