"""Fetching kernels: once, in one step, and without leaving halves behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts import kernels
from scripts.debian import DebianError


def package(directory: Path, *, header: bool = True) -> Path:
    """A .deb like linux-source-9.9, with a tree of a few files."""
    if shutil.which("dpkg-deb") is None or shutil.which("xz") is None:
        pytest.skip("needs dpkg-deb and xz")
    tree = directory / "linux-source-9.9"
    for name in (
        "include/linux/page-flags.h",
        "mm/filemap.c",
        "Documentation/mm/x.rst",
        "tools/perf/perf.c",
        "arch/arm64/tools/cpucaps",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text("text\n")
    if not header:
        (tree / "include/linux/page-flags.h").unlink()
    root = directory / "package"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: linux-source-9.9\nVersion: 9.9.1\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.invalid>\nDescription: for a test\n"
    )
    (root / "usr/src").mkdir(parents=True)
    archive = root / "usr/src/linux-source-9.9.tar.xz"
    subprocess.run(["tar", "-cJf", archive, "-C", directory, tree.name], check=True)
    built = directory / "linux-source-9.9_9.9.1_all.deb"
    subprocess.run(["dpkg-deb", "-b", root, built], check=True, capture_output=True)
    return built


def serve(monkeypatch: pytest.MonkeyPatch, built: Path) -> None:
    monkeypatch.setattr(kernels, "download", lambda _name, into: Path(shutil.copy(built, into)))


def test_a_kernel_is_unpacked_without_what_nobody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, package(tmp_path))
    cache = tmp_path / "cache"
    (cache / ".fetch-killed").mkdir(parents=True)
    tree = kernels.fetch("9.9", cache)
    assert (tree / "mm/filemap.c").read_text() == "text\n"
    assert not list(tree.glob("Documentation/mm/*"))
    assert not list(tree.glob("tools/perf/*"))
    assert (tree / "arch/arm64/tools/cpucaps").read_text() == "text\n"  # headers are made of it
    assert sorted(path.name for path in cache.iterdir()) == [".lock", "9.9"]


def test_what_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str, _into: Path) -> Path:
        raise AssertionError("fetched again")

    monkeypatch.setattr(kernels, "download", refuse)
    (tmp_path / "9.9").mkdir()
    assert kernels.fetch("9.9", tmp_path) == tmp_path / "9.9"


def test_a_package_without_a_kernel_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, package(tmp_path, header=False))
    cache = tmp_path / "cache"
    with pytest.raises(DebianError, match="holds no kernel source"):
        kernels.fetch("9.9", cache)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_a_broken_package_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "linux-source-9.9_1_all.deb"
    broken.write_bytes(b"no package")
    serve(monkeypatch, broken)
    cache = tmp_path / "cache"
    with pytest.raises(DebianError, match="cannot unpack"):
        kernels.fetch("9.9", cache)
    assert not (cache / "9.9").exists()


def test_the_cache_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAGLINT_KERNELS", str(tmp_path))
    assert kernels.kernels_dir() == tmp_path
    monkeypatch.delenv("FLAGLINT_KERNELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernels.kernels_dir() == tmp_path / "flaglint/kernels"
