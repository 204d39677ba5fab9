"""The command line's grammar: commands, options and their defaults.

`flaglint PATH...` is `flaglint check PATH...`. Nothing here knows what a command does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from flaglint import __version__

COMMANDS = ("check", "flags", "sites", "graph", "explain", "dump")
STAGES = ("flags", "ir", "callgraph", "summary")
ARCHES = ("x86_64", "arm64")

_DESCRIPTION = """\
Finds plain (non-atomic) writes of page flags that can lose a concurrent update.
PATH is a kernel tree, configured or not, or C files inside one."""

_EPILOG = """\
'flaglint PATH...' is short for 'flaglint check PATH...'.
exit status: 0 nothing found, 1 findings, 2 could not analyse"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options of a command line, without the program's name.

    Raises SystemExit after --help and --version, and for a usage error.
    """
    words, top = list(argv), parser()
    if not words:
        top.exit(2, top.format_help())
    if words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "check")
    return top.parse_args(words)


def parser() -> argparse.ArgumentParser:
    """The parser of a command line that names its command."""
    top = argparse.ArgumentParser(
        prog="flaglint",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"flaglint {__version__}")
    commands = top.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True
    )

    check = commands.add_parser("check", help="report what can lose an update (the default)")
    check.add_argument("paths", nargs="+", metavar="PATH", help="a kernel tree, or C files of one")
    _output_options(check, ("text", "concise", "json", "sarif", "html"))
    _analysis_options(check)

    flags = commands.add_parser("flags", help="show flags, bits, words and helpers of the header")
    flags.add_argument("path", metavar="PATH", help="a kernel tree")
    _output_options(flags, ("table", "json"))
    _tree_options(flags)

    sites = commands.add_parser("sites", help="list every plain write with its verdict")
    sites.add_argument("path", metavar="PATH", help="a kernel tree, or a C file of one")
    _output_options(sites, ("table", "json"))
    _analysis_options(sites)

    graph = commands.add_parser("graph", help="draw the call chains that lead to a plain write")
    graph.add_argument("path", metavar="PATH", help="a kernel tree, or a C file of one")
    graph.add_argument("site", metavar="SITE", help="FILE:LINE, or the name of a function")
    _output_options(graph, ("dot", "mermaid"))
    _analysis_options(graph)

    explain = commands.add_parser("explain", help="explain a rule")
    explain.add_argument("rule", nargs="?", metavar="RULE", help="for example FL001; all if none")
    _output_options(explain, ())

    dump = commands.add_parser("dump", help="show what a stage of the analysis made")
    dump.add_argument("stage", choices=STAGES, help="the stage")
    dump.add_argument("path", metavar="PATH", help="a kernel tree, or a C file of one")
    dump.add_argument("names", nargs="*", metavar="FUNCTION", help="only these functions")
    _output_options(dump, ())
    _analysis_options(dump)
    return top


def _output_options(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    if formats:
        parser.add_argument(
            "--format", choices=formats, default=formats[0], help=f"default: {formats[0]}"
        )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, not to stdout")
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="default: auto, on a terminal unless NO_COLOR is set",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def _tree_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--arch", choices=ARCHES, default=ARCHES[0], help="default: x86_64")
    parser.add_argument(
        "--config", metavar="FILE", help="a .config to use in place of the shipped one"
    )


def _analysis_options(parser: argparse.ArgumentParser) -> None:
    _tree_options(parser)
    parser.add_argument(
        "--pedantic", action="store_true", help="show notes that need a human's judgement too"
    )
    parser.add_argument(
        "-j", "--jobs", type=_count, default=0, metavar="N", help="processes; default: all CPUs"
    )
    parser.add_argument(
        "--cache-dir", metavar="DIR", help="default: $XDG_CACHE_HOME/flaglint, ~/.cache/flaglint"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        message = f"not a number of processes: {text}"
        raise argparse.ArgumentTypeError(message)
    return int(text)
