"""One walk of a kernel tree: which files there are, and what is in those that matter.

The idea: whether a stored result is still right is a question about files' contents; reading
them all takes seconds, asking for sizes and times a fraction of one. A file whose size, times
and inode are those of the run before has the content of the run before, and so its digest.

    survey = Survey(tree.root, tree.srcarch, store)
    survey.digest("mm/rmap.c")      16 bytes for this content, b"" when there is no such file
    survey.save()

Invariants: nothing is followed out of the tree. A file changed in the last seconds before the
walk is read again next time, since a later change might leave the same times (as git does).

Limits: folders that hold no code of this architecture's kernel are left out (`folders`).

Interface: `Survey`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from flaglint.folders import holds_kernel_code
from flaglint.store import Store, digest
from flaglint.tree import inside

_KINDS = (".c", ".h")
_BUILD = ("Makefile", "Kbuild", "Kconfig", "compile_commands.json")
_WHOLE = ("include", "arch/{arch}/include", "arch/{arch}/tools")
"""Folders whose every file may be an input, whatever its name."""

_SETTLED = 2_000_000_000
"""Nanoseconds after which a file system's clock has moved on."""

_REWRITTEN = 32
"""All is written anew when more than one in so many files changed since it was."""

Stamp = tuple[int, int, int, int]
"""Size, time of change of the content and of the inode (ns), and inode number."""


