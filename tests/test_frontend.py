"""The frontend: headers and the precompiled header in the cache, and files parsed with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from flaglint.frontend import FrontendError, Prepared, parse, parse_headers, prepare
from flaglint.kbuild import switched_off
from flaglint.tree import c_files, open_tree
from tests.small_tree import small_tree

COMMON = """\
#ifndef COMMON_H
#define COMMON_H
#include <generated/autoconf.h>
#ifdef WANT_EXTRA
static inline int extra(void) { return 1; }
#endif
static inline int common(int x) { return x; }
#endif
"""
BOUNDS = """\
#define __GENERATING_BOUNDS_H
#include <linux/page-flags.h>
#include <linux/kbuild.h>
struct pair { char first; int second; };
int main(void)
{
	DEFINE(NR_PAGEFLAGS, __NR_PAGEFLAGS);
	OFFSET(PAIR_SECOND, pair, second);
	return 0;
}
"""
KCONFIG_H = "#include <generated/autoconf.h>\n"
USER = "#include <linux/common.h>\n"
FILES = {
    "include/linux/common.h": COMMON,
    "include/linux/kconfig.h": KCONFIG_H,
    "include/linux/kbuild.h": '#define DEFINE(sym, val) asm volatile("->" #sym)\n',
    "kernel/bounds.c": BOUNDS,
    "mm/a.c": USER + "int a(int x) { return common(x); }\n",
    "mm/b.c": USER + "#ifdef CONFIG_KSM\nint b(void) { return 2; }\n#endif\n",
}


def prepared_tree(tmp_path: Path, **files: str) -> Prepared:
    extra = {name.replace("__", "/") + ".c": text for name, text in files.items()}
    root = small_tree(tmp_path / "linux", {**FILES, **extra})
    return prepare(open_tree(root), tmp_path / "cache")


def functions(prepared: Prepared, file: str) -> list[str]:
    cursors = parse(prepared, file).tu.cursor.get_children()
    return [
        item.spelling
        for item in cursors
        if item.is_definition() and item.kind.name == "FUNCTION_DECL"
    ]


def snapshot(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_file_is_parsed_from_the_precompiled_header(tmp_path: Path) -> None:
    prepared = prepared_tree(tmp_path)
    assert prepared.errors == ()
    assert "#include <linux/common.h>" in Path(prepared.common).read_text()
    parsed = parse(prepared, "mm/a.c")
    assert parsed.errors == ()
    assert functions(prepared, "mm/a.c") == ["a"]
    call = next(item for item in parsed.tu.cursor.walk_preorder() if item.spelling == "common")
    assert call.referenced.location.file.name.endswith("include/linux/common.h")


def test_the_configuration_reaches_the_files(tmp_path: Path) -> None:
    assert functions(prepared_tree(tmp_path), "mm/b.c") == ["b"]


def test_a_tree_without_kconfig_h_has_the_configuration_too(tmp_path: Path) -> None:
    files = {"mm/b.c": "#ifdef CONFIG_KSM\nint b(void) { return 2; }\n#endif\n"}
    root = small_tree(tmp_path / "linux", files)
    assert functions(prepare(open_tree(root), tmp_path / "cache"), "mm/b.c") == ["b"]


def test_bounds_are_computed_from_the_trees_own_questions(tmp_path: Path) -> None:
    prepared_tree(tmp_path)
    (bounds,) = (tmp_path / "cache").glob("headers/*/include/generated/bounds.h")
    # Three flags under the shipped configuration, which has KSM on.
    assert bounds.read_text() == "#define NR_PAGEFLAGS 3\n#define PAIR_SECOND 4\n"


def test_nothing_is_written_into_the_tree(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux", FILES)
    before = snapshot(root)
    parse(prepare(open_tree(root), tmp_path / "cache"), "mm/a.c")
    assert snapshot(root) == before


def test_the_second_call_finds_everything(tmp_path: Path) -> None:
    first = prepared_tree(tmp_path)
    before = {name: time for name, time in snapshot(tmp_path / "cache").items() if "." in name}
    second = prepare(first.tree, tmp_path / "cache")
    assert second == first
    after = snapshot(tmp_path / "cache")
    assert {name: after.get(name) for name in before} == before


def test_a_changed_header_makes_a_new_set(tmp_path: Path) -> None:
    first = prepared_tree(tmp_path)
    with Path(first.root, "include/linux/common.h").open("a") as header:
        header.write("#define NEW 1\n")
    second = prepare(first.tree, tmp_path / "cache")
    assert second.pch != first.pch
    # The old set is of no use any more, but a process that still holds it gets a right answer.
    assert parse(first, "mm/a.c").errors == ()


def test_another_configuration_makes_a_new_set(tmp_path: Path) -> None:
    first = prepared_tree(tmp_path)
    (tmp_path / "config").write_text("CONFIG_SMP=y\n")
    second = prepare(open_tree(first.root, config=tmp_path / "config"), tmp_path / "cache")
    assert second.pch != first.pch
    assert functions(second, "mm/b.c") == []


def test_a_killed_run_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    first = prepared_tree(tmp_path)
    folder = Path(first.pch).parent
    (folder / "built.json").unlink()
    Path(first.pch).write_bytes(b"half")
    again = prepare(first.tree, tmp_path / "cache")
    assert parse(again, "mm/a.c").errors == ()


def test_leftovers_go_after_a_month(tmp_path: Path) -> None:
    for name in ("headers/.new-killed", "headers/old", "headers/fresh"):
        (tmp_path / "cache" / name).mkdir(parents=True)
    for name in ("headers/.new-killed", "headers/old"):
        os.utime(tmp_path / "cache" / name, (0, 0))
    prepared_tree(tmp_path)
    names = {path.name for path in (tmp_path / "cache/headers").iterdir()}
    assert "fresh" in names
    assert not names & {"old", ".new-killed"}


def test_two_processes_at_once(tmp_path: Path) -> None:
    root = small_tree(tmp_path / "linux", FILES)
    code = (
        "import sys; from pathlib import Path; from flaglint.tree import open_tree\n"
        "from flaglint.frontend import parse, prepare\n"
        f"prepared = prepare(open_tree({str(root)!r}), Path({str(tmp_path / 'cache')!r}))\n"
        "sys.exit(len(parse(prepared, 'mm/a.c').errors))\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [run.wait() for run in runs] == [0, 0, 0, 0]
    assert list((tmp_path / "cache").rglob(".new-*")) == []
    assert len(list((tmp_path / "cache/pch").iterdir())) == 1


def test_prepared_travels_between_processes(tmp_path: Path) -> None:
    prepared = prepared_tree(tmp_path)
    copy = msgspec.msgpack.decode(msgspec.msgpack.encode(prepared), type=Prepared)
    assert copy == prepared
    assert functions(copy, "mm/a.c") == ["a"]


def test_a_macro_before_the_includes_is_seen(tmp_path: Path) -> None:
    prepared = prepared_tree(
        tmp_path, mm__c="#define WANT_EXTRA\n" + USER + "int c(void) { return extra(); }\n"
    )
    assert parse(prepared, "mm/c.c").errors == ()


def test_a_name_that_collides_with_a_precompiled_header_is_no_error(tmp_path: Path) -> None:
    prepared = prepared_tree(tmp_path, mm__c="static void common(void) { }\n")
    assert parse(prepared, "mm/c.c").errors == ()


def test_a_missing_include_costs_only_what_needs_it(tmp_path: Path) -> None:
    text = '#include "gone.h"\nint c(void) { return gone(); }\nint d(void) { return 1; }\n'
    prepared = prepared_tree(tmp_path, mm__c=text)
    parsed = parse(prepared, "mm/c.c")
    assert [(item.file, item.line) for item in parsed.errors] == [("mm/c.c", 1), ("mm/c.c", 2)]
    assert functions(prepared, "mm/c.c") == ["c", "d"]


def test_what_is_no_c_is_an_error_in_one_line(tmp_path: Path) -> None:
    prepared = prepared_tree(tmp_path, mm__c="Dear all,\nplease find attached ;\n")
    with pytest.raises(FrontendError, match=r"^mm/c\.c: no function could be parsed.*mm/c\.c:1: "):
        parse(prepared, "mm/c.c")


@pytest.mark.parametrize("file", ["mm/gone.c", "../outside.c", "mm"])
def test_a_file_that_is_not_there(tmp_path: Path, file: str) -> None:
    (tmp_path / "outside.c").write_text("int x(void) { return 1; }\n")
    with pytest.raises(FrontendError, match="no such file in the tree"):
        parse(prepared_tree(tmp_path), file)


def test_a_file_of_another_architecture_is_named_as_such(tmp_path: Path) -> None:
    text = "#include <asm/sclp.h>\nint x(void) { return sclp(); }\n"
    parsed = parse(prepared_tree(tmp_path, arch__s390__mm__c=text), "arch/s390/mm/c.c")
    assert parsed.unbuilt == "code for s390"
    assert len(parsed.errors) == 2


def test_a_file_that_is_off_is_read_as_if_it_were_on(tmp_path: Path) -> None:
    """Its header leaves stubs in place of its functions as long as the driver is off."""
    root = small_tree(
        tmp_path / "linux",
        {
            **FILES,
            "drivers/x/Makefile": "obj-$(CONFIG_X_DRIVER) += a.o b.o\n",
            "drivers/x/x.h": "#ifdef CONFIG_X_DRIVER\nint x(void);\n"
            "static inline int period(void) { return CONFIG_X_PERIOD; }\n"
            "#else\nstatic inline int x(void) { return 0; }\n#endif\n",
            "drivers/x/a.c": '#include "x.h"\nint x(void) { return 1; }\n',
            "drivers/x/b.c": '#include "x.h"\nint y(void) { return nothing; }\n',
        },
    )
    prepared = prepare(open_tree(root), tmp_path / "cache")
    assert functions(prepared, "drivers/x/a.c") == ["period", "x"]
    parsed = parse(prepared, "drivers/x/a.c")
    assert not parsed.unbuilt
    assert [error.file for error in parsed.errors] == ["drivers/x/x.h"]
    assert parse(prepared, "drivers/x/b.c").unbuilt == "CONFIG_X_DRIVER is off", "errs by itself"


def test_included_c_files_are_told(tmp_path: Path) -> None:
    prepared = prepared_tree(
        tmp_path,
        mm__c='#include "d.c"\nint c(void) { return d(); }\n',
        mm__d="int d(void) { return 1; }\n",
    )
    assert parse(prepared, "mm/c.c").includes == ("mm/d.c",)


def test_options_of_compile_commands_reach_their_file(tmp_path: Path) -> None:
    text = "#ifdef ONLY_HERE\nint c(void) { return 1; }\n#endif\nint d;\n"
    root = small_tree(tmp_path / "linux", {**FILES, "mm/c.c": text})
    entry = {
        "directory": str(root),
        "file": "mm/c.c",
        "arguments": ["gcc", "-nostdinc", "-I./include", "-DONLY_HERE", "-fplugin=x", "mm/c.c"],
    }
    (root / "compile_commands.json").write_text(json.dumps([entry]))
    prepared = prepare(open_tree(root), tmp_path / "cache")
    assert prepared.options == {"mm/c.c": ("-DONLY_HERE",)}
    assert functions(prepared, "mm/c.c") == ["c"]


def test_a_builds_own_headers_are_used(tmp_path: Path) -> None:
    root = small_tree(
        tmp_path,
        {
            **FILES,
            "include/generated/autoconf.h": "#define CONFIG_OWN 1\n",
            "include/generated/bounds.h": "",
            "arch/x86/include/generated/asm/made.h": "int made(void);\n",
            "mm/c.c": "#include <asm/made.h>\n"
            "#ifdef CONFIG_OWN\nint c(void) { return made(); }\n#endif\n",
        },
    )
    prepared = prepare(open_tree(root), tmp_path / "cache")
    assert functions(prepared, "mm/c.c") == ["c"]
    assert parse(prepared, "mm/c.c").errors == ()
    assert not (tmp_path / "cache/headers").exists()


def test_the_common_headers_can_be_had_alone(tmp_path: Path) -> None:
    parsed = parse_headers(prepared_tree(tmp_path))
    names = [item.spelling for item in parsed.tu.cursor.get_children()]
    assert "common" in names


@pytest.fixture(scope="session")
def kernel_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_common_headers_of_a_real_kernel_have_no_errors(
    kernel: Path, kernel_cache: Path, arch: str
) -> None:
    prepared = prepare(open_tree(kernel, arch=arch), kernel_cache)
    assert prepared.errors == ()
    assert prepared.pch


def test_mm_of_a_real_kernel_parses(kernel: Path, kernel_cache: Path) -> None:
    prepared = prepare(open_tree(kernel), kernel_cache)
    faulty = {}
    included: set[str] = set()
    for file in c_files(prepared.tree, "mm"):
        try:
            parsed = parse(prepared, file)
        except FrontendError as error:
            faulty[file] = str(error)
            continue
        included.update(parsed.includes)
        if parsed.errors and not parsed.unbuilt and not switched_off(prepared.tree, file):
            faulty[file] = str(parsed.errors[0])
    # Kernels without an MMU; its Makefile excludes it by an assignment that a later one replaces.
    assert set(faulty) - included <= {"mm/nommu.c"}
