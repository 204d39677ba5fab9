"""What lowering one translation unit needs to know besides the tree: files, keys, layouts.

A function's key is its name, or name@file when its linkage is internal. Bodies that stand in
headers are found by demand: `function_key` notes each one it meets that is defined outside
the main file: in `needs` where the header is shared by all units, whose functions are lowered
once for all, else in `inlines`, which `flaglint.lower.unit` lowers with the file. `named` has
them all, since it was last cleared.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from flaglint import ir
from flaglint.location import Location
from flaglint.lower import kinds as k
from flaglint.lower.cursors import Clang, CXCursor, CXType, Node

_BY_ATTRIBUTE = ("class_", "__free_")
"""What the names of functions begin with that only attributes refer to."""
_CLEANUP = re.compile(rb"__free\s*\(\s*(\w+)\s*\)|cleanup(?:__)?\s*\(\s*(\w+)\s*\)")


class Context:
    """The shared state of one unit's lowering. `file` and `shared` are relative to `root`.

    A `file` of "" stands for the shared headers themselves, whose functions are then `inlines`.
    `text` gives a file's bytes.
    """

    def __init__(
        self,
        clang: Clang,
        root: str,
        file: str,
        unit: CXCursor,
        shared: frozenset[str],
        text: Callable[[str], bytes],
    ) -> None:
        self.clang = clang
        self.lib = clang.lib
        self.file = file
        self.inlines: dict[str, CXCursor] = {}
        self.needs: set[str] = set()
        self.named: set[str] = set()
        self.statics: list[Node] = []
        """Functions' static variables: initialised once, before the first call."""
        self._outside: set[str] = set()
        self._shared = shared
        self._text = text
        self._root = os.path.join(root, "")
        self._unit = unit
        self._files: dict[int | None, str] = {}
        self._keys: dict[int | None, str] = {}
        self._fields: dict[tuple[str, str], ir.Field] = {}
        self._layouts: dict[int | None, list[ir.Field]] = {}
        self._classes: dict[str, CXCursor] | None = None
        self._frees: dict[bytes, str] = {}

    def relative(self, handle: int | None) -> str:
        """The file's path from the tree's root; as clang has it when it lies outside."""
        known = self._files.get(handle)
        if known is None:
            name = os.path.normpath(self.clang.file_name(handle)) if handle else ""
            known = name.removeprefix(self._root)
            self._files[handle] = known
        return known

    def where(self, cursor: CXCursor) -> Location:
        """Where the cursor's text stands; a macro's expansion stands where it is used."""
        handle, line, column = self.clang.place(self.lib.clang_getCursorLocation(cursor))
        return Location(self.relative(handle), line, column)

    def file_of(self, cursor: CXCursor) -> str:
        """The file of `where`."""
        return self.relative(self.clang.file_of(self.lib.clang_getCursorLocation(cursor)))

    def extent(self, cursor: CXCursor) -> tuple[int, int]:
        """The offsets in its file, in bytes, at which the cursor's text starts and ends."""
        span = self.lib.clang_getCursorExtent(cursor)
        start = self.clang.offset(self.lib.clang_getRangeStart(span))
        return start, self.clang.offset(self.lib.clang_getRangeEnd(span))

    def lines(self, cursor: CXCursor) -> tuple[int, int]:
        """The first and the last line of the cursor's text."""
        span = self.lib.clang_getCursorExtent(cursor)
        start = self.clang.place(self.lib.clang_getRangeStart(span))
        end = self.clang.place(self.lib.clang_getRangeEnd(span))
        return start[1], end[1]

    def function_key(self, declaration: CXCursor, name: str) -> str:
        """The key of the function that a reference names."""
        identity = declaration.first
        known = self._keys.get(identity)
        if known is not None:
            if known in self._outside:
                self.named.add(known)
            return known
        key = name
        definition = self.lib.clang_getCursorDefinition(declaration)
        if definition.kind == k.FUNCTION_DECL:
            file = self.file_of(definition)
            if self.lib.clang_getCursorLinkage(definition) == k.LINKAGE_INTERNAL:
                key = f"{name}@{file}"
            if file != self.file:
                self._outside.add(key)
                self.named.add(key)
                if self.file and file in self._shared:
                    self.needs.add(key)
                else:
                    self.inlines.setdefault(key, definition)
        self._keys[identity] = key
        return key

    def inline_key(self, name: str) -> str:
        """The key of a header's inline function that only an attribute names, or the name."""
        if self._classes is None:
            self._classes = {}
            for cursor in self.clang.children(self._unit):
                if cursor.kind == k.FUNCTION_DECL:
                    spelled = self.clang.spelling(cursor)
                    if spelled.startswith(_BY_ATTRIBUTE) and self.lib.clang_isCursorDefinition(
                        cursor
                    ):
                        self._classes[spelled] = cursor
        found = self._classes.get(name)
        return self.function_key(found, name) if found is not None else name

    def destructor_key(self, variable: CXCursor, name: str) -> str:
        """The key of the destructor of a class variable, which no expression refers to.

        DEFINE_CLASS() and its kin define the type and the destructor in one place. What the
        precompiled headers define is not among the unit's declarations; it is lowered from
        the headers themselves, under this key.
        """
        key = self.inline_key(name)
        if key != name:
            return key
        kind = self.lib.clang_getCursorType(variable)
        file = self.file_of(self.lib.clang_getTypeDeclaration(kind))
        return self._needed(name, file) if file in self._shared else key

    def _needed(self, name: str, header: str) -> str:
        key = f"{name}@{header}"
        self.needs.add(key)
        self.named.add(key)
        return key

    def cleanup_key(self, attribute: CXCursor) -> str:
        """The key of the function that __free(name), or a cleanup attribute, names; or "".

        libclang does not show an attribute's argument: its text, where it is spelled out, does.
        DEFINE_FREE() defines the function, in this file or in a header.
        """
        start, end = self.extent(attribute)
        found = _CLEANUP.search(self._text(self.file_of(attribute))[start:end])
        if found is None:
            return ""
        name = f"__free_{found[1].decode()}" if found[1] else found[2].decode()
        key = self.inline_key(name)
        if key != name or not found[1]:
            return key
        header = self._freeing(found[1])
        return self._needed(name, header) if header else key

    def _freeing(self, name: bytes) -> str:
        # The shared header that has DEFINE_FREE(name, or "": a search of all of them, made once.
        if name not in self._frees:
            defined = re.compile(rb"\bDEFINE_FREE\s*\(\s*%s\s*," % name)
            headers = (file for file in sorted(self._shared) if defined.search(self._text(file)))
            self._frees[name] = next(headers, "")
        return self._frees[name]

    def field(self, record: str, kind: CXType, name: str) -> ir.Field:
        """The named member of a record type, anonymous members looked through."""
        known = self._fields.get((record, name))
        if known is None:
            bits = self.lib.clang_Type_getOffsetOf(kind, name.encode())
            plain = record.removeprefix("struct ").removeprefix("union ")
            known = ir.Field(plain, name, bits // 8 if bits >= 0 else -1)
            self._fields[(record, name)] = known
        return known

    def fields(self, kind: CXType) -> list[ir.Field]:
        """The record's members in the order a positional initialiser fills them."""
        declaration = self.lib.clang_getTypeDeclaration(kind)
        identity = declaration.first
        known = self._layouts.get(identity)
        if known is None:
            record = self.clang.type_text(kind)
            known = [
                self.field(record, kind, self.clang.spelling(child))
                for child in self.clang.children(declaration)
                if child.kind == k.FIELD_DECL
            ]
            self._layouts[identity] = known
        return known
