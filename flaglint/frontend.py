"""One C file of the tree -> a clang translation unit, with no build and in milliseconds.

The idea: parsing mm/rmap.c is a second of work, of which nearly all goes into the same few
hundred headers; `prepare` synthesises what a build would have generated, compiles the most
included headers into one precompiled header, and `parse` starts from that.

Invariants: nothing is written outside the cache directory, and nothing there is seen by a
reader before it is complete (it is written aside and renamed); a prepared set is keyed by
everything it was made from, so it is re-used exactly while that is unchanged. A file that does
not parse well with the precompiled header is parsed again without it, and the better result
counts.

Limits: one configuration per run; a file that is not built under it may have errors, which
`Parsed.errors` lists. The C library's and the compiler's own headers are never used.

Interface: `prepare`, then `parse` for each file; `parse_headers` for the common headers.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from clang import cindex

from flaglint import synth
from flaglint.tree import KernelTree, c_files, command_options, read_text, subdir_includes

_KEEP_GOING = 0x200
"""CXTranslationUnit_KeepGoing, which the Python binding does not name: a missing include must
not end the file."""

_FOR_PCH = 0x4
_INCOMPLETE = 0x2
_DETAILED = 0x1

_TARGETS = {"x86_64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

_PCH_HEADERS = (("mm", 120), ("fs", 60))
"""Whose most included headers are precompiled, and how many: a precompiled header is read on
demand, so a long list costs little. Past sixty from fs/, headers come in that only compile
after others, or whose names collide with those of unrelated files."""

_DIALECT = (
    ("-funsigned-char", r"-funsigned-char\b"),
    ("-fms-extensions", r"-fms-extensions\b|\bCONFIG_CC_MS_EXTENSIONS\b"),
)
"""Options that change what C means and came with some release, and the word in the top
Makefile that shows a tree uses them."""

_SUSPECT = re.compile(
    r"\bPCH\b|precompiled header|redefinition of|conflicting types|redeclared|redeclaration of"
)

_SCHEME = 1
"""Raise when the arguments or the precompiled header change for an unchanged tree."""


class FrontendError(Exception):
    """A file gave nothing usable; the message is one line."""


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
    file, `errors` those of the common headers.
    """

    tree: KernelTree
    args: tuple[str, ...]
    forced: tuple[str, ...]
    include_dirs: tuple[str, ...]
    pch: str
    common: str
    errors: tuple[Diagnostic, ...]
    options: dict[str, tuple[str, ...]]

    @property
    def root(self) -> str:
        """The tree's root, absolute."""
        return self.tree.root

    @property
    def arch(self) -> str:
        """The architecture the arguments are for."""
        return self.tree.arch


class Parsed:
    """A translation unit and what was wrong with it; cannot leave the process."""

    def __init__(
        self, tu: cindex.TranslationUnit, file: str, errors: tuple[Diagnostic, ...]
    ) -> None:
        """Hold `tu` for `file` (relative to the root); `errors` are of all its headers too."""
        self.tu = tu
        self.file = file
        self.errors = errors


def prepare(tree: KernelTree, cache: Path) -> Prepared:
    """Make, or find in `cache`, the headers and the precompiled header for `tree`.

    Safe against other processes doing the same, and against being killed. Raises OSError when
    the cache cannot be written.
    """
    cache = cache.resolve()
    stamp = _stamp(tree)
    generated = Path(tree.objtree) if tree.objtree else _headers(tree, cache, stamp)
    dirs = synth.include_dirs(tree, generated)
    args = _arguments(tree, dirs)
    forced = _forced(tree)
    options = _extra_options(tree, args, forced)
    folder = cache / "pch" / _digest((_SCHEME, stamp, args, forced))
    common = folder / "common.h"
    record = folder / "errors.json"
    pch = folder / "common.pch"
    errors: tuple[Diagnostic, ...]
    try:
        errors = msgspec.json.decode(record.read_bytes(), type=tuple[Diagnostic, ...])
    except (OSError, msgspec.MsgspecError):
        folder.mkdir(parents=True, exist_ok=True)
        _replace(common, _common_header(tree).encode())
        errors = _build_pch(tree, (*args, *forced), common, pch)
        _replace(record, msgspec.json.encode(errors))
    return Prepared(
        tree=tree,
        args=args,
        forced=forced,
        include_dirs=dirs,
        pch=str(pch) if pch.is_file() else "",
        common=str(common),
        errors=errors,
        options=options,
    )


