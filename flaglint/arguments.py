"""The command line's grammar: commands, options and their defaults.

`flaglint PATH...` is `flaglint check PATH...`. A wrong word is answered with the nearest right
one. Nothing here knows what a command does; completions are written from `parser()`, so that
an option added here is completed too.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from flaglint import __version__
from flaglint.folders import ARCHES
from flaglint.shipped import VARIANTS

CHECK_FORMATS = ("text", "concise", "json", "sarif", "github", "codeclimate", "html")
"""The names of flaglint.formats, which --help must not have to import."""
ROBOTS = ("b4", "nipa")
"""Formats whose reader takes every further word for a complaint."""
DIFF_FORMATS = ("text", "concise", "json", "sarif", "github", "codeclimate", *ROBOTS)
SHELLS = ("bash", "zsh", "fish")
STAGES = ("flags", "ir", "callgraph", "summary")

_DESCRIPTION = """\
Finds plain (non-atomic) writes of page flags that can lose a concurrent update.
PATH is a kernel tree, configured or not, or C files inside one."""

_STATUS = "exit status: 0 nothing found, 1 findings, 2 could not analyse"
_EPILOG = f"""\
'flaglint PATH...' is short for 'flaglint check PATH...', and 'flaglint COMMAND
--help' shows a command's options.
{_STATUS}"""
_CHANGE_STATUS = """\
exit status: 0 nothing, or notes only; 1 errors or warnings; 2 could not be compared"""


class Parser(argparse.ArgumentParser):
    """argparse's parser, but for its errors: one line, with the nearest right word.

    Options are never abbreviated: that would break scripts when a longer one is added.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, **arguments)

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the message, a suggestion where there is one, and where to read on."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL)
        if wrong:
            choices = [choice.strip(" '") for choice in wrong[2].split(",")]
            message += suggestion(wrong[1], choices)
        self.exit(2, f"{self.prog}: {message}\n{self.prog}: see '{self.prog} --help'\n")


def is_build_call(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a command line is a kernel build's call of its checker, and not a user's."""
    return "srctree" in environ and "-D__linux__" in argv and argv[-1].endswith(".c")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line, without the program's name.

    Raises SystemExit after --help and --version, and for a usage error.
    """
    words, top = list(argv), parser()
    if not words:
        top.exit(2, top.format_help())
    known = subparsers(top)
    if words[0] not in (*known, "-h", "--help", "--version"):
        meant = suggestion(words[0], known)
        if meant and not words[0].startswith("-") and not os.path.lexists(words[0]):
            top.error(f"no such command or path: {words[0]}{meant}")
        words.insert(0, "check")
    options, unknown = top.parse_known_args(words)
    if unknown:
        command = known[options.command]
        spelt = [name for action in command._actions for name in action.option_strings]
        hints = suggestion(unknown[0].partition("=")[0], spelt)
        what = "option" if unknown[0].startswith("-") else "argument"
        command.error(f"no such {what}: {unknown[0]}{hints}")
    return options


def suggestion(wrong: str, right: Sequence[str] | dict[str, Parser]) -> str:
    """`; did you mean 'X'?` for the nearest of the right words, or ""."""
    near = difflib.get_close_matches(wrong, list(right), 1, 0.7)
    return f"; did you mean '{near[0]}'?" if near else ""


def subparsers(top: argparse.ArgumentParser) -> dict[str, Parser]:
    """Each command's parser by the command's name, in the order of --help."""
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def parser() -> Parser:
    """The parser of a command line that names its command."""
    top = Parser(
        prog="flaglint",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"flaglint {__version__}")
    commands = top.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True, parser_class=Parser
    )

    check = commands.add_parser(
        "check",
        help="report what can lose an update (the default)",
        epilog=_STATUS,
    )
    check.add_argument("paths", nargs="+", metavar="PATH", help="a kernel tree, or C files of one")
    _rule_options(check)
    _output_options(check, CHECK_FORMATS)
    check.add_argument(
        "--statistics",
        action="store_true",
        help="count the findings of each rule instead of printing them (text, concise, json); "
        "default: no",
    )
    check.add_argument(
        "--category",
        metavar="NAME",
        help="SARIF's category, which keeps uploads of several runs apart; default: flaglint/ARCH",
    )
    _analysis_options(check)

    _baseline_options(check)

    _change_commands(commands)

    flags = commands.add_parser("flags", help="show flags, bits, words and helpers of the header")
    flags.add_argument("path", metavar="PATH", help="a kernel tree")
    _output_options(flags, ("table", "json"))
    _tree_options(flags)

    sites = commands.add_parser("sites", help="list every plain write with its verdict")
    sites.add_argument("path", metavar="PATH", help="a kernel tree, or a C file of one")
    _output_options(sites, ("table", "json"))
    _analysis_options(sites)
    sites.add_argument("--pedantic", action="store_true", help=argparse.SUPPRESS)

    graph = commands.add_parser("graph", help="draw the call chains that lead to a plain write")
    graph.add_argument("path", metavar="PATH", help="a kernel tree, or a C file of one")
    graph.add_argument("site", metavar="SITE", help="FILE:LINE, or the name of a function")
    _output_options(graph, ("dot", "mermaid"))
    _analysis_options(graph)

    explain = commands.add_parser("explain", help="explain a rule")
    explain.add_argument(
        "rule", nargs="?", metavar="RULE", help="an id or a name, as FL001; default: list them all"
    )
    _output_options(explain, ())

    dump = commands.add_parser("dump", help="show what a stage of the analysis made")
    dump.add_argument("stage", choices=STAGES, help="the stage")
    dump.add_argument("path", metavar="PATH", help="a kernel tree, or a C file of one")
    dump.add_argument(
        "names", nargs="*", metavar="FUNCTION", help="only these functions; default: all"
    )
    _output_options(dump, ())
    _analysis_options(dump)

    completions = commands.add_parser("completions", help="print a shell's completion script")
    completions.add_argument("shell", choices=SHELLS, help="the shell")
    _output_options(completions, ())
    return top


