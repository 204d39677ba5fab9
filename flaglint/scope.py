"""Which files matter: found in the text, before anything is parsed.

mm/ is always in scope. Outside it a file matters when it names a plain writer, writes a page's
flags word itself, or calls a function whose verdict hangs on its callers (`files_calling`).
Text is searched as bytes with one automaton for all names; comments count too, which costs a
parse and never a finding.

Layouts come from the text as well: the kernel asserts which structs overlay struct page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

import ahocorasick_rs
import msgspec

from flaglint.flagtable import Atomicity, FlagTable
from flaglint.tree import KernelTree

_SKIP = frozenset(("Documentation", "tools", "samples", "scripts", "usr", "rust", "certs"))
_OVERLAY = re.compile(
    rb"static_assert\s*\(\s*offsetof\s*\(\s*struct\s+(\w+)\s*,[^)]*\)\s*(?:\\\s*)?==\s*(?:\\\s*)?"
    rb"offsetof\s*\(\s*struct\s+(\w+)\s*,"
)
_WRITE = re.compile(
    rb"\b(\w+)(?:\[[^]]*\])?\s*(?:->|\.)\s*(?:page\.)?(?:__page_)?flags(?:\.f)?"
    rb"\s*(?:[|&^+-]|<<|>>)?=[^=]"
)
_MEMMAP = re.compile(
    rb"\bmem(?:set|cpy|move)\w*\s*\([^;]*sizeof\s*\(\s*(?:struct\s+page\b|\*\s*page\s*\))"
)
_NAME = rb"[A-Za-z0-9_]"
_HEADERS = ("include/linux", "mm")


class Scan(msgspec.Struct, frozen=True):
    """`writers` are the files, outside mm/ too, that write a flags word plainly or may."""

    writers: tuple[str, ...]
    unreadable: tuple[str, ...]


def plain_names(table: FlagTable) -> tuple[str, ...]:
    """The helpers that write plainly, in any configuration."""
    found = {h.name for h in table.helpers if h.atomicity is Atomicity.PLAIN}
    return tuple(sorted(found))


def overlays(root: str) -> frozenset[str]:
    """struct page and the structs that the kernel's static_asserts lay over it."""
    found = {"page"}
    pairs = []
    for top in _HEADERS:
        for file in _walk(root, top, ".h"):
            text = _read(root, file)
            if b"static_assert" in text:
                pairs += [(a.decode(), b.decode()) for a, b in _OVERLAY.findall(text)]
    changed = True
    while changed:
        before = len(found)
        for one, two in pairs:
            if one in found or two in found:
                found |= {one, two}
        changed = len(found) > before
    return frozenset(found)


def scan(tree: KernelTree, names: Iterable[str], records: Iterable[str]) -> Scan:
    """The C files that name one of the writers, or write a page's flags themselves."""
    automaton = _automaton(names)
    pages = "|".join(sorted(records)).encode()
    declared = re.compile(rb"\bstruct\s+(?:" + pages + rb")\s+(?:\*\s*(\w+)|(\w+)\s*[;=,)])")
    writers = []
    unreadable = []
    for file in c_files(tree):
        try:
            text = _read(tree.root, file)
        except OSError:
            unreadable.append(file)
            continue
        if _calls(automaton, text) or _writes(text, declared):
            writers.append(file)
    return Scan(tuple(writers), tuple(unreadable))


def files_calling(tree: KernelTree, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The C files that call each of the functions, wherever they are."""
    wanted = sorted(set(names))
    automaton = _automaton(wanted)
    found: dict[str, list[str]] = {}
    for file in c_files(tree):
        try:
            text = _read(tree.root, file)
        except OSError:
            continue
        for name in _calls(automaton, text):
            found.setdefault(name, []).append(file)
    return {name: tuple(files) for name, files in sorted(found.items())}


def _automaton(names: Iterable[str]) -> ahocorasick_rs.BytesAhoCorasick:
    return ahocorasick_rs.BytesAhoCorasick([name.encode() for name in names])


def _calls(automaton: ahocorasick_rs.BytesAhoCorasick, text: bytes) -> set[str]:
    found = set()
    for _, start, end in automaton.find_matches_as_indexes(text, overlapping=True):
        if start and re.match(_NAME, text[start - 1 : start]):
            continue
        if re.match(rb"\s*\(", text[end : end + 8]):
            found.add(text[start:end].decode())
    return found


def _writes(text: bytes, declared: re.Pattern[bytes]) -> bool:
    if b"struct page" not in text and b"struct folio" not in text:
        return False
    if _MEMMAP.search(text):
        return True
    written = set(_WRITE.findall(text))
    if not written:
        return False
    variables = {one or two for one, two in declared.findall(text)}
    return bool(written & variables)


def c_files(tree: KernelTree) -> Iterator[str]:
    """Every .c file of the tree that can be part of this architecture's kernel, in order."""
    try:
        tops = sorted(os.listdir(tree.root))
    except OSError:
        return
    for top in tops:
        path = os.path.join(tree.root, top)
        if top in _SKIP or top.startswith(".") or os.path.islink(path):
            continue
        if top == "arch":
            yield from _walk(tree.root, f"arch/{tree.srcarch}", ".c")
        elif os.path.isdir(path):
            yield from _walk(tree.root, top, ".c")


def _walk(root: str, top: str, suffix: str) -> Iterator[str]:
    for folder, folders, files in os.walk(os.path.join(root, top)):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(folder, file)
            if file.endswith(suffix) and os.path.isfile(path):
                yield os.path.relpath(path, root)


def _read(root: str, file: str) -> bytes:
    with open(os.path.join(root, file), "rb") as stream:
        return stream.read()


def mm_files(tree: KernelTree) -> tuple[str, ...]:
    """The C files of mm/ and its folders."""
    return tuple(_walk(tree.root, "mm", ".c"))
