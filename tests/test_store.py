"""The store gives back what it was given, or nothing: shared, killed, damaged, foreign or full."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flaglint.store import Store, StoreError, digest, private_directory

ROOT = Path(__file__).parent.parent


def name(number: int) -> bytes:
    return digest(f"entry {number}")


def noise(number: int, size: int) -> bytes:
    """Bytes that do not compress, the same on every call."""
    blocks = (digest(f"{number}.{block}") for block in range(size // 16 + 1))
    return b"".join(blocks)[:size]


def test_an_entry_comes_back_in_a_later_run(tmp_path: Path) -> None:
    with Store(tmp_path / "cache") as store:
        assert store.get("unit", name(1)) is None
        store.put("unit", name(1), b"one" * 1000)
        store.put("unit", name(2), b"")
        assert store.get("unit", name(1)) == b"one" * 1000, "before it is written"
    with Store(tmp_path / "cache") as store:
        assert store.get("unit", name(1)) == b"one" * 1000
        assert store.get("unit", name(2)) == b""
        assert store.get("summary", name(1)) is None, "kinds are apart"
        wanted = [name(number) for number in range(2000)]
        assert set(store.get_many("unit", wanted)) == {name(1), name(2)}


def test_a_later_value_replaces_an_earlier_one(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put("unit", name(1), b"old")
        store.put("unit", name(2), b"two")
        store.flush()
        store.put("unit", name(1), b"new")
        assert store.get("unit", name(1)) == b"new"
    with Store(tmp_path) as store:
        assert store.get_many("unit", [name(1), name(2)]) == {name(1): b"new", name(2): b"two"}


@given(st.lists(st.binary(max_size=3), max_size=4), st.lists(st.binary(max_size=3), max_size=4))
def test_digests_tell_lists_of_parts_apart(one: list[bytes], two: list[bytes]) -> None:
    assert (digest(*one) == digest(*two)) == (one == two)


def test_processes_share_it(tmp_path: Path) -> None:
    with Store(tmp_path) as mine, Store(tmp_path) as theirs:
        mine.put("unit", name(1), b"mine")
        theirs.put("unit", name(2), b"theirs")
        mine.flush()
        theirs.flush()
        assert theirs.get("unit", name(1)) == b"mine"
        assert mine.get("unit", name(2)) == b"theirs"


_WRITER = """\
import sys
from pathlib import Path
from flaglint.store import Store, digest
store = Store(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    for _ in range(20):
        store.put("unit", digest(f"entry {number}"), f"{number} ".encode() * 2000)
        number += 1
    store.flush()
    print(number, flush=True)
"""


def test_a_kill_costs_only_what_was_not_written(tmp_path: Path) -> None:
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), str(first)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for first in (0, 100_000)
    ]
    written: list[int] = []
    for process, first in zip(begun, (0, 100_000), strict=True):
        assert process.stdout is not None
        last = first
        for _ in range(5):
            last = int(process.stdout.readline())
        written += range(first, last)
    time.sleep(0.05)  # into the middle of some transaction
    for process in begun:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with Store(tmp_path) as store:
        found = store.get_many("unit", [name(number) for number in written])
        assert len(found) == len(written)
        for number in written:
            assert found[name(number)] == f"{number} ".encode() * 2000
        store.put("unit", name(-1), b"goes on")
    with Store(tmp_path) as store:
        assert store.get("unit", name(-1)) == b"goes on"
    database = sqlite3.connect(tmp_path / "store.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_it_stays_within_its_limit_and_keeps_what_is_in_use(tmp_path: Path) -> None:
    limit = 2 << 20
    with Store(tmp_path, limit) as store:
        store.put("unit", name(0), noise(0, 50_000))
    age(tmp_path)
    with Store(tmp_path, limit) as store:
        store.put("unit", name(1), noise(1, 50_000))
    age(tmp_path)
    with Store(tmp_path, limit) as store:
        assert store.get("unit", name(0)) is not None, "used now, though older"
    for round_ in range(4):
        age(tmp_path, 1)
        with Store(tmp_path, limit) as store:
            for number in range(10):
                key = 100 + round_ * 10 + number
                store.put("unit", name(key), noise(key, 40_000))
            if round_ < 3:
                store.get("unit", name(0))
        assert (tmp_path / "store.sqlite").stat().st_size <= limit
    with Store(tmp_path, limit) as store:
        assert store.get("unit", name(0)) == noise(0, 50_000), "used all the time"
        assert store.get("unit", name(139)) == noise(139, 40_000), "the latest"
    with Store(tmp_path, limit) as store:
        for number in range(200, 260):
            store.put("unit", name(number), noise(number, 40_000))
        store.flush()
        assert store.get("unit", name(1)) is None, "long not used"
        assert store.working
    assert (tmp_path / "store.sqlite").stat().st_size <= limit


def age(folder: Path, days: int = 2) -> None:
    """Make every entry look `days` older."""
    database = sqlite3.connect(folder / "store.sqlite")
    with database:
        database.execute("UPDATE entry SET used = used - ?", (days * 86400,))
    database.close()


def test_an_entry_too_large_is_not_kept(tmp_path: Path) -> None:
    with Store(tmp_path, 1 << 20) as store:
        store.put("unit", name(1), noise(1, 900_000))
        store.put("unit", name(2), b"small")
    with Store(tmp_path, 1 << 20) as store:
        assert store.get_many("unit", [name(1), name(2)]) == {name(2): b"small"}


def filled(folder: Path, entries: int = 40) -> Path:
    with Store(folder) as store:
        for number in range(entries):
            store.put("unit", name(number), noise(number, 5000))
    return folder / "store.sqlite"


@pytest.mark.parametrize("content", [b"", b"\0" * 70_000, b"SQLite format 3\0" + b"x" * 9000])
def test_a_foreign_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.sqlite").write_bytes(content)
    check_usable(tmp_path)


def test_another_programs_database_is_replaced(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "store.sqlite")
    with database:
        database.execute("CREATE TABLE entry (kind, key, used, size, proof, body)")
    database.close()
    check_usable(tmp_path)


def test_another_schemes_store_is_replaced(tmp_path: Path) -> None:
    database = sqlite3.connect(filled(tmp_path))
    database.execute("PRAGMA user_version = 99")
    database.close()
    with Store(tmp_path) as store:
        assert store.get("unit", name(1)) is None
    check_usable(tmp_path)


def test_a_truncated_file_is_replaced(tmp_path: Path) -> None:
    path = filled(tmp_path)
    os.truncate(path, path.stat().st_size // 2)
    with Store(tmp_path) as store:
        for number in range(40):
            assert store.get("unit", name(number)) in (None, noise(number, 5000))
    check_usable(tmp_path)


@settings(max_examples=25)
@given(st.data())
def test_no_damage_gives_a_wrong_entry(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = filled(folder, 12)
        body = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(body) - 1))
            hit = data.draw(st.binary(min_size=1, max_size=64))
            body[start : start + len(hit)] = hit[: len(body) - start]
        path.write_bytes(bytes(body))
        with Store(folder) as store:
            for number in range(12):
                assert store.get("unit", name(number)) in (None, noise(number, 5000))
        check_usable(folder)


def check_usable(folder: Path) -> None:
    with Store(folder) as store:
        store.put("unit", name(7777), b"kept")
    with Store(folder) as store:
        assert store.working
        assert store.get("unit", name(7777)) == b"kept"


def test_a_file_in_use_elsewhere_is_not_replaced(tmp_path: Path) -> None:
    """Its user would remove the new file's journal; this run does without a store."""
    with Store(tmp_path) as first:
        first.put("unit", name(1), b"first")
        first.flush()
        database = sqlite3.connect(tmp_path / "store.sqlite")
        database.execute("PRAGMA user_version = 99")
        database.close()
        with Store(tmp_path) as second:
            assert not second.working
            second.put("unit", name(2), b"lost")
            assert second.get("unit", name(1)) is None
        assert first.get("unit", name(1)) == b"first"
    check_usable(tmp_path)


def test_a_directory_others_can_write_to_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(StoreError, match=r"others can write to .*chmod go-w"):
        Store(shared)
    assert not list(shared.iterdir())
    shared.chmod(0o755)
    check_usable(shared)


def test_a_new_directory_is_the_users_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = private_directory(tmp_path / "a" / "cache")
        with Store(folder) as store:
            store.put("unit", name(1), b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert not file.stat().st_mode & 0o022, file


def test_a_file_others_can_write_to_is_not_read(tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.chmod(0o666)
    with Store(tmp_path) as store:
        assert store.get("unit", name(1)) is None
    check_usable(tmp_path)


def test_a_link_in_the_files_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    cache = private_directory(tmp_path / "cache")
    (cache / "store.sqlite").symlink_to(elsewhere)
    check_usable(cache)
    assert elsewhere.read_bytes() == b"precious"


def test_a_directory_in_the_files_place_means_no_store(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").mkdir()
    with Store(tmp_path) as store:
        assert not store.working
        store.put("unit", name(1), b"x")
        assert store.get("unit", name(1)) == b"x", "what this run put is known to it"
        store.flush()
        assert store.get("unit", name(1)) is None


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used as cache"):
        Store(tmp_path / "file" / "cache")
