"""Interprets functions in several processes: tasks out, packed results back.

A task is a function and the summaries it may look up, each named by the digest of its bytes, so
that which version of a summary is used does not hang on who is done first. A worker keeps the
summaries it has seen; the others travel with the task.

Workers are forked, and see the functions as they were then. What they run is flaglint's own
code on checked IR, so that one that dies (memory) is not expected: its tasks are done here.

Interface: `Task`, `Work`, `Inline` and `Crew`, which share `submit`, `finished` and `stop`.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from flaglint.worker import Worker, start

_AHEAD = 3
"""Tasks given to a worker before it answers the first, so that it never waits for us."""

_HEAVY = 30_000
"""The size of a worker's tasks above which it is given no more: they would wait behind a function
that takes seconds, and others for them."""


class Task(NamedTuple):
    """One function to be summed up, and the digests of what it may look up.

    `size` is how many bytes the function and these are, by which one can tell what will take long.
    """

    key: str
    summaries: Mapping[str, bytes]
    size: int = 0


Work = Callable[[Task, Mapping[bytes, bytes]], bytes]
"""Does a task, given the packed summaries that were not sent before; gives the packed result."""


class Inline:
    """Does each task when its result is asked for, in this process."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[tuple[Task, Mapping[bytes, bytes]]] = deque()

    def submit(self, task: Task, blobs: Mapping[bytes, bytes]) -> None:
        """Take a task; `blobs` holds its summaries."""
        self._waiting.append((task, blobs))

    def free(self) -> bool:
        """Whether another task may be submitted."""
        return not self._waiting

    def finished(self) -> tuple[Task, bytes]:
        """A task that was done and its result, in whatever order."""
        task, blobs = self._waiting.popleft()
        return task, self._work(task, blobs)

    def stop(self) -> None:
        """Nothing to end here."""


class _Worker(Worker):
    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        super().__init__(process, pipe)
        self.sent: set[bytes] = set()
        self.tasks: deque[tuple[Task, Mapping[bytes, bytes]]] = deque()

    @property
    def load(self) -> int:
        """The sizes of all that it was given and did not answer."""
        return sum(task.size for task, _ in self.tasks)

    @property
    def free(self) -> bool:
        """Whether it may be given another task."""
        return len(self.tasks) < _AHEAD and self.load < _HEAVY


class Crew:
    """Does tasks in `jobs` processes. Raises OSError when none can be started."""

    def __init__(self, work: Work, jobs: int) -> None:
        self._work = work
        self._workers: list[_Worker] = []
        self._rescued: deque[tuple[Task, Mapping[bytes, bytes]]] = deque()
        try:
            for _ in range(jobs):
                self._workers.append(
                    _Worker(*start(lambda pipe: _serve(pipe, work), self._workers))
                )
        except BaseException:
            self.stop()
            raise

    def free(self) -> bool:
        """Whether another task may be submitted."""
        return any(worker.free for worker in self._workers) or not self._workers

    def submit(self, task: Task, blobs: Mapping[bytes, bytes]) -> None:
        """Take a task; `blobs` holds its summaries."""
        if not self._workers:
            self._rescued.append((task, blobs))
            return
        worker = min(self._workers, key=lambda each: each.load)
        new = {name: data for name, data in blobs.items() if name not in worker.sent}
        worker.tasks.append((task, blobs))
        try:
            worker.pipe.send((task.key, dict(task.summaries), new))
        except OSError:
            self._lost(worker)
            return
        worker.sent.update(new)

    def finished(self) -> tuple[Task, bytes]:
        """A task that was done and its result, in whatever order."""
        while not self._rescued:
            busy = {worker.pipe: worker for worker in self._workers if worker.tasks}
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                worker = busy[pipe]
                try:
                    result = pipe.recv_bytes()
                except (EOFError, OSError):
                    self._lost(worker)
                    continue
                task, _ = worker.tasks.popleft()
                return task, result
        task, blobs = self._rescued.popleft()
        return task, self._work(task, blobs)

    def stop(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _lost(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.end()
        self._rescued += worker.tasks


_Given = tuple[Task, Mapping[bytes, bytes]]


def _serve(pipe: Connection, work: Work) -> None:
    # Tasks are taken in while others are done: who gives them would otherwise wait for us to
    # read, and we, with a large result, for them.
    given: SimpleQueue[_Given | None] = SimpleQueue()
    Thread(target=_receive, args=(pipe, given), daemon=True).start()
    with contextlib.suppress(OSError):
        while (each := given.get()) is not None:
            pipe.send_bytes(work(*each))


def _receive(pipe: Connection, given: SimpleQueue[_Given | None]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            key, summaries, blobs = pipe.recv()
            given.put((Task(key, summaries), blobs))
    given.put(None)
