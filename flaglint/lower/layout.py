"""How struct page is laid out, asked of clang."""

from __future__ import annotations

from typing import Any

from flaglint.lower.cursors import Clang

_STRUCT_DECL = 2


def page_layout(unit: Any, member: str = "flags") -> tuple[int, int]:
    """sizeof(struct page) and the offset of its flags word, in bytes.

    `unit` is a translation unit of the common headers. Raises LookupError when it defines no
    struct page with that member.
    """
    clang = Clang()
    top = clang.lib.clang_getTranslationUnitCursor(unit.obj)
    for cursor in clang.children(top):
        if cursor.kind != _STRUCT_DECL or clang.spelling(cursor) != "page":
            continue
        if not clang.lib.clang_isCursorDefinition(cursor):
            continue
        kind = clang.lib.clang_getCursorType(cursor)
        size = clang.lib.clang_Type_getSizeOf(kind)
        bits = clang.lib.clang_Type_getOffsetOf(kind, member.encode())
        if size > 0 and bits >= 0:
            return size, bits // 8
    raise LookupError("the headers define no struct page with a flags word")
