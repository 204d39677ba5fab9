"""The command line: exit statuses, streams, formats and files, with the engine stood in for."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from flaglint import __version__
from flaglint.cli import BROKEN_PIPE, CLEAN, FAILED, FINDINGS, INTERRUPTED, main
from flaglint.finding import Report
from flaglint.request import Request
from flaglint.tree import TreeError
from tests.reports import EMPTY, NOTE, REPORT

Progress = Callable[[str, int, int], None]


class Engine:
    """A stand-in for recall and analysis that answers as told and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Report | BaseException = REPORT
        self.asked: list[Request] = []

    def analyse(self, request: Request, progress: Progress) -> Report:
        self.asked.append(request)
        progress("parse", 1, 2)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def dump(self, request: Request, stage: str, names: tuple[str, ...]) -> str:
        self.asked.append(request)
        return f"{stage} of {', '.join(names) or 'all'}"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    stand_in = Engine()
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    for module, name in (("recall", "analyse"), ("analysis", "dump")):
        double = types.ModuleType(f"flaglint.{module}")
        setattr(double, name, getattr(stand_in, name))
        monkeypatch.setitem(sys.modules, f"flaglint.{module}", double)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return stand_in


Output = pytest.CaptureFixture[str]


def test_findings_are_exit_one_and_on_stdout(engine: Engine, capsys: Output) -> None:
    assert main(["linux"]) == FINDINGS
    out, err = capsys.readouterr()
    assert out.startswith("mm/huge_memory.c:3662:4: error: ")
    assert err == ""
    assert engine.asked[0].paths == ("linux",)


def test_a_clean_tree_is_exit_zero(engine: Engine, capsys: Output) -> None:
    engine.answer = EMPTY
    assert main(["check", "linux"]) == CLEAN
    assert capsys.readouterr().out.startswith("0 findings\n")


@pytest.mark.parametrize("argv", [["a.c", "b.c"], ["check", "a.c", "b.c"]])
def test_check_is_the_default_command(engine: Engine, argv: list[str]) -> None:
    main(argv)
    assert engine.asked[0].paths == ("a.c", "b.c")


def test_an_option_may_come_first(engine: Engine, capsys: Output) -> None:
    main(["--format", "concise", "linux"])
    assert len(capsys.readouterr().out.splitlines()) == len(REPORT.findings)


def test_what_cannot_be_analysed_is_one_line_and_exit_two(engine: Engine, capsys: Output) -> None:
    engine.answer = TreeError("/nowhere: no such file; name a kernel tree")
    assert main(["/nowhere"]) == FAILED
    out, err = capsys.readouterr()
    assert (out, err) == ("", "flaglint: /nowhere: no such file; name a kernel tree\n")


def test_a_bug_of_ours_is_not_a_finding(engine: Engine, capsys: Output) -> None:
    """Python's own status for a traceback is 1, which would read as "findings"."""
    engine.answer = ZeroDivisionError("oops")
    assert main(["linux"]) == FAILED
    err = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in err
    assert "bug of flaglint" in err


def test_an_interrupt_is_no_finding_either(engine: Engine, capsys: Output) -> None:
    engine.answer = KeyboardInterrupt()
    assert main(["linux"]) == INTERRUPTED
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.startswith("flaglint: interrupted (parse 1/2): no report was written")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["check"],
        ["--no-such-option", "linux"],
        ["check", "linux", "--format", "pdf"],
        ["check", "linux", "-j", "-3"],
        ["check", "linux", "--arch", "vax"],
        ["check", "linux", "--timeout", "0"],
        ["check", "linux", "--memory", "12"],
        ["dump", "nothing", "linux"],
        ["explain", "FL999"],
    ],
)
def test_wrong_usage_is_exit_two_and_says_so(argv: list[str], capsys: Output) -> None:
    assert main(argv) == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err


def test_help_and_version(capsys: Output) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"flaglint {__version__}\n"
    assert main(["--help"]) == 0
    assert (
        "exit status: 0 nothing found, 1 findings, 2 could not analyse" in capsys.readouterr().out
    )


def test_json_and_sarif_go_out_as_documents(engine: Engine, capsys: Output) -> None:
    assert main(["linux", "--format", "json"]) == FINDINGS
    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert main(["linux", "--format", "sarif"]) == FINDINGS
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"


def test_notes_for_pedants_need_the_option(engine: Engine, capsys: Output) -> None:
    engine.answer = msgspec.structs.replace(REPORT, findings=(NOTE,))
    assert main(["linux"]) == CLEAN
    assert "FL002" not in capsys.readouterr().out
    assert main(["linux", "--pedantic"]) == FINDINGS
    assert "[FL002]" in capsys.readouterr().out


