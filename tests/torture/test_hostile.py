"""Trees that want something executed, read, written or printed."""

from __future__ import annotations

import html
import json
import re

import pytest

from tests.torture.conftest import Judge, Tally
from tests.torture.sandbox import Box, Outcome

RACY = "mm/huge_memory.c"
SECRET = "token-4711"
CALL = "__SetPageLocked(page);"
FORMATS = ("text", "concise", "json", "sarif", "github", "html")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07",
    "::set-output name=x::y",
    "::error file=x::y",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]>-->",
    "\u202etxet desrever\u2066",
    "\r\nInjected: yes",
    "%0A::warning::y",
    "[link](https://example.invalid)",
    "'; rm -rf /; '",
)


@pytest.fixture
def secret(box: Box) -> str:
    """A file outside the tree whose content must not come out; its path from mm/."""
    (box.home / "secret.h").write_text(f"#error {SECRET}\nint {SECRET.replace('-', '_')};\n")
    return "../../home/secret.h"


@pytest.mark.parametrize("how", ["relative", "absolute", "link", "link to folder", "computed"])
@pytest.mark.parametrize("where", [RACY, "include/linux/mm.h"])
def test_nothing_outside_is_quoted(
    how: str, where: str, box: Box, judged: Judge, secret: str
) -> None:
    path = f"../{secret}" if where.startswith("include") else secret
    match how:
        case "absolute":
            path = str(box.home / "secret.h")
        case "link":
            path = "linked.h"
            (box.path(where).parent / path).symlink_to(box.home / "secret.h")
        case "link to folder":
            path = "away/secret.h"
            (box.path(where).parent / "away").symlink_to(box.home)
    line = f'#include "{path}"' if how != "computed" else f'#define W "{path}"\n#include W'
    box.edit(where, "#include", f"{line}\n#include")
    outcome = judged("hostile")
    assert SECRET not in outcome.out + outcome.err
    if where == RACY:
        assert any("outside" in site["reason"] for site in outcome.document["sites"])
    else:
        assert outcome.status == 2
        assert "outside" in outcome.err


def commands(box: Box, **entry: object) -> None:
    """A compile_commands.json of the tree's own with one entry."""
    whole = {"directory": str(box.tree), "file": RACY, **entry}
    box.path("compile_commands.json").write_text(json.dumps([whole]))


@pytest.mark.parametrize(
    "options",
    [
        "-fplugin={tree}/evil.so",
        "-Xclang -load -Xclang {tree}/evil.so",
        "-Xclang -plugin -Xclang evil",
        "@{tree}/response",
        "-o {tree}/written.o",
        "-MD -MF {tree}/written.d",
        "-include {home}/secret.h",
        "-include ../../home/secret.h",
        "-I{home} -include secret.h",
        "-isystem {home}",
        "-iquote {home} -imacros secret.h",
        "--config {home}/secret.h",
        "-fmodules -fmodule-map-file={tree}/m -fmodules-cache-path={tree}/cache",
        "-B{tree} -fuse-ld={tree}/ld -no-canonical-prefixes",
        "-ftime-trace={tree}/trace.json -save-temps -emit-pch",
        "-fdump-record-layouts -ast-dump -dM -E",
        "-include-pch {home}/secret.h",
        "-ivfsoverlay {home}/secret.h",
        "-D__SetPageLocked(x)=evil",
        "-DSPLIT='a b' -U",
        "-D",
        "-I",
        "-Xclang",
    ],
)
def test_a_compilation_database_is_obeyed_no_further(
    options: str, box: Box, judged: Judge, secret: str
) -> None:
    box.path("response").write_text(f"-include {box.home}/secret.h\n-o {box.tree}/written.o\n")
    box.path("evil.so").write_bytes(b"\x7fELF")
    words = options.format(tree=box.tree, home=box.home)
    commands(box, command=f"cc {words} -c {RACY}")
    outcome = judged("hostile")
    assert outcome.status == 0
    assert SECRET not in outcome.out + outcome.err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[1]",
        "null",
        "[" * 100_000,
        '[{"directory": 1, "file": []}]',
        '[{"directory": "/", "file": "\\ud800", "command": "cc"}]',
        '[{"directory": "\\u0000", "file": "mm/rmap.c", "arguments": ["cc", "-I\\u0000"]}]',
        '[{"directory": ".", "file": "../../home/secret.h", "command": "cc -DX=\\"unclosed"}]',
        "\xff\xfe",
    ],
)
def test_a_compilation_database_may_be_anything(text: str, box: Box, judged: Judge) -> None:
    box.path("compile_commands.json").write_text(text, "latin-1")
    outcome = judged("hostile")
    if outcome.status == 2:
        assert "compil" in outcome.err


