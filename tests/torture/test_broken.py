"""Files that are damaged, odd, endless or not there: named, and the rest is analysed."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable

import pytest

from tests.torture.conftest import Judge, Tally, lost
from tests.torture.sandbox import Box

Damage = Callable[[Box], object]
RACY = "mm/huge_memory.c"


def on(change: Callable[[bytes], bytes], name: str = RACY) -> Damage:
    """Change a file's bytes."""

    def damage(box: Box) -> None:
        path = box.path(name)
        path.write_bytes(change(path.read_bytes()))

    return damage


def end(text: str | bytes, name: str = RACY) -> Damage:
    """Add text at a file's end."""
    data = text.encode() if isinstance(text, str) else text
    return on(lambda old: old + b"\n" + data, name)


def write(name: str, data: str | bytes) -> Damage:
    """Put a new file, or another one in its place."""

    def damage(box: Box) -> None:
        path = box.path(name)
        path.unlink(missing_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    return damage


def edit(name: str, old: str, new: str) -> Damage:
    """Replace text in a file."""
    return lambda box: box.edit(name, old, new)


def pipe(name: str) -> Damage:
    """Put a pipe, in a file's place if there is one."""

    def damage(box: Box) -> None:
        box.path(name).unlink(missing_ok=True)
        os.mkfifo(box.path(name))

    return damage


def link(name: str, target: str) -> Damage:
    """Put a symbolic link, in a file's place if there is one."""

    def damage(box: Box) -> None:
        box.path(name).unlink(missing_ok=True)
        box.path(name).symlink_to(target)

    return damage


def all_of(*damages: Damage) -> Damage:
    """One after the other."""

    def damage(box: Box) -> None:
        for each in damages:
            each(box)

    return damage


def noise(count: int) -> bytes:
    """The same random bytes on every run."""
    return random.Random(count).randbytes(count)


def body(text: str, params: str = "struct page *page, int a") -> str:
    """A function of its own with that body."""
    return f"int odd({params})\n{{\n{text}\nreturn 0;\n}}\n"


# What must be accounted for by a doubt, an unread file or an unread function.
COSTS_SOMETHING: dict[str, Damage] = {
    "syntax error in a function": on(lambda t: t.replace(b"_mapped(folio);", b"_mapped(@ ( ;", 1)),
    "a brace too many": on(lambda t: t.replace(b"{\n", b"{{{\n", 1)),
    "a brace too few": on(lambda t: t.replace(b"}\n", b"\n", 1)),
    "merge conflict in a function": on(
        lambda t: t.replace(
            b"\t__folio_set_partially",
            b"<<<<<<< ours\n=======\n\tx(;\n>>>>>>> theirs\n\t__folio_set_partially",
        )
    ),
    "line of ten million characters": on(lambda t: b"int x = " + b"1+" * 5_000_000 + b"1;\n" + t),
    "sum of twenty thousand": end("int odd(int a) { return " + "a+" * 20_000 + "a; }"),
    "twenty thousand negations": end("int odd(int a) { return " + "!" * 20_000 + "a; }"),
    "five thousand else if": end(
        body("if (!a) ;" + "".join(f"else if (a == {n}) a++;\n" for n in range(5_000)))
    ),
    "macro of a trillion tokens": end(
        "#define A0 1\n"
        + "".join(f"#define A{n} A{n - 1} A{n - 1}\n" for n in range(1, 40))
        + "int odd[] = { A39 };\n"
    ),
    "too many paths": end(
        body("".join(f"if (a & {n}) page = alloc_page(0);\n" for n in range(600)))
        + "void odd2(struct page *page) { odd(page, 1); __SetPageLocked(page); }\n"
    ),
}

# What may cost something, or nothing.
HARMLESS: dict[str, Damage] = {
    "half of the file": on(lambda t: t[: len(t) // 2]),
    "NUL bytes": on(lambda t: t.replace(b";\n", b";\0\0\n")),
    "nothing but NUL": write(RACY, b"\0" * 100_000),
    "noise": write(RACY, noise(100_000)),
    "Latin-1": on(lambda t: b"/* \xe9\xff */\n" + t.replace(b"*/", b"\xe9*/")),
    "CRLF": on(lambda t: t.replace(b"\n", b"\r\n")),
    "UTF-16": on(lambda t: t.decode().encode("utf-16")),
    "byte order mark": on(lambda t: b"\xef\xbb\xbf" + t),
    "no newline at the end": on(bytes.rstrip),
    "comment of ten million characters": on(lambda t: b"/*" + b"x" * 10_000_000 + b"*/\n" + t),
    "comment never closed": end("/* for ever"),
    "string never closed": end('char *odd = "for ever'),
    "deep parentheses": end("int odd(void) { return " + "(" * 20_000 + "1" + ")" * 20_000 + "; }"),
    "deep blocks": end("int odd(void) { " + "{" * 20_000 + "}" * 20_000 + " return 0; }"),
    "blocks just deep enough": end(body("{" * 240 + "__SetPageLocked(page);" + "}" * 240)),
    "ifs just deep enough": end(body("if (page) " * 240 + "__SetPageLocked(page);")),
    "deep structs": end("struct odd {" + "struct {" * 5_000 + "int x;" + "};" * 5_000 + "};"),
    "deep pointers": end("int " + "*" * 50_000 + "odd;"),
    "a switch of two thousand cases": end(
        body(
            "switch (a) {"
            + "".join(f"case {n}: __SetPageLocked(page); break;\n" for n in range(2_000))
            + "}"
        )
    ),
    "two thousand functions": end(
        "".join(f"void odd{n}(struct page *p) {{ __SetPageLocked(p); }}\n" for n in range(2_000))
    ),
    "a chain of two thousand calls": end(
        "void odd0(struct page *p) { __SetPageLocked(p); }\n"
        + "".join(f"void odd{n}(struct page *p) {{ odd{n - 1}(p); }}\n" for n in range(1, 2_000))
    ),
    "everybody calls everybody": end(
        "".join(f"void odd{n}(struct page *p);\n" for n in range(50))
        + "".join(
            f"void odd{n}(struct page *p) {{ odd{(n + 1) % 50}(p); odd{n * 7 % 50}(p);"
            " __SetPageLocked(p); }\n"
            for n in range(50)
        )
    ),
    "gotos in a circle": end(
        body("".join(f"l{n}: if (a == {n}) goto l{n * 7 % 90};\n" for n in range(90)))
    ),
    "the file includes itself": on(lambda t: b'#include "huge_memory.c"\n' + t),
    "a header includes itself twice": all_of(
        write("include/linux/odd.h", '#include "odd.h"\n#include "odd.h"\n'),
        edit(RACY, "#include", "#include <linux/odd.h>\n#include"),
    ),
    "a common header includes itself twice": all_of(
        write("include/linux/odd.h", '#include "odd.h"\n#include "odd.h"\n'),
        edit("include/linux/mm.h", "#include", "#include <linux/odd.h>\n#include"),
    ),
    "includes of directories": on(lambda t: b'#include "."\n#include <linux>\n#include "/"\n' + t),
    "includes of nothing": on(lambda t: b'#include <linux/no.h>\n#include "\n#include\n' + t),
    "a directory named like a C file": write("mm/dir.c/x.c", "int x;\n"),
    "an empty C file": write("mm/empty.c", ""),
    "links in circles": all_of(
        link("mm/loop", "loop"),
        link("mm/up", ".."),
        link("mm/self.c", "self.c"),
        link("mm/dangling.c", "gone.c"),
    ),
    "a pipe named like a C file": pipe("mm/pipe.c"),
    "a device named like a C file": link("mm/zero.c", "/dev/zero"),
    "Makefile is a pipe": pipe("Makefile"),
    "Kconfig is noise": write("arch/x86/Kconfig", noise(100_000)),
    "Makefile is noise": write("mm/Makefile", noise(100_000)),
    "a Makefile of one long line": write("mm/Makefile", "ccflags-y += " + "-Ix " * 500_000),
}

REFUSED: dict[str, tuple[Damage, str]] = {
    "page-flags.h is noise": (
        write("include/linux/page-flags.h", noise(5_000)),
        "no enum of page flags",
    ),
    "page-flags.h is cut short": (
        on(lambda t: t[: len(t) // 2], "include/linux/page-flags.h"),
        "cut short",
    ),
    "page-flags.h holds a conflict": (
        on(
            lambda t: t.replace(b"\n\n", b"\n<<<<<<< a\n=======\n>>>>>>> b\n", 1),
            "include/linux/page-flags.h",
        ),
        "a merge conflict",
    ),
    "page-flags.h is empty": (write("include/linux/page-flags.h", ""), "empty"),
    "page-flags.h is a pipe": (pipe("include/linux/page-flags.h"), "not in a kernel tree"),
    "page-flags.h is a link to itself": (
        link("include/linux/page-flags.h", "page-flags.h"),
        "not in a kernel tree",
    ),
    "mm_types.h is missing": (
        lambda box: box.path("include/linux/mm_types.h").unlink(),
        "no struct page",
    ),
    "mm_types.h is noise": (write("include/linux/mm_types.h", noise(5_000)), "no struct page"),
    "a header is a pipe": (pipe("include/linux/odd.h"), "a pipe"),
    "a header is a device": (link("include/linux/odd.h", "/dev/zero"), "a device"),
}


@pytest.mark.parametrize("name", COSTS_SOMETHING)
def test_damage_is_named(name: str, box: Box, judged: Judge) -> None:
    COSTS_SOMETHING[name](box)
    document = judged("broken", "--timeout", "20").document
    doubtful = [site for site in document["sites"] if site["verdict"] == "unknown"]
    assert doubtful
    assert all(site["reason"] and site["doubts"] for site in doubtful)
    # The damage stays where it is: the other files have their verdicts.
    assert lost(document) == {RACY}


@pytest.mark.parametrize("name", HARMLESS)
def test_damage_gives_no_wrong_answer(name: str, box: Box, judged: Judge) -> None:
    HARMLESS[name](box)
    assert judged("broken", "--timeout", "20").status == 0


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_analysed_is_refused(name: str, box: Box, judged: Judge) -> None:
    damage, reason = REFUSED[name]
    damage(box)
    outcome = judged("broken")
    assert outcome.status == 2
    assert outcome.out == ""
    assert re.fullmatch(rf"flaglint: [^\n]*{reason}[^\n]*\n", outcome.err), outcome.err


@pytest.mark.parametrize("seed", range(12))
def test_trees_mutated_at_random(seed: int, box: Box, judged: Judge) -> None:
    """Bytes, lines and tokens of a few C files cut, doubled, swapped and overwritten.

    Nothing is cut that would be C without it, such as a whole function: that is another program.
    """
    chance = random.Random(seed)
    files = sorted(box.tree.glob("*/*.c"))
    for path in chance.sample(files, 3):
        data = bytearray(path.read_bytes())
        for _ in range(chance.randrange(1, 6)):
            here = chance.randrange(len(data) + 1)
            there = min(len(data), here + chance.randrange(1, 60))
            match chance.randrange(4):
                case 0:
                    del data[here:there]
                case 1:
                    data[here:here] = data[here:there]
                case 2:
                    data[here:there] = chance.randbytes(there - here)
                case _:
                    data[here:here] = chance.choice((b"{", b"}", b"(", b")", b"#if 1\n", b"@"))
        path.write_bytes(bytes(data))
    judged("broken", faults=3)


@pytest.mark.parametrize("seed", range(8))
def test_headers_mutated_at_random(seed: int, box: Box, judged: Judge) -> None:
    chance = random.Random(1000 + seed)
    path = chance.choice(sorted(box.tree.glob("include/linux/*.h")))
    data = bytearray(path.read_bytes())
    here = chance.randrange(len(data))
    data[here : here + chance.randrange(1, 30)] = chance.randbytes(chance.randrange(8))
    path.write_bytes(bytes(data))
    # What a header's damage does to a verdict is not told here; that nothing breaks is.
    outcome = box.run("sites", "--format", "json", "-j", "1")
    assert outcome.wrongs == ()


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_files_that_may_not_be_read(box: Box, tally: Tally) -> None:
    for name in (RACY, "include/linux/xarray.h"):
        box.path(name).chmod(0)
    outcome = box.run("check", "-j", "1")
    tally.add("broken", inputs=1, faults=2)
    assert outcome.wrongs == ()
    assert RACY in outcome.out