def test_rules_are_selected_and_ignored(engine: Engine, capsys: Output) -> None:
    engine.answer = msgspec.structs.replace(REPORT, findings=(*REPORT.findings, NOTE))
    shown = {}
    for options in ("--select FL001", "--ignore FL001", "--select FL002", "--ignore FL0"):
        status = main(["linux", "--format", "concise", *options.split()])
        lines = capsys.readouterr().out.splitlines()
        shown[options] = (status, [line[-6:-1] for line in lines])
    assert shown == {
        "--select FL001": (FINDINGS, ["FL001"]),
        "--ignore FL001": (FINDINGS, ["FL010"]),
        "--select FL002": (FINDINGS, ["FL002"]),
        "--ignore FL0": (CLEAN, []),
    }


def test_a_misspelt_rule_is_told_before_the_analysis(engine: Engine, capsys: Output) -> None:
    assert main(["linux", "--select", "plain-rmw-shared-flags"]) == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "flaglint: no rule 'plain-rmw-shared-flags'; did you mean 'plain-rmw-on-shared-flags'?\n"
    )
    assert engine.asked == []


def test_statistics_replace_the_findings(engine: Engine, capsys: Output) -> None:
    assert main(["linux", "--statistics"]) == FINDINGS
    assert capsys.readouterr().out == (
        "1  FL001  plain-rmw-on-shared-flags\n1  FL010  second-page-flag-alias\n"
    )
    assert main(["linux", "--statistics", "--format", "github"]) == FAILED
    assert "use text, concise or json" in capsys.readouterr().err


def test_settings_fill_in_what_the_command_line_leaves_open(
    engine: Engine, tmp_path: Path, capsys: Output
) -> None:
    settings = tmp_path / "flaglint.toml"
    settings.write_text(
        'ignore = ["FL010"]\nformat = "concise"\narch = "arm64"\njobs = 3\nconfig = "c"\n'
    )
    assert main([str(tmp_path)]) == FINDINGS
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "FL001" in out
    assert err == f"flaglint: settings from {settings}\n"
    request = engine.asked[-1]
    assert (request.arch, request.jobs, request.config) == ("arm64", 3, str(tmp_path / "c"))

    main([str(tmp_path), "--ignore", "FL001", "--arch", "x86_64", "-j", "1", "-q"])
    out, err = capsys.readouterr()
    assert "FL010" in out
    assert "FL001" not in out
    assert err == ""
    assert (engine.asked[-1].arch, engine.asked[-1].jobs) == ("x86_64", 1)

    main([str(tmp_path), "--isolated"])
    assert capsys.readouterr().out.startswith("mm/huge_memory.c:3662:4: error: ")
    assert engine.asked[-1].arch == "x86_64"

    elsewhere = tmp_path / "mine.toml"
    elsewhere.write_text("pedantic = true")
    main(["linux", "--settings", str(elsewhere)])
    assert engine.asked[-1].pedantic is True
    main(["sites", str(tmp_path)])
    assert engine.asked[-1].arch == "arm64", "the ledger and the findings are of one kernel"


@pytest.mark.parametrize(
    ("text", "told"),
    [('arch = "amd64"', "arch: no 'amd64'"), ('format = "jsno"', "did you mean 'json'?")],
)
def test_settings_are_checked(
    text: str, told: str, engine: Engine, tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "flaglint.toml").write_text(text)
    assert main([str(tmp_path)]) == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert len(err.splitlines()) == 1
    assert engine.asked == []


def test_a_completion_script_is_printed(capsys: Output) -> None:
    assert main(["completions", "bash"]) == CLEAN
    assert "complete -o filenames -F _flaglint flaglint" in capsys.readouterr().out
    assert main(["completions", "bahs"]) == FAILED
    assert "did you mean 'bash'?" in capsys.readouterr().err


def test_options_reach_the_engine(engine: Engine, tmp_path: Path) -> None:
    where = str(tmp_path)
    options = "--arch arm64 --config cfg --pedantic -j 2 --objtree o --compile-commands c"
    limits = "--allow-outside --timeout 5 --memory 512 --cache-dir"
    main(["linux", *options.split(), *limits.split(), where])
    asked = Request(("linux",), "arm64", "cfg", True, 2, where, "o", "c", True, 5, 512)
    assert engine.asked == [asked]


def test_the_cache_is_where_xdg_says(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    main(["linux"])
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    main(["linux"])
    assert [request.cache_dir for request in engine.asked] == [
        str(tmp_path / "flaglint"),
        str(tmp_path / "home/.cache/flaglint"),
    ]


def test_the_ledger_is_no_verdict_on_the_tree(engine: Engine, capsys: Output) -> None:
    assert main(["sites", "linux"]) == CLEAN
    assert "2 sites: 1 racy, 1 exclusive" in capsys.readouterr().out
    assert main(["sites", "linux", "--format", "json"]) == CLEAN
    assert len(json.loads(capsys.readouterr().out)["sites"]) == 2


def test_a_stage_is_dumped(engine: Engine, capsys: Output) -> None:
    assert main(["dump", "ir", "linux", "f", "g"]) == CLEAN
    assert capsys.readouterr().out == "ir of f, g\n"


def test_explain(capsys: Output) -> None:
    assert main(["explain", "fl001"]) == CLEAN
    assert capsys.readouterr().out.startswith("# FL001 plain-rmw-on-shared-flags (error)")
    assert main(["explain"]) == CLEAN
    assert [line[:5] for line in capsys.readouterr().out.splitlines()][:2] == ["FL001", "FL002"]


def test_flags_of_a_tree_without_the_header(tmp_path: Path, capsys: Output) -> None:
    assert main(["flags", str(tmp_path)]) == FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "page-flags.h" in err


def test_flags_of_the_mini_kernel(capsys: Output) -> None:
    tree = str(Path(__file__).parent.parent / "testdata/mini-kernel")
    assert main(["flags", tree]) == CLEAN
    assert "PG_locked" in capsys.readouterr().out
    assert main(["flags", tree, "--format", "json"]) == CLEAN
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["flags"][0]["name"]) == (1, "PG_locked")


