"""Completion scripts for bash, zsh and fish, written from the command line's own grammar.

Each script completes the commands, every command's options, the values of those that have
choices, and files where a file is due. The scripts call nothing of flaglint when they run.

Interface: `script(shell, parser)`.
"""

from __future__ import annotations

import argparse

import msgspec


class Option(msgspec.Struct, frozen=True):
    """One option: its spellings, its help, its choices, and whether a value follows."""

    names: tuple[str, ...]
    help: str
    choices: tuple[str, ...]
    valued: bool


class Command(msgspec.Struct, frozen=True):
    """One command: its options, and the words that its first argument may be."""

    name: str
    help: str
    options: tuple[Option, ...]
    words: tuple[str, ...]


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script of a shell: bash, zsh or fish."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands(parser))


def commands(parser: argparse.ArgumentParser) -> tuple[Command, ...]:
    """The grammar's commands in the order of its help."""
    found: list[Command] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = {choice.dest: choice.help or "" for choice in action._choices_actions}
            found += (
                _command(name, texts.get(name, ""), sub) for name, sub in action.choices.items()
            )
    return tuple(found)


def _command(name: str, text: str, parser: argparse.ArgumentParser) -> Command:
    shown = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    options = tuple(
        Option(
            tuple(action.option_strings),
            " ".join((action.help or "").split()),
            tuple(map(str, action.choices or ())),
            action.nargs != 0,
        )
        for action in shown
        if action.option_strings
    )
    first = next((action for action in shown if not action.option_strings), None)
    words = tuple(map(str, first.choices)) if first is not None and first.choices else ()
    return Command(name, text, options, words)


def _bash(known: tuple[Command, ...]) -> str:
    names = " ".join(command.name for command in known)
    lines = [
        "# bash completion for flaglint",
        "_flaglint() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
        "    local command=check",
        f'    case " {names} " in *" ${{COMP_WORDS[1]}} "*) command="${{COMP_WORDS[1]}}" ;; esac',
        "    COMPREPLY=()",
        '    case "$command:$before" in',
    ]
    for command in known:
        for option in command.options:
            pattern = "|".join(f"{command.name}:{name}" for name in option.names)
            if option.choices:
                words = " ".join(option.choices)
                reply = f'COMPREPLY=($(compgen -W "{words}" -- "$word"))'
            elif option.valued:
                reply = 'COMPREPLY=($(compgen -f -- "$word"))'
            else:
                continue
            lines.append(f"        {pattern}) {reply}; return ;;")
    lines += [
        "    esac",
        '    if [ "$COMP_CWORD" -eq 1 ] && [[ "$word" != -* ]]; then',
        f'        COMPREPLY=($(compgen -W "{names}" -- "$word") $(compgen -f -- "$word"))',
        "        return",
        "    fi",
        '    case "$command:$word" in',
    ]
    for command in known:
        options = " ".join(name for option in command.options for name in option.names)
        lines.append(
            f'        {command.name}:-*) COMPREPLY=($(compgen -W "{options}" -- "$word")) ;;'
        )
        if command.words:
            words = " ".join(command.words)
            lines.append(
                f'        {command.name}:*) [ "$COMP_CWORD" -eq 2 ] && '
                f'COMPREPLY=($(compgen -W "{words}" -- "$word")) || '
                'COMPREPLY=($(compgen -f -- "$word")) ;;'
            )
    lines += [
        '        *) COMPREPLY=($(compgen -f -- "$word")) ;;',
        "    esac",
        "}",
        "complete -o filenames -F _flaglint flaglint",
    ]
    return "\n".join(lines) + "\n"


def _zsh(known: tuple[Command, ...]) -> str:
    lines = ["#compdef flaglint", "_flaglint() {", "    local -a commands"]
    lines.append("    commands=(")
    lines += (f"        {_quoted(f'{_plain(c.name)}:{c.help}')}" for c in known)
    lines += [
        "    )",
        "    if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then",
        "        _describe -t commands command commands",
        "        _files",
        "        return",
        "    fi",
        "    local command=check",
        "    if (( ${commands[(I)$words[2]:*]} )); then",
        "        command=$words[2]",
        "        shift words",
        "        (( CURRENT-- ))",
        "    fi",
        "    case $command in",
    ]
    for command in known:
        lines.append(f"        {command.name})")
        specs = [_zsh_spec(option, name) for option in command.options for name in option.names]
        if command.words:
            specs.append(f"1:word:({' '.join(command.words)})")
        specs.append("*:file:_files")
        lines.append("            _arguments -S " + " ".join(_quoted(spec) for spec in specs))
        lines.append("            ;;")
    lines += [
        "    esac",
        "}",
        'if [ "$funcstack[1]" = "_flaglint" ]; then _flaglint "$@"; else',
        "    compdef _flaglint flaglint",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def _zsh_spec(option: Option, name: str) -> str:
    text = _plain(option.help).replace("[", "(").replace("]", ")")
    spec = f"{name}[{text}]"
    if option.choices:
        return f"{spec}:value:({' '.join(option.choices)})"
    return f"{spec}:value:_files" if option.valued else spec


def _plain(text: str) -> str:
    """Without the colons that separate the parts of a zsh specification."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def _fish(known: tuple[Command, ...]) -> str:
    names = " ".join(command.name for command in known)
    lines = ["# fish completion for flaglint"]
    first = f"not __fish_seen_subcommand_from {names}"
    for command in known:
        help_ = _fish_quoted(command.help)
        lines.append(f"complete -c flaglint -n {_fish_quoted(first)} -a {command.name} -d {help_}")
    for command in known:
        here = f"__fish_seen_subcommand_from {command.name}"
        if command.name == "check":
            here = f"not __fish_seen_subcommand_from {names.replace('check ', '')}"
        start = f"complete -c flaglint -n {_fish_quoted(here)}"
        lines += (f"{start} -f -a {word}" for word in command.words)
        for option in command.options:
            parts = [start]
            parts += (
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in option.names
            )
            if option.choices:
                parts.append(f"-x -a {_fish_quoted(' '.join(option.choices))}")
            elif option.valued:
                parts.append("-r")
            lines.append(" ".join([*parts, f"-d {_fish_quoted(option.help)}"]))
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
