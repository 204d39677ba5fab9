"""The command line: what is asked for, and the one place that prints.

Reports go to stdout (or to -o FILE), progress and errors to stderr. Exit status: 0 nothing
found, 1 findings, 2 could not analyse. Each command imports what it needs when it runs, so
that `--help` and `explain` start without the analysis (and without libclang).

The interface is `main(argv) -> status`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from flaglint.arguments import is_build_call, parse, suggestion

if TYPE_CHECKING:
    from flaglint.cards import Card
    from flaglint.finding import Report
    from flaglint.makecheck import Call
    from flaglint.patchview import Manner, Shown
    from flaglint.policy import Policy
    from flaglint.request import Configuration, Request
    from flaglint.settings import Settings

CLEAN, FINDINGS, FAILED = 0, 1, 2
INTERRUPTED, BROKEN_PIPE = 130, 141

# flaglint's exceptions whose message is one line for the user. By name: importing the modules
# that define them would load the whole engine to report a misspelt rule.
_TOLD = frozenset(
    {
        "TreeError", "HeaderError", "FrontendError", "ReadingError", "CardError", "OutputError",
        "FormatError", "SelectionError", "SettingsError",
        "SuppressionError", "BaselineError", "GitError", "PatchError", "RevisionError",
        "SnapshotError", "StoreError", "ExecutorError", "RequestError",
    }
)  # fmt: skip


_FULL = "; make room where the cache is, or name another with --cache-dir"


def entry() -> None:
    """The `flaglint` command."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run one command line (without the program's name) and return the exit status."""
    if is_build_call(argv, os.environ):
        return _build(argv)
    try:
        options = parse(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    try:
        if "settings" in options:
            from flaglint.settling import settle

            remark = settle(options)
            _remark(options, (remark,) if remark else ())
        _check_targets(options)
        status = _RUN[options.command](options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has left (`| head`): nothing to say, but let the interpreter flush in peace.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt as stop:
        _say(f"interrupted{stop}")
        return INTERRUPTED
    except Exception as error:
        return _failed(error)
    return status


def _failed(error: Exception) -> int:
    """One line for what the user can mend, a traceback for what only we can."""
    if type(error).__name__ in _TOLD and type(error).__module__.startswith("flaglint."):
        _say(str(error))
    elif isinstance(error, OSError) and error.strerror:
        # A full disk, a cache that cannot be written: what is named is to be mended, not we.
        named = f"{error.filename}: " if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        _say(f"{named}{error.strerror}" + (_FULL if full else ""))
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
    from flaglint import policy
    from flaglint.cards import load_cards
    from flaglint.formats import Style, render

    cards = load_cards()
    rules = _policy(options, cards)
    style = Style(
        options.format,
        cards,
        _colour(options),
        options.category or f"flaglint/{'+'.join(dict.fromkeys(_arches(options)))}",
        options.statistics,
    )
    report = _analyse(options, options.paths)
    whole = all(os.path.isdir(path) for path in options.paths)
    report, remarks = policy.apply(report, rules, _today(), whole=whole)
    _remark(options, remarks)
    if options.write_baseline:
        return _write_baseline(options, report)
    shown = policy.with_suppressed(report) if options.show_suppressed else report
    _write(options, render(shown, style))
    return FINDINGS if report.findings else CLEAN


def _arches(options: argparse.Namespace) -> list[str]:
    return [arch for _, arch, _ in options.configurations]


def _write_baseline(options: argparse.Namespace, report: Report) -> int:
    from flaglint.baseline import encode_baseline
    from flaglint.output import replace_file
    from flaglint.report.layout import plural

    replace_file(Path(options.write_baseline), encode_baseline(report.findings))
    accepted = plural(len(report.findings), "finding")
    _remark(options, (f"{options.write_baseline}: accepts {accepted}",))
    return CLEAN


def _diff(options: argparse.Namespace) -> int:
    from flaglint.patchview import diff

    patch = sys.stdin.buffer.read() if options.before == "-" else b""
    shown = diff(
        options.before,
        options.after,
        patch,
        options.path,
        options.arch,
        _manner(options),
        lambda path: _analyse(options, [path]),
    )
    return _show(options, shown)


def _hook(options: argparse.Namespace) -> int:
    from flaglint.patchview import hook

    base = options.base or os.environ.get("PRE_COMMIT_FROM_REF") or "HEAD"
    shown = hook(
        options.paths, base, options.arch, _manner(options), lambda path: _analyse(options, [path])
    )
    return _show(options, shown)


def _manner(options: argparse.Namespace) -> Manner:
    from flaglint.cards import load_cards
    from flaglint.patchview import Manner

    cards = load_cards()
    policy = _policy(options, cards)
    asked = ""
    if not (options.objtree or options.compile_commands):  # those may change unnoticed
        limits = (options.allow_outside, options.timeout, options.memory)
        asked = "\n".join((str(limits), *map(_asked, options.configurations)))
    return Manner(
        format=options.format,
        colour=_colour(options),
        cards=cards,
        policy=policy,
        today=_today(),
        cache=Path(_cache(options)),
        asked=asked,
    )


def _asked(configuration: Configuration) -> str:
    name, arch, config = configuration
    text = Path(config).read_text("utf-8", "replace") if config else ""
    return f"{name}\n{arch}\n{text}"


def _show(options: argparse.Namespace, shown: Shown) -> int:
    """Write it; the summary to the descriptor that NIPA names, or behind the rest."""
    _write(options, shown.body)
    descriptor = os.environ.get("DESC_FD", "")
    if shown.summary:
        try:
            os.write(int(descriptor), f"{shown.summary}\n".encode())
        except (ValueError, OSError):
            _write(options, f"{shown.summary}\n")
    return shown.status


def _build(argv: Sequence[str]) -> int:
    """Stand in for sparse in a kernel build, which nothing may break."""
    from flaglint.makecheck import build_lines
    from flaglint.report.layout import printable
    from flaglint.request import default_cache

    cache = str(default_cache())

    def analyse(call: Call, settings: Settings) -> Report:
        from flaglint import policy, recall
        from flaglint.cards import load_cards
        from flaglint.request import Request

        objtree = call.objtree if call.objtree != call.srctree else None
        request = Request(paths=(call.srctree,), arch=call.arch, objtree=objtree, cache_dir=cache)
        report = recall.analyse(request, _unseen)
        rules = policy.of_settings(settings, load_cards())
        return policy.apply(report, rules, _today(), whole=True)[0]

    for line in build_lines(argv, os.environ, Path(cache), str(_today()), analyse, _say):
        print(printable(line), file=sys.stderr)
    return CLEAN


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
    objtree = Path(options.objtree) if options.objtree else None
    tree = open_tree(options.path, arch=options.arch, config=config, objtree=objtree)
    table = read_flags(tree.root, arch=tree.arch, config=tree.symbols)
    if options.command == "dump":
        kept = flags.only(table, options.names)
        if options.names and not kept.helpers:
            return _no_function(options)
        _write(options, flags.table_text(kept, tree.version))
    elif options.format == "json":
        from flaglint.report import json

        _write(options, json.encode(flags.table_json(table, tree.version)))
    else:
        _write(options, flags.table_text(table, tree.version))
    return CLEAN


def _graph(options: argparse.Namespace) -> int:
    from flaglint.analysis import judged
    from flaglint.report import graph

    with _progress(options) as progress:
        judgements = judged(_request(options, [options.path]), progress)
    found = graph.at(judgements, options.site)
    if not found:
        names = graph.names(judgements, options.site)
        near = suggestion(options.site, names) or "; `flaglint sites` lists them"
        _say(f"no plain write at {options.site}{near}")
        return FAILED
    drawn = graph.draw(found)
    _write(options, graph.mermaid(drawn) if options.format == "mermaid" else graph.dot(drawn))
    return CLEAN


def _explain(options: argparse.Namespace) -> int:
    from flaglint.cards import find_card, load_cards
    from flaglint.report import explain

    cards = load_cards()
    if options.rule is None:
        _write(options, "".join(f"{card.id}  {card.name}: {card.summary}\n" for card in cards))
        return CLEAN
    card = find_card(cards, options.rule)
    if card is None:
        known = ", ".join(card.id for card in cards)
        _say(f"no rule {options.rule}; the rules are {known}")
        return FAILED
    _write(options, explain.render(card.markdown()))
    return CLEAN


def _completions(options: argparse.Namespace) -> int:
    from flaglint.arguments import parser
    from flaglint.completion import script

    _write(options, script(options.shell, parser()))
    return CLEAN


def _dump(options: argparse.Namespace) -> int:
    if options.stage == "flags":
        return _flags(options)
    from flaglint.analysis import dump

    shown = dump(_request(options, [options.path]), options.stage, tuple(options.names))
    if options.names and not shown.strip():
        return _no_function(options)
    _write(options, shown if shown.endswith("\n") else shown + "\n")
    return CLEAN


def _no_function(options: argparse.Namespace) -> int:
    _say(
        f"the stage {options.stage} has nothing of {' or '.join(options.names)}; a function outside"
        " the default scope is there if its file is the PATH"
    )
    return FAILED


_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "diff": _diff,
    "hook": _hook,
    "flags": _flags,
    "sites": _sites,
    "graph": _graph,
    "explain": _explain,
    "dump": _dump,
    "completions": _completions,
}


# The analysis


def _policy(options: argparse.Namespace, cards: tuple[Card, ...]) -> Policy:
    from flaglint.policy import read_policy

    return read_policy(
        cards,
        select=options.select,
        ignore=options.ignore,
        pedantic=options.pedantic,
        suppressions=options.found.suppress,
        source=options.found.path,
        baseline=_baseline(options),
    )


def _baseline(options: argparse.Namespace) -> str:
    if "baseline" not in options:
        return ""
    if options.write_baseline:
        return ""  # the new one stands for itself
    return str(options.baseline or options.found.baseline or "")


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _remark(options: argparse.Namespace, remarks: Iterable[str]) -> None:
    if not options.quiet:
        for remark in remarks:
            _say(remark)


def _analyse(options: argparse.Namespace, paths: Sequence[str]) -> Report:
    """Run the engine, with progress on a terminal, for each configuration."""
    from flaglint.recall import analyse

    reports = []
    with _progress(options) as progress:
        for name, arch, config in options.configurations:
            request = _request(options, paths, arch, config)
            reports.append((name, analyse(request, progress)))
    if len(reports) == 1:
        return reports[0][1]
    from flaglint.merging import merged

    return merged(reports)


def _request(
    options: argparse.Namespace, paths: Sequence[str], arch: str = "", config: str | None = None
) -> Request:
    from flaglint.request import Request

    return Request(
        paths=tuple(paths),
        arch=arch or options.arch,
        config=config if arch else options.config,
        pedantic=getattr(options, "pedantic", False),
        jobs=options.jobs or 0,
        objtree=options.objtree,
        commands=options.compile_commands,
        outside=options.allow_outside,
        seconds=options.timeout,
        megabytes=options.memory,
        scope=options.scope,
        executor=options.executor,
        cache_dir=_cache(options),
    )


def _cache(options: argparse.Namespace) -> str:
    from flaglint.request import default_cache

    return str(options.cache_dir or default_cache())


@contextlib.contextmanager
def _progress(options: argparse.Namespace) -> Iterator[Callable[[str, int, int], None]]:
    """One line on a terminal that says what is being done, and is gone afterwards.

    An interruption is told where it came.
    """
    seen = not options.quiet and _obeys(sys.stderr)
    at = ""

    def show(stage: str, done: int, total: int) -> None:
        nonlocal at
        at = stage + (f" {done}/{total}" if total > 1 else "")
        if seen:
            print(f"\r\x1b[K{at}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    except KeyboardInterrupt:
        kept = "no report was written; the next run goes on from what has been read"
        raise KeyboardInterrupt(f" ({at}): {kept}" if at else "") from None
    finally:
        if seen:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _unseen(stage: str, done: int, total: int) -> None:
    """The progress that nobody watches."""


# Output


def _colour(options: argparse.Namespace) -> bool:
    if options.color != "auto":
        return bool(options.color == "always")
    if os.environ.get("FORCE_COLOR") and not os.environ.get("NO_COLOR"):
        return True
    return not options.output and not os.environ.get("NO_COLOR") and _obeys(sys.stdout)


def _obeys(stream: TextIO) -> bool:
    """Whether it is a terminal that knows escape sequences; an editor's buffer does not."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _check_targets(options: argparse.Namespace) -> None:
    """Refuse a file that cannot be written now, rather than after minutes of analysis."""
    for name in (options.output, getattr(options, "write_baseline", None)):
        if name and name != "-":
            from flaglint.output import check_target

            check_target(name)


def _write(options: argparse.Namespace, report: str | bytes) -> None:
    body = report if isinstance(report, bytes) else report.encode("utf-8", "replace")
    if options.output and options.output != "-":
        from flaglint.output import replace_file

        replace_file(Path(options.output), body)
        return
    from flaglint.output import write_whole

    sys.stdout.flush()
    write_whole(sys.stdout.buffer, body, "stdout")
