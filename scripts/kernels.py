"""Fetch the kernels that the `kernel` tests run on: Debian's linux-source packages.

    python3 scripts/kernels.py [VERSION...]     (default: all)

Each goes to $XDG_CACHE_HOME/flaglint/kernels/<version> (or below $FLAGLINT_KERNELS), once:
what is there is left alone. A kernel appears in one rename, so that a killed run leaves
nothing that looks complete. About 300 MB are downloaded, 1.9 GB unpacked; no root is needed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.debian import DebianError, download

VERSIONS = ("6.12", "6.1")

# Half of the tree's bytes, of which no analysed file reads one. An asterisk ends at a slash: what
# is in arch/*/tools makes headers.
_UNNEEDED = (
    "*/Documentation/*",
    "*/tools/*",
    "*/samples/*",
    "*/arch/*/boot/dts/*",
    "*/drivers/gpu/drm/amd/include/*",
)


def kernels_dir() -> Path:
    """Where unpacked kernels are kept."""
    named = os.environ.get("FLAGLINT_KERNELS")
    if named:
        return Path(named)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "flaglint/kernels"


def fetch(version: str, directory: Path) -> Path:
    """The unpacked kernel `directory/version`, fetched if it is not there."""
    target = directory / version
    if target.is_dir():
        return target
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory / ".lock"):
        for left_over in directory.glob(".fetch-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        if target.is_dir():
            return target
        with tempfile.TemporaryDirectory(dir=directory, prefix=".fetch-") as name:
            work = Path(name)
            print(f"kernels: fetching linux-source-{version}", flush=True)
            package = download(f"linux-source-{version}", work)
            tree = work / "tree"
            tree.mkdir()
            _unpack_source(package, f"./usr/src/linux-source-{version}.tar.xz", tree)
            if not (tree / "include/linux/page-flags.h").is_file():
                raise DebianError(f"{package.name} holds no kernel source where it was expected")
            tree.rename(target)
    return target


def _unpack_source(package: Path, member: str, into: Path) -> None:
    """Stream the source out of the package: neither archive is ever laid down unpacked."""
    excluded = [f"--exclude={pattern}" for pattern in _UNNEEDED]
    excluded[:0] = ["--anchored", "--no-wildcards-match-slash"]
    outer = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
    inner = subprocess.Popen(
        ["tar", "-xOf", "-", member], stdin=outer.stdout, stdout=subprocess.PIPE
    )
    last = subprocess.run(
        ["tar", "-xJf", "-", "-C", str(into), "--strip-components=1", *excluded],
        stdin=inner.stdout,
        check=False,
    )
    for pipe in (outer.stdout, inner.stdout):
        if pipe is not None:
            pipe.close()
    # The first may be cut short by the second, which stops after its one member.
    outer.wait()
    if inner.wait() != 0 or last.returncode != 0:
        raise DebianError(f"cannot unpack {member} of {package.name} (is xz-utils installed?)")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock, so that two fetches do not remove each other's work."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(argv: Sequence[str]) -> int:
    """Fetch the named kernels, all by default."""
    directory = kernels_dir()
    try:
        for version in argv or VERSIONS:
            print(f"kernels: {version} is in {fetch(version, directory)}", flush=True)
    except DebianError as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
