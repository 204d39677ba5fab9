"""What a tree holds, wherever it is kept: a commit, a directory, or either one with a patch.

Two trees are compared, and copied, by the ids of their files' contents (git's blob ids, also for
a directory that git knows nothing of), so that what is equal is never read twice.

Invariants: only files that an analysis can read are listed (`matters`); a path has no `..`, no
leading slash and no empty part, whatever a hostile commit says; symbolic links are left out, and
names that are no UTF-8.

Limits: what a build has generated in the tree is left out, so that both sides of a comparison
are analysed alike, with synthesised headers.

Interface: `Contents`, `of_commit`, `of_directory`, `with_files`, `changed`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from flaglint.folders import holds_kernel_code
from flaglint.git import Repository

_SUFFIXES = (".c", ".h", ".inc", ".tbl")
_NAMES = ("Makefile", "Kbuild", "Kconfig")

Reader = Callable[[Iterable[str]], Iterator[tuple[str, bytes]]]
Stats = dict[str, tuple[int, int, int, str]]
"""A file's size, modification time (ns), inode and blob id, by path."""


class Contents:
    """A tree's files: `ids` are blob ids by path, `read` gives the contents of some of them."""

    def __init__(self, ids: Mapping[str, str], read: Reader) -> None:
        """A tree that lists `ids` and is read by `read`, which may give files in any order."""
        self.ids = ids
        self.read = read

    def state(self) -> str:
        """What tells these contents from all others."""
        rows = (f"{path}\0{blob}\0" for path, blob in sorted(self.ids.items()))
        return hashlib.sha256("".join(rows).encode()).hexdigest()

    def text(self, path: str) -> str:
        """One file's text, "" when the tree has no such file."""
        if path not in self.ids:
            return ""
        return next((body.decode("utf-8", "replace") for _, body in self.read((path,))), "")


def of_commit(repository: Repository, commit: str, prefix: str, srcarch: str) -> Contents:
    """The tree of a commit below `prefix` ("" or "dir/"). Raises GitError."""
    listed = repository.tree(commit, prefix)
    ids = {path: blob for path, blob in listed.items() if matters(path, srcarch)}

    def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = [path for path in paths if path in ids]
        bodies = repository.blobs(ids[path] for path in wanted)
        for path, (_, body) in zip(wanted, bodies, strict=True):
            yield path, body

    return Contents(ids, read)


def of_directory(
    root: Path, srcarch: str, known: Stats, names: Iterable[str] | None = None
) -> tuple[Contents, Stats]:
    """The tree in a directory, or those files of it that `names` lists.

    `known` is what the last call returned: a file whose size, time and inode are the same is
    not read again.
    """
    stats: Stats = {}
    for path in _walk(root, srcarch) if names is None else names:
        if not matters(path, srcarch):
            continue
        try:
            status = os.lstat(root / path)
            if not stat.S_ISREG(status.st_mode):
                continue
            seen = (status.st_size, status.st_mtime_ns, status.st_ino)
            before = known.get(path)
            same = before is not None and before[:3] == seen
            blob = before[3] if before is not None and same else blob_id((root / path).read_bytes())
        except OSError:
            continue
        stats[path] = (*seen, blob)

    def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            if path in stats:
                yield path, (root / path).read_bytes()

    return Contents({path: row[3] for path, row in stats.items()}, read), stats


def with_files(base: Contents, files: Mapping[str, bytes | None], srcarch: str) -> Contents:
    """A tree with some files replaced or added, or removed where the content is None."""
    ids = {path: blob for path, blob in base.ids.items() if path not in files}
    for path, body in files.items():
        if body is not None and matters(path, srcarch):
            ids[path] = blob_id(body)

    def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = list(paths)
        yield from base.read(path for path in wanted if path not in files)
        for path in wanted:
            body = files.get(path)
            if body is not None:
                yield path, body

    return Contents(ids, read)


def changed(before: Contents, after: Contents) -> tuple[str, ...]:
    """The paths whose contents differ, or that one of the two lacks."""
    paths = before.ids.keys() | after.ids.keys()
    return tuple(sorted(p for p in paths if before.ids.get(p) != after.ids.get(p)))


def blob_id(body: bytes) -> str:
    """git's id of a file with this content, in a repository that uses SHA-1."""
    head = f"blob {len(body)}\0".encode()
    return hashlib.sha1(head + body, usedforsecurity=False).hexdigest()


def matters(path: str, srcarch: str) -> bool:
    """Whether an analysis for this directory of arch/ may read the file."""
    parts = path.split("/")
    odd = "\0" in path or not (path.isascii() or path.isprintable())
    if odd or any(part in ("", ".", "..", ".git") for part in parts):
        return False
    kept = path.endswith(_SUFFIXES) or parts[-1].startswith(_NAMES)
    if parts[:2] == ["arch", srcarch] and parts[2:3] == ["tools"]:
        return True  # tables that headers are made from
    if parts[0] == "arch" and len(parts) > 2 and parts[1] != srcarch:
        return parts[-1].startswith("Kconfig")
    if parts[0] == "scripts":
        return kept and not path.endswith(".c")
    if "generated" in parts[1:-1] or path.startswith("include/config/"):
        return False
    return kept and holds_kernel_code(parts[0])


def encode_stats(stats: Stats) -> bytes:
    """The stats as bytes, to be kept until the next run."""
    return msgspec.msgpack.encode(stats)


def decode_stats(data: bytes) -> Stats:
    """What encode_stats() made; empty when it is something else."""
    try:
        return msgspec.msgpack.decode(data, type=Stats)
    except msgspec.MsgspecError:
        return {}


def _walk(root: Path, srcarch: str) -> Iterator[str]:
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                top = path.partition("/")[0]
                needed = top == "scripts" or holds_kernel_code(top)  # as matters() says
                if needed and entry.name != ".git":
                    pending.append(f"{path}/")
            else:
                yield path
