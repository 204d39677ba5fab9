"""Macro definitions, and the expansion of a run of tokens by them.

The header's accessors are made by macros that make macros' uses:

    #define MAKE_SET(n, p)  static inline void set_##n(struct page *pg) { set_bit(PG_##n, p(pg)); }
    #define MAKE_ALL(n, p)  MAKE_TEST(n, p) MAKE_SET(n, p)
    MAKE_ALL(dirty, HEAD)

so uses are expanded as the C standard says (arguments first, `#` and `##` on the bare
arguments, rescanning with the macro's own name hidden). Every token that comes out carries the
line of the outermost use, which is where a reader looks for the accessor.
Limits: `__VA_OPT__` is not known; an expansion over `MAX_TOKENS` is refused.
"""

from __future__ import annotations

import msgspec

from flaglint.pageflags.lex import Token, split_commas, written

MAX_TOKENS = 100_000


class ExpansionError(Exception):
    """A macro could not be expanded; the message says which and why."""


class Macro(msgspec.Struct, frozen=True):
    """One #define: `params` is None for an object-like macro.

    A variadic macro's last parameter collects the rest of the arguments.
    """

    name: str
    params: tuple[str, ...] | None
    variadic: bool
    body: tuple[Token, ...]
    line: int


def define(line: list[Token]) -> Macro | None:
    """The macro of a `#define` line (tokens after `define`), or None when it is malformed."""
    if not line or not line[0].is_name:
        return None
    name = line[0]
    if len(line) < 2 or line[1].text != "(" or line[1].spaced:
        return Macro(name.text, None, False, tuple(line[1:]), name.line)
    end = next((i for i, t in enumerate(line) if t.text == ")"), -1)
    if end < 0:
        return None
    params: list[str] = []
    variadic = False
    for part in split_commas(line[2:end]):
        texts = [t.text for t in part]
        if texts and texts[-1] == "...":
            variadic = True
            params.append(texts[0] if len(texts) > 1 else "__VA_ARGS__")
        elif texts:
            params.append(texts[0])
    return Macro(name.text, tuple(params), variadic, tuple(line[end + 1 :]), name.line)


class Expander(msgspec.Struct, frozen=True):
    """Expands tokens by `macros`; names in `opaque` are left as they stand."""

    macros: dict[str, Macro]
    opaque: frozenset[str] = frozenset()

    def expand(self, tokens: list[Token]) -> list[Token]:
        """`tokens` with every macro use replaced. Raises ExpansionError past MAX_TOKENS."""
        pending = list(reversed(tokens))
        out: list[Token] = []
        work = 0
        while pending:
            token = pending.pop()
            macro = self._macro_of(token)
            if macro is None:
                out.append(token)
                continue
            if macro.params is None:
                produced = self._substitute(macro, {}, token, token.hide | {macro.name})
            else:
                if not pending or pending[-1].text != "(":
                    out.append(token)
                    continue
                arguments, closing = _arguments(pending)
                bound = _bind(macro, arguments)
                if closing is None or bound is None:
                    out.append(token)
                    continue
                del pending[len(pending) - closing :]
                hide = token.hide | {macro.name}
                produced = self._substitute(macro, bound, token, hide)
            work += len(produced) + 1
            if work > MAX_TOKENS or len(out) > MAX_TOKENS:
                raise ExpansionError(f"{macro.name} at line {token.line}: expansion too large")
            pending.extend(reversed(produced))
        return out

    def _macro_of(self, token: Token) -> Macro | None:
        if not token.is_name or token.text in token.hide or token.text in self.opaque:
            return None
        return self.macros.get(token.text)

    def _substitute(
        self, macro: Macro, bound: dict[str, list[Token]], use: Token, hide: frozenset[str]
    ) -> list[Token]:
        expanded: dict[str, list[Token]] = {}
        out: list[Token] = []
        body = macro.body
        index = 0
        paste = False
        while index < len(body):
            token = body[index]
            following = body[index + 1].text if index + 1 < len(body) else ""
            if token.text == "##" and out:
                paste = True
                index += 1
                continue
            if token.text == "#" and following in bound and macro.params is not None:
                text = written(bound[following]).replace("\\", "\\\\").replace('"', '\\"')
                piece = [Token(f'"{text}"', use.line, token.spaced)]
                index += 1
            elif token.text in bound:
                if paste or following == "##":
                    piece = bound[token.text]
                else:
                    # An argument is expanded only where it is not pasted or made a string.
                    if token.text not in expanded:
                        expanded[token.text] = self.expand(bound[token.text])
                    piece = expanded[token.text]
                # An empty argument still takes part in pasting, as nothing at all.
                piece = piece or [Token("", use.line)]
                piece = [piece[0]._replace(spaced=token.spaced), *piece[1:]]
            else:
                piece = [token]
            if paste:
                _paste(out, piece)
                paste = False
            else:
                out.extend(piece)
            index += 1
        return [t._replace(line=use.line, hide=t.hide | hide) for t in out if t.text]


def _paste(out: list[Token], piece: list[Token]) -> None:
    """Glue the first token of `piece` to the last of `out` (in place), append the rest."""
    left = out.pop()
    if left.text == "," and piece[0].text:
        out.append(left)
        out.extend(piece)
        return
    out.append(left._replace(text=left.text + piece[0].text, hide=left.hide & piece[0].hide))
    out.extend(piece[1:])


def _arguments(pending: list[Token]) -> tuple[list[list[Token]], int | None]:
    """The arguments of the `( ... )` that ends the reversed `pending`, and its token count.

    None for the count when the parenthesis is not closed.
    """
    depth = 0
    taken: list[Token] = []
    for token in reversed(pending):
        taken.append(token)
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
            if depth == 0:
                return split_commas(taken[1:-1]), len(taken)
    return [], None


def _bind(macro: Macro, arguments: list[list[Token]]) -> dict[str, list[Token]] | None:
    params = macro.params or ()
    if not params:
        return {} if arguments == [[]] else None
    if macro.variadic:
        fixed = len(params) - 1
        if len(arguments) < fixed:
            return None
        rest: list[Token] = []
        for position, argument in enumerate(arguments[fixed:]):
            if position:
                rest.append(Token(",", argument[0].line if argument else macro.line))
            rest.extend(argument)
        return {**dict(zip(params, arguments[:fixed], strict=False)), params[-1]: rest}
    if len(arguments) != len(params):
        return None
    return dict(zip(params, arguments, strict=True))
