"""Trees by content, and the copy in the cache that holds one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flaglint import contents
from flaglint.contents import Contents, blob_id, changed, matters, of_directory, with_files
from flaglint.git import find_repository
from flaglint.snapshot import Snapshot, SnapshotError
from tests.expectations import MINI_KERNEL
from tests.gittrees import SITE, edit, git, mini_repository


def memory(files: dict[str, bytes]) -> Contents:
    def read(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        yield from ((path, files[path]) for path in paths if path in files)

    return Contents({path: blob_id(body) for path, body in files.items()}, read)


def held(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_commit_and_its_checkout_are_equal(tmp_path: Path) -> None:
    root = mini_repository(tmp_path / "linux")
    repository = find_repository(root)
    assert repository is not None
    committed = contents.of_commit(repository, repository.commit("HEAD"), "", "x86")
    listed, _ = of_directory(root, "x86", {})
    assert listed.ids == committed.ids
    assert changed(committed, listed) == ()
    assert committed.text(SITE) == (root / SITE).read_text()
    assert committed.text("mm/nowhere.c") == ""
    edit(root, SITE, "gets tight", "gets scarce")
    assert changed(committed, of_directory(root, "x86", {})[0]) == (SITE,)


def test_the_copy_of_the_mini_kernel_lacks_nothing_that_is_read() -> None:
    listed, _ = of_directory(MINI_KERNEL, "x86", {})
    there = {p.relative_to(MINI_KERNEL).as_posix() for p in MINI_KERNEL.rglob("*") if p.is_file()}
    assert there - listed.ids.keys() == {"README"}


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    file = tmp_path / "mm/a.c"
    file.write_text("one")
    _, stats = of_directory(tmp_path, "x86", {})
    row = stats["mm/a.c"]
    known = {"mm/a.c": (*row[:3], "as I say")}
    assert of_directory(tmp_path, "x86", known)[0].ids == {"mm/a.c": "as I say"}
    file.write_text("three")
    assert of_directory(tmp_path, "x86", known)[0].ids == {"mm/a.c": blob_id(b"three")}
    decoded = contents.decode_stats(contents.encode_stats(stats))
    assert decoded == stats
    assert contents.decode_stats(b"junk") == {}


def test_links_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm/a.c").symlink_to("/etc/passwd")
    (tmp_path / "fs").symlink_to("/etc")
    assert of_directory(tmp_path, "x86", {})[0].ids == {}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("mm/rmap.c", True),
        ("mm/Makefile", True),
        ("fs/Kconfig", True),
        ("arch/x86/Kbuild", True),
        ("arch/x86/entry/syscalls/syscall_64.tbl", True),
        ("arch/arm/mm/fault.c", False),
        ("arch/arm/Kconfig", True),
        ("include/generated/autoconf.h", False),
        ("Documentation/a.c", False),
        ("tools/include/a.h", False),
        ("scripts/mod/empty.c", False),
        ("mm/notes.rst", False),
        ("../mm/a.c", False),
        ("/mm/a.c", False),
        ("mm/../../a.c", False),
        ("mm//a.c", False),
        (".git/a.c", False),
    ],
)
def test_what_is_copied(path: str, kept: bool) -> None:
    assert matters(path, "x86") is kept


def test_files_are_laid_over(tmp_path: Path) -> None:
    base = memory({"mm/a.c": b"a", "mm/b.c": b"b", "mm/c.c": b"c"})
    over = with_files(base, {"mm/a.c": b"A", "mm/b.c": None, "new.c": b"n", "x.rst": b""}, "x86")
    assert dict(over.read(over.ids)) == {"mm/a.c": b"A", "mm/c.c": b"c", "new.c": b"n"}
    assert changed(base, over) == ("mm/a.c", "mm/b.c", "new.c")


NAMES = st.sampled_from(["a.c", "b.c", "d/a.c", "d/e/b.c", "d/e/c.h", "d.c/x.c", "f.c/x.c/y.c"])
TREES = st.dictionaries(NAMES, st.binary(max_size=3), max_size=5)


@settings(max_examples=60)
@given(states=st.lists(TREES, min_size=1, max_size=5))
def test_the_copy_holds_what_it_was_last_told_to(
    states: list[dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache") / "s"
    for files in states:
        with Snapshot(folder) as snapshot:
            snapshot.hold(memory(files))
            assert held(snapshot.root) == files
            assert snapshot.hold(memory(files)) == 0


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    with Snapshot(tmp_path / "s") as snapshot:
        for files in ({"a.c": b"1"}, {"a.c/b.c": b"2"}, {"a.c": b"3"}):
            snapshot.hold(memory(files))
            assert held(snapshot.root) == files


def test_equal_content_has_the_same_time_and_other_content_another(tmp_path: Path) -> None:
    with Snapshot(tmp_path / "s") as snapshot:
        times = []
        for body in (b"one", b"two", b"one"):
            snapshot.hold(memory({"a.c": body, "b.c": b"same"}))
            times.append([os.stat(snapshot.root / f).st_mtime_ns for f in ("a.c", "b.c")])
    assert times[0] == times[2]
    assert times[0][0] != times[1][0]
    assert times[0][1] == times[1][1]


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    with Snapshot(tmp_path / "s") as snapshot:
        snapshot.hold(memory({"a.c": b"1", "b.c": b"2"}))
        inode = os.stat(snapshot.root / "b.c").st_ino
        assert snapshot.hold(memory({"a.c": b"3", "b.c": b"2"})) == 1
        assert os.stat(snapshot.root / "b.c").st_ino == inode


def test_a_killed_run_leaves_nothing_that_is_trusted(tmp_path: Path) -> None:
    one, two = {"a.c": b"1", "b.c": b"1"}, {"a.c": b"2", "b.c": b"2", "c.c": b"2"}

    def killed(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for path in list(paths)[:2]:
            yield path, b"half of what it should b"
        raise KeyboardInterrupt

    with Snapshot(tmp_path / "s") as snapshot:
        snapshot.hold(memory(one))
        with pytest.raises(KeyboardInterrupt):
            snapshot.hold(Contents(memory(two).ids, killed))
    with Snapshot(tmp_path / "s") as snapshot:
        snapshot.hold(memory(one))
        assert held(snapshot.root) == one
    (tmp_path / "s/held.msgpack").write_bytes(b"junk")
    with Snapshot(tmp_path / "s") as snapshot:
        snapshot.hold(memory(two))
        assert held(snapshot.root) == two


def test_a_link_in_the_copy_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    with Snapshot(tmp_path / "s") as snapshot:
        snapshot.hold(memory({"a.c": b"1"}))
        (snapshot.root / "a.c").unlink()
        (snapshot.root / "a.c").symlink_to(victim)
        snapshot.hold(memory({"a.c": b"2"}))
        assert held(snapshot.root) == {"a.c": b"2"}
    assert victim.read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError):
        Snapshot(tmp_path / "file/s")


def test_a_folder_that_others_can_write_to(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(SnapshotError, match="others can write"):
        Snapshot(tmp_path / "shared/s")


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    root = mini_repository(tmp_path / "linux")
    (root / os.fsdecode(b"mm/caf\xe9.c")).write_text("x")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "odd")
    repository = find_repository(root)
    assert repository is not None
    tree = contents.of_commit(repository, repository.commit("HEAD"), "", "x86")
    listed, _ = of_directory(root, "x86", {})
    assert listed.ids == tree.ids
    assert SITE in tree.ids
    assert not [path for path in tree.ids if "caf" in path]
    with Snapshot(tmp_path / "s") as snapshot:
        snapshot.hold(tree)