# Output


def test_a_file_is_written_whole_and_with_the_usual_mode(
    engine: Engine, tmp_path: Path, capsys: Output
) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")
    old = os.umask(0o022)
    try:
        assert main(["linux", "--format", "json", "-o", str(target)]) == FINDINGS
    finally:
        os.umask(old)
    assert json.loads(target.read_text())["schema"] == 1
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [target]
    assert capsys.readouterr().out == ""


def test_a_link_stays_a_link(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real")
    main(["linux", "--format", "concise", "-o", str(link)])
    assert link.is_symlink()
    assert "FL001" in (tmp_path / "real").read_text()


def test_a_failed_analysis_leaves_the_file_alone(engine: Engine, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("old")
    engine.answer = TreeError("no")
    assert main(["linux", "-o", str(target)]) == FAILED
    assert target.read_text() == "old"


def test_a_file_that_cannot_be_written_is_one_line(
    engine: Engine, tmp_path: Path, capsys: Output
) -> None:
    assert main(["linux", "-o", str(tmp_path / "no/such/out")]) == FAILED
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "there is no directory" in err


def test_colour_is_asked_for_or_left_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    main(["linux"])
    assert "\x1b[" not in capsys.readouterr().out, "not a terminal"
    main(["linux", "--color", "always"])
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(["linux"])
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    main(["linux", "--color", "never"])
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    main(["linux"])
    assert "\x1b[" not in capsys.readouterr().out


def test_a_terminal_that_obeys_nothing_is_sent_nothing_to_obey(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """What an editor's compilation buffer is."""
    monkeypatch.setenv("TERM", "dumb")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    main(["linux"])
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\r" not in err


@pytest.mark.parametrize(("quiet", "shown"), [([], True), (["--quiet"], False)])
def test_progress_is_for_terminals_and_on_stderr(
    quiet: list[str],
    shown: bool,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["linux", *quiet])
    out, err = capsys.readouterr()
    assert ("parse 1/2" in err) is shown
    assert "parse" not in out.splitlines()[0]
    assert not shown or err.endswith("\r\x1b[K")


# A process of its own


def run(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flaglint", *argv]
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        command, capture_output=True, text=True, check=False, **options
    )


def test_the_module_is_the_command() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"flaglint {__version__}\n")


def test_help_loads_no_engine() -> None:
    script = (
        "import sys; from flaglint.cli import main; main(sys.argv[1:]); "
        "sys.exit(any(m.split('.')[0] in ('clang', 'pycparser', 'sarif_om', 'msgspec') "
        "for m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    script = f"{sys.executable} -m flaglint explain FL001 | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert int(done.stdout) in (CLEAN, BROKEN_PIPE)


@pytest.mark.parametrize("name", ["nowhere", "empty.c", "text.c", "."])
def test_what_is_no_kernel_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """The real engine's front door: exit 2 and one clear line, whatever is named."""
    (tmp_path / "empty.c").write_text("")
    (tmp_path / "text.c").write_bytes(b"\x00\x01 this is no C \xff")
    done = run(str(tmp_path / name))
    assert done.returncode == FAILED
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("flaglint: ")


@pytest.mark.parametrize("option", ["-o", "--write-baseline"])
def test_a_file_that_cannot_be_written_is_said_before_the_analysis(
    option: str, engine: Engine, tmp_path: Path, capsys: Output
) -> None:
    for target, said in (
        (tmp_path / "none/x.json", "make it, or name another file"),
        (tmp_path, "a directory; name a file in it"),
    ):
        assert main(["linux", option, str(target)]) == FAILED
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"flaglint: {target}: ")
        assert said in err
    assert engine.asked == []


@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_report_that_does_not_fit_is_no_success(unbuffered: str, tmp_path: Path) -> None:
    """A disk that fills up takes a part of what is written, and says so at the next write."""
    with (tmp_path / "out").open("wb") as out:
        run = subprocess.run(
            [sys.executable, "-m", "flaglint", "explain", "FL001"],
            stdout=out,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
            text=True,
            check=False,
        )
    assert run.returncode == FAILED
    assert run.stderr == "flaglint: stdout: File too large\n"
