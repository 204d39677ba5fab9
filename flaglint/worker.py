"""A forked process, the pipe to it, and the tie that ends it with the one that started it.

Forked, so that it starts at once and sees all that its parent had; it has no terminal's signals
to handle, which are its parent's, and does not outlive it whatever it is doing.

Interface: `Worker`, which others derive from to note what a worker is at, and `start`.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

_PR_SET_PDEATHSIG = 1

Serve = Callable[[Connection], None]
"""What a worker does; its end of the pipe ends with its parent."""


class Worker:
    """A process and our end of the pipe to it."""

    def __init__(self, process: BaseProcess, pipe: Connection) -> None:
        self.process = process
        self.pipe = pipe

    def end(self) -> None:
        """Kill it, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def start(serve: Serve, siblings: Iterable[Worker]) -> tuple[BaseProcess, Connection]:
    """Start a worker: its process and our end of the pipe. Raises OSError.

    `siblings` are the workers that were started before, whose pipes are no business of its.
    """
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    others = [*(worker.pipe for worker in siblings), mine]
    process = context.Process(target=_run, args=(theirs, others, os.getpid(), serve), daemon=True)
    try:
        process.start()
    except BaseException:
        mine.close()
        raise
    finally:
        theirs.close()
    return process, mine


def _run(pipe: Connection, others: Iterable[Connection], parent: int, serve: Serve) -> None:
    for other in others:
        other.close()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    serve(pipe)
