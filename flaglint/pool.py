"""Work on untrusted files in processes that may crash, hang or grow, one file at a time.

The idea: clang reads a stranger's file, and some files make it crash or never end. Each file is
given to a worker process with a deadline and a bound on memory; when the worker dies, that file
is tried once more in a fresh one, and then answered with a `Failure` in place of a result:

    for file, answer in zip(files, each(make, files, jobs=2, limits=Limits())):
        ...     # what make()(file) returned in some worker, or a Failure

Invariants: answers come in the order of the items whatever the number of workers; one item
never costs another its answer; when the caller stops early, is interrupted or is killed, no
worker outlives it. Workers are forked, so that `make` needs no pickling and starts at once;
they leave no core files, have no terminal to read from or to write to, and do not see SIGINT,
which is the caller's to handle.

Limits: the bound on memory is one on address space over what the caller had when it forked. A
worker is not confined in any other way. Systems without fork are not supported.

Interface: `each`, or `one` for a single item; `told` says what an unexpected exception was.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

import msgspec

from flaglint.worker import Worker, start

Item = TypeVar("Item")
Result = TypeVar("Result")
Make = Callable[[], Callable[[Item], Result]]
"""Called once in each worker; what it returns is then called for each item."""

_GRACE = 2.0
"""Seconds given to a dead worker's exit status to arrive."""


class Limits(msgspec.Struct, frozen=True):
    """What one item may take: seconds of time, and bytes of memory in its worker."""

    seconds: float = 120.0
    memory: int = 4 << 30


class SpoiledError(Exception):
    """Raised by a task: no result, for the reason given, and its worker is not to be used again."""


class Failure(msgspec.Struct, frozen=True):
    """No result; `reason` says in a few words why."""

    reason: str


def each(
    make: Make[Item, Result],
    items: Sequence[Item],
    jobs: int,
    limits: Limits,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Result | Failure]:
    """The answer for each of `items`, in their order. Raises OSError if no worker can start.

    `meanwhile` is called once, when the workers are at it; what it takes counts as theirs.
    """
    pool: _Pool[Item, Result] = _Pool(make, items, max(1, min(jobs, len(items))), limits)
    try:
        pool.give()
        meanwhile()
        for number in range(len(items)):
            while number not in pool.answers:
                pool.step()
            yield pool.answers.pop(number)
    finally:
        pool.stop()


def one(
    make: Make[Item, Result],
    item: Item,
    limits: Limits,
    meanwhile: Callable[[], None] = lambda: None,
) -> Result | Failure:
    """The answer for a single item; `meanwhile` is as for `each`."""
    return next(each(make, [item], 1, limits, meanwhile))


class _Worker(Worker):
    """A process, the pipe to it, and what it is working on since when."""

    number = -1
    deadline = 0.0


class _Pool(Generic[Item, Result]):
    """The items still to do, the workers, and the answers that nobody has taken yet."""

    def __init__(
        self, make: Make[Item, Result], items: Sequence[Item], jobs: int, limits: Limits
    ) -> None:
        self.answers: dict[int, Result | Failure] = {}
        self._make = make
        self._items = items
        self._jobs = jobs
        self._limits = limits
        self._waiting = deque(range(len(items)))
        self._failed: set[int] = set()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def give(self) -> None:
        """Give work to who has none."""
        while self._waiting and len(self._busy) < self._jobs:
            worker = self._idle.pop() if self._idle else self._start()
            worker.number = self._waiting.popleft()
            worker.deadline = time.monotonic() + self._limits.seconds
            self._busy.append(worker)
            # A worker that died while idle is noticed when its answer is read.
            with contextlib.suppress(OSError):
                worker.pipe.send(self._items[worker.number])

    def step(self) -> None:
        """Give work to who has none, then wait until a worker answers, dies or is late."""
        self.give()
        soonest = min(worker.deadline for worker in self._busy)
        ready = wait([w.pipe for w in self._busy], max(0.0, soonest - time.monotonic()))
        now = time.monotonic()
        for worker in list(self._busy):
            if worker.pipe in ready:
                self._read(worker)
            elif now >= worker.deadline:
                self._lost(worker, f"took more than {self._limits.seconds:g} seconds")

    def stop(self) -> None:
        """End every worker, whatever it is doing."""
        for worker in (*self._busy, *self._idle):
            worker.end()
        self._busy, self._idle = [], []

    def _start(self) -> _Worker:
        make, memory = self._make, self._limits.memory
        return _Worker(*start(lambda pipe: _work(pipe, make, memory), (*self._busy, *self._idle)))

    def _read(self, worker: _Worker) -> None:
        try:
            kind, value = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(_GRACE)
            return self._lost(worker, _death(worker.process.exitcode))
        if kind == "failed":
            # Its memory may be in any state by now: the next item gets a fresh worker.
            return self._lost(worker, value)
        self._busy.remove(worker)
        self._idle.append(worker)
        self.answers[worker.number] = value
        return None

    def _lost(self, worker: _Worker, reason: str) -> None:
        self._busy.remove(worker)
        worker.end()
        if worker.number in self._failed:
            self.answers[worker.number] = Failure(reason)
        else:
            self._failed.add(worker.number)
            self._waiting.append(worker.number)


def _death(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return f"crashed its worker ({signal.Signals(-status).name})"
    return f"ended its worker (status {status})"


# In the worker


def _work(pipe: Connection, make: Make[Item, Result], memory: int) -> None:
    _confine(memory)
    task: Callable[[Item], Result] | None = None
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            task = task or make()
            answer: tuple[str, object] = ("done", task(item))
        except MemoryError:
            answer = ("failed", f"needs more than {memory >> 20} MB of memory")
        except SpoiledError as error:
            answer = ("failed", str(error))
        except Exception as error:
            answer = ("failed", told(error))
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:
            pipe.send(("failed", told(error)))


def told(error: Exception) -> str:
    """An exception nobody expected, in one line that says where it was raised."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = ""
    if trace is not None:
        code = trace.tb_frame.f_code
        where = f" at {os.path.basename(code.co_filename)}:{trace.tb_lineno}"
    words = " ".join(str(error).split())[:200]
    return f"internal error{where}: {type(error).__name__}{': ' + words if words else ''}"


def _confine(memory: int) -> None:
    """Bound what this process may take, and what it may leave."""
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = _address_space() + memory
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    os.close(quiet)


def _address_space() -> int:
    """Bytes of address space in use, 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/self/statm") as stream:
        return int(stream.read().split()[0]) * resource.getpagesize()
    return 0
