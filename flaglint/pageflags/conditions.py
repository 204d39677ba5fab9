"""The controlling expressions of #if, evaluated for one configuration and kept as text.

    #if defined(CONFIG_64BIT) && !IS_ENABLED(CONFIG_NUMA)

A configuration maps CONFIG_ symbols to "y", "m" or a value; as in the kernel's own generated
header, "y" defines the symbol as 1, "m" defines only SYMBOL_MODULE, anything else is the value.
A name that nothing defines counts as 0, as the C standard says; when it is no CONFIG_ symbol
it is reported, since it may come from a header that is not read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from flaglint.pageflags.lex import Token, matching
from flaglint.pageflags.macros import Expander, Macro

_OPERATORS: dict[str, tuple[int, Callable[[int, int], int]]] = {
    "||": (1, lambda a, b: int(bool(a) or bool(b))),
    "&&": (2, lambda a, b: int(bool(a) and bool(b))),
    "|": (3, lambda a, b: a | b),
    "^": (4, lambda a, b: a ^ b),
    "&": (5, lambda a, b: a & b),
    "==": (6, lambda a, b: int(a == b)),
    "!=": (6, lambda a, b: int(a != b)),
    "<": (7, lambda a, b: int(a < b)),
    ">": (7, lambda a, b: int(a > b)),
    "<=": (7, lambda a, b: int(a <= b)),
    ">=": (7, lambda a, b: int(a >= b)),
    "<<": (8, lambda a, b: a << b if 0 <= b < 64 else 0),
    ">>": (8, lambda a, b: a >> b if 0 <= b < 64 else 0),
    "+": (9, lambda a, b: a + b),
    "-": (9, lambda a, b: a - b),
    "*": (10, lambda a, b: a * b),
    "/": (10, lambda a, b: a // b if b else 0),
    "%": (10, lambda a, b: a % b if b else 0),
}
_UNARY: dict[str, Callable[[int], int]] = {
    "!": lambda a: int(not a),
    "-": lambda a: -a,
    "+": lambda a: a,
    "~": lambda a: ~a,
}
_CONFIG_QUESTIONS: dict[str, tuple[str, ...]] = {
    "IS_ENABLED": ("y", "m"),
    "IS_BUILTIN": ("y",),
    "IS_MODULE": ("m",),
    "IS_REACHABLE": ("y",),
}


class ConditionError(Exception):
    """A controlling expression could not be evaluated; the message says why."""


class Answer(msgspec.Struct, frozen=True):
    """The value of an expression, and the names in it that nothing defines."""

    value: int
    unknown: tuple[str, ...] = ()


def number(text: str) -> int | None:
    """The value of a C integer constant, None for anything else."""
    digits = text.rstrip("uUlL")
    try:
        if digits[:2] in ("0x", "0X"):
            return int(digits, 16)
        if digits[:2] in ("0b", "0B"):
            return int(digits, 2)
        return int(digits, 8) if len(digits) > 1 and digits[0] == "0" else int(digits)
    except ValueError:
        return None


def config_macros(config: Mapping[str, str]) -> dict[str, Macro]:
    """The macros that the kernel's generated autoconf.h would define for `config`."""
    macros: dict[str, Macro] = {}
    for symbol, value in config.items():
        if value in ("n", ""):
            continue
        name = f"{symbol}_MODULE" if value == "m" else symbol
        text = "1" if value in ("y", "m") else value
        macros[name] = Macro(name, None, False, (Token(text, 0),), 0)
    return macros


def evaluate(tokens: list[Token], macros: dict[str, Macro], config: Mapping[str, str]) -> Answer:
    """The value of an #if expression. Raises ConditionError when it is no expression."""
    unknown: list[str] = []
    plain = Expander(macros).expand(_answer_questions(tokens, macros, config))
    parser = _Parser([t.text for t in plain], lambda name: _undefined(name, unknown))
    value = parser.whole()
    return Answer(value, tuple(dict.fromkeys(unknown)))


def constant(texts: list[str], names: Mapping[str, int]) -> int | None:
    """The value of an integer constant expression over `names`, None when it is not one."""

    def look_up(name: str) -> int:
        if name not in names:
            raise ConditionError(name)
        return names[name]

    try:
        return _Parser(texts, look_up).whole()
    except ConditionError:
        return None


def _undefined(name: str, unknown: list[str]) -> int:
    if not name.startswith("CONFIG_"):
        unknown.append(name)
    return 0


def _answer_questions(
    tokens: list[Token], macros: dict[str, Macro], config: Mapping[str, str]
) -> list[Token]:
    """Replace defined(X) and IS_ENABLED(X), whose operand must not be expanded."""
    out: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        accepted = _CONFIG_QUESTIONS.get(token.text)
        if token.text != "defined" and accepted is None:
            out.append(token)
            index += 1
            continue
        following = index + 1
        if following < len(tokens) and tokens[following].text == "(":
            end = matching(tokens, following)
            operand = tokens[following + 1].text if end == following + 2 else ""
        else:
            end = following
            operand = tokens[following].text if following < len(tokens) else ""
        if end < 0 or not operand:
            raise ConditionError(f"{token.text} without a name")
        value = config.get(operand, "n")
        holds = operand in macros if accepted is None else value in accepted
        out.append(token._replace(text=str(int(holds))))
        index = end + 1
    return out


class _Parser:
    """A precedence climber over the texts of one expression's tokens."""

    def __init__(self, texts: list[str], resolve: Callable[[str], int]) -> None:
        self._texts = texts
        self._resolve = resolve
        self._at = 0
        self._depth = 0

    def whole(self) -> int:
        value = self._ternary()
        if self._at != len(self._texts):
            raise ConditionError(f"unexpected {self._texts[self._at]!r}")
        return value

    def _peek(self) -> str:
        return self._texts[self._at] if self._at < len(self._texts) else ""

    def _expect(self, text: str) -> None:
        if self._peek() != text:
            raise ConditionError(f"expected {text!r} before {self._peek()!r}")
        self._at += 1

    def _ternary(self) -> int:
        self._depth += 1
        if self._depth > 200:
            raise ConditionError("nested too deeply")
        condition = self._binary(1)
        if self._peek() == "?":
            self._at += 1
            yes = self._ternary()
            self._expect(":")
            no = self._ternary()
            condition = yes if condition else no
        self._depth -= 1
        return condition

    def _binary(self, floor: int) -> int:
        left = self._unary()
        while True:
            strength, apply = _OPERATORS.get(self._peek(), (0, None))
            if apply is None or strength < floor:
                return left
            self._at += 1
            left = apply(left, self._binary(strength + 1))

    def _unary(self) -> int:
        text = self._peek()
        self._at += 1
        if text in _UNARY:
            return _UNARY[text](self._unary())
        if text == "(":
            value = self._ternary()
            self._expect(")")
            return value
        literal = number(text) if text[:1].isdigit() else None
        if literal is not None:
            return literal
        if text[:1].isalpha() or text[:1] == "_":
            value = self._resolve(text)
            if self._peek() == "(":
                self._skip_call()
            return value
        raise ConditionError(f"unexpected {text!r}" if text else "ends too early")

    def _skip_call(self) -> None:
        depth = 0
        while self._at < len(self._texts):
            depth += {"(": 1, ")": -1}.get(self._peek(), 0)
            self._at += 1
            if depth == 0:
                return
        raise ConditionError("unclosed call")
