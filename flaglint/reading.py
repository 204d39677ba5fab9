"""Clang at work on untrusted files, and never in this process.

    prepared = prepare(tree, cache)                headers synthesised, one precompiled
    for file, answer in zip(files, local(jobs, limits)(Job(prepared, "file"), files)):
        ...                                        a packed Outcome, or a Failure

Invariants: whatever a file does to clang (crash, hang, eat memory) costs that file only, and
its `Failure` says how; where it is the common headers there is no analysis, and `ReadingError`
says so. An answer depends on the item and the job, not on what the worker did before.

Limits: all of clang's work on a file is lost with it, even where the damage is in one function.
On an executor not ours a file may take what that allows.

Interface: `prepare`, `Job`, `local`, `on_executor`; `Outcome` and `Headers` are the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

import msgspec

from flaglint import frontend, ir
from flaglint.location import Location
from flaglint.lower import Inline, Lowering, lower_headers, lower_unit, page_layout
from flaglint.pool import Failure, Limits, SpoiledError, each, one
from flaglint.tree import KernelTree, TreeError

COMMON = Limits(seconds=120.0, memory=4 << 30)
"""For the headers that every file includes: a hundred times what they take."""

Task = Callable[[str], bytes]
Meanwhile = Callable[[], None]

_SEPARATOR = "\n"


class ReadingError(Exception):
    """The headers that every file includes are of no use; the message is one line."""


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """One file read: its unit, or why there is none, and what that depended on.

    `reads` is None when the same file may give something else next time.
    """

    unit: ir.Unit | None
    reason: str
    reads: frontend.Reads | None


class Headers(msgspec.Struct, frozen=True, array_like=True):
    """What the common headers gave: functions, each with the header functions it names.

    `damaged` are functions that the headers' errors cost.
    `layout` is the size of a struct page and the offset of its flags; None, and `reason` says
    why, where the headers are of no use.
    """

    inlines: tuple[Inline, ...]
    damaged: tuple[ir.Damage, ...]
    layout: tuple[int, int] | None
    reason: str = ""


class _Refusal(msgspec.Struct, frozen=True):
    reason: str


class Job(msgspec.Struct, frozen=True):
    """Work that can be sent to any process that sees the same files: `start()(item)`.

    The items of kind "file" are files, relative to the root, answered with an `Outcome`; those
    of kind "headers" are `common_names`, answered with `Headers`. Answers are msgpack.
    """

    prepared: frontend.Prepared
    kind: str

    def start(self) -> Task:
        """Begin work in this process: what is returned takes one item after another."""
        lowering = Lowering(self.prepared.root)
        if self.kind == "headers":
            return lambda names: _read_headers(self.prepared, lowering, names.split(_SEPARATOR))
        return lambda file: msgspec.msgpack.encode(_outcome(self.prepared, lowering, file))


class Mapper(Protocol):
    """Applies a job to each item, giving the answers in the items' order.

    `meanwhile` is called when others are at work on the first of them.
    """

    def __call__(
        self, job: Job, items: Sequence[str], meanwhile: Meanwhile = ...
    ) -> Iterator[bytes | Failure]:
        """Begin when the first answer is asked for."""


def common_names(keys: Iterable[str]) -> str:
    """The item of a "headers" job that asks for the functions of these keys."""
    return _SEPARATOR.join(keys)


def prepare(
    tree: KernelTree, cache: Path, meanwhile: Meanwhile = lambda: None
) -> frontend.Prepared:
    """What files of `tree` are read with. Raises ReadingError, or OSError for the cache.

    `meanwhile` is called when clang is at work on the headers.
    """

    def task(where: Path) -> frontend.Prepared | OSError | _Refusal:
        try:
            return frontend.prepare(tree, where)
        except OSError as error:
            return error
        except (frontend.FrontendError, TreeError) as error:
            return _Refusal(str(error))

    found = one(lambda: task, cache, COMMON, meanwhile)
    if isinstance(found, Failure):
        raise ReadingError(f"the headers that every file includes: reading them {found.reason}")
    if isinstance(found, OSError):
        raise found
    if isinstance(found, _Refusal):
        raise ReadingError(found.reason)
    return found


def local(jobs: int, limits: Limits) -> Mapper:
    """Work in `jobs` processes of this machine, which may crash or hang; `limits` for a file."""

    def work(
        job: Job, items: Sequence[str], meanwhile: Meanwhile = lambda: None
    ) -> Iterator[bytes | Failure]:
        bounds = COMMON if job.kind == "headers" else limits
        return each(job.start, items, jobs, bounds, meanwhile)

    return work


def on_executor(executor: Executor) -> Mapper:
    """Work wherever an executor takes it; its workers must see the tree and the cache."""

    def work(
        job: Job, items: Sequence[str], meanwhile: Meanwhile = lambda: None
    ) -> Iterator[bytes | Failure]:
        futures = [executor.submit(run, job, item) for item in items]
        try:
            meanwhile()
            for future in futures:
                try:
                    yield future.result()
                except Exception as error:
                    told = " ".join(str(error).split())
                    yield Failure(f"failed in its worker: {type(error).__name__}: {told}")
        finally:
            for future in futures:
                future.cancel()

    return work


def run(job: Job, item: str) -> bytes:
    """One item of a job, in this process."""
    return job.start()(item)


def _outcome(prepared: frontend.Prepared, lowering: Lowering, file: str) -> Outcome:
    try:
        parsed = frontend.parse(prepared, file)
    except frontend.CrashError as error:
        raise SpoiledError(str(error).removeprefix(f"{file}: ")) from error
    except frontend.FrontendError as error:
        return Outcome(None, str(error).removeprefix(f"{file}: "), error.reads)
    more = frontend.include_dirs(frontend.own_arguments(prepared, file))
    reads = frontend.reads_of(prepared, parsed, more)
    if parsed.unbuilt:
        return Outcome(None, parsed.unbuilt, reads)
    shared = frozenset(prepared.headers) if parsed.precompiled else frozenset[str]()
    unit = lower_unit(lowering, parsed.tu, file, _places(parsed.errors), shared)
    return Outcome(unit, "", reads)


def _places(errors: Iterable[frontend.Diagnostic]) -> tuple[tuple[Location, str], ...]:
    return tuple((Location(d.file, d.line, d.column), d.message) for d in errors)


def _read_headers(prepared: frontend.Prepared, lowering: Lowering, keys: Sequence[str]) -> bytes:
    names = dict.fromkeys(key.split("@")[0] for key in keys)
    try:
        parsed = frontend.parse_references(prepared, names)
        layout = page_layout(parsed.tu)
    except (frontend.FrontendError, LookupError) as error:
        return msgspec.msgpack.encode(Headers((), (), None, str(error)))
    inlines, damaged = lower_headers(
        lowering, parsed.tu, _places(prepared.errors), frozenset(prepared.headers)
    )
    return msgspec.msgpack.encode(Headers(inlines, damaged, layout))
