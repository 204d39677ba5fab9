"""A survey knows a tree's files and their contents, without reading what it read before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flaglint import survey as surveys
from flaglint.store import Store, digest
from flaglint.survey import Survey
from tests.small_tree import small_tree

OLD = 1_600_000_000


def aged(root: Path) -> None:
    """Give every file a time long ago; the inode's own time stays the present one."""
    for path in root.rglob("*"):
        os.utime(path, (OLD, OLD))


def tree(tmp_path: Path) -> Path:
    return small_tree(
        tmp_path / "linux",
        {
            "mm/a.c": "int a;\n",
            "mm/a.txt": "",
            "mm/Makefile": "obj-y += a.o\n",
            "arch/x86/mm/b.c": "int b;\n",
            "arch/x86/include/asm/unknown": "any file of these may be an input",
            "arch/arm64/mm/c.c": "int c;\n",
            "Documentation/d.c": "int d;\n",
            "tools/e.c": "int e;\n",
            ".git/f.c": "int f;\n",
        },
    )


def test_what_can_matter_is_found(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "mm/out.c").symlink_to("/etc/passwd")
    (root / "mm/in.c").symlink_to("a.c")
    (root / "mm/loop").symlink_to(".")
    found = Survey(str(root), "x86")
    assert found.c_files() == ("arch/x86/mm/b.c", "mm/a.c", "mm/in.c")
    assert sorted(set(found.stamps) - set(found.c_files())) == [
        "Makefile",
        "arch/x86/include/asm/unknown",
        "include/linux/page-flags.h",
        "mm/Makefile",
    ]


def test_digests_are_those_of_the_contents(tmp_path: Path) -> None:
    root = tree(tmp_path)
    found = Survey(str(root), "x86")
    assert found.digest("mm/a.c") == digest(b"int a;\n")
    assert found.digest("tools/e.c") == digest(b"int e;\n"), "not surveyed, but there"
    assert found.digest("mm/none.c") == b""


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once."""
    monkeypatch.setattr(surveys, "_SETTLED", -(10**15))


@pytest.mark.usefixtures("calm")
def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    root = tree(tmp_path)
    with Store(tmp_path / "cache") as store:
        first = Survey(str(root), "x86", store)
        known = first.digest("mm/a.c")
        first.save()
        second = Survey(str(root), "x86", store)
        assert second.unchanged("mm/a.c")
        assert not second.unchanged("arch/x86/mm/b.c")
        (root / "mm/a.c").unlink()  # so that reading it would tell
        assert second.digest("mm/a.c") == known


@pytest.mark.usefixtures("calm")
def test_what_was_learnt_later_is_known_with_what_was_learnt_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path)
    for number in range(99):
        (root / f"mm/{number}.c").write_text(f"int f{number};\n")
    with Store(tmp_path / "cache") as store:
        first = Survey(str(root), "x86", store)
        first.digests(first.sources())
        first.save()
        sizes: list[int] = []
        put = store.put

        def listening(kind: str, key: bytes, value: bytes) -> None:
            sizes.append(len(value))
            put(kind, key, value)

        monkeypatch.setattr(store, "put", listening)
        for number in range(5):
            (root / f"mm/{number}.c").write_text("int changed;\n")
            survey = Survey(str(root), "x86", store)
            changed = [file for file in survey.sources() if not survey.unchanged(file)]
            assert changed == [f"mm/{number}.c"]
            assert survey.digests(changed) == [digest(b"int changed;\n")]
            survey.save()
        assert sizes[0] * 9 < max(sizes), "little is written, until it is much"
        last = Survey(str(root), "x86", store)
        assert all(map(last.unchanged, last.sources()))


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("keep_times", [False, True])
def test_a_change_is_seen(tmp_path: Path, keep_times: bool) -> None:
    root = tree(tmp_path)
    path = root / "mm/a.c"
    with Store(tmp_path / "cache") as store:
        first = Survey(str(root), "x86", store)
        first.digest("mm/a.c")
        first.save()
        before = path.stat()
        path.write_text("int z;\n")  # of the same size
        if keep_times:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        second = Survey(str(root), "x86", store)
        assert second.digest("mm/a.c") == digest(b"int z;\n")
        assert second.state() != first.state()


def test_a_file_changed_just_now_is_read_again(tmp_path: Path) -> None:
    """Its times may stay the same through the next change."""
    root = tree(tmp_path)
    with Store(tmp_path / "cache") as store:
        first = Survey(str(root), "x86", store)
        first.digest("mm/a.c")
        first.save()
        assert "mm/a.c" in first.unsettled()
        assert not Survey(str(root), "x86", store).unchanged("mm/a.c")


@pytest.mark.usefixtures("calm")
def test_a_change_during_the_run_is_noticed(tmp_path: Path) -> None:
    root = tree(tmp_path)
    with Store(tmp_path / "cache") as store:
        first = Survey(str(root), "x86", store)
        assert first.steady("mm/a.c")
        (root / "mm/a.c").write_text("int changed;\n")
        assert not first.steady("mm/a.c")
        first.told("mm/a.c", digest(b"int changed;\n"), surveys.stamp_of((root / "mm/a.c").stat()))
        first.save()
        assert not Survey(str(root), "x86", store).unchanged("mm/a.c")


def test_the_state_is_that_of_names_and_stamps(tmp_path: Path) -> None:
    root = tree(tmp_path)
    aged(root)
    before = Survey(str(root), "x86").state()
    assert Survey(str(root), "x86").state() == before
    (root / "mm/new.h").write_text("")
    with_header = Survey(str(root), "x86").state()
    assert with_header != before
    (root / "mm/new.h").rename(root / "mm/other.h")
    assert Survey(str(root), "x86").state() not in (before, with_header)
