"""In the place of sparse: what a build's call prints, when it analyses, and that it never fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from flaglint.arguments import is_build_call
from flaglint.finding import Report
from flaglint.makecheck import Call, check_file, read_call
from tests.reports import RACE, RACING, REPORT

ARGV = ["-D__linux__", "-Dlinux", "--arch=x86", "-Wbitwise", "-I./include", "-DX=y", "mm/a.c"]


class Build:
    """A tree, a cache, and an analysis that answers as told and counts."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "linux"
        self.cache = folder / "cache"
        self.calls = 0
        self.said: list[str] = []
        self.answer: Report | Exception = REPORT
        for name in (RACE.file, RACING.file, "mm/other.c", "include/linux/mm.h", "mm/internal.h"):
            self.write(name, "int x;\n", age=60)

    def write(self, name: str, text: str, age: float = 0) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (time.time() - age,) * 2)

    def analyse(self) -> Report:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def check(self, name: str, version: str = "1", objtree: str = "") -> list[str]:
        call = Call(name, str(self.root / name), str(self.root), objtree or str(self.root), "x86")
        return check_file(call, self.cache, version, self.analyse, self.said.append)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_a_users_command_line_is_not_the_builds() -> None:
    environ = {"srctree": ".", "objtree": "."}
    assert is_build_call(ARGV, environ)
    assert not is_build_call(ARGV, {})
    assert not is_build_call(["mm/a.c"], environ)
    assert not is_build_call([], environ)
    assert not is_build_call(["check", "mm/a.c", "-q"], environ)


@pytest.mark.parametrize("srctree", [".", "..", "/absolute"])
def test_the_call_as_make_spells_it(
    srctree: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = read_call(ARGV, {"srctree": srctree, "objtree": ".", "SRCARCH": "x86", "ARCH": "x86_64"})
    assert call.name == "mm/a.c"
    assert call.file == str(tmp_path / "mm/a.c")
    assert call.objtree == str(tmp_path)
    assert call.srctree == os.path.normpath(tmp_path / srctree)
    assert (call.srcarch, call.arch) == ("x86", "x86_64")


def test_each_half_at_its_own_place(build: Build) -> None:
    first, *notes = build.check(RACE.file)
    assert first == (f"mm/huge_memory.c:3662:4: warning: {RACE.message} [FL001]")
    assert notes[0] == (
        "mm/memory-failure.c:2372:3: note: folio_set_has_hwpoisoned() changes PG_has_hwpoisoned"
        " under mf_mutex"
    )
    other = build.check(RACING.file)
    assert other[0].startswith("mm/memory-failure.c:2372:3: warning: folio_set_has_hwpoisoned()")
    assert "may lose it [FL001]" in other[0]
    assert build.check("mm/other.c") == []


def test_one_analysis_serves_the_build(build: Build) -> None:
    for name in (RACE.file, RACING.file, "mm/other.c", RACE.file):
        build.check(name)
    assert build.calls == 1
    assert len(build.said) == 1


@pytest.mark.parametrize(
    "name", ["scripts/mod/empty.c", "tools/x.c", "Documentation/x.c", "../outside.c"]
)
def test_what_is_no_kernel_code_costs_nothing(build: Build, name: str) -> None:
    build.write(name, "")
    assert build.check(name) == []
    assert build.calls == 0


def edits() -> list[Callable[[Build], None]]:
    return [
        lambda b: b.write(RACE.file, "int y;\n"),
        lambda b: b.write("include/linux/mm.h", "int y;\n"),
        lambda b: b.write("include/linux/new.h", "int y;\n"),
        lambda b: b.write("mm/internal.h", "int y;\n"),
        lambda b: b.write("include/generated/autoconf.h", "#define CONFIG_X 1\n"),
        lambda b: (b.root / RACE.file).unlink(),
    ]


@pytest.mark.parametrize("number", range(len(edits())))
def test_an_edit_brings_a_new_report_once(build: Build, number: int) -> None:
    build.check("mm/other.c")
    time.sleep(0.15)
    edits()[number](build)
    time.sleep(0.15)
    for _ in range(3):
        build.check("mm/other.c")
    assert build.calls == 2


def test_a_file_outside_the_report_counts_when_it_is_compiled(build: Build) -> None:
    build.check("mm/other.c")
    time.sleep(0.15)
    build.write("mm/other.c", "int y;\n")
    build.check(RACE.file)
    assert build.calls == 1
    build.check("mm/other.c")
    assert build.calls == 2


def test_what_the_build_makes_does_not_count(build: Build) -> None:
    build.check("mm/other.c")
    time.sleep(0.15)
    build.write("include/generated/compile.h", "")
    build.write("arch/x86/include/generated/asm/x.h", "")
    build.write("mm/huge_memory.o", "")
    build.check("mm/other.c")
    assert build.calls == 1


def test_a_clock_that_runs_ahead_does_not_analyse_for_ever(build: Build) -> None:
    build.write("include/linux/mm.h", "int y;\n", age=-3600)
    build.write("mm/other.c", "int y;\n", age=-3600)
    for _ in range(3):
        build.check("mm/other.c")
    assert build.calls == 1


def test_another_version_and_another_build_have_their_own(build: Build, tmp_path: Path) -> None:
    build.check("mm/other.c")
    build.check("mm/other.c", version="2")
    build.check("mm/other.c", version="2", objtree=str(tmp_path / "out"))
    assert build.calls == 3


def test_a_failure_is_told_once_and_breaks_nothing(build: Build) -> None:
    build.answer = RuntimeError("no such thing\nsecond line")
    assert build.check(RACE.file) == []
    assert build.check(RACING.file) == []
    assert build.calls == 1
    assert build.said[1] == "not analysed: RuntimeError: no such thing"


def test_a_damaged_record_is_made_again(build: Build) -> None:
    build.check(RACE.file)
    (record,) = (build.cache / "make").glob("*.msgpack")
    record.write_bytes(b"junk")
    assert build.check(RACE.file)
    assert build.calls == 2


def test_a_finding_in_a_header_is_told_where_it_is_reached(build: Build) -> None:
    header = msgspec.structs.replace(RACE, file="include/linux/mm.h")
    build.answer = msgspec.structs.replace(REPORT, findings=(header,))
    assert build.check(RACE.file)[0].startswith("include/linux/mm.h:3662")
    assert build.check("mm/other.c") == []


def test_a_call_does_not_wait_for_what_it_does_not_need() -> None:
    """A build calls thousands of times: the engine is loaded only where it has to run."""
    script = (
        "import sys; import flaglint.cli, flaglint.makecheck, flaglint.report.layout; "
        "sys.exit(any(name in sys.modules for name in "
        "('clang', 'pycparser', 'sarif_om', 'flaglint.engine', 'flaglint.analysis')))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == 0
