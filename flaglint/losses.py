"""What follows when an update of a flag is lost: `rules/flags.toml`, and which way it was lost.

    [PG_waiters]
    set = "a task that waits for the folio is never woken"

The texts are consequences of a flag's meaning, the same at every place of every kernel.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from flaglint.data import rules_dir
from flaglint.flagtable import FlagTable, Operation


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What follows when a set, or a clear, of one flag is lost; "" where nothing is known."""

    set: str = ""
    clear: str = ""


def load_losses(directory: Path | None = None) -> Mapping[str, Loss]:
    """The consequences by flag, from `directory` or flaglint's own rules.

    Raises OSError, tomllib.TOMLDecodeError or msgspec.ValidationError for a broken file.
    """
    where = rules_dir() if directory is None else directory
    return msgspec.convert(
        tomllib.loads((where / "flags.toml").read_text("utf-8")), dict[str, Loss]
    )


def direction(helper: str, table: FlagTable) -> str:
    """ "set" or "clear", what the writer does to its flag; "" if it may do either.

    The header says it of its helpers; of a bit operation its name does.
    """
    known = table.active().get(helper)
    if known is not None:
        if known.operation in (Operation.SET, Operation.TEST_AND_SET):
            return "set"
        return "clear" if known.operation in (Operation.CLEAR, Operation.TEST_AND_CLEAR) else ""
    words = re.findall("set|clear", helper if helper.isidentifier() else "")
    return words[0] if len(set(words)) == 1 else ""
