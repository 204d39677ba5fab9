"""Workers of the engine: they give what is done here, and cost nothing when they die."""

from __future__ import annotations

import os
import signal
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


def children() -> str:
    with open(f"/proc/self/task/{os.getpid()}/children") as stream:
        return stream.read()


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_summary_travels_to_each_worker_once(jobs: int) -> None:
    found = everything(Crew(echo, jobs), [str(number) for number in range(20)])
    assert len(found) == 20
    assert {result.partition(b" ")[2] for result in found.values()} == {b"one two", b""}
    assert sum(b"one two" in result for result in found.values()) <= jobs


def test_what_a_worker_died_of_is_done_here() -> None:
    here, before = os.getpid(), children()

    def deadly(task: Task, blobs: Mapping[bytes, bytes]) -> bytes:
        if os.getpid() != here and task.key == "7":
            os.kill(os.getpid(), signal.SIGKILL)
        return task.key.encode()

    keys = [str(number) for number in range(20)]
    assert everything(Crew(deadly, 2), keys) == everything(Inline(deadly), keys)
    assert children() == before
