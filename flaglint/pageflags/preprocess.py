"""The header as one stream of expanded tokens that keeps what every #if would have hidden.

    #ifdef CONFIG_MMU
    PAGEFLAG(Mlocked, mlocked, PF_HEAD)         <- tokens under (CONFIG_MMU, holds)
    #else
    PAGEFLAG_FALSE(Mlocked, mlocked)            <- tokens under (!CONFIG_MMU, does not hold)
    #endif

Both branches come out; each token has the conditions it stands under and whether they hold in
the configuration. Macros are those that a compiler would know at that line; inside a branch
that does not hold, the branch's own definitions come on top and are forgotten at its end.
Assumption: a macro's use does not reach across a directive.
Limits: #include is not followed; conditions on names from other headers count them undefined,
which is said as a doubt.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from flaglint.pageflags.conditions import Answer, ConditionError, config_macros, evaluate
from flaglint.pageflags.lex import Token, logical_lines, written
from flaglint.pageflags.macros import Expander, ExpansionError, Macro, define

_HOW_INCLUDED = ("__KERNEL__", "__ASSEMBLY__", "__ASSEMBLER__", "__GENERATING_BOUNDS_H")


class Branch(msgspec.Struct, frozen=True):
    """One branch of an #if group: its condition as text, and whether it is the one taken.

    `text` is "" where the condition is about how the header is included (its guard, assembly,
    the bounds generator) and says nothing of the kernel's configuration.
    """

    text: str
    holds: bool


class Piece(msgspec.Struct, frozen=True):
    """One expanded token and the branches it stands in, outermost first."""

    token: Token
    branches: tuple[Branch, ...]


class Preprocessed(msgspec.Struct, frozen=True):
    """The stream, what could not be decided, and the line of an #if left open, 0 for none."""

    pieces: tuple[Piece, ...]
    doubts: tuple[str, ...]
    unclosed: int = 0


class _Group(msgspec.Struct):
    """An open #if group: texts of the branches so far, and whether one of them was taken."""

    texts: list[str]
    taken: bool
    silent: bool
    line: int
    outer_macros: dict[str, Macro] | None = None


def condition_text(branches: tuple[Branch, ...]) -> str:
    """The conjunction of the branches' conditions, "" when nothing is asked."""
    return conjunction([branch.text for branch in branches if branch.text])


def conjunction(texts: list[str]) -> str:
    """The texts joined by &&, those in parentheses that bind less tightly."""
    if len(texts) > 1:
        texts = [f"({text})" if _binds_loosely(text) else text for text in texts]
    return " && ".join(texts)


def _binds_loosely(text: str) -> bool:
    depth = 0
    for index, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0 and (character == "?" or text.startswith("||", index)):
            return True
    return False


def preprocess(
    text: str, config: Mapping[str, str], opaque: frozenset[str] = frozenset()
) -> Preprocessed:
    """Expand the header `text` for `config`, leaving uses of the `opaque` names alone."""
    return _Preprocessor(config, opaque).run(logical_lines(text))


