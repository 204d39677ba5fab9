"""The small parts that all sections of the page share: places, locks, chains, source frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flaglint.finding import Step
from flaglint.report.html.markup import Markup, each, join, tag
from flaglint.report.layout import SourceLine, plural

_AROUND = 3
_TAB = 8


def place(file: str, line: int) -> Markup:
    """`file:line`, which may be broken after a slash where the screen is narrow."""
    return tag("span", breakable(f"{file}:{line}", "/"), class_="place")


def call(helper: str) -> str:
    """A function gets its parentheses; "(plain RMW)" and the like have theirs."""
    return f"{helper}()" if helper.isidentifier() else helper


def breakable(name: str, after: str = "_") -> Markup:
    """A long name that may be broken after an underscore (or `after`), rather than anywhere."""
    parts = name.split(after)
    return join(*(join(part, after, tag("wbr")) for part in parts[:-1]), parts[-1])


def badge(text: str, kind: str) -> Markup:
    """A word in a coloured frame. The colour says nothing that the word does not."""
    return tag("span", text, class_=f"badge {kind}")


def locks(always: Sequence[str], sometimes: Sequence[str] = ()) -> Markup:
    """The locks that are certainly held, then those held in some contexts only."""
    shown = each(tag("code", name, class_="lock") for name in always)
    if not always:
        shown = tag("span", "no locks", class_="none")
    if sometimes:
        names = each(tag("code", name, class_="lock some") for name in sometimes)
        note = tag("summary", f"and in some contexts {plural(len(sometimes), 'lock')}")
        more = tag("details", note, names, class_="dim")
        return tag("div", shown, " ", more, class_="locks")
    return tag("span", shown, class_="locks")


def chain(steps: Sequence[Step]) -> Markup:
    """A call chain from the entry point down to the access."""
    rows = [
        tag("li", tag("code", f"{step.function}()"), " ", place(step.file, step.line))
        for step in steps
    ]
    return tag("ol", *rows, class_="chain") if rows else join()


def frame(
    source: SourceLine,
    file: str,
    line: int,
    column: int,
    word: str,
    *,
    kind: str = "error",
    around: int = _AROUND,
) -> Markup:
    """The lines about a place, with `word` (or the rest of the line) marked at `column`.

    Their common indentation is taken off.
    """
    if not source(file, line):
        return join()
    lines = {n: source(file, n) for n in range(max(line - around, 1), line + around + 1)}
    while max(lines) > line and not lines[max(lines)]:
        del lines[max(lines)]  # behind the end of the file
    margin = min((_indent(text) for text in lines.values() if text.strip()), default=0)
    rows = []
    for number, text in lines.items():
        marked = number == line
        shown = _marked(text, column, word, kind, margin) if marked else _tabs(text)[margin:]
        here = " here" if marked else ""
        rows.append(tag("span", shown or " ", class_=f"line{here}", data_n=number))
        rows.append(Markup("\n"))
    return tag(
        "figure",
        tag("figcaption", place(file, line)),
        tag(
            "pre",
            tag("code", *rows),
            tabindex=0,
            role="group",
            aria_label=f"source of {file} at line {line}",
        ),
        class_="frame",
    )


def _tabs(text: str) -> str:
    return text.expandtabs(_TAB)


def _indent(text: str) -> int:
    return len(_tabs(text)) - len(_tabs(text).lstrip())


def _marked(text: str, column: int, word: str, kind: str, margin: int) -> Markup:
    start = min(max(column - 1, len(text) - len(text.lstrip())), len(text))
    found = text.find(word, start) if word and word.isidentifier() else -1
    if found < 0:
        found = start
        stop = len(text.rstrip())
    else:
        stop = found + len(word)
    before = _tabs(text[:found])
    middle = text[found:stop]
    # Tabs count from the line's start, so what follows is laid out with what went before.
    rest = _tabs(text)[len(before) + len(_tabs(middle)) :] if "\t" not in middle else text[stop:]
    before = before[margin:]
    return join(before, tag("mark", _tabs(middle), class_=kind) if middle else None, rest)


def facts(rows: Iterable[tuple[str, Markup | str | None]]) -> Markup:
    """A list of named facts; those without a value are left out."""
    shown = [join(tag("dt", name), tag("dd", value)) for name, value in rows if value]
    return tag("dl", *shown, class_="facts") if shown else join()


def anchor(text: str, target: str, **attributes: str | bool | int | None) -> Markup:
    """A link to another part of this page."""
    return tag("a", text, href=f"#{target}", **attributes)
