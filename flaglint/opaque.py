"""Functions that were called without their bodies being at hand, as doubts name them.

What such a function does with a page it is passed, and where it has a page from that it gives,
is a doubt; reading the file that defines it settles the doubt.

Interface: `effect`, `source`, `by_operation`, `named`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAMED = re.compile(r"(?:what|where) (\w+)\(\) (?:does with|gets) the page")

_OPERATION = re.compile(r"what \w+\.\w+\(\) does with the page")


def effect(name: str) -> str:
    """The doubt on a page that the function was passed."""
    return f"what {name}() does with the page is not known"


def source(name: str) -> str:
    """The doubt on a page that the function gave."""
    return f"where {name}() gets the page from is not known"


def by_operation(doubt: str) -> bool:
    """Whether the doubt is what some table's function does with a page.

    Of a page that others have they leave it in doubt nothing: to get a page back from all of them
    takes a freeze or the last reference, and who has an operation called learns of neither.
    """
    return _OPERATION.match(doubt) is not None


def named(doubts: Iterable[str]) -> frozenset[str]:
    """The functions that doubts are about; a member of a table, or a pointer, is none."""
    return frozenset(match[1] for doubt in doubts if (match := _NAMED.match(doubt)))
