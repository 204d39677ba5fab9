"""Whether an edited file still compiles: a seed that does not is wrong, and never counted.

Clang reads the file as the analysis does, before and after the edit, and errors that are new are
the seed's. An edited header is judged by the C files that the seed's own edits or `sites` are in,
and by the common headers, which hold page-flags.h.

The interface is `Compiler`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from flaglint import frontend
from flaglint.tree import open_tree


class Compiler:
    """Errors of a tree's files, with those of the unedited tree kept for comparison."""

    def __init__(self, root: Path, cache: Path) -> None:
        """`root` is the scratch tree, unedited at this moment."""
        self._root = root
        self._cache = cache
        self._before: dict[str, Counter[str]] = {}

    def learn(self, files: Iterable[str]) -> None:
        """Note the errors of the unedited files."""
        unknown = [file for file in files if file not in self._before]
        if unknown:
            self._before.update(self._errors(unknown))

    def new_errors(self, files: Iterable[str]) -> tuple[str, ...]:
        """What clang says of the files now and did not say when they were learned."""
        found: list[str] = []
        for file, errors in self._errors(files).items():
            found += [f"{file}: {error}" for error in (errors - self._before[file]).elements()]
        return tuple(found)

    def _errors(self, files: Iterable[str]) -> dict[str, Counter[str]]:
        prepared = frontend.prepare(open_tree(self._root), self._cache)
        found = {"": Counter(error.message for error in prepared.errors)}
        for file in files:
            if not file.endswith(".c"):
                continue
            try:
                parsed = frontend.parse(prepared, file)
            except frontend.FrontendError as error:
                found[file] = Counter([str(error)])
                continue
            found[file] = Counter(error.message for error in parsed.errors)
        return found
