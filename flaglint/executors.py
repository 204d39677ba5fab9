"""Other people's machines: the executor that an address names.

    --executor dask://HOST:PORT      a Dask cluster's scheduler (pip install flaglint[dask])

Files are read by the cluster's workers, all else is done here. Workers must see the tree and the
cache directory under the same paths, and have the same flaglint.

Interface: `executor_at`.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from concurrent.futures import Executor

_DASK = re.compile(r"dask://([\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})")
_PATIENCE = 10
"""Seconds to wait for the scheduler to answer."""


class ExecutorError(Exception):
    """There is no such executor; the message is one line."""


@contextlib.contextmanager
def executor_at(address: str) -> Iterator[Executor]:
    """The executor, for as long as the block runs. Raises ExecutorError."""
    match = _DASK.fullmatch(address)
    if match is None:
        raise ExecutorError(f"{address}: not an executor; write dask://HOST:PORT")
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise ExecutorError(
            f"{address}: Dask is not installed; pip install 'flaglint[dask]'"
        ) from None
    try:
        client = distributed.Client(f"tcp://{match[1]}:{match[2]}", timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ExecutorError(f"{address}: no scheduler answers there: {reason}") from None
    try:
        yield client.get_executor(pure=False)
    finally:
        client.close()
