"""The checks: one module per rule, each `findings(evidence) -> tuple[Finding, ...]`.

A rule is a card in rules/, a module here named after it (fl001_plain_rmw.py is FL001's), and
fixtures. Nothing else has to be edited: `run` finds the modules by their names.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from flaglint.finding import Finding, Level
from flaglint.flagtable import FlagTable
from flaglint.losses import Loss
from flaglint.race import Judgement


class Evidence(NamedTuple):
    """What a check may look at.

    `levels` maps a rule's id to its card's level, `losses` a flag to what its loss means.
    """

    table: FlagTable
    judgements: tuple[Judgement, ...]
    levels: Mapping[str, Level]
    losses: Mapping[str, Loss] = MappingProxyType({})


def run(evidence: Evidence) -> tuple[Finding, ...]:
    """The findings of every rule, in the order of the places they stand at."""
    found: list[Finding] = []
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("fl"):
            found += importlib.import_module(f"{__name__}.{module.name}").findings(evidence)
    return tuple(sorted(found, key=lambda f: (f.file, f.line, f.column, f.rule, f.message)))
