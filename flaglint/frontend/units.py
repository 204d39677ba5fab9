"""The frontend's values, and the one way it calls clang.

Invariants: `Prepared` is plain data and travels between processes; `Parsed` holds a clang
translation unit and cannot. Every translation unit is parsed with errors tolerated: a missing
include or an unknown name costs the expression it stands in, not the file.

Interface: the classes, and `translate`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from clang import cindex

from flaglint.tree import KernelTree

_INCOMPLETE = 0x2
_FOR_SERIALIZATION = 0x4
_KEEP_GOING = 0x200
"""CXTranslationUnit_KeepGoing, which the Python binding does not name: without it a missing
include ends the file."""


_NOT_FOUND = re.compile(r"'([^']+)' file not found.*")


class FrontendError(Exception):
    """A file gave nothing usable; the message is one line.

    `reads` says what that hung on, None when it may be otherwise next time.
    """

    def __init__(self, message: str, reads: Reads | None = None) -> None:
        """Keep the message, and what was read before it was known."""
        super().__init__(message)
        self.reads = reads


class CrashError(FrontendError):
    """clang crashed on the file, and recovered as well as it can."""


class Diagnostic(msgspec.Struct, frozen=True, order=True):
    """An error clang reported; `file` is relative to the root where it lies inside."""

    file: str
    line: int
    column: int
    message: str


class Prepared(msgspec.Struct, frozen=True):
    """Everything a worker process needs to parse files of one tree; plain data.

    `args` are clang's arguments for any file, `forced` the headers every file includes first
    (already inside the precompiled header `pch`; "" when it could not be made), `common` a
    header that includes the most included ones, `options` what compile_commands.json adds per
    file, `errors` those of the common headers. `headers` are the files inside the precompiled
    header, relative to the root where they lie in the tree; `generated` is the directory of
    those that a build would make.
    """

    tree: KernelTree
    args: tuple[str, ...]
    forced: tuple[str, ...]
    include_dirs: tuple[str, ...]
    pch: str
    common: str
    errors: tuple[Diagnostic, ...]
    options: dict[str, tuple[str, ...]]
    headers: tuple[str, ...] = ()
    generated: str = ""

    @property
    def root(self) -> str:
        """The tree's root, absolute."""
        return self.tree.root

    @property
    def arch(self) -> str:
        """The architecture the arguments are for."""
        return self.tree.arch


class Parsed:
    """A translation unit and what was wrong with it; cannot leave the process.

    `tu` is clang's; its cursor's children leave out what comes from the precompiled header,
    but references lead there. `file` is relative to the root; `errors` are those of the file
    and of the headers it brought in. `includes` are the C files it includes as text, relative
    to the root. `unbuilt` says, for a file with errors, why the configuration does not build
    it, "" when nothing says so. `precompiled` tells whether it was parsed with the precompiled
    header, whose declarations it then shares with other units.
    """

    def __init__(
        self,
        tu: cindex.TranslationUnit,
        file: str,
        errors: tuple[Diagnostic, ...],
        includes: tuple[str, ...] = (),
        unbuilt: str = "",
        precompiled: bool = False,
    ) -> None:
        """Hold `tu` and what is known of it."""
        self.tu = tu
        self.file = file
        self.errors = errors
        self.includes = includes
        self.unbuilt = unbuilt
        self.precompiled = precompiled


def translate(
    path: Path,
    args: Sequence[str],
    *,
    overlay: dict[str, str] | None = None,
    for_pch: bool = False,
    local: bool = True,
) -> cindex.TranslationUnit | None:
    """The translation unit of `path`, None when clang gave none.

    `overlay` replaces the content of files by path; `local` leaves the precompiled header's
    declarations out of the children of the unit's cursor.
    """
    options = _INCOMPLETE | _KEEP_GOING | (_FOR_SERIALIZATION if for_pch else 0)
    try:
        return cindex.Index.create(excludeDecls=local).parse(
            str(path),
            args=list(args),
            unsaved_files=list((overlay or {}).items()),
            options=options,
        )
    except cindex.TranslationUnitLoadError:
        return None


def errors_of(tu: cindex.TranslationUnit, root: str) -> tuple[Diagnostic, ...]:
    """The unit's errors in the order clang found them; warnings are not asked for."""
    found = []
    for item in tu.diagnostics:
        if item.severity >= cindex.Diagnostic.Error:
            place = item.location
            name = place.file.name if place.file else ""
            found.append(
                Diagnostic(name.removeprefix(f"{root}/"), place.line, place.column, item.spelling)
            )
    return tuple(found)


class Reads(msgspec.Struct, frozen=True):
    """What a unit was made from, besides its own file and the precompiled header.

    `files` are the headers it read, `absent` the paths at which a header would have been taken
    instead, or that were looked for in vain. All are relative to the root where they lie in
    the tree.
    """

    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def reads_of(prepared: Prepared, parsed: Parsed, more: Sequence[str] = ()) -> Reads:
    """What clang read for the unit; `more` are include directories of this file only."""
    root = f"{prepared.root}/"
    dirs = [f"{folder}/" for folder in (*prepared.include_dirs, *more)]
    files: dict[str, None] = {}
    absent: dict[str, None] = {}
    for item in parsed.tu.get_includes():
        if item.include is None or item.source is None:
            continue  # in damaged text clang cannot always say which file it was
        found = os.path.normpath(item.include.name)
        if found in files:
            continue
        files[found] = None
        beside = f"{os.path.dirname(os.path.normpath(item.source.name))}/"
        for number, folder in enumerate(dirs):
            if found.startswith(folder):
                name = found.removeprefix(folder)
                for earlier in (beside, *dirs[:number]):
                    if not os.path.exists(earlier + name):
                        absent[earlier + name] = None
    for error in parsed.errors:
        if missing := _NOT_FOUND.fullmatch(error.message):
            beside = f"{os.path.dirname(os.path.join(root, error.file))}/"
            for folder in (beside, *dirs):
                absent[os.path.normpath(folder + missing[1])] = None
    return Reads(
        tuple(name.removeprefix(root) for name in files),
        tuple(name.removeprefix(root) for name in absent),
    )


def main_functions(tu: cindex.TranslationUnit) -> Iterator[cindex.Cursor]:
    """The functions defined in the unit's own file."""
    for cursor in tu.cursor.get_children():
        if cursor.kind == cindex.CursorKind.FUNCTION_DECL and cursor.is_definition():
            place = cursor.location.file
            if place is not None and place.name == tu.spelling:
                yield cursor
