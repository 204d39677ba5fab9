"""HTML that cannot be injected into: text is escaped where it enters, not where it is remembered.

    tag("a", site.function, href="#x")      the function's name is escaped, whatever it is

A plain `str` is text and gets escaped; only `tag` and `join` make `Markup`, which is kept as it
is. Characters that reorder or hide what is read (controls, bidirectional marks) become visible
escapes, as in the reports for terminals: a source comment must not look like other code.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from flaglint.report.layout import printable

_VOID = frozenset(("meta", "link", "input", "br", "wbr"))


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """`text` as HTML; Markup stays as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(printable(text)))


def join(*parts: str | None) -> Markup:
    """The parts one after the other, text escaped; None is left out."""
    return Markup("".join(escape(part) for part in parts if part is not None))


def each(parts: Iterable[str]) -> Markup:
    """`join` of as many parts as there are."""
    return join(*parts)


def tag(name: str, /, *children: str | None, **attributes: str | bool | int | None) -> Markup:
    """An element. `class_` is written for class, `data_word` for data-word.

    An attribute that is None or False is left out, one that is True has no value.
    """
    shown = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        shown.append(
            f" {attribute}"
            if value is True
            else f' {attribute}="{html.escape(printable(str(value)))}"'
        )
    opened = f"<{name}{''.join(shown)}>"
    if name in _VOID:
        return Markup(opened)
    return Markup(f"{opened}{join(*children)}</{name}>")


def raw(name: str, content: str, **attributes: str) -> Markup:
    """A script or style element around flaglint's own text.

    The parser of HTML ends such an element at its closing tag, so that must not stand inside.
    """
    assert f"</{name}" not in content.lower()
    empty = tag(name, **attributes)
    end = f"</{name}>"
    return Markup(empty.removesuffix(end) + content + end)
