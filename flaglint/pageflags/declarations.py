"""The stream cut into declarations at file level: the flags' enum and the functions.

A declaration belongs to the #if branches that its first token stands in. Inside of it only
tokens count whose further branches hold, so that a body with an #ifdef in it is read as the
configuration has it, also where the whole function is under a false condition:

    #ifdef CONFIG_SWAP                      <- does not hold: the function is inactive
    static inline int PageSwapCache(struct page *page)
    {
    #ifdef CONFIG_THP_SWAP                  <- holds: the line is part of the body
            page = compound_head(page);
    #endif

Limit: a function whose opening brace stands in two sibling branches is dropped, with a doubt.
"""

from __future__ import annotations

import re

import msgspec

from flaglint.pageflags.lex import Token, matching, split_commas, written
from flaglint.pageflags.preprocess import Branch, Piece

_ATTRIBUTE = re.compile(
    r"__(attribute|acquires|releases|must_hold|cond_|no_|printf|section|aligned|diagnose|guarded)"
)
_SPECIFIERS_TEXT = """
    static inline extern const volatile struct union enum unsigned signed void int long short
    char bool _Bool typedef noinline __inline __inline__ __always_inline
"""
_SPECIFIERS = frozenset(_SPECIFIERS_TEXT.split())
_CLOSES = {")": "(", "]": "[", "}": "{"}


class Declaration(msgspec.Struct, frozen=True):
    """One declaration: the tokens that count, and every piece for an enum's sake."""

    tokens: tuple[Token, ...]
    pieces: tuple[Piece, ...]
    branches: tuple[Branch, ...]

    @property
    def active(self) -> bool:
        """Whether the configuration has this declaration."""
        return all(branch.holds for branch in self.branches)


class Parameter(msgspec.Struct, frozen=True):
    """A function's parameter; `struct` is what it points to ("page"), "" for anything else."""

    name: str
    struct: str


class FunctionText(msgspec.Struct, frozen=True):
    """A function definition before its body is parsed.

    `line` is that of its name; `gives_pointer` says that it returns one.
    """

    name: str
    line: int
    params: tuple[Parameter, ...]
    gives_pointer: bool
    body: tuple[Token, ...]
    branches: tuple[Branch, ...]

    @property
    def active(self) -> bool:
        """Whether the configuration has this definition."""
        return all(branch.holds for branch in self.branches)


def declarations(pieces: tuple[Piece, ...]) -> tuple[list[Declaration], list[str]]:
    """The declarations in file order, and doubts about text that fits none."""
    cutter = _Cutter()
    for piece in pieces:
        cutter.take(piece)
    cutter.end()
    return cutter.found, cutter.doubts


class _Cutter:
    def __init__(self) -> None:
        self.found: list[Declaration] = []
        self.doubts: list[str] = []
        self._pieces: list[Piece] = []
        self._tokens: list[Token] = []
        self._branches: tuple[Branch, ...] = ()
        self._open: list[str] = []
        self._is_body = False

    def take(self, piece: Piece) -> None:
        start = len(self._branches)
        if self._pieces and piece.branches[:start] != self._branches:
            self._leave_branch()
        elif self._pieces and not self._open and self._at_macro_use_end(piece):
            self._finish()
        if not self._pieces:
            self._branches = piece.branches
        self._pieces.append(piece)
        if not all(b.holds for b in piece.branches[len(self._branches) :]):
            return
        token = piece.token
        if token.text == "{" and not self._open:
            self._is_body = self._opens_body()
        self._tokens.append(token)
        self._bracket(token.text)
        if not self._open and (token.text == ";" or (token.text == "}" and self._is_body)):
            self._finish()

    def _bracket(self, text: str) -> None:
        """Keep count of what is open; a brace also closes what was left open inside of it."""
        if text in _CLOSES.values():
            self._open.append(text)
        elif text in _CLOSES:
            while self._open and self._open[-1] != _CLOSES[text] and text == "}":
                self._open.pop()
            if self._open and self._open[-1] == _CLOSES[text]:
                self._open.pop()

    def end(self) -> None:
        if self._pieces:
            self._leave_branch()

    def _opens_body(self) -> bool:
        if not self._tokens or self._tokens[0].text in ("typedef", "enum"):
            return False
        return any(t.text == ")" for t in self._tokens) and self._tokens[-1].text != "="

    def _at_macro_use_end(self, piece: Piece) -> bool:
        """Whether a use of an unknown macro, standing alone, ends before `piece`."""
        last = self._pieces[-1]
        return last.branches != piece.branches and last.token.text == ")"

    def _leave_branch(self) -> None:
        """The stream left the branch that the declaration began in."""
        if self._open:
            line = self._pieces[0].token.line
            self.doubts.append(f"line {line}: declaration is cut by a preprocessor branch")
            self._reset()
        else:
            self._finish()

    def _finish(self) -> None:
        if any(t.text != ";" for t in self._tokens):
            self.found.append(Declaration(tuple(self._tokens), tuple(self._pieces), self._branches))
        self._reset()

    def _reset(self) -> None:
        self._pieces, self._tokens, self._open, self._is_body = [], [], [], False
        self._branches = ()


