"""Parsing one file: with the precompiled header, or without where that may be at fault.

Invariants: a file's result does not depend on what was parsed before it.

Interface: `parse`, `parse_references`, `parse_headers`, `own_arguments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flaglint.frontend.containment import outsider
from flaglint.frontend.units import (
    CrashError,
    FrontendError,
    Parsed,
    Prepared,
    errors_of,
    main_functions,
    reads_of,
    translate,
)
from flaglint.kbuild import part_of, subdir_includes, switched_off, unbuilt_reason
from flaglint.tree import KernelTree, inside, read_text, shown

_UNUSABLE = re.compile(r"\bPCH\b|precompiled header")
"""Errors that say the precompiled header cannot be used, such as a header changed meanwhile."""

_TWICE = re.compile(r"redefinition of|conflicting types|redeclared|redeclaration of")
"""Errors of a name declared twice, once perhaps by a header the file itself does not include."""


def parse(prepared: Prepared, file: str) -> Parsed:
    """The translation unit of `file`, a path relative to the root.

    Raises FrontendError when nothing usable came out: no such file, errors and not one
    function, or something included from outside the tree.
    """
    source = Path(prepared.root, file)
    if inside(source, [Path(prepared.root)]) is None or not source.is_file():
        raise FrontendError(f"{file}: no such file in the tree")
    extra = own_arguments(prepared, file)
    best = None
    if prepared.pch:
        best = _parsed(prepared, source, file, ("-include-pch", prepared.pch, *extra))
        if best is not None:
            best.precompiled = True
    if best is None or (best.errors and _suspect(best, source)):
        again = _parsed(prepared, source, file, (*prepared.forced, *extra))
        if best is None or (again is not None and len(again.errors) < len(best.errors)):
            best = again
    if best is None:
        raise CrashError(f"{file}: crashed clang")
    if best.unbuilt and (other := _switched_on(prepared, source, file, extra)) is not None:
        best = other
    strange = outsider(best.tu, prepared.tree, prepared.include_dirs, prepared.common)
    if strange:
        raise FrontendError(f"{file}: includes {shown(Path(strange))} from outside the tree")
    if best.errors and next(main_functions(best.tu), None) is None:
        first = best.errors[0]
        reason = f" ({best.unbuilt})" if best.unbuilt else ""
        raise FrontendError(
            f"{file}: no function could be parsed{reason}, {len(best.errors)} errors; the first: "
            f"{first.file}:{first.line}: {first.message}",
            reads_of(prepared, best, include_dirs(extra)),
        )
    return best


def own_arguments(prepared: Prepared, file: str) -> tuple[str, ...]:
    """Clang's arguments for this file beyond those for all."""
    return (
        *prepared.options.get(file, ()),
        *(f"-I{folder}" for folder in subdir_includes(prepared.tree, file)),
    )


def include_dirs(options: Iterable[str]) -> tuple[str, ...]:
    """The include directories among arguments."""
    return tuple(word.removeprefix("-I") for word in options if word.startswith("-I"))


def parse_references(prepared: Prepared, names: Iterable[str]) -> Parsed:
    """A unit that sees the common headers, with one variable for each function named.

    The variables' initialisers refer to the functions; one that the headers do not declare
    gives an error and no reference. One more variable, first of all, points to a struct page.
    Raises FrontendError.
    """
    source = Path(prepared.common).with_name("references.c")
    text = "".join(
        f"static void *flaglint_{number} = (void *){name};\n"
        for number, name in enumerate(names)
        if name.isidentifier()
    )
    start = (
        ("-include-pch", prepared.pch)
        if prepared.pch
        else (*prepared.forced, "-include", prepared.common)
    )
    overlay = {str(source): f"struct page *flaglint_page;\n{text}"}
    tu = translate(source, (*prepared.args, *start), overlay=overlay)
    if tu is None:
        raise CrashError("the common headers: they crash clang")
    return Parsed(tu, "", errors_of(tu, prepared.root), precompiled=bool(prepared.pch))


def parse_headers(prepared: Prepared) -> Parsed:
    """The common headers alone, as one translation unit with all its declarations."""
    tu = translate(Path(prepared.common), (*prepared.args, *prepared.forced), local=False)
    if tu is None:
        raise CrashError("the common headers: they crash clang")
    strange = outsider(tu, prepared.tree, prepared.include_dirs, prepared.common)
    if strange:
        raise FrontendError(f"the common headers include {shown(Path(strange))}, outside the tree")
    return Parsed(tu, "", errors_of(tu, prepared.root))


def _parsed(prepared: Prepared, source: Path, file: str, more: Sequence[str]) -> Parsed | None:
    tu = translate(source, (*prepared.args, *more))
    if tu is None:
        return None
    errors = errors_of(tu, prepared.root)
    return Parsed(
        tu,
        file,
        errors,
        tuple(_included_sources(Path(prepared.root), file)),
        _unbuilt(prepared.tree, file) if errors else "",
    )


def _switched_on(
    prepared: Prepared, source: Path, file: str, extra: Sequence[str]
) -> Parsed | None:
    """A file that is not built, with the symbols on that would build it; None if it still errs."""
    symbols = [f"-D{name}=1" for name in switched_off(prepared.tree, file)]
    if not symbols:
        return None
    start = ("-include-pch", prepared.pch) if prepared.pch else prepared.forced
    found = _parsed(prepared, source, file, (*start, *extra, *symbols))
    if found is None or any(error.file == file for error in found.errors):
        return None
    found.precompiled = bool(prepared.pch)
    found.unbuilt = ""
    return found


def _unbuilt(tree: KernelTree, file: str) -> str:
    """Why there is nothing to be had of a file by itself; "" when nothing says so."""
    reason = unbuilt_reason(tree, file)
    if not reason and (whole := part_of(tree, file)):
        reason = f"read as a part of {whole}"
    return reason


def _included_sources(root: Path, file: str) -> Iterator[str]:
    """The C files that `file` includes as text."""
    for name in re.findall(r'^#\s*include\s+"([^"]+\.c)"', read_text(root / file), re.M):
        path = inside(root / Path(file).parent / name, [root])
        if path is not None:
            yield path.relative_to(root).as_posix()


def _suspect(parsed: Parsed, source: Path) -> bool:
    """Whether errors may come from the precompiled header rather than from the file.

    Besides what the errors themselves say, that is so when the file defines macros before its
    includes, which headers compiled earlier cannot have seen. The errors of a file that is not
    built are explained by that.
    """
    if any(_UNUSABLE.search(item.message) for item in parsed.errors):
        return True
    if parsed.unbuilt:
        return False
    if any(_TWICE.search(item.message) for item in parsed.errors):
        return True
    text = read_text(source)
    last = max((match.start() for match in re.finditer(r"^#\s*include\b", text, re.M)), default=0)
    names = re.findall(r"^#\s*(?:define|undef)\s+(\w+)", text[:last], re.M)
    return bool(set(names) - {"pr_fmt", "CREATE_TRACE_POINTS"})
