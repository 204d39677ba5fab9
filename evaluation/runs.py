"""Running seeds: the edit, the compiler's word, the analysis, the score; one seed at a time.

The analysis runs in a process of its own for each seed, as a user's would, and finds in flaglint's
cache what the seed left unchanged.

The interface is `Bench`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from evaluation.compiling import Compiler
from evaluation.edit import Edited, apply
from evaluation.scoring import Outcome, Score, score
from evaluation.scratch import Scratch
from evaluation.seed import Seed, SeedError
from flaglint.finding import Report

Analyse = Callable[[Path], Report]

_PROGRAM = """\
import sys
import msgspec
from flaglint.analysis import Request, analyse
report = analyse(Request(paths=(sys.argv[1],), cache_dir=sys.argv[2]), lambda *_: None)
sys.stdout.buffer.write(msgspec.json.encode(report))
"""


def analyse_apart(cache: Path) -> Analyse:
    """Analyses in a new process, with flaglint's cache at `cache`."""

    def run(root: Path) -> Report:
        command = [sys.executable, "-c", _PROGRAM, str(root), str(cache)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise SeedError(f"flaglint failed on {root} with status {done.returncode}")
        return msgspec.json.decode(done.stdout, type=Report)

    return run


class Bench:
    """A kernel's scratch copy, its report without a seed, and seeds run against it."""

    def __init__(self, kernel: Path, version: str, work: Path, analyse: Analyse) -> None:
        """`work` is a directory of ours, kept between runs; the fetched tree is only read."""
        self.version = version
        self._scratch = Scratch(kernel, work / version)
        self._compiler = Compiler(self._scratch.root, work / "cache")
        self._analyse = analyse
        self._before: Report | None = None

    def plain(self) -> Report:
        """The report of the unedited kernel."""
        if self._before is None:
            self._before = self._analyse(self._scratch.root)
        return self._before

    def one_by_one(self, seeds: Iterable[Seed]) -> Iterator[Score]:
        """Each seed alone in the tree."""
        for seed in seeds:
            try:
                yield self._alone(seed)
            except SeedError as error:
                yield Score(seed, self.version, Outcome.BROKEN, (str(error),))

    def _alone(self, seed: Seed) -> Score:
        edited = self._edited(seed)
        before = self.plain()
        self._compiler.learn(edited)
        with self._scratch.edited({file: one.text for file, one in edited.items()}) as root:
            self._must_compile(edited)
            started = time.monotonic()
            after = self._analyse(root)
            seconds = time.monotonic() - started
        found = score(seed, self.version, before, after, edited)
        return msgspec.structs.replace(found, seconds=seconds)

    def together(self, seeds: Sequence[Seed]) -> Iterator[Score]:
        """Many seeds in one analysis, where they are in different functions: quick, less exact.

        Findings go to the seed whose lines they stand on. What is new elsewhere is nobody's, and
        is told with the first seed of the batch.
        """
        for batch in _batches(seeds):
            yield from self._batch(batch)

    def _batch(self, seeds: Sequence[Seed]) -> Iterator[Score]:
        fitting: list[Seed] = []
        for seed in seeds:
            try:
                edited = self._edited(seed)
                self._compiler.learn(edited)
                with self._scratch.edited({file: one.text for file, one in edited.items()}):
                    self._must_compile(edited)
            except SeedError as error:
                yield Score(seed, self.version, Outcome.BROKEN, (str(error),))
                continue
            fitting.append(seed)
        if not fitting:
            return
        whole = msgspec.structs.replace(
            fitting[0], edit=tuple(edit for seed in fitting for edit in seed.edit)
        )
        edited = self._edited(whole)
        before = self.plain()
        with self._scratch.edited({file: one.text for file, one in edited.items()}) as root:
            after = self._analyse(root)
        claimed: set[str] = set()
        results = []
        for seed in fitting:
            own = _share(seed, fitting, edited)
            mine = tuple(f for f in after.findings if _about(seed, f.file, f.line, f.function, own))
            known = {f.fingerprint for f in mine}
            claimed |= known
            rows = tuple(s for s in after.sites if _about(seed, s.file, s.line, s.function, own))
            # The findings of the unedited kernel stand for what this seed leaves alone.
            part = msgspec.structs.replace(after, findings=mine, sites=rows)
            nothing = msgspec.structs.replace(before, findings=())
            results.append(score(seed, self.version, nothing, part, own))
        old = {(f.file, f.function, f.helper) for f in before.findings}
        strangers = [
            f"batch: {f.file}:{f.line} {f.function}() {f.helper}"
            for f in after.findings
            if f.rule == "FL001"
            and not f.pedantic
            and f.fingerprint not in claimed
            and (f.file, f.function, f.helper) not in old
        ]
        for number, result in enumerate(results):
            extra = tuple(strangers) if not number else ()
            yield msgspec.structs.replace(result, detail=(*result.detail, *extra))

    def _edited(self, seed: Seed) -> dict[str, Edited]:
        edited = {}
        for file in seed.files:
            try:
                text = self._scratch.text(file)
            except OSError as error:
                raise SeedError(f"{file}: {error.strerror}") from error
            edited[file] = apply(text, (edit for edit in seed.edit if edit.file == file))
        return edited

    def _must_compile(self, edited: dict[str, Edited]) -> None:
        errors = self._compiler.new_errors(edited)
        if errors:
            raise SeedError(f"does not compile: {errors[0]}")


def _about(seed: Seed, file: str, line: int, function: str, own: dict[str, Edited]) -> bool:
    return (file in own and line in own[file].touched) or function in seed.sites


def _share(seed: Seed, seeds: Sequence[Seed], edited: Mapping[str, Edited]) -> dict[str, Edited]:
    """The batch's edited files, with only this seed's lines as written."""
    own = {}
    for file in seed.files:
        owners = [one.id for one in seeds for edit in one.edit if edit.file == file]
        lines = zip(owners, edited[file].written, strict=True)
        mine = tuple(written for owner, written in lines if owner == seed.id)
        own[file] = msgspec.structs.replace(edited[file], written=mine)
    return own


def _batches(seeds: Iterable[Seed]) -> list[list[Seed]]:
    """Seeds of a batch share no function; one that edits a macro's use is alone in its batch."""
    batches: list[list[Seed]] = []
    open_batches: list[tuple[list[Seed], set[tuple[str, str]]]] = []
    for seed in seeds:
        places = {(edit.file, edit.function) for edit in seed.edit}
        if any(edit.macro for edit in seed.edit):
            batches.append([seed])
            continue
        for batch, taken in open_batches:
            if not places & taken:
                batch.append(seed)
                taken |= places
                break
        else:
            batch = [seed]
            batches.append(batch)
            open_batches.append((batch, places))
    return batches