class _Known(msgspec.Struct, frozen=True, array_like=True):
    stamp: Stamp
    digest: bytes


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What was known of all files once; `mark` is what later additions to it go by."""

    mark: bytes
    known: dict[str, _Known]


class Survey:
    """The files of one tree at one moment.

    `stamps` has all C files, headers and build files by their path relative to `root`; `odd`
    the C files and folders that nobody can or may open, each with the reason.
    """

    def __init__(self, root: str, srcarch: str, store: Store | None = None) -> None:
        """Walk the tree. `store` lends what earlier runs read."""
        self.root = root
        self.srcarch = srcarch
        self.moment = time.time_ns()
        self.odd: list[tuple[str, str]] = []
        self.stamps: dict[str, Stamp] = dict(_walk(root, srcarch, self.odd))
        self.odd.sort()
        self._store = store
        self._key = digest("survey", root, srcarch)
        self._known: dict[str, _Known] = {}
        self._now: dict[str, bytes] = {}
        self._other: dict[str, Stamp] = {}
        self._changed = False
        self._mark = b""
        self._later: dict[str, _Known] = {}
        if store is not None:
            self._recall(store)
        for file, known in self._known.items():
            if known.stamp == self.stamps.get(file):
                self._now[file] = known.digest

    def c_files(self) -> tuple[str, ...]:
        """The C files, sorted."""
        return tuple(sorted(file for file in self.stamps if file.endswith(".c")))

    def sources(self) -> tuple[str, ...]:
        """The C files and the headers, sorted."""
        return tuple(sorted(file for file in self.stamps if file.endswith((".c", ".h"))))

    def exists(self, file: str) -> bool:
        """Whether the tree has the file; `file` is relative to the root."""
        return file in self.stamps

    def unsettled(self) -> tuple[str, ...]:
        """Files that changed so lately that their times may not tell the next change."""
        limit = self.moment - _SETTLED
        return tuple(
            sorted(
                file
                for file, (_, changed, renewed, _) in self.stamps.items()
                if changed > limit or renewed > limit
            )
        )

    def state(self) -> bytes:
        """A digest of all names and stamps."""
        return digest(self.root, msgspec.msgpack.encode((self.stamps, self.odd)))

    def unchanged(self, file: str) -> bool:
        """Whether the file is as some earlier run read it, so that `digest` need not read it."""
        known = self._known.get(file)
        return known is not None and known.stamp == self.stamps.get(file)

    def digest(self, file: str) -> bytes:
        """What tells the file's content; b"" when there is none, or it cannot be read.

        `file` is relative to the root, or absolute for one outside the tree.
        """
        found = self._now.get(file)
        if found is not None:
            return found
        stamp = self.stamps.get(file)
        known = self._known.get(file)
        if stamp is None:
            # A file the walk left out: one of other code, or a generated header.
            stamp = _stamp(os.path.join(self.root, file))
            if stamp is not None:
                self._other[file] = stamp
        if known is not None and stamp is not None and known.stamp == stamp:
            self._now[file] = known.digest
            return known.digest
        try:
            with open(os.path.join(self.root, file), "rb") as stream:
                content = stream.read()
        except OSError:
            self._now[file] = b""
            return b""
        return self.learn(file, content)

    def digests(self, files: Sequence[str]) -> list[bytes]:
        """The digests of several files at once."""
        found = list(map(self._now.get, files))
        return [self.digest(f) if one is None else one for f, one in zip(files, found, strict=True)]

    def learn(self, file: str, content: bytes) -> bytes:
        """Take the digest of a content that the caller has read."""
        found = digest(content)
        stamp = self.stamps.get(file) or self._other.get(file)
        if stamp is None:
            self._now[file] = found
        else:
            self.told(file, found, stamp)
        return found

    def told(self, file: str, found: bytes, stamp: Stamp) -> None:
        """Take the digest that another process made of the file when it had this stamp."""
        if stamp != (self.stamps.get(file) or self._other.get(file)):
            return  # it has changed since the walk
        self._now[file] = found
        limit = self.moment - _SETTLED
        if stamp[1] < limit and stamp[2] < limit:
            self._known[file] = self._later[file] = _Known(stamp, found)
            self._changed = True

    def steady(self, file: str) -> bool:
        """Whether the file is now as it was when the tree was walked."""
        now = _stamp(os.path.join(self.root, file))
        return now == (self.stamps.get(file) or self._other.get(file, now))

    def save(self) -> None:
        """Keep what was learnt for the next run."""
        if self._store is None or not self._changed:
            return
        self._changed = False
        if len(self._later) * _REWRITTEN > len(self._known):
            self._mark = digest(str(self.moment), str(os.getpid()))
            self._later = {}
            kept = _Kept(self._mark, self._known)
            self._store.put("survey", self._key, msgspec.msgpack.encode(kept))
        later = digest("later", self._key, self._mark)
        self._store.put("survey", later, msgspec.msgpack.encode(self._later))

    def _recall(self, store: Store) -> None:
        """Take what earlier runs learnt, and after that the last of them."""
        if (found := store.get("survey", self._key)) is None:
            return
        with contextlib.suppress(msgspec.MsgspecError):
            kept = msgspec.msgpack.decode(found, type=_Kept)
            self._mark, self._known = kept.mark, kept.known
            later = store.get("survey", digest("later", self._key, self._mark))
            if later is not None:
                self._later = msgspec.msgpack.decode(later, type=dict[str, _Known])
                self._known |= self._later


def _walk(root: str, srcarch: str, odd: list[tuple[str, str]]) -> Iterator[tuple[str, Stamp]]:
    whole = tuple(f"{folder.format(arch=srcarch)}/" for folder in _WHOLE)
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                found = list(entries)
        except OSError as error:
            odd.append((folder or ".", error.strerror or "cannot be read"))
            continue
        everything = folder.startswith(whole)
        for entry in found:
            name = entry.name
            path = folder + name
            if not _is_text(name):
                # Neither clang nor a report can name it; what is in such a folder is lost too.
                if name.endswith(".c") or entry.is_dir(follow_symlinks=False):
                    odd.append((_spelled(path), "its name is not UTF-8"))
                continue
            if name.endswith(_KINDS) or name.startswith(_BUILD) or everything:
                try:
                    if entry.is_file() and (
                        not entry.is_symlink() or inside(Path(entry.path), [Path(root)])
                    ):
                        status = entry.stat()
                        yield path, stamp_of(status)
                        continue
                    if name.endswith(".c") and not entry.is_dir(follow_symlinks=False):
                        odd.append((path, _why_not(entry)))
                except OSError:
                    if name.endswith(".c"):
                        odd.append((path, _why_not(entry)))
                    continue
            if "." not in name[:1] and _entered(folder, name, srcarch):
                try:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(path + "/")
                except OSError:
                    continue


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _spelled(path: str) -> str:
    """A path that is no text, its odd bytes as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _why_not(entry: os.DirEntry[str]) -> str:
    """Why something named like a C file is not opened."""
    if entry.is_symlink():
        return "a link to no file of the tree"
    return "no regular file"


def _entered(folder: str, name: str, srcarch: str) -> bool:
    if not folder:
        return holds_kernel_code(name)
    return folder != "arch/" or name == srcarch


def _stamp(path: str) -> Stamp | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return stamp_of(status)


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp in what the system says of a file."""
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
