"""A C file as text: where its functions, statements and calls stand.

Edits must keep every other byte of a file, #if lines included, so this reads the text itself and
needs neither preprocessor nor headers. Comments, strings and preprocessor lines are blanked out
first (`blank` keeps all offsets), then a function's body is read into nested statements.

Limits: where #if and #else both open the same brace, the function cannot be read (SeedError);
a macro that hides braces is not seen through.

The interface is `blank`, `body_of` and `statements`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from evaluation.seed import SeedError

_BLANKED = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*",
    re.S | re.M,
)
_TOKEN = re.compile(r"[A-Za-z_]\w*|[0-9]\w*|\S")
_OPEN, _CLOSE = "([{", ")]}"


class Token(msgspec.Struct, frozen=True):
    """A word, a number or one character of punctuation, and where it starts and ends."""

    text: str
    start: int
    end: int


class Statement(msgspec.Struct, frozen=True):
    """A statement and what is nested in it.

    `head` is the part that is its own: the condition of an `if` (with its keyword), a loop's
    parentheses, all of a plain statement. `parts` are the branches or the body; `kind` is `if`,
    `loop`, `block`, `plain` or `label`. `braced` says that it stands in a block, so that another
    statement may follow it without more ado.
    """

    kind: str
    start: int
    end: int
    head: tuple[int, int]
    parts: tuple[Statement, ...]
    braced: bool


def blank(text: str) -> str:
    """The text with comments, literals and preprocessor lines made spaces, line by line."""
    return _BLANKED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def body_of(blanked: str, function: str) -> tuple[int, int, int]:
    """Where a function's definition starts, where its body opens, and where the body ends.

    Raises SeedError when the file defines no such function, or two of that name.
    """
    found = []
    for match in re.finditer(rf"\b{re.escape(function)}\s*\(", blanked):
        if _depth(blanked, match.start()):
            continue
        after = _matching(blanked, match.end() - 1)
        opening = re.compile(r"(?:\s|__\w+(?:\([^)]*\))?)*\{").match(blanked, after)
        if opening:
            behind = max(blanked.rfind(mark, 0, match.start()) for mark in ";}") + 1
            start = behind + len(blanked[behind:]) - len(blanked[behind:].lstrip())
            found.append((start, opening.end() - 1, _matching(blanked, opening.end() - 1)))
    if len(found) != 1:
        raise SeedError(f"{function}(): defined {len(found)} times")
    return found[0]


def _depth(text: str, offset: int) -> bool:
    """Whether `offset` is inside a body, taken from the last brace that starts a line."""
    closing = text.rfind("\n}", 0, offset)
    opening = text.rfind("\n{", 0, offset)
    if opening > closing:
        return True
    # A body that opens at the end of its first line, as for structs and enums.
    return text.count("{", closing + 2, offset) > text.count("}", closing + 2, offset)


def _matching(text: str, opening: int) -> int:
    """The offset behind the bracket that closes the one at `opening`."""
    depth = 0
    for offset in range(opening, len(text)):
        if text[offset] in _OPEN:
            depth += 1
        elif text[offset] in _CLOSE:
            depth -= 1
            if not depth:
                return offset + 1
    raise SeedError("brackets do not match")


def statements(blanked: str, opening: int, end: int) -> tuple[Statement, ...]:
    """The statements of the block between the brace at `opening` and the one before `end`."""
    tokens = [
        Token(match.group(), match.start(), match.end())
        for match in _TOKEN.finditer(blanked, opening + 1, end - 1)
    ]
    return tuple(_Reader(tokens).block(len(tokens)))


def within(statement: Statement) -> Iterator[Statement]:
    """The statement and all that is nested in it, outermost first."""
    yield statement
    for part in statement.parts:
        yield from within(part)


class _Reader:
    """Reads tokens into statements, front to back."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def block(self, stop: int) -> Iterator[Statement]:
        """The statements up to token number `stop`."""
        while self._next < stop:
            yield self._statement(braced=True)

    def _statement(self, braced: bool) -> Statement:
        first = self._peek()
        match first.text:
            case "{":
                close = self._closing(self._next)
                self._next += 1
                parts = tuple(self.block(close))
                self._next = close + 1
                end = self._tokens[close].end
                return Statement("block", first.start, end, (first.start, first.end), parts, braced)
            case "if":
                return self._if(first, braced)
            case "while" | "for" | "switch":
                return self._loop(first, braced)
            case "do":
                self._next += 1
                body = self._statement(braced=False)
                last = self._to_semicolon()
                head = (body.end, last.end)
                return Statement("loop", first.start, last.end, head, (body,), braced)
            case "else":
                raise SeedError("an else without its if: #if branches overlap here")
            case "case" | "default":
                return self._label(first)
        if self._peek(1).text == ":" and first.text.isidentifier():
            return self._label(first)
        if self._iterates():
            return self._loop(first, braced)
        last = self._to_semicolon()
        head = (first.start, last.end)
        return Statement("plain", first.start, last.end, head, (), braced)

    def _label(self, first: Token) -> Statement:
        while self._peek().text != ":":
            self._next += 1
        last = self._peek()
        self._next += 1
        return Statement("label", first.start, last.end, (first.start, last.end), (), True)

    def _if(self, first: Token, braced: bool) -> Statement:
        self._next += 1
        if self._peek().text != "(":
            raise SeedError("an if that a macro makes")
        close = self._closing(self._next)
        head = (first.start, self._tokens[close].end)
        self._next = close + 1
        parts = [self._statement(braced=False)]
        if self._next < len(self._tokens) and self._peek().text == "else":
            self._next += 1
            parts.append(self._statement(braced=False))
        return Statement("if", first.start, parts[-1].end, head, tuple(parts), braced)

    def _loop(self, first: Token, braced: bool) -> Statement:
        close = self._closing(self._next + 1)
        head = (first.start, self._tokens[close].end)
        self._next = close + 1
        body = self._statement(braced=False)
        return Statement("loop", first.start, body.end, head, (body,), braced)

    def _iterates(self) -> bool:
        """A macro such as list_for_each_entry(): a call with a statement right behind it."""
        if self._peek(1).text != "(" or not self._peek().text.isidentifier():
            return False
        close = self._closing(self._next + 1)
        if close + 1 >= len(self._tokens):
            return False
        after = self._tokens[close + 1].text
        return after == "{" or (after.isidentifier() and "for_each" in self._peek().text)

    def _to_semicolon(self) -> Token:
        while self._peek().text != ";":
            self._next = self._closing(self._next) if self._peek().text in _OPEN else self._next
            self._next += 1
        last = self._peek()
        self._next += 1
        return last

    def _closing(self, opening: int) -> int:
        depth = 0
        for number in range(opening, len(self._tokens)):
            if self._tokens[number].text in _OPEN:
                depth += 1
            elif self._tokens[number].text in _CLOSE:
                depth -= 1
                if not depth:
                    return number
        raise SeedError("brackets do not match")

    def _peek(self, ahead: int = 0) -> Token:
        if self._next + ahead >= len(self._tokens):
            if ahead:
                return Token("", 0, 0)
            raise SeedError("the function's text ends within a statement")
        return self._tokens[self._next + ahead]
