"""GitHub's `primaryLocationLineHash`: a line's identity by the text that follows it.

Code scanning tells alerts apart by this hash. Its own uploader fills it in, an upload by the REST
API does not, so flaglint does. The published definition, in other words:

    take the file without blanks and tabs, every line end as one LF, 65535 (end of file) appended;
    a line's hash is the polynomial with base 37, modulo 2**64, over the 100 characters from the
    line's first one on (zeros past the end), in hexadecimal, then ":" and which line of equal
    hash this is in the file, from 1.

Characters are UTF-16 units, as JavaScript counts them. So a hash survives changes above the line
and more than about three lines below it.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from itertools import accumulate

_WINDOW, _BASE, _MASK, _EOF = 100, 37, (1 << 64) - 1, 0xFFFF
_LINE_END = re.compile("\r\n?")


def line_hashes(text: str) -> tuple[str, ...]:
    """The hash of each line, the first line's first; a text that ends with LF has an empty last."""
    kept = _LINE_END.sub("\n", text).replace(" ", "").replace("\t", "")
    units = array("H", kept.encode("utf-16-le", "replace"))
    if array("H", [1]).tobytes() != b"\x01\x00":
        units.byteswap()
    units.append(_EOF)
    starts = [0, *(place + 1 for place, unit in enumerate(units) if unit == 0x0A)]
    units.extend([0] * _WINDOW)
    # prefix[i] is the polynomial over the first i units; a window is the difference of two.
    prefix = list(accumulate(units, lambda sum_, unit: (sum_ * _BASE + unit) & _MASK, initial=0))
    gone = pow(_BASE, _WINDOW, 1 << 64)
    seen: Counter[str] = Counter()
    hashes: list[str] = []
    for start in starts:
        value = f"{(prefix[start + _WINDOW] - prefix[start] * gone) & _MASK:x}"
        seen[value] += 1
        hashes.append(f"{value}:{seen[value]}")
    return tuple(hashes)
