"""flaglint in the place of sparse: `make C=1 CHECK=flaglint`.

The build calls the checker once for each C file that it compiles, with the compiler's arguments:

    flaglint -D__linux__ -Dlinux ... -I./include ... mm/rmap.c

One file is only half of a race, so what is printed comes from a report on the whole tree, made
by the first call that needs one and kept in the cache; all further calls look their file up.

Invariants: the exit status is 0 and nothing escapes as an error, whatever happens: a checker must
not break a build. A kept report counts only while the file itself, the analysed files and every
header are as old as it says. Calls at the same time wait for one analysis, not each for its own.

Limits: a change of a file that make does not compile is not looked for; a new report is made
when the file that was changed gets compiled.

Interface: `build_lines`, and its parts `read_call`, `version_of`, `check_file`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from flaglint.data import rules_dir
from flaglint.finding import Finding, RacingAccess, Report
from flaglint.folders import arch_of, holds_kernel_code
from flaglint.settings import Settings, discover
from flaglint.store import private_directory

Analyse = Callable[[], Report]
Say = Callable[[str], None]

_SLACK = 100_000_000
"""A file as young as this (ns) when the report was begun may have changed since: clocks of file
systems tick slowly."""


class Call(msgspec.Struct, frozen=True):
    """One call by the build. `name` is the C file as make spells it, other paths are absolute;
    `srcarch` is the architecture's directory under arch/.
    """

    name: str
    file: str
    srctree: str
    objtree: str
    srcarch: str

    @property
    def arch(self) -> str:
        """The architecture, "" for one that is not supported."""
        return arch_of(self.srcarch) or ""


class Kept(msgspec.Struct, frozen=True):
    """A report, as far as C=1 needs it.

    `begun` is when the analysis began (ns since 1970); `files` are the analysed files' sizes
    and times by path; `failed` says why there is no report.
    """

    version: str
    begun: int
    files: dict[str, tuple[int, int]]
    findings: tuple[Finding, ...]
    failed: str = ""


def version_of(*parts: str) -> str:
    """What a kept report depends on beside the tree: flaglint itself, and files or texts given."""
    rows = [part for part in parts if part]
    own = Path(__file__).parent
    for path in (*sorted(own.rglob("*.py")), *sorted(rules_dir().glob("*.toml")), *map(Path, rows)):
        with contextlib.suppress(OSError):
            rows.append(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}")
    return hashlib.sha256("\0".join(rows).encode()).hexdigest()


def read_call(argv: Sequence[str], environ: Mapping[str, str]) -> Call:
    """The call by its command line and environment; options are not looked at."""
    here = os.getcwd()
    objtree = os.path.realpath(os.path.join(here, environ.get("objtree") or "."))
    return Call(
        name=argv[-1],
        file=os.path.realpath(os.path.join(here, argv[-1])),
        srctree=os.path.realpath(os.path.join(objtree, environ["srctree"])),
        objtree=objtree,
        srcarch=environ.get("SRCARCH", ""),
    )


def build_lines(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cache: Path,
    today: str,
    analyse: Callable[[Call, Settings], Report],
    say: Say,
) -> list[str]:
    """What to print for one call by a build. Raises nothing but what ends the process.

    `analyse` makes the report, as the tree's settings want it; it is called when there is none.
    """
    try:
        call = read_call(argv, environ)
        settings = discover(Path(call.srctree))
        version = version_of(settings.path, settings.baseline or "", today)
        return check_file(call, cache, version, lambda: analyse(call, settings), say)
    except Exception as error:
        say(f"not checked: {type(error).__name__}: {error}")
        return []


def check_file(call: Call, cache: Path, version: str, analyse: Analyse, say: Say) -> list[str]:
    """The lines to print about the call's file.

    `say` is told when a whole tree is about to be analysed. Raises StoreError for a cache that
    cannot be trusted, and what reading files raises; what `analyse` raises is kept, and told once.
    """
    path = os.path.relpath(call.file, call.srctree)
    if path.startswith("../") or not holds_kernel_code(path.split("/")[0]):
        return []
    if not call.arch:
        say(f"{call.name}: not checked: arch/{call.srcarch} is not supported")
        return []
    place = hashlib.sha256(
        "\0".join((call.srctree, call.objtree, call.srcarch)).encode()
    ).hexdigest()
    private_directory(cache)
    folder = private_directory(cache / "make")
    record = folder / f"{place[:24]}.msgpack"
    kept = _fresh(record, call, path, version)
    if kept is None:
        with _alone(folder / f"{place[:24]}.lock"):
            kept = _fresh(record, call, path, version)
            if kept is None:
                say("analysing the whole tree, once for all files of this build (a minute or more)")
                kept = _kept(call, version, analyse)
                aside = record.with_suffix(".new")
                aside.write_bytes(msgspec.msgpack.encode(kept))
                aside.replace(record)
                if kept.failed:
                    say(f"not analysed: {kept.failed}")
    return [line for found in kept.findings for line in _lines(found, path, call)]


def _kept(call: Call, version: str, analyse: Analyse) -> Kept:
    begun = time.time_ns()
    try:
        report = analyse()
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else ""
        return Kept(version, begun, {}, (), f"{type(error).__name__}: {reason}")
    names = {site.file for site in report.sites} | {writer.file for writer in report.writers}
    names |= {found.file for found in report.findings}
    files = {}
    for name in sorted(names):
        with contextlib.suppress(OSError):
            files[name] = _stamp(os.path.join(call.srctree, name))
    return Kept(version, begun, files, report.findings)


def _fresh(record: Path, call: Call, path: str, version: str) -> Kept | None:
    """The kept report, if it still says the truth about the file."""
    try:
        kept = msgspec.msgpack.decode(record.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError):
        return None
    if kept.version != version:
        return None
    latest = kept.begun - _SLACK
    with contextlib.suppress(OSError):
        for name, stamp in kept.files.items():
            if _stamp(os.path.join(call.srctree, name)) != stamp:
                return None
        if path not in kept.files and latest < os.stat(call.file).st_mtime_ns <= time.time_ns():
            return None
        # A time in the future is a wrong clock's: it would be younger than every report.
        young = any(latest < when <= time.time_ns() for when in _header_times(call))
        return None if young else kept
    return None


def _stamp(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def _header_times(call: Call) -> Iterator[int]:
    """When each header, and the configuration, was changed; what the build makes does not count."""
    pending = [
        os.path.join(call.srctree, top) for top in ("include", f"arch/{call.srcarch}/include", "mm")
    ]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in ("generated", "config"):
                        pending.append(entry.path)
                elif entry.name.endswith(".h"):
                    yield entry.stat().st_mtime_ns
    with contextlib.suppress(OSError), os.scandir(os.path.dirname(call.file)) as entries:
        yield from (entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".h"))
    with contextlib.suppress(OSError):
        yield os.stat(os.path.join(call.objtree, "include/generated/autoconf.h")).st_mtime_ns


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    handle = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _lines(found: Finding, path: str, call: Call) -> Iterator[str]:
    """What a finding says about the file that is compiled: each half of a race at its place."""
    if found.file == path or (found.file.endswith(".h") and _passes(found, path)):
        where = call.name if found.file == path else _shown(found.file, call)
        yield f"{where}:{found.line}:{found.column}: warning: {found.message} [{found.rule}]"
        for other in found.racing[:2]:
            place = f"{_shown(other.file, call)}:{other.line}:{other.column}"
            yield f"{place}: note: {_writes(other)}"
        return
    for other in found.racing[:1]:
        if other.file == path:
            yield (
                f"{call.name}:{other.line}:{other.column}: warning: {_writes(other)}; the plain "
                f"write in {found.function}() may lose it [{found.rule}]"
            )
            yield f"{_shown(found.file, call)}:{found.line}:{found.column}: note: {found.message}"


def _passes(found: Finding, path: str) -> bool:
    return any(step.file == path for step in found.chain)


def _writes(other: RacingAccess) -> str:
    flag = f" changes {other.flag}" if other.flag else " writes the word"
    locks = f" under {', '.join(other.locks)}" if other.locks else " without a lock"
    return f"{other.helper}(){flag}{locks}"


def _shown(file: str, call: Call) -> str:
    """A file of the tree as make would spell it, seen from the object directory."""
    return os.path.relpath(os.path.join(call.srctree, file), call.objtree)