def parse(prepared: Prepared, file: str) -> Parsed:
    """The translation unit of `file`, a path relative to the root.

    Its cursor's children leave out what comes from the precompiled header; a reference still
    leads there. Raises FrontendError when nothing usable came out.
    """
    source = Path(prepared.root, file)
    if not source.is_file():
        raise FrontendError(f"{file}: no such file")
    extra = (
        *prepared.options.get(file, ()),
        *(f"-I{folder}" for folder in subdir_includes(prepared.tree, file)),
    )
    plain = (*prepared.args, *prepared.forced, *extra)
    best: Parsed | None = None
    if prepared.pch:
        best = _parse(
            prepared, source, file, (*prepared.args, "-include-pch", prepared.pch, *extra)
        )
    if best is None or (best.errors and _suspect(best, source)):
        again = _parse(prepared, source, file, plain)
        if best is None or (again is not None and len(again.errors) < len(best.errors)):
            best = again
    if best is None:
        raise FrontendError(f"{file}: clang could not read it")
    if best.errors and not _has_function(best.tu):
        first = best.errors[0]
        raise FrontendError(
            f"{file}: no function could be parsed, {len(best.errors)} errors; the first: "
            f"{first.file}:{first.line}: {first.message}"
        )
    return best


def parse_headers(prepared: Prepared) -> Parsed:
    """The common headers alone, as one translation unit with all its declarations."""
    tu = cindex.Index.create().parse(
        prepared.common,
        args=[*prepared.args, *prepared.forced],
        options=_INCOMPLETE | _KEEP_GOING,
    )
    return Parsed(tu, "", _errors(tu, prepared.root))


def _parse(prepared: Prepared, source: Path, file: str, args: Sequence[str]) -> Parsed | None:
    index = cindex.Index.create(excludeDecls=True)
    try:
        tu = index.parse(str(source), args=list(args), options=_INCOMPLETE | _KEEP_GOING)
    except cindex.TranslationUnitLoadError:
        return None
    return Parsed(tu, file, _errors(tu, prepared.root))


def _headers(tree: KernelTree, cache: Path, stamp: str) -> Path:
    """The directory of synthesised headers, made if it is not there yet."""
    final = cache / "headers" / _digest((synth.SCHEME, stamp))
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
    try:
        synth.write_headers(tree, aside)
        for item in synth.offset_sources(tree):
            values = _constants(tree, aside, item.source)
            synth.write_offsets(aside, item.header, values)
        try:
            aside.rename(final)
        except OSError:
            if not final.is_dir():
                raise
            # Another process was first, with the same content.
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return final


def _constants(tree: KernelTree, generated: Path, source: str) -> dict[str, int]:
    """The values of the DEFINE() lines of `source`, as the compiler computes them."""
    path = Path(tree.root, source)
    overlay = str(Path(tree.root, "include/linux/kbuild.h"))
    args = [*_arguments(tree, synth.include_dirs(tree, generated)), *_forced(tree)]
    tu = cindex.Index.create(excludeDecls=True).parse(
        str(path),
        args=args,
        unsaved_files=[(overlay, _DEFINE)],
        options=_INCOMPLETE | _KEEP_GOING,
    )
    values: dict[str, int] = {}
    for cursor in _main_functions(tu):
        for inner in cursor.walk_preorder():
            if inner.kind == cindex.CursorKind.ENUM_CONSTANT_DECL:
                name = inner.spelling
                if name.startswith(_MARK):
                    values[name.removeprefix(_MARK)] = inner.enum_value
    return values


_MARK = "flaglint_value_"
_DEFINE = f"""\
#ifndef __LINUX_KBUILD_H
#define __LINUX_KBUILD_H
#define DEFINE(sym, val) enum {{ {_MARK}##sym = (val) }}
#define OFFSET(sym, str, mem) DEFINE(sym, __builtin_offsetof(struct str, mem))
#define BLANK() do {{ }} while (0)
#define COMMENT(x) do {{ }} while (0)
#endif
"""


def _arguments(tree: KernelTree, dirs: Iterable[str]) -> tuple[str, ...]:
    """Clang's arguments for any file of the tree, without the forced includes."""
    makefile = read_text(Path(tree.root, "Makefile"))
    dialect = [
        flag for flag, mentioned in _DIALECT if re.search(mentioned, makefile)
    ]
    arch = {
        "x86_64": ["-mno-sse", "-mno-mmx", "-mcmodel=kernel", "-DCC_USING_FENTRY"],
        "arm64": ["-mgeneral-regs-only", '-DARM64_ASM_ARCH="armv8.5-a"'],
    }[tree.arch]
    return (
        "-xc",
        "-std=gnu11",
        f"--target={_TARGETS[tree.arch]}",
        "-nostdinc",
        "-w",
        "-ferror-limit=0",
        "-fshort-wchar",
        "-fno-strict-aliasing",
        *dialect,
        *arch,
        "-D__KERNEL__",
        '-DKBUILD_MODNAME="flaglint"',
        '-DKBUILD_BASENAME="flaglint"',
        '-DKBUILD_MODFILE="flaglint"',
        "-D__KBUILD_MODNAME=kmod_flaglint",
        *(f"-I{folder}" for folder in dirs),
    )


def _forced(tree: KernelTree) -> tuple[str, ...]:
    """The headers that Kbuild puts before every file, as far as the tree has them."""
    names = ("compiler-version.h", "kconfig.h", "compiler_types.h")
    paths = [Path(tree.root, "include/linux", name) for name in names]
    return tuple(word for path in paths if path.is_file() for word in ("-include", str(path)))


