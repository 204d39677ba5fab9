"""A rule's card for a terminal: its Markdown, wrapped to 80 columns.

    - **Use the atomic helper** (`folio_set_x()` for `__folio_set_x()`). That is the default;
      dropping it needs a written reason about the whole word.

Paragraphs and items of lists are filled anew; headings and code stay as they are.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from flaglint.report.layout import WIDTH

_ITEM = re.compile(r"([-*]|\d+\.) +")
_VERBATIM = re.compile(r"#|\||>")


def render(markdown: str) -> str:
    """The text with lines of at most 80 columns, but for code, tables and words that are longer."""
    return "".join(f"{line}\n" for block in _blocks(markdown) for line in _laid_out(block))


def _blocks(markdown: str) -> Iterator[list[str]]:
    """Runs of lines that belong together: a paragraph, an item, a code block, a line."""
    block: list[str] = []
    fenced = False
    for line in markdown.splitlines():
        fence = line.lstrip().startswith("```")
        apart = fence or not line.strip() or _ITEM.match(line) or _VERBATIM.match(line)
        if block and not fenced and apart:
            yield block
            block = []
        block.append(line)
        if fence:
            fenced = not fenced
        if not fenced and (fence or not line.strip() or _VERBATIM.match(line)):
            yield block
            block = []
    if block:
        yield block


def _laid_out(block: list[str]) -> list[str]:
    first = block[0]
    if first.lstrip().startswith("```") or _VERBATIM.match(first) or not first.strip():
        return block
    item = _ITEM.match(first)
    return textwrap.wrap(
        " ".join(line.strip() for line in block),
        WIDTH,
        subsequent_indent=" " * (item.end() if item else 0),
        break_long_words=False,
        break_on_hyphens=False,
    )
