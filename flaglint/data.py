"""Where flaglint's own data files are: the one place that knows how it was installed.

A wheel carries `rules/` inside the package, a checkout keeps it beside the package. Nothing
here reads the analysed tree.
"""

from __future__ import annotations

from pathlib import Path


def rules_dir() -> Path:
    """The directory of `rules/*.toml`; FileNotFoundError when the installation lacks it."""
    package = Path(__file__).resolve().parent
    for candidate in (package / "rules", package.parent / "rules"):
        if candidate.is_dir():
            return candidate
    msg = f"flaglint is not installed completely: no rules/ in {package} or beside it"
    raise FileNotFoundError(msg)
