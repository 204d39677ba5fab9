"""A function body as a pycparser tree.

pycparser reads standard C and a few extensions (statement expressions among them). What it
does not read is replaced by something that means the same to an accessor:

    typeof(x)        a type name          __attribute__((...)), asm(...)    nothing
    a ?: b           a ? a : b            case 1 ... 3:                     case 1:

Type names that are declared elsewhere are told by where they stand (two names in a row, a name
in front of a cast's operand). Anything that still does not parse raises BodyError.
"""

from __future__ import annotations

from pycparser import c_ast, c_parser

from flaglint.pageflags.lex import Token, matching

_TYPEOF = frozenset({"typeof", "__typeof__", "__typeof", "typeof_unqual", "__auto_type"})
_SKIPPED_CALLS = frozenset({"__attribute__", "__attribute", "asm", "__asm__", "__asm"})
_SKIPPED_TEXT = """
    __extension__ __maybe_unused __always_unused __force __user __iomem __rcu __percpu
    volatile __volatile__ noinline __always_inline fallthrough
"""
_KEYWORDS_TEXT = """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef
    union unsigned void while _Bool _Generic _Alignof _Static_assert
"""
_USUAL_TYPES_TEXT = """
    bool u8 u16 u32 u64 s8 s16 s32 s64 size_t ssize_t ulong uint gfp_t pgoff_t uintptr_t
"""
_SKIPPED = frozenset(_SKIPPED_TEXT.split())
_KEYWORDS = frozenset(_KEYWORDS_TEXT.split())
_USUAL_TYPES = tuple(_USUAL_TYPES_TEXT.split())
_SOME_TYPE = "__typeof_name"


class BodyError(Exception):
    """The body is no C that pycparser reads; the message is its complaint."""


class BodyParser:
    """Parses bodies one by one; a failure in one leaves the others alone."""

    def __init__(self) -> None:
        self._parser = c_parser.CParser()

    def parse(self, body: tuple[Token, ...], params: tuple[str, ...] = ()) -> c_ast.Compound:
        """The compound statement of `body` (braces included). Raises BodyError."""
        texts = _readable(list(body))
        named = {_SOME_TYPE, *_USUAL_TYPES}.intersection(texts) | set(_type_names(texts))
        typedefs = " ".join(f"typedef int {name};" for name in sorted(named.difference(params)))
        source = f"{typedefs} void f(void) {' '.join(texts)}"
        try:
            tree = self._parser.parse(source)
        except (c_parser.ParseError, RecursionError, AssertionError, AttributeError) as error:
            raise BodyError(str(error).partition(": ")[2] or "nested too deeply") from error
        definition = tree.ext[-1]
        if not isinstance(definition, c_ast.FuncDef):
            raise BodyError("more than one declaration in a body")
        return definition.body


def _readable(tokens: list[Token]) -> list[str]:
    out: list[str] = []
    index = 0
    while index < len(tokens):
        text = tokens[index].text
        index += 1
        if text in _TYPEOF:
            out.append(_SOME_TYPE)
            index = _after_parentheses(tokens, index)
        elif text in _SKIPPED_CALLS:
            while index < len(tokens) and tokens[index].text in ("volatile", "goto", "inline"):
                index += 1
            index = _after_parentheses(tokens, index)
        elif text in _SKIPPED:
            continue
        elif text == "?" and index < len(tokens) and tokens[index].text == ":":
            out.extend(("?", "0"))
        elif text == "..." and index < len(tokens):
            index += 1
        else:
            out.append(text)
    return out


def _after_parentheses(tokens: list[Token], index: int) -> int:
    if index < len(tokens) and tokens[index].text == "(":
        close = matching(tokens, index)
        return close + 1 if close > 0 else len(tokens)
    return index


def _type_names(texts: list[str]) -> list[str]:
    """Names that stand where only a type can: `T x`, `(T) x`, `(T *)`."""
    found: list[str] = []
    for index, text in enumerate(texts[:-1]):
        if not _is_name(text) or (index and texts[index - 1] in ("struct", "union", "enum")):
            continue
        before = texts[index - 1] if index else ""
        after = texts[index + 1]
        later = texts[index + 2] if index + 2 < len(texts) else ""
        declares = _is_name(after) and before in ("{", "}", ";", "(", "const", "static", ":")
        casts = before == "(" and after == ")" and (_is_name(later) or later[:1].isdigit())
        points = before == "(" and after == "*" and later == ")"
        if declares or (casts and not _is_call(texts, index)) or points:
            found.append(text)
    return found


def _is_call(texts: list[str], index: int) -> bool:
    """Whether the parenthesis before `index` follows a name: the operand list of a call."""
    return index >= 2 and _is_name(texts[index - 2])


def _is_name(text: str) -> bool:
    return (text[0].isalpha() or text[0] == "_") and text not in _KEYWORDS