def _extra_options(
    tree: KernelTree, args: Sequence[str], forced: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Per file, what compile_commands.json says beyond the common arguments."""
    known = {*args, *forced}
    result: dict[str, tuple[str, ...]] = {}
    for file, words in command_options(tree).items():
        kept: list[str] = []
        queue = iter(words)
        for word in queue:
            if word.startswith(("-I", "-i")):
                value = next(queue)
                joined = [f"-I{value}"] if word == "-I" else [word, value]
                if joined[-1] not in known:
                    kept += joined
            elif word not in known and not re.match(r"-D(__)?KBUILD_|-D__KERNEL__|-std=", word):
                kept.append(word)
        if kept:
            result[file] = tuple(kept)
    return result


def _common_header(tree: KernelTree) -> str:
    """A header that includes those which mm/ and fs/ include most.

    Each directory counts once, so that one file system's headers do not come in for all; mm/
    itself counts by file.
    """
    chosen: dict[str, None] = {}
    for top, limit in _PCH_HEADERS:
        users: dict[str, set[str]] = defaultdict(set)
        for file in c_files(tree, top):
            user = file if top == "mm" else str(Path(file).parent)
            text = read_text(Path(tree.root, file))
            for name in re.findall(r"^#\s*include\s+<(linux/[\w/-]+\.h)>", text, re.M):
                users[name].add(user)
        ranked = sorted(users, key=lambda name: (-len(users[name]), name))
        chosen.update(dict.fromkeys(name for name in ranked[:limit] if len(users[name]) > 1))
    present = [name for name in chosen if Path(tree.root, "include", name).is_file()]
    return "".join(f"#include <{name}>\n" for name in present)


def _suspect(parsed: Parsed, source: Path) -> bool:
    """Whether errors may come from the precompiled header rather than from the file.

    That is so when it could not be used at all (a header changed meanwhile), when a name is
    declared twice (once by a header that the file itself does not include), or when the file
    defines macros before its includes, which headers compiled earlier cannot have seen.
    """
    if any(_SUSPECT.search(item.message) for item in parsed.errors):
        return True
    text = read_text(source)
    last = max((match.start() for match in re.finditer(r"^#\s*include\b", text, re.M)), default=0)
    names = re.findall(r"^#\s*(?:define|undef)\s+(\w+)", text[:last], re.M)
    return bool(set(names) - {"pr_fmt", "CREATE_TRACE_POINTS"})


def _build_pch(
    tree: KernelTree, args: Sequence[str], common: Path, pch: Path
) -> tuple[Diagnostic, ...]:
    """Compile `common` into `pch`; on failure there is none, and the errors say why."""
    tu = cindex.Index.create().parse(
        str(common),
        args=["-Xclang", "-fallow-pch-with-compiler-errors", *args],
        options=_INCOMPLETE | _KEEP_GOING | _FOR_PCH,
    )
    handle, aside = tempfile.mkstemp(prefix=".new-", dir=pch.parent)
    os.close(handle)
    try:
        tu.save(aside)
        os.replace(aside, pch)
    except cindex.TranslationUnitSaveError:
        Path(aside).unlink(missing_ok=True)
    return _errors(tu, tree.root)


def _errors(tu: cindex.TranslationUnit, root: str) -> tuple[Diagnostic, ...]:
    found = []
    for item in tu.diagnostics:
        if item.severity >= cindex.Diagnostic.Error:
            place = item.location
            name = place.file.name if place.file else ""
            if name.startswith(root + "/"):
                name = name[len(root) + 1 :]
            found.append(Diagnostic(name, place.line, place.column, item.spelling))
    return tuple(found)


def _main_functions(tu: cindex.TranslationUnit) -> Iterator[cindex.Cursor]:
    name = tu.spelling
    for cursor in tu.cursor.get_children():
        if cursor.kind == cindex.CursorKind.FUNCTION_DECL and cursor.is_definition():
            place = cursor.location.file
            if place is not None and place.name == name:
                yield cursor


def _has_function(tu: cindex.TranslationUnit) -> bool:
    return next(_main_functions(tu), None) is not None


def _stamp(tree: KernelTree) -> str:
    """A digest of the configuration and of the names, sizes and times of all headers."""
    root = Path(tree.root)
    rows: list[tuple[str, int, int]] = []
    pending = [str(root / "include"), str(root / "arch" / tree.srcarch / "include")]
    if tree.objtree and tree.objtree != tree.root:
        pending += [
            str(Path(tree.objtree, "include")),
            str(Path(tree.objtree, "arch", tree.srcarch, "include")),
        ]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        status = entry.stat(follow_symlinks=False)
                        rows.append((entry.path, status.st_size, status.st_mtime_ns))
        except OSError:
            continue
    return _digest((cindex.__file__, tree.root, tree.arch, tree.version, tree.config, sorted(rows)))


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:24]


def _replace(path: Path, data: bytes) -> None:
    handle, aside = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
    os.replace(aside, path)