def function_text(declaration: Declaration) -> FunctionText | None:
    """The function that `declaration` defines, None when it is something else."""
    tokens = list(declaration.tokens)
    if tokens[-1].text != "}" or tokens[0].text in ("typedef", "enum"):
        return None
    depth, opening = 0, -1
    for index, token in enumerate(tokens):
        if token.text == "{" and depth == 0:
            opening = index
            break
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0)
    if opening < 0:
        return None
    at = _parameter_list(tokens[:opening])
    if at < 1:
        return None
    name = tokens[at - 1]
    close = matching(tokens, at)
    params = tuple(_parameter(part) for part in split_commas(tokens[at + 1 : close]) if part)
    return FunctionText(
        name=name.text,
        line=name.line,
        params=params,
        gives_pointer=any(t.text == "*" for t in tokens[: at - 1]),
        body=tuple(tokens[opening:]),
        branches=declaration.branches,
    )


def _parameter_list(head: list[Token]) -> int:
    """The index of the "(" that opens the parameters, -1 when `head` has none.

    Uses of unknown macros and attributes have parentheses too, so the last list that mentions
    a struct is taken, else the last one that does not belong to an attribute.
    """
    candidates: list[tuple[bool, int]] = []
    index = 0
    while index < len(head):
        if head[index].text != "(":
            index += 1
            continue
        close = matching(head, index)
        if close < 0:
            break
        named = index > 0 and head[index - 1].is_name
        if named and not _ATTRIBUTE.match(head[index - 1].text):
            inside = {t.text for t in head[index + 1 : close]}
            candidates.append(("struct" in inside or not candidates, index))
        index = close + 1
    preferred = [at for good, at in candidates if good]
    return (preferred or [at for _, at in candidates] or [-1])[-1]


def _parameter(tokens: list[Token]) -> Parameter:
    texts = [t.text for t in tokens]
    names = [t.text for t in tokens if t.is_name and t.text not in _SPECIFIERS]
    struct = ""
    if "*" in texts and "struct" in texts[:-1]:
        struct = texts[texts.index("struct") + 1]
    name = names[-1] if names else ""
    return Parameter("" if name == struct and texts.count(name) == 1 else name, struct)


def unknown_uses(declaration: Declaration, flags: frozenset[str]) -> list[str]:
    """Doubts about file-level calls in front of, or instead of, a declaration.

    A call at file level is a macro that this header does not define. It matters when one of
    its arguments is a flag's name without its prefix, for then it may make accessors.
    """
    tokens = list(declaration.tokens)
    doubts: list[str] = []
    while len(tokens) > 2 and tokens[1].text == "(" and tokens[0].text not in _SPECIFIERS:
        close = matching(tokens, 1)
        rest = tokens[close + 1 :]
        standing_alone = close > 0 and (not rest or rest[0].text == ";" or rest[0].is_name)
        if not standing_alone:
            break
        named = {t.text for t in tokens[2:close]}
        if named & flags or any(f"PG_{n}" in flags for n in named):
            use = written(tokens[: close + 1])
            doubts.append(f"line {tokens[0].line}: {use}: no such macro is known")
        tokens = rest
    return doubts
