"""The `kernel` fixture: an unpacked Debian kernel, for tests of the real thing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.kernels import VERSIONS, kernels_dir

# The same examples on every run, however slow the machine: a failure is always reproducible.
settings.register_profile("flaglint", deadline=None, derandomize=True)
settings.load_profile("flaglint")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses the fixture is a kernel test, whether or not its author marked it."""
    for item in items:
        if "kernel" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kernel)


@pytest.fixture(params=VERSIONS)
def kernel(request: pytest.FixtureRequest) -> Path:
    """The root of an unpacked kernel, once for each version; never write into it.

    One version only: `@pytest.mark.parametrize("kernel", ["6.12"], indirect=True)`.
    """
    version: str = request.param
    path = kernels_dir() / version
    if path.is_dir():
        return path
    missing = f"no kernel in {path}: `python3 dev.py kernels` fetches it"
    if os.environ.get("FLAGLINT_REQUIRE_KERNELS"):
        pytest.fail(missing)
    pytest.skip(missing)
