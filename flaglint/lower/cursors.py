"""Reads clang's syntax tree through libclang's C interface, as cheaply as Python can.

The binding's own Cursor class costs a Python object, an enum look-up and several calls a
node. Here one recursive clang_visitChildren builds bare `Node`s (kind, cursor, children),
and spelling, type and location are asked for only where the lowering needs them.

The functions' signatures are those of clang-c/Index.h (LLVM 18).
"""

from __future__ import annotations

import ctypes
from typing import Any

from clang import cindex

from flaglint.lower import kinds as k


class CXCursor(ctypes.Structure):
    """clang-c/Index.h: CXCursor, passed by value.

    The three words of its `data` are fields of their own: reading an array's element makes an
    object for the array first, and a traversal does that for every node.
    """

    _fields_ = (
        ("kind", ctypes.c_int),
        ("xdata", ctypes.c_int),
        ("first", ctypes.c_void_p),
        ("second", ctypes.c_void_p),
        ("third", ctypes.c_void_p),
    )


class CXType(ctypes.Structure):
    """clang-c/Index.h: CXType, passed by value."""

    _fields_ = (("kind", ctypes.c_int), ("data", ctypes.c_void_p * 2))


class CXString(ctypes.Structure):
    """clang-c/CXString.h: CXString, freed by clang_disposeString."""

    _fields_ = (("data", ctypes.c_void_p), ("flags", ctypes.c_uint))


class CXSourceLocation(ctypes.Structure):
    """clang-c/CXSourceLocation.h: CXSourceLocation, passed by value."""

    _fields_ = (("ptr_data", ctypes.c_void_p * 2), ("int_data", ctypes.c_uint))


class CXSourceRange(ctypes.Structure):
    """clang-c/CXSourceLocation.h: CXSourceRange, passed by value."""

    _fields_ = (
        ("ptr_data", ctypes.c_void_p * 2),
        ("begin", ctypes.c_uint),
        ("end", ctypes.c_uint),
    )


_VISITOR = ctypes.CFUNCTYPE(ctypes.c_int, CXCursor, CXCursor, ctypes.c_void_p)

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "clang_visitChildren": (ctypes.c_uint, [CXCursor, _VISITOR, ctypes.c_void_p]),
    "clang_getCursorSpelling": (CXString, [CXCursor]),
    "clang_getCString": (ctypes.c_char_p, [CXString]),
    "clang_disposeString": (None, [CXString]),
    "clang_getCursorType": (CXType, [CXCursor]),
    "clang_getCanonicalType": (CXType, [CXType]),
    "clang_getPointeeType": (CXType, [CXType]),
    "clang_getArrayElementType": (CXType, [CXType]),
    "clang_getTypeSpelling": (CXString, [CXType]),
    "clang_getTypeDeclaration": (CXCursor, [CXType]),
    "clang_getResultType": (CXType, [CXType]),
    "clang_Type_getSizeOf": (ctypes.c_longlong, [CXType]),
    "clang_Type_getOffsetOf": (ctypes.c_longlong, [CXType, ctypes.c_char_p]),
    "clang_getCursorReferenced": (CXCursor, [CXCursor]),
    "clang_getCursorDefinition": (CXCursor, [CXCursor]),
    "clang_getCursorLinkage": (ctypes.c_int, [CXCursor]),
    "clang_getCursorLocation": (CXSourceLocation, [CXCursor]),
    "clang_getCursorExtent": (CXSourceRange, [CXCursor]),
    "clang_getRangeStart": (CXSourceLocation, [CXSourceRange]),
    "clang_getRangeEnd": (CXSourceLocation, [CXSourceRange]),
    "clang_getExpansionLocation": (
        None,
        [
            CXSourceLocation,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_uint),
            ctypes.POINTER(ctypes.c_uint),
            ctypes.POINTER(ctypes.c_uint),
        ],
    ),
    "clang_getFileName": (CXString, [ctypes.c_void_p]),
    "clang_isCursorDefinition": (ctypes.c_uint, [CXCursor]),
    "clang_Cursor_getStorageClass": (ctypes.c_int, [CXCursor]),
    "clang_Cursor_Evaluate": (ctypes.c_void_p, [CXCursor]),
    "clang_EvalResult_getKind": (ctypes.c_int, [ctypes.c_void_p]),
    "clang_EvalResult_getAsLongLong": (ctypes.c_longlong, [ctypes.c_void_p]),
    "clang_EvalResult_dispose": (None, [ctypes.c_void_p]),
    "clang_getEnumConstantDeclValue": (ctypes.c_longlong, [CXCursor]),
    "clang_getCursorBinaryOperatorKind": (ctypes.c_int, [CXCursor]),
    "clang_getCursorUnaryOperatorKind": (ctypes.c_int, [CXCursor]),
    "clang_getTranslationUnitCursor": (CXCursor, [ctypes.c_void_p]),
    "clang_Cursor_isAnonymousRecordDecl": (ctypes.c_uint, [CXCursor]),
    "clang_getCursorSemanticParent": (CXCursor, [CXCursor]),
    "clang_isConstQualifiedType": (ctypes.c_uint, [CXType]),
    "clang_getNumArgTypes": (ctypes.c_int, [CXType]),
}


_LEAVES = frozenset(
    (
        k.TYPE_REF, k.MEMBER_REF, k.DECL_REF_EXPR, k.INTEGER_LITERAL, k.STRING_LITERAL,
        k.CHARACTER_LITERAL, k.SIZEOF_EXPR, k.UNEXPOSED_ATTR,
    )
)  # fmt: skip
"""Kinds whose children, where they have any, the lowering does not look at."""


