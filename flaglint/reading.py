"""The files of a tree to units of IR: clang at work, and never in this process.

    prepared = prepare(tree, cache)            headers synthesised, one precompiled
    common = read_common(prepared)             struct page's layout, the classes' destructors
    units, unread = read(prepared, files, jobs, progress)

Invariants: whatever a file does to clang (crash, hang, eat memory) costs that file only, and
`unread` names it; where it is the common headers there is no analysis, and `ReadingError` says
so. Units come in the order of the files.

Limits: all of clang's work on a file is lost with it, even where the damage is in one function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from flaglint import frontend, ir
from flaglint.finding import Unread
from flaglint.location import Location
from flaglint.lower import Lowering, lower_destructors, lower_unit, page_layout
from flaglint.pool import Failure, Limits, SpoiledError, each, one
from flaglint.tree import KernelTree

COMMON = Limits(seconds=120.0, memory=4 << 30)
"""For the headers that every file includes: a hundred times what they take."""

Progress = Callable[[str, int, int], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


class ReadingError(Exception):
    """The headers that every file includes are of no use; the message is one line."""


class Common(msgspec.Struct, frozen=True):
    """What the common headers say: bytes of a struct page, its flags' offset, destructors."""

    page_size: int
    flags_offset: int
    destructors: ir.Unit


class _Refusal(msgspec.Struct, frozen=True):
    reason: str


def prepare(tree: KernelTree, cache: Path) -> frontend.Prepared:
    """What files of `tree` are read with. Raises ReadingError, or OSError for the cache."""

    def task(where: Path) -> frontend.Prepared | OSError | _Refusal:
        try:
            return frontend.prepare(tree, where)
        except OSError as error:
            return error
        except frontend.FrontendError as error:
            return _Refusal(str(error))

    found = _common(task, cache)
    if isinstance(found, OSError):
        raise found
    if isinstance(found, _Refusal):
        raise ReadingError(found.reason)
    return found


def read_common(prepared: frontend.Prepared) -> Common:
    """What the common headers say. Raises ReadingError."""

    def task(prepared: frontend.Prepared) -> Common | _Refusal:
        try:
            parsed = frontend.parse_headers(prepared)
            size, offset = page_layout(parsed.tu)
        except (frontend.FrontendError, LookupError) as error:
            return _Refusal(f"{error}{_first(prepared)}")
        return Common(size, offset, lower_destructors(Lowering(prepared.root), parsed.tu))

    found = _common(task, prepared)
    if isinstance(found, _Refusal):
        raise ReadingError(found.reason)
    return found


def read(
    prepared: frontend.Prepared,
    files: Sequence[str],
    jobs: int,
    limits: Limits,
    progress: Progress,
) -> tuple[list[ir.Unit], list[Unread]]:
    """The units of `files` (relative to the root), and what could not be read of them.

    `limits` are for each file.
    """

    def make() -> Callable[[str], ir.Unit | _Refusal]:
        lowering = Lowering(prepared.root)
        return lambda file: _lower(prepared, lowering, file)

    units: list[ir.Unit] = []
    unread: list[Unread] = []
    answers = each(make, files, jobs, limits)
    for done, (file, answer) in enumerate(zip(files, answers, strict=True), 1):
        progress("reading files", done, len(files))
        if isinstance(answer, Failure | _Refusal):
            unread.append(Unread(file, answer.reason))
            continue
        units.append(answer)
        if answer.errors:
            where, message = answer.errors[0]
            unread += [
                Unread(file, f"line {where.line}: {message}", key.split("@")[0])
                for key in answer.damaged
            ]
    return units, unread


def _common(task: Callable[[Item], Result], item: Item) -> Result:
    found = one(lambda: task, item, COMMON)
    if isinstance(found, Failure):
        raise ReadingError(f"the headers that every file includes: reading them {found.reason}")
    return found


def _first(prepared: frontend.Prepared) -> str:
    """The first error of the common headers, to be put behind what came of it."""
    if not prepared.errors:
        return ""
    error = prepared.errors[0]
    return f"; the first error: {error.file}:{error.line}: {error.message}"


def _lower(prepared: frontend.Prepared, lowering: Lowering, file: str) -> ir.Unit | _Refusal:
    try:
        parsed = frontend.parse(prepared, file)
    except frontend.CrashError as error:
        raise SpoiledError(str(error).removeprefix(f"{file}: ")) from error
    except frontend.FrontendError as error:
        return _Refusal(str(error).removeprefix(f"{file}: "))
    if parsed.unbuilt:
        return _Refusal(parsed.unbuilt)
    errors = tuple((Location(d.file, d.line, d.column), d.message) for d in parsed.errors)
    return lower_unit(lowering, parsed.tu, file, errors)
