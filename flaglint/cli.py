"""The command line: what is asked for, and the one place that prints.

Reports go to stdout (or to -o FILE), progress and errors to stderr. Exit status: 0 nothing
found, 1 findings, 2 could not analyse. Each command imports what it needs when it runs, so
that `--help` and `explain` start without the analysis (and without libclang).

The interface is `main(argv) -> status`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flaglint.arguments import parse

if TYPE_CHECKING:
    from flaglint.analysis import Request
    from flaglint.finding import Report

CLEAN, FINDINGS, FAILED = 0, 1, 2
INTERRUPTED, BROKEN_PIPE = 130, 141


def entry() -> None:
    """The `flaglint` command."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return the exit status."""
    try:
        options = parse(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    try:
        status = _RUN[options.command](options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left (`| head`): nothing to say, but let the interpreter flush in peace.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except Exception as error:
        return _failed(error)
    return status


def _failed(error: Exception) -> int:
    """One line for what the user can mend, a traceback for what only we can."""
    from flaglint.cards import CardError
    from flaglint.output import OutputError
    from flaglint.pageflags import HeaderError
    from flaglint.reading import ReadingError
    from flaglint.tree import TreeError

    if isinstance(error, TreeError | HeaderError | ReadingError | CardError | OutputError):
        _say(str(error))
    elif isinstance(error, OSError) and error.strerror:
        # A full disk, a cache that cannot be written: what is named is to be mended, not we.
        named = f"{error.filename}: " if error.filename else ""
        _say(f"{named}{error.strerror}")
    else:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
        _say("internal error: this is a bug of flaglint, please report it with the lines above")
    return FAILED


def _say(message: str) -> None:
    from flaglint.report.layout import printable

    print(f"flaglint: {printable(message)}", file=sys.stderr)


# Commands


def _check(options: argparse.Namespace) -> int:
    report = _analyse(options, options.paths)
    _write(options, _rendered(options, report))
    return FINDINGS if report.findings else CLEAN


def _rendered(options: argparse.Namespace, report: Report) -> str | bytes:
    if options.format == "json":
        from flaglint.report import json

        return json.render_check(report)
    from flaglint.quote import quoter

    if options.format == "html":
        from flaglint.cards import load_cards
        from flaglint.report import html

        return html.render(report, load_cards(), quoter(report.root))
    if options.format == "sarif":
        from flaglint.cards import load_cards
        from flaglint.report import sarif

        return sarif.render(report, load_cards(), source=quoter(report.root))
    if options.format == "concise":
        from flaglint.report import concise

        return concise.render(report, colour=_colour(options))
    from flaglint.report import text

    return text.render(report, colour=_colour(options), source=quoter(report.root))


def _sites(options: argparse.Namespace) -> int:
    report = _analyse(options, [options.path])
    if options.format == "json":
        from flaglint.report import json

        _write(options, json.render_sites(report))
    else:
        from flaglint.report import sites

        _write(options, sites.render(report, colour=_colour(options)))
    return CLEAN


def _flags(options: argparse.Namespace) -> int:
    from flaglint.pageflags import read_flags
    from flaglint.report import flags
    from flaglint.tree import open_tree

    config = Path(options.config) if options.config else None
    tree = open_tree(options.path, arch=options.arch, config=config)
    table = read_flags(tree.root, arch=tree.arch, config=tree.symbols)
    if options.format == "json":
        from flaglint.report import json

        _write(options, json.encode(flags.table_json(table, tree.version)))
    else:
        _write(options, flags.table_text(table, tree.version))
    return CLEAN


def _graph(options: argparse.Namespace) -> int:
    from flaglint.analysis import judged
    from flaglint.report import graph

    progress = _Progress(sys.stderr.isatty() and not options.quiet)
    try:
        found = judged(_request(options, [options.path]), options.site, progress)
    finally:
        progress.clear()
    if not found:
        _say(f"no plain write at {options.site}; `flaglint sites` lists them")
        return FAILED
    drawn = graph.draw(found)
    _write(options, graph.mermaid(drawn) if options.format == "mermaid" else graph.dot(drawn))
    return CLEAN


def _explain(options: argparse.Namespace) -> int:
    from flaglint.cards import find_card, load_cards

    cards = load_cards()
    if options.rule is None:
        _write(options, "".join(f"{card.id}  {card.name}: {card.summary}\n" for card in cards))
        return CLEAN
    card = find_card(cards, options.rule)
    if card is None:
        known = ", ".join(card.id for card in cards)
        _say(f"no rule {options.rule}; the rules are {known}")
        return FAILED
    _write(options, card.markdown())
    return CLEAN


def _dump(options: argparse.Namespace) -> int:
    from flaglint.analysis import dump

    shown = dump(_request(options, [options.path]), options.stage, tuple(options.names))
    _write(options, shown if shown.endswith("\n") else shown + "\n")
    return CLEAN


_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "flags": _flags,
    "sites": _sites,
    "graph": _graph,
    "explain": _explain,
    "dump": _dump,
}


# The analysis


def _analyse(options: argparse.Namespace, paths: Sequence[str]) -> Report:
    """Run the engine. Findings for --pedantic only are left out without it."""
    import msgspec

    from flaglint.analysis import analyse

    progress = _Progress(sys.stderr.isatty() and not options.quiet)
    try:
        report = analyse(_request(options, paths), progress)
    finally:
        progress.clear()
    if options.pedantic:
        return report
    kept = tuple(found for found in report.findings if not found.pedantic)
    return msgspec.structs.replace(report, findings=kept)


def _request(options: argparse.Namespace, paths: Sequence[str]) -> Request:
    from flaglint.analysis import Request

    return Request(
        paths=tuple(paths),
        arch=options.arch,
        config=options.config,
        pedantic=options.pedantic,
        jobs=options.jobs,
        cache_dir=options.cache_dir or _cache_dir(),
    )


def _cache_dir() -> str:
    """$XDG_CACHE_HOME/flaglint, by default ~/.cache/flaglint (a relative value is ignored)."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        base = Path(tempfile.gettempdir()) / f"cache-{os.getuid()}"
    return str(base / "flaglint")


class _Progress:
    """One line on a terminal that says what is being done."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._shown:
            count = f" {done}/{total}" if total else ""
            print(f"\r\x1b[K{stage}{count}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# Output


def _colour(options: argparse.Namespace) -> bool:
    if options.color != "auto":
        return bool(options.color == "always")
    return not options.output and not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def _write(options: argparse.Namespace, report: str | bytes) -> None:
    body = report if isinstance(report, bytes) else report.encode("utf-8", "replace")
    if options.output and options.output != "-":
        from flaglint.output import replace_file

        replace_file(Path(options.output), body)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
