"""Files of Debian packages, fetched by package name and without root.

The machine's own package lists are used where they know the package; else lists are fetched
into a private directory, so that neither root nor an earlier `apt-get update` is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class DebianError(Exception):
    """A package cannot be had; the message says what to do next."""


def download(package: str, into: Path) -> Path:
    """Fetch the newest version of a package that the machine's sources offer; the .deb's path."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise DebianError(f"{tool} is missing: package {package} can be fetched on Debian only")
    into.mkdir(parents=True, exist_ok=True)
    if not _apt(["download", package], into):
        private = _private_lists(into / "apt")
        if not _apt([*private, "update"], into) or not _apt([*private, "download", package], into):
            raise DebianError(f"apt-get cannot download {package}: see its messages above")
    found = sorted(into.glob(f"{package}_*.deb"))
    if not found:
        raise DebianError(f"apt-get said that it downloaded {package}, but there is no .deb")
    return found[-1]


def unpack(package: Path, into: Path) -> None:
    """Unpack a .deb's files below a directory."""
    subprocess.run(["dpkg-deb", "-x", str(package), str(into)], check=True)


def _private_lists(directory: Path) -> list[str]:
    """apt options under which lists are kept in `directory`."""
    (directory / "lists/partial").mkdir(parents=True, exist_ok=True)
    (directory / "archives/partial").mkdir(parents=True, exist_ok=True)
    return [
        "-oDebug::NoLocking=1",
        f"-oDir::State::lists={directory}/lists",
        f"-oDir::Cache={directory}",
        f"-oDir::Cache::archives={directory}/archives",
    ]


def _apt(arguments: list[str], cwd: Path) -> bool:
    options = ["-qq"]
    if os.geteuid() == 0:
        # apt's own user may not be allowed to write here; the signatures are checked all the same.
        options.append("-oAPT::Sandbox::User=root")
    done = subprocess.run(["apt-get", *options, *arguments], cwd=cwd, check=False)
    return done.returncode == 0
