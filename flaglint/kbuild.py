"""What a build says of one file, read as text: its Makefiles, and compile_commands.json.

The idea: `ccflags-y += -I $(src)/libxfs` names a directory whose headers the file needs, and
`obj-$(CONFIG_SLAB) += slab.o` says why a file does not compile: it is not built.

Invariants: no line is evaluated beyond replacing the names of the source and object tree; an
option reaches the compiler only if it can do no more than define a macro or name a header, and
its path only if it lies inside the tree or its object directory.

Limits: computed values (`$(shell ...)`, `$(if ...)`) and conditional blocks are not understood.

Interface: `subdir_includes`, `command_options`, `unbuilt_reason`, `switched_off`, `part_of`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from flaglint.tree import KernelTree, TreeError, inside, read_text, shown

_COMMANDS_LIMIT = 256 << 20
_CONDITION = re.compile(r"\$\((CONFIG_\w+)\)")


class _Assignment(NamedTuple):
    """A line of a Makefile; `operator` is "+", "?" or "", `words` are those of the value."""

    variable: str
    operator: str
    value: str
    words: frozenset[str]


def subdir_includes(tree: KernelTree, file: str) -> tuple[str, ...]:
    """Include directories that the Makefiles above `file` add in the plain, uncomputed forms.

    Understood are `-I` with $(src), $(srctree)/$(src), $(srctree)/..., or $(objtree)/... in
    ccflags-y, subdir-ccflags-y and CFLAGS_<this file>.o lines. Absolute paths, in order.
    """
    root = Path(tree.root)
    found: dict[str, None] = {}
    own = {"ccflags-y", "EXTRA_CFLAGS", f"CFLAGS_{Path(file).stem}.o"}
    builds = True
    for folder in Path(file).parents:
        lines = _lines(root / folder)
        for line in lines:
            if line.variable == "subdir-ccflags-y" or (builds and line.variable in own):
                found.update(dict.fromkeys(_plain_includes(root, folder, line.value)))
        # A folder without a Makefile is built by the one above, as arch/x86/kvm/svm is.
        builds = builds and not lines
    return tuple(found)


def command_options(tree: KernelTree) -> dict[str, tuple[str, ...]]:
    """What compile_commands.json says of each file of the tree, filtered to harmless options.

    Keys are relative to the root. Raises TreeError when the file is no compilation database.
    """
    if not tree.commands:
        return {}

    class Entry(msgspec.Struct):
        directory: str
        file: str
        command: str = ""
        arguments: list[str] = []

    path = Path(tree.commands)
    try:
        if path.stat().st_size > _COMMANDS_LIMIT:
            raise TreeError(f"{shown(path)}: too large for a compilation database")
        entries = msgspec.json.decode(path.read_bytes(), type=list[Entry])
    except (OSError, ValueError, RecursionError):  # msgspec.MsgspecError is a ValueError
        raise TreeError(
            f"{shown(path)}: no compilation database; make it with the tree's own "
            "compile_commands.json target or leave it out"
        ) from None
    roots = [Path(tree.root)] + ([Path(tree.objtree)] if tree.objtree else [])
    options: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        source = inside(Path(entry.directory, entry.file), roots[:1])
        if source is None:
            continue
        try:
            words = entry.arguments or shlex.split(entry.command)
        except ValueError:
            continue
        key = source.relative_to(tree.root).as_posix()
        options[key] = tuple(_harmless(words[1:], Path(entry.directory), roots))
    return options


def unbuilt_reason(tree: KernelTree, file: str) -> str:
    """Why `file` is not built under the tree's configuration; "" when nothing says so.

    The reason is in words: "CONFIG_SLAB is off", "code for arm64".
    """
    parts = Path(file).parts
    if parts[0] == "arch" and len(parts) > 2:
        # User mode Linux is an architecture of its own, with code in the folder of its host's.
        code_for = "um" if parts[2] == "um" else parts[1]
        if code_for != tree.srcarch:
            return f"code for {code_for}"
    names, way = _switch(tree, file)
    return f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} {way}" if names else ""


def switched_off(tree: KernelTree, file: str) -> tuple[str, ...]:
    """The symbols any of which would have `file` built, if that is what it takes."""
    names, way = _switch(tree, file)
    return names if way == "off" else ()


def _switch(tree: KernelTree, file: str) -> tuple[tuple[str, ...], str]:
    """The symbols that keep `file` from being built, and whether by being on or off."""
    root = Path(tree.root)
    symbols = tree.symbols
    targets = {f"{Path(file).stem}.o"}
    for folder in Path(file).parents:
        lines = _lines(root / folder)
        places = [
            number
            for number, line in enumerate(lines)
            if not line.words.isdisjoint(targets) and not line.variable.startswith("CFLAGS")
        ]
        replaced = [_replaced(lines, number, symbols) for number in places]
        if replaced and all(replaced):
            return tuple(dict.fromkeys(replaced)), "on"
        if names := _missing(lines, targets, symbols):
            return names, "off"
        if lines:
            targets = {f"{folder.name}/"}
        else:
            targets |= {f"{folder.name}/{target}" for target in targets}
    return (), ""


def part_of(tree: KernelTree, file: str) -> str:
    """The C file that has `file` for a part of it, as text; "" for a file of its own."""
    path = Path(tree.root, file)
    name = path.name
    own = f"{path.stem}.o"
    if any(own in line.words for line in _lines(path.parent)):
        return ""
    wanted = re.compile(rf'^#[ \t]*include[ \t]+"{re.escape(name)}"', re.M)
    for other in sorted(path.parent.glob("*.c")):
        if other != path and wanted.search(read_text(other)):
            return other.relative_to(tree.root).as_posix()
    return ""


def _missing(
    lines: Sequence[_Assignment], targets: Set[str], symbols: Mapping[str, str]
) -> tuple[str, ...]:
    """The symbols that are off, one of which every line that names a target needs; or none.

    iommufd-y := device.o, then obj-$(CONFIG_IOMMUFD) += iommufd.o: the object is a part.
    """
    found: list[str] = []
    for line in lines:
        if line.words.isdisjoint(targets) or line.variable.startswith("CFLAGS"):
            continue
        whole, _, condition = line.variable.rpartition("-")
        symbol = _CONDITION.fullmatch(condition)
        if symbol and not symbols.get(symbol[1]):
            found.append(symbol[1])
            continue
        above = () if f"{whole}.o" in targets else _missing(lines, {f"{whole}.o"}, symbols)
        if not above:
            return ()
        found += above
    return tuple(dict.fromkeys(found))


def _replaced(lines: Sequence[_Assignment], number: int, symbols: Mapping[str, str]) -> str:
    """The symbol that makes a later line assign the same variable anew, or "".

    x-y := nommu.o, then x-$(CONFIG_MMU) := mmu.o: with MMU on, x-y is mmu.o alone.
    """
    mine = _CONDITION.sub(lambda match: symbols.get(match[1], ""), lines[number].variable)
    for line in lines[number + 1 :]:
        if line.operator or not (condition := _CONDITION.search(line.variable)):
            continue
        if symbols.get(condition[1]):
            if _CONDITION.sub(lambda match: symbols.get(match[1], ""), line.variable) == mine:
                return condition[1]
    return ""


def _lines(folder: Path) -> list[_Assignment]:
    """The assignments in the folder's Kbuild file or Makefile."""
    found: list[_Assignment] = []
    for name in ("Kbuild", "Makefile"):
        path = folder / name
        try:
            status = path.stat()
        except OSError:
            continue
        found += _assignments(path, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return found


@lru_cache(256)
def _assignments(path: Path, stamp: tuple[int, int, int]) -> list[_Assignment]:
    # Asked for by every file of a folder. `stamp` tells one content from the next.
    text = read_text(path).replace("\\\n", " ")
    found = re.findall(r"^[ \t]*([^\s:+?=#]+)[ \t]*(?::|([+?]))?=(.*)$", text, re.M)
    return [_Assignment(name, op, value, frozenset(value.split())) for name, op, value in found]


def _harmless(words: Sequence[str], cwd: Path, roots: Sequence[Path]) -> Iterator[str]:
    """The options of a compiler command that can only define macros and name headers."""
    queue = iter(words)
    for word in queue:
        if match := re.fullmatch(r"(-I|-isystem|-iquote|-include|-idirafter)(.*)", word, re.S):
            option = match[1]
            value = match[2].strip() or next(queue, "")
            path = inside(Path(cwd, value), roots)
            if value and path is not None:
                yield from (option, str(path))
        elif word in ("-D", "-U"):
            value = next(queue, "")
            if re.match(r"[A-Za-z_]\w*", value):
                yield word + value
        elif re.match(r"-[DU][A-Za-z_]\w*|-std=[\w+:]+$|-f(un)?signed-char$", word):
            yield word
        elif word in ("-fshort-wchar", "-fms-extensions", "-m64", "-m32"):
            yield word
        elif word in ("-o", "-MF", "-MT", "-MQ", "-Xclang", "-Xassembler", "-Xlinker"):
            next(queue, "")


def _plain_includes(root: Path, folder: Path, value: str) -> Iterator[str]:
    src = folder.as_posix()
    for option in dict.fromkeys(re.findall(r"-I\s*(\S+)", value)):
        spelled = option
        # From 6.13 on $(src) holds the source tree's path; before, it is relative to the root.
        for variable, meaning in (
            ("$(srctree)/$(src)", src),
            ("$(srctree)/", ""),
            ("$(srctree)", "."),
            ("$(objtree)/", ""),
            ("$(src)", src),
            ("$(obj)", src),
        ):
            spelled = spelled.replace(variable, meaning)
        if "$" in spelled:
            continue
        path = inside(root / spelled, [root])
        if path is not None and path.is_dir():
            yield str(path)
