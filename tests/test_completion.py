"""Completion scripts, asked in the real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from flaglint.arguments import CHECK_FORMATS, SHELLS, parser, subparsers
from flaglint.completion import commands, script

COMMANDS = set(subparsers(parser()))


def bash(words: list[str], where: Path) -> set[str]:
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{word}'" for word in words)
    program = (
        f"{script('bash', parser())}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
        '_flaglint; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, check=True, cwd=where
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def zsh(words: list[str], where: Path) -> set[str]:
    """What zsh passes to its completion system for the last of the words."""
    # The completion builtins work only inside the line editor; a pseudo-terminal has one.
    (where / "_flaglint.zsh").write_text(script("zsh", parser()))
    program = f"""
        zmodload zsh/zpty; zpty z zsh -f -i
        zpty -w z 'PROMPT=; autoload -U compinit; compinit -u -D; source ./_flaglint.zsh'
        zpty -w z 'bindkey "^I" complete-word; zstyle ":completion:*" list-colors ""'
        zpty -w z 'compadd() {{ builtin compadd -A hits "$@"; print -r -- "HIT:${{hits[*]}}"; \
builtin compadd "$@" }}'
        zpty -w z 'LISTMAX=0; print READY'
        zpty -r z line '*READY*READY*' ; zpty -n -w z $'{" ".join(words)}\\t'
        for i in {{1..60}}; do
            sleep 0.05
            while zpty -rt z line; do print -r -- "$line"; seen=$seen$line; done
            [[ $seen = *HIT:* ]] && (( ++after > 5 )) && break
        done
        zpty -d z
    """
    done = subprocess.run(
        ["zsh", "-fc", program], capture_output=True, text=True, check=False, cwd=where, timeout=20
    )
    hits = [line.partition("HIT:")[2] for line in done.stdout.splitlines() if "HIT:" in line]
    return {word for line in hits for word in line.split()}


def fish(words: list[str], where: Path) -> set[str]:
    """What fish offers for the last of the words."""
    line = " ".join(words)
    (where / "flaglint.fish").write_text(script("fish", parser()))
    program = f"source flaglint.fish; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "-N", "-c", program], capture_output=True, text=True, check=True, cwd=where
    )
    assert done.stderr == ""
    return {row.split("\t")[0] for row in done.stdout.splitlines()}


ASK = {"bash": bash, "zsh": zsh, "fish": fish}
CASES = [
    (["flaglint", "ex"], {"explain"}, {"check"}),
    (["flaglint", "check", "--format", ""], set(CHECK_FORMATS), {"table"}),
    (["flaglint", "flags", "--format", ""], {"table", "json"}, {"sarif"}),
    (["flaglint", "check", "--st"], {"--statistics"}, {"--format"}),
    (["flaglint", "a.c", "--st"], {"--statistics"}, {"--format"}),
    (["flaglint", "explain", "--col"], {"--color"}, {"--arch"}),
    (["flaglint", "dump", ""], {"ir", "summary"}, {"--format"}),
    (["flaglint", "check", "--config", "my."], {"my.config"}, {"a.c"}),
    (["flaglint", "sites", "a"], {"a.c"}, {"my.config"}),
]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("words", "offered", "others"), CASES, ids=[" ".join(c[0]) for c in CASES])
def test_asked_in_the_shell(
    shell: str, words: list[str], offered: set[str], others: set[str], tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    for name in ("a.c", "my.config"):
        (tmp_path / name).touch()
    found = ASK[shell](words, tmp_path)
    assert found >= offered
    assert not found & others


def test_bash_offers_commands_and_files_first(tmp_path: Path) -> None:
    (tmp_path / "linux").mkdir()
    assert bash(["flaglint", ""], tmp_path) == COMMANDS | {"linux"}


def test_every_command_and_option_is_known() -> None:
    known = {command.name: command for command in commands(parser())}
    assert set(known) == COMMANDS
    for name, sub in subparsers(parser()).items():
        spelt = {each for option in known[name].options for each in option.names}
        assert {"--help", "--output"} <= spelt <= set(sub._option_string_actions)
        assert known[name].help
