"""Workers that crash, hang, grow and are killed, and what that costs: one item's answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flaglint.pool import Failure, Limits, each, one

QUICK = Limits(seconds=1.0, memory=256 << 20)
ROOT = Path(__file__).resolve().parent.parent


def obey() -> Callable[[str], str]:
    """A task that does what the item says."""

    def task(order: str) -> str:
        verb, _, rest = order.partition(" ")
        if verb == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif verb == "abort":
            os.abort()
        elif verb == "exit":
            os._exit(int(rest))
        elif verb == "hang":
            while True:
                time.sleep(0.01)
        elif verb == "grow":
            hoard = []
            while True:
                hoard.append(bytearray(8 << 20))
        elif verb == "raise":
            raise KeyError(rest)
        elif verb == "nest":
            return task(order)
        elif verb == "once" and not Path(rest).exists():
            Path(rest).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        elif verb == "print":
            os.write(1, b"noise")
            os.write(2, b"noise")
        elif verb == "slow":
            time.sleep(float(rest))
        return f"{order} done"

    return task


def answers(*orders: str, jobs: int = 2, limits: Limits = QUICK) -> list[str]:
    found = each(obey, orders, jobs, limits)
    return [answer.reason if isinstance(answer, Failure) else answer for answer in found]


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_answers_come_in_the_order_of_the_items(jobs: int) -> None:
    orders = [f"slow 0.0{9 - number}" for number in range(9)]
    assert answers(*orders, jobs=jobs) == [f"{order} done" for order in orders]


def test_no_items_start_no_worker() -> None:
    assert answers() == []


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("crash", "crashed its worker (SIGSEGV)"),
        ("abort", "crashed its worker (SIGABRT)"),
        ("exit 3", "ended its worker (status 3)"),
        ("hang", "took more than 1 seconds"),
        ("grow", "needs more than 256 MB of memory"),
        ("nest", "nested too deeply"),
    ],
)
def test_a_fault_costs_its_item_only(order: str, reason: str) -> None:
    around = [f"item {number}" for number in range(3)]
    found = answers(*around, order, *around)
    assert found == [*(f"{a} done" for a in around), reason, *(f"{a} done" for a in around)]


def test_an_exception_is_named_with_its_place() -> None:
    (reason,) = answers("raise some\nthing")
    assert reason.startswith("internal error at test_pool.py:")
    assert reason.endswith(r"KeyError: 'some\nthing'")


def test_what_fails_once_is_tried_again(tmp_path: Path) -> None:
    assert answers(f"once {tmp_path / 'mark'}") == [f"once {tmp_path / 'mark'} done"]


def test_every_item_may_be_bad() -> None:
    assert set(answers(*["crash"] * 5)) == {"crashed its worker (SIGSEGV)"}


def test_an_answer_that_cannot_travel_is_a_failure() -> None:
    def make() -> Callable[[int], object]:
        return lambda number: lambda: number

    failed = one(make, 1, QUICK)
    assert isinstance(failed, Failure)
    assert "internal error" in failed.reason


def test_a_large_answer_arrives() -> None:
    def make() -> Callable[[int], bytes]:
        return lambda size: b"x" * size

    answer = one(make, 5_000_000, QUICK)
    assert isinstance(answer, bytes)
    assert len(answer) == 5_000_000


def test_workers_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    assert answers("print") == ["print done"]
    assert capfd.readouterr() == ("", "")


def children() -> set[int]:
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(pid) for pid in task.read_text().split()}


def test_nothing_outlives_a_caller_that_stops_early() -> None:
    before = children()
    found = each(obey, ["slow 0", "hang", "hang"], 2, Limits(seconds=60))
    assert next(found) == "slow 0 done"
    assert children() - before
    found.close()  # type: ignore[attr-defined]
    assert children() == before


SCRIPT = """
import sys, time
from flaglint.pool import Limits, each
def make():
    def task(n):
        if n:
            open(sys.argv[1], "w").write(str(__import__("os").getpid()))
            time.sleep(60)
        return n
    return task
try:
    for answer in each(make, [0, 1], 1, Limits(seconds=60)):
        print(answer, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_caller(how: signal.Signals, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    caller = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(mark)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    worker = int(mark.read_text())
    caller.send_signal(how)
    out, err = caller.communicate(timeout=20)
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(worker)
    assert err == ""
    assert out == ("0\ninterrupted\n" if how is signal.SIGINT else "0\n")


def test_something_else_is_done_while_workers_are_at_it(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def make() -> Callable[[str], str]:
        def task(item: str) -> str:
            begun.touch()
            return item

        return task

    def waiting() -> None:
        deadline = time.monotonic() + 30
        while not begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    assert list(each(make, ["a", "b", "c"], 2, Limits(), waiting)) == ["a", "b", "c"]