def _change_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    diff = commands.add_parser(
        "diff", help="report what a change introduces", epilog=_CHANGE_STATUS
    )
    diff.add_argument("before", metavar="REV", help="a revision, A..B, or - for a patch on stdin")
    diff.add_argument(
        "after", nargs="?", default="", metavar="REV2", help="default: the work tree as it is"
    )
    diff.add_argument(
        "--tree", dest="path", default=".", metavar="PATH", help="the kernel tree; default: ."
    )
    _rule_options(diff)
    _output_options(diff, DIFF_FORMATS)
    _analysis_options(diff)

    hook = commands.add_parser(
        "hook",
        help="report what a change makes, and what other files given have (pre-commit)",
        epilog=_CHANGE_STATUS,
    )
    hook.add_argument("paths", nargs="*", metavar="FILE", help="the files of the commit")
    hook.add_argument(
        "--base",
        metavar="REV",
        help="what the files are compared with; default: $PRE_COMMIT_FROM_REF, or HEAD",
    )
    _rule_options(hook)
    _output_options(hook, CHECK_FORMATS)
    _analysis_options(hook)


def _rule_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("rules")
    group.add_argument(
        "--select",
        metavar="RULES",
        action="append",
        help="only these rules: ids, names, prefixes such as FL01 or ALL, comma-separated; "
        "an id or a name needs no --pedantic; default: ALL",
    )
    group.add_argument(
        "--ignore",
        metavar="RULES",
        action="append",
        help="not these rules, even if selected; default: none",
    )
    group.add_argument(
        "--pedantic",
        action="store_true",
        help="show notes that need a human's judgement too (FL002, FL011); default: no",
    )


def _baseline_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("accepted findings")
    group.add_argument(
        "--baseline", metavar="FILE", help="leave out what FILE accepts; default: none"
    )
    group.add_argument(
        "--write-baseline",
        metavar="FILE",
        help="accept the present findings: write them to FILE, report none; default: none",
    )
    group.add_argument(
        "--show-suppressed",
        action="store_true",
        help="report what a [[suppress]] or the baseline hides too; in SARIF as suppressed; "
        "default: no",
    )


def _output_options(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    group = parser.add_argument_group("output")
    if formats:
        default = None if formats == CHECK_FORMATS else formats[0]  # a settings file may say
        help_ = f"{', '.join(formats[:-1])} or {formats[-1]}; default: {formats[0]}"
        group.add_argument(
            "--format", choices=formats, default=default, metavar="FORMAT", help=help_
        )
    group.add_argument("-o", "--output", metavar="FILE", help="write to FILE; default: stdout")
    group.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="default: auto, on a terminal unless NO_COLOR is set",
    )
    group.add_argument(
        "-q", "--quiet", action="store_true", help="no progress on stderr; default: on a terminal"
    )


def _tree_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("kernel")
    group.add_argument(
        "--arch",
        choices=tuple(ARCHES),
        action="append",
        help=f"may be given again, for one report on several; default: {next(iter(ARCHES))}",
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        action="append",
        help="the kernel's .config; may be given again, for one report on several; "
        "default: shipped, one of flaglint's own with every mm feature on; "
        f"{', '.join(VARIANTS)} are that one with another memory model or slab allocator",
    )
    group.add_argument(
        "--objtree",
        metavar="DIR",
        help="the O= directory of a build, whose headers are used; default: none",
    )
    group.add_argument(
        "--compile-commands", metavar="FILE", help="default: the one in the build or the tree"
    )
    group.add_argument(
        "--allow-outside",
        action="store_true",
        help="files may include what is not in the tree; default: those that do are left out",
    )
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--settings",
        metavar="FILE",
        help="read settings from FILE; default: flaglint.toml, or pyproject.toml with a "
        "[tool.flaglint], in PATH's directory or the nearest one above it",
    )
    group.add_argument(
        "--isolated", action="store_true", help="read no settings file; default: read one"
    )


def _analysis_options(parser: argparse.ArgumentParser) -> None:
    _tree_options(parser)
    group = parser.add_argument_group("running")
    group.add_argument(
        "-j", "--jobs", type=_count, default=0, metavar="N", help="processes; default: all CPUs"
    )
    group.add_argument(
        "--scope",
        choices=("default", "all"),
        default="default",
        help="files outside mm/: those with plain writers (default), or with any (all)",
    )
    group.add_argument(
        "--executor",
        default="",
        metavar="ADDRESS",
        help="read the files on a cluster, dask://HOST:PORT (pip install 'flaglint[dask]'); "
        "default: here",
    )
    group.add_argument(
        "--timeout", type=_seconds, default=60, metavar="SECONDS", help="for one file; default: 60"
    )
    group.add_argument(
        "--memory", type=_megabytes, default=3072, metavar="MB", help="for one file; default: 3072"
    )
    group.add_argument(
        "--cache-dir", metavar="DIR", help="default: $XDG_CACHE_HOME/flaglint, ~/.cache/flaglint"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        message = f"not a number of processes: {text}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        message = f"not a number of seconds: {text}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _megabytes(text: str) -> int:
    if not text.isdecimal() or int(text) < 256:
        message = f"not a number of megabytes, at least 256: {text}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