class Node:
    """One cursor and its children, in source order."""

    __slots__ = ("children", "cursor", "kind")

    def __init__(self, kind: int, cursor: CXCursor) -> None:
        self.kind = kind
        self.cursor = cursor
        self.children: list[Node] = []


class Clang:
    """libclang's functions with their signatures, and caches that live as long as one unit.

    A record without a name is called by its place, from `root` on: the same in each copy of a tree.
    """

    def __init__(self, root: str = "") -> None:
        library = ctypes.CDLL(cindex.conf.lib._name)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
        self.lib: Any = library
        self._root = f" at {root}/"
        self._spelled: dict[tuple[int, int], str] = {}
        self._files: dict[int | None, str] = {}
        self._place = (ctypes.c_void_p(), ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint())
        self._refs = tuple(map(ctypes.byref, self._place))

    def text(self, string: CXString) -> str:
        """The string's value; frees it."""
        raw = self.lib.clang_getCString(string)
        self.lib.clang_disposeString(string)
        return raw.decode("utf-8", "replace") if raw else ""

    def spelling(self, cursor: CXCursor) -> str:
        """The name of what the cursor declares or names."""
        return self.text(self.lib.clang_getCursorSpelling(cursor))

    def type_text(self, kind: CXType) -> str:
        """The canonical type, without qualifiers of the outermost level, e.g. "struct page *"."""
        key = (kind.kind, kind.data[0] or 0)
        known = self._spelled.get(key)
        if known is None:
            canonical = self.lib.clang_getCanonicalType(kind)
            known = self.text(self.lib.clang_getTypeSpelling(canonical))
            for word in ("const ", "volatile "):
                known = known.replace(word, "")
            known = known.removesuffix("const").removesuffix("volatile").strip()
            known = known.replace(self._root, " at ")
            self._spelled[key] = known
        return known

    def declared(self, declaration: CXCursor) -> str:
        """The type of a variable; of a parameter that is declared as an array, the pointer's."""
        # libclang gives a parameter's type as it is spelled, before it decays.
        kind = self.lib.clang_getCursorType(declaration)
        spelled = self.type_text(kind)
        if declaration.kind != k.PARM_DECL or not spelled.endswith("]"):
            return spelled
        canonical = self.lib.clang_getCanonicalType(kind)
        element = self.type_text(self.lib.clang_getArrayElementType(canonical))
        return f"{element}*" if element.endswith("*") else f"{element} *"

    def place(self, location: CXSourceLocation) -> tuple[int | None, int, int]:
        """File handle, line and column of where the text (or its macro) stands."""
        handle, line, column, _ = self._place
        self.lib.clang_getExpansionLocation(location, *self._refs[:3], None)
        return handle.value, line.value, column.value

    def file_of(self, location: CXSourceLocation) -> int | None:
        """The file's handle alone: clang need not count the lines of a header for it."""
        self.lib.clang_getExpansionLocation(location, self._refs[0], None, None, None)
        return self._place[0].value

    def offset(self, location: CXSourceLocation) -> int:
        """Bytes of the file before the text (or its macro)."""
        self.lib.clang_getExpansionLocation(location, None, None, None, self._refs[3])
        return self._place[3].value

    def file_name(self, handle: int | None) -> str:
        """The path clang knows the file by, "" for none."""
        known = self._files.get(handle)
        if known is None:
            known = self.text(self.lib.clang_getFileName(handle)) if handle else ""
            self._files[handle] = known
        return known

    def evaluate(self, cursor: CXCursor) -> int | None:
        """The expression's integer value where clang can tell it."""
        result = self.lib.clang_Cursor_Evaluate(cursor)
        if not result:
            return None
        value = None
        if self.lib.clang_EvalResult_getKind(result) == 1:  # CXEval_Int
            value = int(self.lib.clang_EvalResult_getAsLongLong(result))
        self.lib.clang_EvalResult_dispose(result)
        return value

    def children(self, cursor: CXCursor) -> list[CXCursor]:
        """The direct children."""
        found: list[CXCursor] = []

        def visit(child: CXCursor, _parent: CXCursor, _data: object) -> int:
            found.append(child)
            return 1  # CXChildVisit_Continue

        self.lib.clang_visitChildren(cursor, _VISITOR(visit), None)
        return found

    def tree(self, cursor: CXCursor) -> Node:
        """The whole tree below the cursor, but for what stands in nodes of no further use."""
        root = Node(cursor.kind, cursor)
        # The path from the root to the last node seen. Statements are told apart by the
        # Stmt pointer, declarations by the Decl pointer; libclang fills both in.
        stack: list[tuple[int, int | None, int | None, list[Node]]] = [
            (cursor.kind, cursor.first, cursor.second, root.children)
        ]

        def visit(child: CXCursor, parent: CXCursor, _data: object) -> int:
            kind, first, second = parent.kind, parent.first, parent.second
            top = stack[-1]
            while (top[0] != kind or top[1] != first or top[2] != second) and len(stack) > 1:
                stack.pop()
                top = stack[-1]
            childkind = child.kind
            node = Node(childkind, child)
            top[3].append(node)
            if childkind in _LEAVES:
                return 1  # CXChildVisit_Continue
            stack.append((childkind, child.first, child.second, node.children))
            return 2  # CXChildVisit_Recurse

        self.lib.clang_visitChildren(cursor, _VISITOR(visit), None)
        return root
