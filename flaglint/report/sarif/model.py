"""SARIF's object model: how it is written as JSON, and how a place of the tree becomes a location.

sarif-om knows the property names but cannot write them (`attr.asdict` gives Python's names), and
its companion drops `level: "warning"`, so that a rule's own level would win. `to_json` walks the
attrs metadata instead.

Limits: columns are libclang's, which count UTF-8 bytes: beyond a non-ASCII character on the same
line they are too large by its continuation bytes.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import sarif_om as om

from flaglint.report.layout import SourceLine, marked

BASE = "SRCROOT"
_AROUND = 3
"""Lines of context before and after a place."""
# Written even where they equal sarif-om's default: an absent level means the rule's.
_ALWAYS = frozenset({"level", "version"})


def to_json(value: Any) -> Any:
    """A sarif-om object (or list, dict, plain value) as what JSON writes.

    Properties that are None, or that equal their default, are left out, but for `_ALWAYS`.
    """
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    fields = getattr(type(value), "__attrs_attrs__", None)
    if fields is None:
        return value
    written: dict[str, Any] = {}
    for attribute in fields:
        name, item = attribute.metadata["schema_property_name"], getattr(value, attribute.name)
        default = attribute.default
        if hasattr(default, "factory"):
            default = default.factory()
        if item is None or (item == default and name not in _ALWAYS):
            continue
        written[name] = to_json(item)
    return written


def escaped(text: str) -> str:
    """Text in which nothing reads as a link (SARIF's embedded links use brackets)."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


class Places:
    """Makes locations. Quotes source when there is any, with lines around it if `context`."""

    def __init__(self, source: SourceLine | None, *, context: bool = True) -> None:
        self._source = source
        self._context = context

    def location(
        self,
        file: str,
        line: int,
        column: int = 0,
        *,
        end_column: int = 0,
        function: str = "",
        message: str = "",
        number: int = -1,
        context: bool = False,
    ) -> Any:
        """A place in the tree; line 0 is the file as a whole, column 0 the whole line."""
        region = self._region(file, line, column, end_column) if line > 0 else None
        around = self._around(file, line) if context and region is not None else None
        return om.Location(
            id=number,
            physical_location=om.PhysicalLocation(
                artifact_location=om.ArtifactLocation(uri=quote(file), uri_base_id=BASE),
                region=region,
                context_region=around,
            ),
            logical_locations=[om.LogicalLocation(name=function, kind="function")]
            if function
            else None,
            message=om.Message(text=escaped(message)) if message else None,
        )

    def _region(self, file: str, line: int, column: int, end_column: int) -> Any:
        text = self._source(file, line) if self._source is not None else ""
        region = om.Region(start_line=line, end_line=line)
        if column <= 0 and text.strip():
            column, end_column = len(text) - len(text.lstrip()) + 1, len(text.rstrip()) + 1
        if column > 0:
            region.start_column = column
            region.end_column = marked(text, column, end_column)
        if text:
            region.snippet = om.ArtifactContent(text=text)
        return region

    def _around(self, file: str, line: int) -> Any:
        if self._source is None or not self._context:
            return None
        first = max(line - _AROUND, 1)
        lines = [self._source(file, number) for number in range(first, line + _AROUND + 1)]
        while len(lines) > line - first + 1 and not lines[-1]:
            lines.pop()  # blank, or beyond the end of the file
        if len(lines) == 1:
            return None
        return om.Region(
            start_line=first,
            end_line=first + len(lines) - 1,
            snippet=om.ArtifactContent(text="\n".join(lines)),
        )
