"""The grammar: what is offered, that --help tells defaults, and what a wrong word is told."""

from __future__ import annotations

import argparse

import pytest

from flaglint.arguments import CHECK_FORMATS, parse, parser, subparsers, suggestion
from flaglint.formats import FORMATS
from flaglint.settings import Settings

Output = pytest.CaptureFixture[str]


def told(argv: list[str], capsys: Output) -> str:
    with pytest.raises(SystemExit) as stop:
        parse(argv)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["chekc", "linux"], "no such command or path: chekc; did you mean 'check'?"),
        (["explian", "FL001"], "no such command or path: explian; did you mean 'explain'?"),
        (["linux", "--fromat", "json"], "no such option: --fromat; did you mean '--format'?"),
        (["linux", "--fromat=json"], "no such option: --fromat=json; did you mean '--format'?"),
        (["sites", "linux", "--quite"], "no such option: --quite; did you mean '--quiet'?"),
        (["linux", "--format", "jsno"], "did you mean 'json'?"),
        (["linux", "--arch", "arm46"], "did you mean 'arm64'?"),
        (["dump", "summry", "linux"], "did you mean 'summary'?"),
        (["flags", "linux", "another"], "no such argument: another"),
        (["sites"], "the following arguments are required: PATH"),
    ],
)
def test_a_wrong_word_is_told_the_right_one(argv: list[str], expected: str, capsys: Output) -> None:
    err = told(argv, capsys)
    assert expected in err
    assert len(err.splitlines()) == 2, "the error, and where to read on"
    assert err.splitlines()[1].endswith("--help'")


def test_nothing_is_suggested_at_random(capsys: Output) -> None:
    assert suggestion("zzz", ["check", "flags"]) == ""
    assert "did you mean" not in told(["linux", "--zzzzzz"], capsys)


def test_a_path_that_looks_like_a_command_is_a_path(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))
    with open("chekc", "w", encoding="utf-8"):
        pass
    assert parse(["chekc"]).paths == ["chekc"]


def test_options_are_not_abbreviated(capsys: Output) -> None:
    assert "no such option: --form" in told(["linux", "--form", "json"], capsys)


@pytest.mark.parametrize("command", list(subparsers(parser())))
def test_every_option_says_its_default(command: str) -> None:
    for action in subparsers(parser())[command]._actions:
        if action.option_strings and action.help is not argparse.SUPPRESS:
            assert action.help
            if action.dest != "help":
                assert "default" in action.help, action.option_strings


def test_help_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for each in (parser(), *subparsers(parser()).values()):
        assert all(len(line) <= 80 for line in each.format_help().splitlines())


def test_the_names_that_help_repeats_are_the_real_ones() -> None:
    assert CHECK_FORMATS == FORMATS
    assert set(vars(parse(["linux"]))) >= set(Settings.__struct_fields__) - {
        "path",
        "baseline",
        "suppress",
    }
