"""A git repository, read only and without running anything that it brings along.

The analysed tree may be a stranger's clone, and a clone holds settings that run programs: hooks,
filters, text conversions, external diffs, a file system monitor, a transport that is asked for
missing objects. So only plumbing is called (rev-parse, ls-tree, ls-files, cat-file, rev-list,
diff-tree, patch-id), file contents come out of `cat-file` as stored, and the environment's GIT_*
variables (which hooks inherit) are left out.

Invariants: nothing is written into the repository, its index included; no command line holds a
string that git could take for an option.

Limits: objects that a partial clone has left with its remote count as missing.

Interface: `Repository`, `find_repository`, `clean_environment`.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_SAFE = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    "log.showSignature=false",
    "protocol.allow=never",
)
_BLOB = ("100644", "100755", "100664")
_REVISION = re.compile(r"[\w@^~{}/.:+-]+")


class GitError(Exception):
    """git cannot answer; the message is one line."""


class Repository:
    """A repository with a work tree; `top` is the work tree's absolute path."""

    def __init__(self, top: Path) -> None:
        """The repository whose work tree is at `top`; see find_repository()."""
        self.top = top

    def commit(self, revision: str) -> str:
        """The id of the commit that a revision names. Raises GitError."""
        wrong = f"{revision}: no such revision in {self.top}"
        if revision.startswith("-") or not _REVISION.fullmatch(revision):
            raise GitError(wrong)
        try:
            return self._run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
        except GitError:
            raise GitError(wrong) from None

    def tree(self, commit: str, prefix: str = "") -> dict[str, str]:
        """The regular files of a commit below `prefix` ("" or "dir/"): blob ids by path."""
        paths = ["--", prefix] if prefix else []
        listing = self._run("ls-tree", "-r", "-z", "--full-tree", commit, *paths)
        found = {}
        for row in filter(None, listing.split("\0")):
            meta, _, path = row.partition("\t")
            mode, _, blob = meta.split(" ")
            if mode in _BLOB:
                found[path.removeprefix(prefix)] = blob
        return found

    def tracked(self, prefix: str = "") -> tuple[str, ...]:
        """The paths in the index below `prefix`, relative to it."""
        paths = ["--", prefix] if prefix else []
        listing = self._run("ls-files", "-z", "--cached", "--full-name", *paths)
        names = {path.removeprefix(prefix) for path in listing.split("\0") if path}
        return tuple(sorted(names))

    def blobs(self, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Each wanted blob's id and content, in the order asked for. Raises GitError."""
        with tempfile.TemporaryFile() as ids:
            ids.write("".join(f"{blob}\n" for blob in wanted).encode())
            ids.seek(0)
            with subprocess.Popen(
                _command("cat-file", "--batch", "--buffer"),
                cwd=self.top,
                env=clean_environment(),
                stdin=ids,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                assert process.stdout is not None
                while head := process.stdout.readline():
                    fields = head.decode("ascii", "replace").split()
                    if len(fields) != 3 or fields[1] != "blob":
                        process.kill()
                        raise GitError(f"{self.top}: object {fields[0]} is missing; fetch it first")
                    body = process.stdout.read(int(fields[2]) + 1)
                    yield fields[0], body[:-1]

    def commit_of_patch(self, patch: bytes, depth: int = 200) -> str:
        """The commit among the last `depth` of HEAD that makes the same change of its parent;
        "" if none.
        """
        wanted = self._patch_ids(patch)
        if len(wanted) != 1:
            return ""
        commits = self._run("rev-list", "--no-merges", f"--max-count={depth}", "HEAD")
        # Without --root: a commit with no parent has nothing to be compared with, and the oldest
        # one of a shallow clone would be a diff of the whole kernel.
        shown = self._bytes(
            ("diff-tree", "--stdin", "-p", "--no-ext-diff", "--no-textconv"), commits.encode()
        )
        mine = next(iter(wanted))
        return self._patch_ids(shown).get(mine, "")

    def _patch_ids(self, patch: bytes) -> dict[str, str]:
        """The commit named in the text (zeroes when none is) by each change's id."""
        rows = self._bytes(("patch-id", "--stable"), patch).decode("ascii", "replace")
        return dict(row.split(" ", 1) for row in reversed(rows.splitlines()) if " " in row)

    def _run(self, *words: str) -> str:
        return self._bytes(words).decode("utf-8", "surrogateescape")

    def _bytes(self, words: Iterable[str], given: bytes = b"") -> bytes:
        return run_git(words, self.top, given)


def find_repository(path: Path) -> Repository | None:
    """The repository that `path` lies in; None when there is none, or no git."""
    folder = path if path.is_dir() else path.parent
    try:
        top = run_git(("rev-parse", "--show-toplevel"), folder)
    except GitError:
        return None
    repository = Repository(Path(os.fsdecode(top.removesuffix(b"\n"))).resolve())
    return repository if folder.resolve().is_relative_to(repository.top) else None


def run_git(
    words: Iterable[str], folder: Path, given: bytes = b"", *, ceiling: Path | None = None
) -> bytes:
    """What a git command prints, run in `folder` and given its input. Raises GitError.

    `ceiling` is a directory at or above which no repository is looked for.
    """
    command = list(words)
    environment = clean_environment()
    if ceiling is not None:
        environment["GIT_CEILING_DIRECTORIES"] = str(ceiling.parent)
    try:
        done = subprocess.run(
            _command(*command),
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise GitError(f"git: {error.strerror or error}; install git") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = lines[0] if lines else f"failed with status {done.returncode}"
        raise GitError(f"git {command[0]}: {reason}")
    return done.stdout


def clean_environment() -> dict[str, str]:
    """The environment without GIT_* (a hook inherits them), and with nothing to be run."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return kept | {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _command(*words: str) -> list[str]:
    settings = [part for setting in _SAFE for part in ("-c", setting)]
    return ["git", "--no-pager", "--literal-pathspecs", *settings, *words]
