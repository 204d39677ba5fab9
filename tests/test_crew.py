"""Workers of the engine: they give what is done here, and cost nothing when they die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping

import pytest

from flaglint.crew import Crew, Inline, Task


def echo(task: Task, blobs: Mapping[bytes, bytes]) -> bytes:
    return task.key.encode() + b"".join(blobs[name] for name in sorted(blobs))


def everything(crew: Crew | Inline, keys: list[str]) -> dict[str, bytes]:
    """Each task's result; every task may look two summaries up."""
    left, found, under_way = list(keys), {}, 0
    blobs = {b"1": b" one", b"2": b" two"}
    try:
        while left or under_way:
            if left and crew.free():
                crew.submit(Task(left.pop(), {"a": b"1", "b": b"2"}), blobs)
                under_way += 1
            else:
                task, result = crew.finished()
                found[task.key] = result
                under_way -= 1
    finally:
        crew.stop()
    return found


def test_large_tasks_and_large_results_pass_each_other() -> None:
    """More than a pipe holds goes both ways at once."""

    def late(number: int, frame: object) -> None:
        pytest.fail("both ends wait for the other to read")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(5)
    crew = Crew(lambda task, blobs: b"".join(blobs.values()), 1)
    try:
        for number in range(3):
            name = b"%d" % number
            crew.submit(Task(str(number), {"a": name}), {name: name * 4_000_000})
        found = {task.key: data for task, data in (crew.finished() for _ in range(3))}
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        crew.stop()
    assert found == {str(number): b"%d" % number * 4_000_000 for number in range(3)}


def children() -> str:
    with open(f"/proc/self/task/{os.getpid()}/children") as stream:
        return stream.read()


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_summary_travels_to_each_worker_once(jobs: int) -> None:
    found = everything(Crew(echo, jobs), [str(number) for number in range(20)])
    assert len(found) == 20
    assert {result.partition(b" ")[2] for result in found.values()} == {b"one two", b""}
    assert sum(b"one two" in result for result in found.values()) <= jobs


def test_nothing_waits_behind_what_takes_long() -> None:
    def work(task: Task, blobs: Mapping[bytes, bytes]) -> bytes:
        time.sleep(1.0 if task.key == "long" else 0.01)
        return b""

    crew = Crew(work, 2)
    done = []
    try:
        crew.submit(Task("long", {}, 1_000_000), {})
        for number in range(5):
            while not crew.free():
                done.append(crew.finished()[0].key)
            crew.submit(Task(str(number), {}, 100), {})
        done += [crew.finished()[0].key for _ in range(6 - len(done))]
    finally:
        crew.stop()
    assert done == ["0", "1", "2", "3", "4", "long"]


def test_what_a_worker_died_of_is_done_here() -> None:
    here, before = os.getpid(), children()

    def deadly(task: Task, blobs: Mapping[bytes, bytes]) -> bytes:
        if os.getpid() != here and task.key == "7":
            os.kill(os.getpid(), signal.SIGKILL)
        return task.key.encode()

    keys = [str(number) for number in range(20)]
    assert everything(Crew(deadly, 2), keys) == everything(Inline(deadly), keys)
    assert children() == before
