"""The little Markdown that rule cards are written in, as HTML: paragraphs, lists, code, stress."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flaglint.report.html.markup import Markup, join, tag

_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|(?<!\w)\*(\w[^*\s]*)\*(?!\w)")
_ITEM = re.compile(r"(?:-|(\d+)\.)\s+")


def prose(text: str) -> Markup:
    """Paragraphs parted by empty lines; an item's further lines are indented."""
    return join(*(_block(block) for block in re.split(r"\n\s*\n", text.strip()) if block))


def lines(text: str) -> Markup:
    """Preformatted lines, each escaped for itself."""
    return join(*(join(line.expandtabs(8), Markup("\n")) for line in text.strip("\n").split("\n")))


def _block(block: str) -> Markup:
    items: list[list[str]] = []
    for line in block.split("\n"):
        if _ITEM.match(line):
            items.append([_ITEM.sub("", line, count=1)])
        elif items:
            items[-1].append(line.strip())
        else:
            return tag("p", *_inline(" ".join(block.split())))
    first = _ITEM.match(block)
    name = "ol" if first and first.group(1) else "ul"
    return tag(name, *(tag("li", *_inline(" ".join(item))) for item in items))


def _inline(text: str) -> Iterator[str]:
    end = 0
    for match in _INLINE.finditer(text):
        yield text[end : match.start()]
        code, strong, stressed = match.groups()
        if code:
            yield tag("code", code)
        else:
            yield tag("strong", *_inline(strong)) if strong else tag("em", stressed)
        end = match.end()
    yield text[end:]
