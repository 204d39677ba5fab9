"""Files are read wherever an executor takes them, with the same result; and the wider scope."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flaglint import analysis
from flaglint.cli import main
from flaglint.executors import ExecutorError, executor_at
from flaglint.finding import Report
from flaglint.pool import Failure
from flaglint.reading import Job, on_executor
from flaglint.report import json
from flaglint.request import Request

MINI_KERNEL = Path(__file__).parent.parent / "testdata/mini-kernel"


def report(root: Path, cache: Path, **options: Any) -> Report:
    request = Request(paths=(str(root),), jobs=1, cache_dir=str(cache), **options)
    return analysis.analyse(request, lambda stage, done, total: None)


@pytest.fixture
def semaphores() -> None:
    """What other people's pools of processes need, and a bare chroot has not; ours does without."""
    try:
        multiprocessing.Lock()
    except OSError as error:
        pytest.skip(f"no semaphores here (/dev/shm): {error}")


@pytest.fixture
def dask(tmp_path: Path, semaphores: None) -> Iterator[str]:
    """A local cluster of two worker processes; the address of its scheduler."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        yield cluster.scheduler_address.replace("tcp://", "dask://")


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_gives_the_same_report(tmp_path: Path, dask: str) -> None:
    here = report(MINI_KERNEL, tmp_path / "here")
    there = report(MINI_KERNEL, tmp_path / "there", executor=dask)
    assert here.findings
    assert json.render_sites(there) == json.render_sites(here)
    assert json.render_check(there) == json.render_check(here)


@pytest.mark.usefixtures("semaphores")
def test_a_pool_of_the_standard_library_does_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = report(MINI_KERNEL, tmp_path / "here")
    with ProcessPoolExecutor(2) as pool:
        monkeypatch.setattr("flaglint.analysis.local", lambda jobs, limits: on_executor(pool))
        there = report(MINI_KERNEL, tmp_path / "there")
    assert json.render_check(there) == json.render_check(here)


class Broken(Executor):
    """An executor whose workers are gone."""

    def submit(self, *arguments: Any, **named: Any) -> Future[Any]:
        """A future that fails."""
        future: Future[Any] = Future()
        future.set_exception(ConnectionError("the worker\nhas left"))
        return future


def test_a_lost_worker_costs_its_file(tmp_path: Path) -> None:
    job = Job(None, "file")  # type: ignore[arg-type]
    answers = list(on_executor(Broken())(job, ["mm/a.c", "mm/b.c"]))
    expected = Failure("failed in its worker: ConnectionError: the worker has left")
    assert answers == [expected, expected]


@pytest.mark.parametrize("address", ["dask://", "dask://host", "tcp://host:1", "host:1", "x"])
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(ExecutorError, match="dask://HOST:PORT"), executor_at(address):
        pass


def test_a_missing_package_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    words = [str(MINI_KERNEL), "--executor", "dask://localhost:1", "--cache-dir", str(tmp_path)]
    assert main(words) == 2
    assert "pip install 'flaglint[dask]'" in capsys.readouterr().err


def test_all_takes_in_the_atomic_writers(tmp_path: Path) -> None:
    root = Path(shutil.copytree(MINI_KERNEL, tmp_path / "linux"))
    (root / "drivers").mkdir()
    include = "#include <linux/mm.h>\n#include <linux/page-flags.h>\n"
    for name, body in (("writer", "folio_set_has_hwpoisoned(folio);"), ("reader", ";")):
        function = f"void drive_{name}(struct folio *folio)\n{{\n\t{body}\n}}\n"
        (root / f"drivers/{name}.c").write_text(include + function)
    some = report(root, tmp_path / "cache")
    every = report(root, tmp_path / "cache", scope="all")
    assert len(every.files) == len(some.files) + 1
    assert {w.file for w in every.writers} - {w.file for w in some.writers} == {"drivers/writer.c"}