class _Preprocessor:
    def __init__(self, config: Mapping[str, str], opaque: frozenset[str]) -> None:
        self._config = config
        self._opaque = opaque
        self._macros = config_macros(config)
        long_bits = "64" if config.get("CONFIG_64BIT") == "y" else "32"
        for name, value in (("__KERNEL__", "1"), ("BITS_PER_LONG", long_bits)):
            self._macros[name] = Macro(name, None, False, (Token(value, 0),), 0)
        self._groups: list[_Group] = []
        self._branches: list[Branch] = []
        self._run: list[Token] = []
        self._pieces: list[Piece] = []
        self._doubts: list[str] = []
        self._guard = ""

    def run(self, lines: list[list[Token]]) -> Preprocessed:
        self._guard = _include_guard(lines)
        for line in lines:
            if line[0].text == "#":
                self._flush()
                self._directive(line[1:])
            else:
                self._run.extend(line)
        self._flush()
        unclosed = self._groups[-1].line if self._groups else 0
        return Preprocessed(tuple(self._pieces), tuple(dict.fromkeys(self._doubts)), unclosed)

    def _flush(self) -> None:
        if not self._run:
            return
        branches = tuple(self._branches)
        expander = Expander(self._macros, self._opaque)
        try:
            tokens = expander.expand(self._run)
        except (ExpansionError, RecursionError) as error:
            self._doubts.append(f"not expanded: {_complaint(error)}")
            tokens = self._run
        self._pieces.extend(Piece(token, branches) for token in tokens)
        self._run = []

    def _directive(self, line: list[Token]) -> None:
        if not line:
            return
        word, rest = line[0], line[1:]
        match word.text:
            case "define":
                macro = define(rest)
                if macro is not None:
                    self._macros[macro.name] = macro
            case "undef" if rest:
                self._macros.pop(rest[0].text, None)
            case "if" | "ifdef" | "ifndef":
                self._open(word, rest)
            case "elif" | "elifdef" | "elifndef" | "else" if self._groups:
                self._next_branch(word, rest)
            case "endif" if self._groups:
                self._close_branch()
                self._groups.pop()
            case "elif" | "elifdef" | "elifndef" | "else" | "endif":
                self._doubts.append(f"line {word.line}: #{word.text} without #if")

    def _open(self, word: Token, rest: list[Token]) -> None:
        text, holds = self._judge(word, rest)
        asked = [t.text for t in rest if t.is_name and t.text != "defined"]
        silent = bool(asked) and all(n == self._guard or n in _HOW_INCLUDED for n in asked)
        self._groups.append(_Group([text], holds, silent, word.line))
        self._enter(Branch("" if silent else text, holds))

    def _next_branch(self, word: Token, rest: list[Token]) -> None:
        self._close_branch()
        group = self._groups[-1]
        refused = [negated(text) for text in group.texts]
        if word.text == "else":
            asked, holds = refused, not group.taken
        else:
            text, value = self._judge(word, rest)
            asked, holds = [*refused, text], value and not group.taken
            group.texts.append(text)
        group.taken = group.taken or holds
        self._enter(Branch("" if group.silent else conjunction(asked), holds))

    def _enter(self, branch: Branch) -> None:
        self._branches.append(branch)
        group = self._groups[-1]
        if not branch.holds:
            group.outer_macros = self._macros
            self._macros = dict(self._macros)

    def _close_branch(self) -> None:
        self._branches.pop()
        group = self._groups[-1]
        if group.outer_macros is not None:
            self._macros = group.outer_macros
            group.outer_macros = None

    def _judge(self, word: Token, rest: list[Token]) -> tuple[str, bool]:
        """The text of a directive's condition, and whether it holds."""
        if word.text in ("ifdef", "elifdef", "ifndef", "elifndef"):
            name = rest[0].text if rest else ""
            defined = name in self._macros
            negative = word.text.endswith("ndef")
            return f"{'!' if negative else ''}defined({name})", defined is not negative
        text = written(rest)
        try:
            answer = evaluate(rest, self._macros, self._config)
        except (ConditionError, ExpansionError, RecursionError) as error:
            self._doubts.append(f"line {word.line}: #if {text}: {_complaint(error)}")
            answer = Answer(0)
        for name in answer.unknown:
            self._doubts.append(f"line {word.line}: #if {text}: {name} is not known here")
        return text, bool(answer.value)


def _complaint(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def negated(text: str) -> str:
    """The condition that holds when `text` does not."""
    simple = text.startswith("!defined(") and text.find(")") == len(text) - 1
    if simple:
        return text[1:]
    if text.startswith("defined(") and text.find(")") == len(text) - 1:
        return f"!{text}"
    return f"!({text})"


def _include_guard(lines: list[list[Token]]) -> str:
    """The name of the header's include guard: its first #ifndef, defined right after."""
    directives = [line for line in lines if line[0].text == "#" and len(line) > 2][:2]
    if len(directives) < 2 or directives[0][1].text != "ifndef":
        return ""
    name = directives[0][2].text
    return name if [t.text for t in directives[1][1:3]] == ["define", name] else ""
