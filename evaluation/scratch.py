"""A copy of a kernel tree in which only the edited files are new ones.

All else are hard links to the fetched tree's files (copies, where links cannot be made), so the
copy costs seconds and next to no space. Links are never written through: a file is taken away
and a new one put in its place. Real files are needed since the analysis does not follow links
out of a tree. What an earlier run left behind, killed or not, is mended by `mirror`.

The interface is `Scratch`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class Scratch:
    """The copy at `root` of the tree `kernel`; one user at a time."""

    def __init__(self, kernel: Path, root: Path) -> None:
        """Make or mend the copy. Raises OSError where the disk says no."""
        if root.resolve().is_relative_to(kernel.resolve()):
            raise OSError(f"{root} is inside the tree that must stay as it is")
        self.kernel = kernel.resolve()
        self.root = root
        mirror(self.kernel, root)

    @contextmanager
    def edited(self, texts: Mapping[str, str]) -> Iterator[Path]:
        """The copy's root, with these files' texts in it while the block runs."""
        try:
            for file, text in texts.items():
                path = self.root / file
                path.unlink()
                path.write_text(text, "utf-8", errors="surrogateescape")
            yield self.root
        finally:
            for file in texts:
                _link(self.kernel / file, self.root / file)

    def text(self, file: str) -> str:
        """The kernel's text of a file, odd bytes kept. Raises OSError."""
        return (self.kernel / file).read_text("utf-8", errors="surrogateescape")


def mirror(kernel: Path, root: Path) -> None:
    """Make `root` the same as `kernel`: what is missing or differs is linked, the rest removed."""
    root.mkdir(parents=True, exist_ok=True)
    with os.scandir(kernel) as entries:
        wanted = {entry.name: entry for entry in entries}
    with os.scandir(root) as entries:
        present = {entry.name: entry for entry in entries}
    for name, there in present.items():
        if name not in wanted or wanted[name].is_dir(follow_symlinks=False) != there.is_dir(
            follow_symlinks=False
        ):
            _remove(Path(there.path))
    for name, entry in wanted.items():
        target = root / name
        if entry.is_dir(follow_symlinks=False):
            mirror(Path(entry.path), target)
        elif not _same(entry, target):
            _link(Path(entry.path), target)


def _same(entry: os.DirEntry[str], target: Path) -> bool:
    try:
        there = target.lstat()
    except OSError:
        return False
    here = entry.stat(follow_symlinks=False)
    if here.st_ino == there.st_ino and here.st_dev == there.st_dev:
        return True
    copied = (there.st_size, there.st_mtime_ns) == (here.st_size, here.st_mtime_ns)
    return copied and here.st_dev != there.st_dev


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
