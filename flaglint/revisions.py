"""The patch view: two states of one tree, analysed the same way and compared.

    diff REV            a commit and the work tree
    diff REV REV2       two commits
    diff -              a patch from a mail or a tool, and the tree that it is for

A patch may be in the tree already (b4 checks the patches of the branch that is checked out):
when a recent commit makes the same change, that commit is compared with its parent; else the
patch is applied to the files as they are, and where that fails, taken back from them.

Invariants: the work tree, the index and the repository are only read; what is analysed is a copy
in the cache (`snapshot`). A change of nothing that flaglint reads costs no analysis.

Interface: `Question`, `revisions_of`, `answer`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from flaglint import contents
from flaglint.comparing import Changes, compare
from flaglint.contents import Contents
from flaglint.finding import Report
from flaglint.git import GitError, Repository, find_repository
from flaglint.patches import PatchError, apply_patch, diff_of
from flaglint.snapshot import Snapshot
from flaglint.tree import PAGE_FLAGS, KernelTree, open_tree

Analyse = Callable[[str], Report]
"""The report on the tree at a path."""
Remember = Callable[[str, Callable[[], Report]], Report]
"""The report on a state of the tree, known from earlier or made now."""


class RevisionError(Exception):
    """The two states cannot be had; the message is one line that says what to do."""


class Question(msgspec.Struct, frozen=True):
    """What to compare. `path` is anywhere in the tree; `after` "" is the work tree.

    With a `patch` (its text, as it came), `before` and `after` do not matter.
    """

    path: str
    before: str = "HEAD"
    after: str = ""
    patch: bytes | None = None
    arch: str = "x86_64"


class Answer(msgspec.Struct, frozen=True):
    """What the change did. `after` is None when nothing that flaglint reads was changed.

    `files` are the changed files that count.
    """

    changes: Changes
    files: tuple[str, ...]
    after: Report | None


class _Sides(msgspec.Struct, frozen=True):
    before: Contents
    after: Contents


def revisions_of(before: str, after: str) -> tuple[str, str]:
    """The two revisions of a command line: REV, REV REV2 or A..B. Raises RevisionError."""
    if ".." not in before:
        return before, after
    one, _, two = before.partition("..")
    if after or two.startswith("."):
        raise RevisionError(f"{before}: not understood; name REV, REV REV2 or A..B")
    return one or "HEAD", two or "HEAD"


def made(state: str, make: Callable[[], Report]) -> Report:
    """Remember nothing."""
    return make()


def answer(question: Question, cache: Path, analyse: Analyse, remember: Remember = made) -> Answer:
    """Compare the two states, each analysed by `analyse` at a place in `cache`.

    Raises RevisionError, GitError, PatchError, TreeError, SnapshotError, and what `analyse` does.
    """
    tree = open_tree(Path(question.path), arch=question.arch)
    root = Path(tree.root)
    place = hashlib.sha256(f"{root}\0{question.arch}".encode()).hexdigest()[:24]
    with Snapshot(cache / "snapshots" / place) as snapshot:
        sides = _sides(question, tree, snapshot)
        if sides is None:
            return Answer(Changes(), (), None)
        files = contents.changed(sides.before, sides.after)
        if not files:
            return Answer(Changes(), (), None)

        def report_on(side: Contents) -> Report:
            snapshot.hold(side)
            return analyse(str(snapshot.root))

        before = remember(sides.before.state(), lambda: report_on(sides.before))
        after = remember(sides.after.state(), lambda: report_on(sides.after))
        snapshot.hold(sides.after)  # what is reported is quoted from there
        changes = compare(before, after, sides.before.text, sides.after.text)
        return Answer(changes, files, after)


def _sides(question: Question, tree: KernelTree, snapshot: Snapshot) -> _Sides | None:
    root = Path(tree.root)
    repository, prefix = _repository(root)
    if question.patch is not None:
        return _patched(question.patch, tree, repository, prefix, snapshot)
    if repository is None:
        raise RevisionError(f"{root}: not in a git repository; give a patch to `flaglint diff -`")
    before = _commit(repository, question.before, prefix, tree)
    if question.after:
        return _Sides(before, _commit(repository, question.after, prefix, tree))
    return _Sides(before, _work_tree(tree, repository, prefix, snapshot))


def _patched(
    patch: bytes,
    tree: KernelTree,
    repository: Repository | None,
    prefix: str,
    snapshot: Snapshot,
) -> _Sides | None:
    diff = diff_of(patch)
    if not diff:
        return None
    if repository is not None:
        commit = _same_change(repository, diff)
        if commit:
            parent = _commit(repository, f"{commit}^", prefix, tree)
            return _Sides(parent, _commit(repository, commit, prefix, tree))
    present = _work_tree(tree, repository, prefix, snapshot)

    def read(path: str) -> bytes | None:
        # Also files that no analysis reads: the patch has to apply as a whole.
        full = Path(tree.root, path)
        try:
            plain = full.is_file() and not full.is_symlink()
            inside = plain and full.resolve().is_relative_to(tree.root)
            return full.read_bytes() if inside else None
        except OSError:  # a name that no file can have
            return None

    try:
        files = apply_patch(diff, read)
        return _Sides(present, contents.with_files(present, files, tree.srcarch))
    except PatchError as error:
        try:
            files = apply_patch(diff, read, reverse=True)
        except PatchError:
            raise error from None
        return _Sides(contents.with_files(present, files, tree.srcarch), present)


def _same_change(repository: Repository, diff: bytes) -> str:
    """The recent commit that makes the same change; "" when there is none."""
    try:
        return repository.commit_of_patch(diff)
    except GitError:
        return ""


def _commit(repository: Repository, revision: str, prefix: str, tree: KernelTree) -> Contents:
    return contents.of_commit(repository, repository.commit(revision), prefix, tree.srcarch)


def _work_tree(
    tree: KernelTree, repository: Repository | None, prefix: str, snapshot: Snapshot
) -> Contents:
    names = repository.tracked(prefix) if repository is not None else None
    listed, stats = contents.of_directory(
        Path(tree.root), tree.srcarch, snapshot.directory_stats(), names
    )
    snapshot.keep_directory_stats(stats)
    return listed


def _repository(root: Path) -> tuple[Repository | None, str]:
    """The repository that keeps the tree, and where in it: "" for its top, else "dir/".

    One that the tree merely lies in, as in a home directory under git, does not count.
    """
    repository = find_repository(root)
    if repository is None:
        return None, ""
    below = root.relative_to(repository.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    return (repository, prefix) if repository.tracked(f"{prefix}{PAGE_FLAGS}") else (None, "")
