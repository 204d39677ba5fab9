"""How struct page is laid out, asked of clang."""

from __future__ import annotations

from typing import Any

from flaglint.lower import kinds as k
from flaglint.lower.cursors import Clang


def page_layout(unit: Any, member: str = "flags") -> tuple[int, int]:
    """sizeof(struct page) and the offset of its flags word, in bytes.

    `unit` is that of `flaglint.frontend.parse_references`. Raises LookupError when its headers
    define no struct page with that member.
    """
    clang = Clang()
    top = clang.lib.clang_getTranslationUnitCursor(unit.obj)
    for cursor in clang.children(top):
        if cursor.kind != k.VAR_DECL:
            continue
        kind = clang.lib.clang_getPointeeType(clang.lib.clang_getCursorType(cursor))
        size = clang.lib.clang_Type_getSizeOf(clang.lib.clang_getCanonicalType(kind))
        bits = clang.lib.clang_Type_getOffsetOf(kind, member.encode())
        if size > 0 and bits >= 0:
            return size, bits // 8
        break
    raise LookupError("the headers define no struct page with a flags word")
