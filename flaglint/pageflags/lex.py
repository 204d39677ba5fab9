"""Header text to tokens: comments and line splices gone, line numbers kept.

A logical line is what the preprocessor sees: physical lines joined at a backslash, comments
turned into space. Directives are told by their first token, so lines matter; column numbers
do not. Limits: no trigraphs, no digraphs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space>  (?: [ \t\f\v\r] | \\[ \t]*\r?\n | /\*.*?(?:\*/|\Z) | //[^\n]* )+ )
    | (?P<newline> \n )
    | (?P<name>   [A-Za-z_$][\w$]* )
    | (?P<number> \.?\d(?:[eEpP][+-]|[\w.])* )
    | (?P<string> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
    | (?P<punct>  \.\.\. | <<= | >>= | -> | \+\+ | -- | << | >> | <= | >= | == | != | && | \|\|
                | \*= | /= | %= | \+= | -= | &= | \^= | \|= | \#\# | . )
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One preprocessing token.

    `line` is where it stands, or where the outermost macro stands that it came from; `hide`
    are the macros that may not expand it again (the usual rule against endless recursion);
    `spaced` says that white space came before it, for showing text as it was written.
    """

    text: str
    line: int
    spaced: bool = False
    hide: frozenset[str] = frozenset()

    @property
    def is_name(self) -> bool:
        """Whether this is an identifier or keyword."""
        return self.text[0].isalpha() or self.text[0] in "_$"


def logical_lines(text: str) -> list[list[Token]]:
    """The tokens of `text`, one list per logical line that has any."""
    lines: list[list[Token]] = []
    current: list[Token] = []
    number = 1
    spaced = False
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup, match.group()
        if kind == "newline":
            if current:
                lines.append(current)
                current = []
            number += 1
            spaced = False
        elif kind == "space":
            number += piece.count("\n")
            spaced = True
        else:
            current.append(Token(piece, number, spaced))
            spaced = False
    if current:
        lines.append(current)
    return lines


def written(tokens: list[Token] | tuple[Token, ...]) -> str:
    """The tokens as text, with one space wherever the source had any."""
    return "".join((" " if t.spaced and i else "") + t.text for i, t in enumerate(tokens))


def matching(tokens: list[Token], start: int) -> int:
    """The index of the bracket that closes the one at `start`, or -1 when none does."""
    depth = 0
    for index in range(start, len(tokens)):
        text = tokens[index].text
        if text in ("(", "[", "{"):
            depth += 1
        elif text in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return index
    return -1


def split_commas(tokens: list[Token]) -> list[list[Token]]:
    """`tokens` cut at the commas outside of brackets; [[]] when there are no tokens."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.text in ("(", "[", "{"):
            depth += 1
        elif token.text in (")", "]", "}"):
            depth -= 1
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
