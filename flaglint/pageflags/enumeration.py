"""`enum pageflags` to flags: bits counted under the configuration, aliases, conditions.

    enum pageflags {
            PG_locked,                  bit 0
    #ifdef CONFIG_MMU
            PG_mlocked,                 bit 1 when the condition holds, absent otherwise
    #endif
            __NR_PAGEFLAGS,
            PG_checked = PG_locked,     alias of PG_locked
    };

Invariant: a flag that the configuration leaves out has bit -1 and takes no part in counting.
"""

from __future__ import annotations

import msgspec

from flaglint.flagtable import Flag
from flaglint.pageflags.conditions import constant
from flaglint.pageflags.declarations import Declaration
from flaglint.pageflags.lex import Token
from flaglint.pageflags.preprocess import Branch, Piece, condition_text

NO_BIT = -1


class Enumerated(msgspec.Struct, frozen=True):
    """The flags of the configuration, those it leaves out, and what was not understood."""

    flags: tuple[Flag, ...]
    absent: tuple[Flag, ...]
    doubts: tuple[str, ...]


def is_flags_enum(declaration: Declaration) -> bool:
    """Whether this declares the page flags: an enum with PG_locked, or of the known name."""
    tokens = declaration.tokens
    if tokens[0].text != "enum" or len(tokens) < 3:
        return False
    texts = {t.text for t in tokens}
    return "{" in texts and (tokens[1].text == "pageflags" or "PG_locked" in texts)


def enumerate_flags(declaration: Declaration, file: str) -> Enumerated:
    """Read the flags off the enum; enumerators that begin with "__" only count."""
    flags: list[Flag] = []
    absent: list[Flag] = []
    doubts: list[str] = []
    values: dict[str, int] = {}
    following = 0
    for name, branches, expression in _entries(declaration.pieces):
        active = all(branch.holds for branch in branches)
        texts = [t.text for t in expression]
        alias = _alias(texts)
        if active:
            if texts:
                value = constant(texts, values)
                if value is None:
                    doubts.append(f"line {name.line}: {name.text} = {' '.join(texts)}: unclear")
                    value = following
                following = value
            values[name.text] = following
            bit = following
            following += 1
        else:
            bit = NO_BIT
        if not name.text.startswith("__"):
            flag = Flag(name.text, bit, alias, file, name.line, condition_text(branches))
            (flags if active else absent).append(flag)
    present = {flag.name for flag in flags}
    return Enumerated(
        tuple(flags), tuple(f for f in absent if f.name not in present), tuple(doubts)
    )


def _alias(texts: list[str]) -> str | None:
    names = [t for t in texts if t[0].isalpha()]
    return names[0] if len(names) == 1 and set(texts) <= {names[0], "(", ")"} else None


def _entries(pieces: tuple[Piece, ...]) -> list[tuple[Token, tuple[Branch, ...], list[Token]]]:
    """The enumerators: name, the branches it stands in, the tokens of its value."""
    start = next(i for i, p in enumerate(pieces) if p.token.text == "{")
    entries: list[tuple[Token, tuple[Branch, ...], list[Token]]] = []
    fresh, depth = True, 0
    for piece in pieces[start + 1 :]:
        token = piece.token
        if token.text == "}" and depth == 0:
            break
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            fresh = True
        elif fresh:
            entries.append((token, piece.branches, []))
            fresh = False
        elif token.text != "=":
            entries[-1][2].append(token)
    return entries
