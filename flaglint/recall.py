"""The report of a tree that nobody touched since: had from the store, in a blink.

The idea: what a report says follows from the tree's files, what was asked for, and flaglint. One
walk tells that no file changed; then the report of the run before is the report. The analysis
(and clang, and the engine) is not even imported.

Invariants: a report is kept under what the tree was when the analysis began. A file that changes
after that has other times for good, and no later run asks for the report. One that changed in
the last seconds before, and might do so again with no sign of it, is compared by content.
Nothing is kept that comes from an accident (a crash, a deadline).

Limits: a build in a directory outside the tree (O=) is not watched, so nothing is kept for one.

Interface: `analyse`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from flaglint.finding import Report
from flaglint.folders import ARCHES
from flaglint.identity import identity
from flaglint.request import Request, cache_directory
from flaglint.store import Store, digest
from flaglint.survey import Survey
from flaglint.tree import TreeError, locate

Progress = Callable[[str, int, int], None]

_DOUBTED = 100
"""Files changed just now that are worth comparing by content; after a checkout there are more."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A report, and the files that may have changed since with no sign of it."""

    doubted: tuple[tuple[str, bytes], ...]
    report: Report


def analyse(request: Request, progress: Progress) -> Report:
    """The report, from the store or made now; raises what `flaglint.analysis.analyse` does."""
    if request.arch not in ARCHES or request.objtree or request.commands:
        return _made(request, progress, None, None)
    root, _ = locate(request.paths[0])
    with Store(cache_directory(request)) as store:
        progress("looking for changes", 0, 1)
        survey = Survey(str(root), ARCHES[request.arch], store)
        key = _key(request, survey)
        found = _recalled(store, survey, key)
        if found is not None:
            return found
        report = _made(request, progress, store, survey)
        _keep(store, survey, key, report)
        return report


def _made(
    request: Request, progress: Progress, store: Store | None, survey: Survey | None
) -> Report:
    from flaglint import analysis  # noqa: PLC0415 (the whole engine; only when it is needed)

    return analysis.analyse(request, progress, store, survey)


def _key(request: Request, survey: Survey) -> bytes:
    paths = []
    for path in request.paths:
        root, target = locate(path)
        if str(root) != survey.root:
            raise TreeError(f"{survey.root} and {root}: two trees; name files of one")
        paths.append(str(target))
    config = b""
    if request.config:
        try:
            config = Path(request.config).read_bytes()
        except OSError:
            config = b""  # the analysis says what is wrong
    return digest(
        identity(),
        survey.state(),
        *paths,
        "config",
        config,
        request.arch,
        str((request.pedantic, request.outside, request.config is not None, request.scope)),
    )


def _recalled(store: Store, survey: Survey, key: bytes) -> Report | None:
    found = store.get("report", key)
    if found is None:
        return None
    kept = msgspec.msgpack.decode(found, type=_Kept)
    if all(survey.digest(file) == known for file, known in kept.doubted):
        return kept.report
    return None


def _keep(store: Store, survey: Survey, key: bytes, report: Report) -> None:
    doubted = survey.unsettled()
    if len(doubted) > _DOUBTED or report.accidents:
        return
    known = tuple((file, survey.digest(file)) for file in doubted)
    if not all(map(survey.steady, report.files)):
        return  # nobody would ask for it
    store.put("report", key, msgspec.msgpack.encode(_Kept(known, report)))
