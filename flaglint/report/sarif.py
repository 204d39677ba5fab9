"""The findings as SARIF 2.1.0, built with sarif-om's object model.

A race is two thread flows of one code flow: "this writer" and "other writer". The execution
order numbers of their locations interleave, so that a viewer can show the lost update: this
writer reads the word (1), the other writer changes it (2), this writer stores it (3).

sarif-om knows the property names but cannot write them (`attr.asdict` gives Python's names),
and its companion drops `level: "warning"`, so that a rule's own level would win. `to_json`
below walks the attrs metadata instead.

Limits: columns are libclang's, which count UTF-8 bytes: beyond a non-ASCII character on the
same line they are too large by its continuation bytes. Code scanning services reject a
result with more than 1,000 locations, so only the first `MOST_RACING` other writers get
locations; the message counts the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import sarif_om as om

from flaglint import __version__
from flaglint.cards import Card
from flaglint.finding import Evidence, Finding, Level, RacingAccess, Report, Step, Unread
from flaglint.report.layout import SourceLine
from flaglint.report.text import locks

SCHEMA_URI = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
BASE = "SRCROOT"
MOST_RACING = 20
FINGERPRINT = "flaglint/v1"

_PROBLEM_SEVERITY = {
    Level.ERROR: "error",
    Level.WARNING: "warning",
    Level.NOTE: "recommendation",
}
# Written even where they equal sarif-om's default: an absent level means the rule's.
_ALWAYS = frozenset({"level", "version"})


def render(
    report: Report,
    cards: Sequence[Card],
    *,
    source: SourceLine | None = None,
    category: str = "",
) -> bytes:
    """One SARIF log with one run; quotes source lines when `source` is given."""
    order = {card.id: number for number, card in enumerate(cards)}
    run = om.Run(
        tool=om.Tool(driver=_driver(cards)),
        automation_details=om.RunAutomationDetails(id=f"{category or 'flaglint'}/{report.kernel}"),
        original_uri_base_ids={
            BASE: om.ArtifactLocation(
                description=om.Message(text="The root of the analysed kernel tree.")
            )
        },
        column_kind="unicodeCodePoints",
        invocations=[_invocation(report.unread)],
        results=[_result(found, order, source) for found in report.findings],
        properties={
            "kernel": report.kernel,
            "files": report.files,
            "coverage": msgspec.to_builtins(report.coverage),
            "doubts": dict(report.doubts),
        },
    )
    body = to_json(om.SarifLog(runs=[run], version="2.1.0"))
    log = {"$schema": SCHEMA_URI, "version": body.pop("version"), **body}
    return msgspec.json.format(msgspec.json.encode(log), indent=2) + b"\n"


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


def _driver(cards: Sequence[Card]) -> Any:
    return om.ToolComponent(
        name="flaglint",
        version=__version__,
        semantic_version=__version__,
        short_description=om.MultiformatMessageString(
            text="Finds plain page-flag writes that can lose a concurrent update."
        ),
        rules=[_rule(card) for card in cards],
    )


def _rule(card: Card) -> Any:
    properties: dict[str, Any] = {
        "precision": card.precision,
        "problem.severity": _PROBLEM_SEVERITY[card.level],
        "tags": ["concurrency", "correctness"],
    }
    if card.security_severity:
        properties["security-severity"] = card.security_severity
        properties["tags"].append("security")
    return om.ReportingDescriptor(
        id=card.id,
        name="".join(part.capitalize() for part in card.name.split("-")),
        short_description=om.MultiformatMessageString(text=f"{card.summary}."),
        full_description=om.MultiformatMessageString(text=" ".join(card.what.split())),
        help=om.MultiformatMessageString(text=card.markdown(), markdown=card.markdown()),
        default_configuration=om.ReportingConfiguration(level=card.level.value),
        properties=properties,
    )


def _invocation(unread: Iterable[Unread]) -> Any:
    """The run succeeded, and this is what it could not read."""
    return om.Invocation(
        execution_successful=True,
        tool_execution_notifications=[
            om.Notification(
                message=om.Message(
                    text=_escaped(f"not analysed: {item.function or item.file}: {item.reason}")
                ),
                level="warning",
                descriptor=om.ReportingDescriptorReference(id="not-analysed"),
                locations=[_location(item.file, 0)],
            )
            for item in unread
        ],
    )


def _result(found: Finding, order: dict[str, int], source: SourceLine | None) -> Any:
    racing = found.racing[:MOST_RACING]
    related = [_related(number, other, source) for number, other in enumerate(racing)]
    related += [
        _location(place.file, place.line, message=place.message, number=number, source=source)
        for number, place in enumerate(_seen(found), len(racing))
    ]
    return om.Result(
        rule_id=found.rule,
        rule_index=order.get(found.rule, -1),
        level=found.level.value,
        message=om.Message(text=_message(found)),
        locations=[
            _location(
                found.file,
                found.line,
                found.column,
                end_column=found.end_column,
                function=found.function,
                source=source,
            )
        ],
        related_locations=related or None,
        code_flows=[_code_flow(found, other) for other in racing] or None,
        partial_fingerprints={FINGERPRINT: found.fingerprint},
        properties={
            "word": found.word,
            "flag": found.flag,
            "helper": found.helper,
            "locks": list(found.locks),
            "why": found.why,
            "steps": list(found.steps),
            "fix": found.fix,
            "doubts": list(found.doubts),
        },
    )


def _seen(found: Finding) -> tuple[Evidence, ...]:
    return found.evidence[:MOST_RACING]


def _message(found: Finding) -> str:
    """Plain text with links to the related locations, which are shown only if linked."""
    parts = [_escaped(_sentence(found.message))]
    for number, other in enumerate(found.racing[:MOST_RACING]):
        flag = f" of {other.flag}" if other.flag else ""
        link = f"[{_escaped(other.helper)}]({number})"
        parts.append(
            f"Races with the {other.atomicity} {link}{_escaped(flag)} in "
            f"{_escaped(other.function)}(), {_escaped(locks(other.locks))}."
        )
    if len(found.racing) > MOST_RACING:
        parts.append(f"And {len(found.racing) - MOST_RACING} more writers.")
    for number, place in enumerate(_seen(found), min(len(found.racing), MOST_RACING)):
        parts.append(f"See [{_escaped(place.message)}]({number}).")
    if found.why:
        parts.append(_escaped(_sentence(found.why)))
    return " ".join(parts)


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."


def _escaped(text: str) -> str:
    """Text in which nothing reads as a link (SARIF's embedded links use brackets)."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _code_flow(found: Finding, other: RacingAccess) -> Any:
    here = Step(function=found.function, file=found.file, line=found.line)
    there = Step(function=other.function, file=other.file, line=other.line)
    reads, stores = (
        _flow_location(
            here, f"{number}. {found.helper} {what}", len(found.chain), number, found.column
        )
        for number, what in ((1, "loads the whole word"), (3, "stores it back: the update is lost"))
    )
    flag = f" {other.flag}" if other.flag else " the word"
    changes = _flow_location(
        there, f"2. {other.helper} changes{flag}", len(other.chain), 2, other.column
    )
    return om.CodeFlow(
        message=om.Message(text="One order of events that loses the update."),
        thread_flows=[
            om.ThreadFlow(
                id="this writer",
                message=om.Message(text=_escaped(f"this writer, {locks(found.locks)}")),
                locations=[*_callers(found.chain), reads, stores],
            ),
            om.ThreadFlow(
                id="other writer",
                message=om.Message(text=_escaped(f"other writer, {locks(other.locks)}")),
                locations=[*_callers(other.chain), changes],
            ),
        ],
    )


def _callers(chain: Sequence[Step]) -> list[Any]:
    """The frames above the access, outermost first; the last frame is the access itself."""
    return [
        _flow_location(step, f"{step.function}() calls {chain[depth + 1].function}()", depth)
        for depth, step in enumerate(chain[:-1])
    ]


def _flow_location(
    step: Step, message: str, depth: int, executed: int = -1, column: int = 0
) -> Any:
    return om.ThreadFlowLocation(
        location=_location(step.file, step.line, column, function=step.function, message=message),
        nesting_level=depth,
        execution_order=executed,
        importance="essential" if executed > 0 else "important",
    )


def _related(number: int, other: RacingAccess, source: SourceLine | None) -> Any:
    return _location(
        other.file,
        other.line,
        other.column,
        function=other.function,
        message=f"the other writer: {other.helper}, {other.atomicity}, {locks(other.locks)}",
        number=number,
        source=source,
    )


def _location(
    file: str,
    line: int,
    column: int = 0,
    *,
    end_column: int = 0,
    function: str = "",
    message: str = "",
    number: int = -1,
    source: SourceLine | None = None,
) -> Any:
    """A place in the tree; line 0 is the file as a whole, column 0 the whole line."""
    region = None
    if line > 0:
        region = om.Region(start_line=line, end_line=line)
        if column > 0:
            region.start_column = column
            region.end_column = end_column if end_column > column else column + 1
        quoted = source(file, line) if source is not None else ""
        if quoted:
            region.snippet = om.ArtifactContent(text=quoted)
    return om.Location(
        id=number,
        physical_location=om.PhysicalLocation(
            artifact_location=om.ArtifactLocation(uri=quote(file), uri_base_id=BASE),
            region=region,
        ),
        logical_locations=[om.LogicalLocation(name=function, kind="function")]
        if function
        else None,
        message=om.Message(text=_escaped(message)) if message else None,
    )