def test_nothing_of_the_tree_is_imported_or_run(box: Box, judged: Judge) -> None:
    """Modules under the names of ours, hooks, and scripts that a build would run."""
    mark = box.home / "executed"
    evil = f"open({str(mark)!r}, 'w').write('x')\n"
    for name in ("flaglint", "msgspec", "clang", "json", "sitecustomize", "usercustomize"):
        box.path(f"{name}.py").write_text(evil)
        (box.cwd / f"{name}.py").write_text(evil) if name == "sitecustomize" else None
    for name in ("scripts/config", ".git/hooks/post-checkout", "Kconfig.sh", "conftest.py"):
        path = box.path(name)
        path.write_text(f"#!/bin/sh\ntouch {mark}\n")
        path.chmod(0o755)
    box.path("Makefile").write_text(
        f"VERSION = $(shell touch {mark})\nPATCHLEVEL = `touch {mark}`\n"
    )
    box.path("arch/x86/Kconfig").write_text(
        f'config X\n\tdef_bool $(shell,touch {mark})\n\tdefault "$(success,touch {mark})"\n'
    )
    box.path("mm/Makefile").write_text(f"ccflags-y += -I$(shell touch {mark}) -I`touch {mark}`\n")
    assert judged("hostile").status == 0
    assert not mark.exists()


def odd_file(box: Box, name: str) -> None:
    """A file of that name with a racy write whose line holds every hostile string."""
    comment = " ".join(HOSTILE).replace("\r\n", " ").replace("*/", "")
    text = (
        "#include <linux/mm.h>\n#include <linux/pagemap.h>\n"
        "static struct page *odd_pages;\n"
        "void odd_take(void)\n{\n\tstruct page *page = alloc_page(GFP_KERNEL);\n\n"
        "\tif (!page)\n\t\treturn;\n\todd_pages = page;\n"
        f"\t{CALL} /* {comment} */\n}}\nEXPORT_SYMBOL(odd_take);\n"
        "void odd_use(void)\n{\n\tSetPageReferenced(READ_ONCE(odd_pages));\n}\n"
        "EXPORT_SYMBOL(odd_use);\n"
    )
    box.path(name).write_text(text)


def offered(box: Box) -> list[str]:
    """Those of the formats that this command line has."""
    usage = box.run("check", "--help")
    assert usage.wrongs == ()
    return [name for name in FORMATS if re.search(rf"\b{name}\b", usage.out)]


def well_formed(name: str, outcome: Outcome) -> None:
    """What each format must look like, whatever the source says."""
    if name in ("json", "sarif"):
        json.loads(outcome.out)
        return
    assert not CONTROL.search(outcome.out.replace("\r", "\x01")), name
    if name == "github":
        assert all(line.startswith("::") for line in outcome.out.splitlines())
        lines = outcome.out.splitlines()
        assert all(re.match(r"::(error|warning|notice) ", line) for line in lines), lines
    elif name == "html":
        for tag in ("<script>alert", "<img src=x"):
            assert tag not in outcome.out
    else:
        assert not any(line.startswith("::") for line in outcome.out.splitlines())


NAMES = (
    "mm/odd.c",
    "mm/a b.c",
    "mm/new\nline.c",
    "mm/::error file=x::y.c",
    "mm/<img src=x onerror=alert(1)>.c",
    "mm/\x1b[31mred.c",
    "mm/'; rm -rf $HOME; '.c",
    'mm/"><script>alert(1)<.c',
    "mm/-o.c",
    "mm/@response.c",
    "mm/%0A::error::x.c",
    "mm/\u202etxt.c",
    "mm/\u00fcml\u00e4ut.c",
    "mm/" + "x" * 250 + ".c",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_format_shows_and_does_not_obey(name: str, box: Box, tally: Tally) -> None:
    odd_file(box, name)
    for form in offered(box):
        outcome = box.run("check", "--format", form, "-j", "1")
        tally.add("hostile", inputs=1)
        assert outcome.wrongs == ()
        assert outcome.status == 1
        well_formed(form, outcome)
        if form == "json":
            assert name in {found["file"] for found in outcome.document["findings"]}
        if form == "html":
            assert "odd_take" in html.unescape(outcome.out)


def test_a_name_that_is_no_text(box: Box, judged: Judge) -> None:
    odd_file(box, "mm/odd.c")
    box.path("mm/odd.c").rename(box.tree / "mm" / "\udcff\udcfe.c")
    outcome = judged("hostile")
    assert outcome.status == 0
    text = box.run("check", "-j", "1")
    assert text.wrongs == ()
    assert r"\xff\xfe.c" in text.out


def test_a_macro_cannot_forge_a_place(box: Box, judged: Judge) -> None:
    """#line names any file: a finding must still name the one that the code stands in."""
    odd_file(box, "mm/odd.c")
    box.edit("mm/odd.c", "static struct page", '#line 1 "../../../etc/passwd"\nstatic struct page')
    outcome = judged("hostile")
    files = {site["file"] for site in outcome.document["sites"] if site["function"] == "odd_take"}
    assert files == {"mm/odd.c"}


def test_settings_of_the_tree_write_and_run_nothing(box: Box, tally: Tally) -> None:
    for text in ('output = "/tmp/x"', 'cache-dir = "x"', "select = 3", "\xff", "[" * 5_000):
        box.path("flaglint.toml").write_text(text, "latin-1")
        outcome = box.run("check", "-j", "1")
        tally.add("hostile", inputs=1, refusals=int(outcome.status == 2))
        assert outcome.wrongs == ()
        assert outcome.status == 2
        assert "flaglint.toml" in outcome.err
