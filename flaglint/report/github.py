"""The findings as GitHub Actions' workflow commands: annotations on a pull request's lines.

    ::error file=mm/huge_memory.c,line=3662,col=4,title=FL001 ...::plain RMW of ...

Control characters, `%` and the separators are percent-encoded as the runner decodes them, so a
name of the analysed tree can neither end a command nor start one. GitHub shows ten errors, ten
warnings and ten notices of one step; the job's log has all of them. Paths are relative to the
tree's root, which has to be the repository's.
"""

from __future__ import annotations

from flaglint.finding import Finding, Level, Report
from flaglint.report.layout import plural, printable
from flaglint.report.text import locks

_COMMAND = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def render(report: Report) -> str:
    """One command a finding; "" when there are none."""
    return "".join(_command(found) for found in report.findings)


def _command(found: Finding) -> str:
    places = {"file": found.file, "line": str(found.line), "col": str(found.column)}
    if found.end_column > found.column:
        places |= {"endLine": str(found.line), "endColumn": str(found.end_column)}
    title = f"flaglint {found.rule}" + (f" in {found.function}()" if found.function else "")
    properties = ",".join(
        f"{name}={_property(value)}" for name, value in (places | {"title": title}).items()
    )
    return f"::{_COMMAND[found.level]} {properties}::{_data(body(found))}\n"


def body(found: Finding) -> str:
    """A finding in a few lines of plain text: the message, the writers, why and the fix."""
    lines = [f"{found.message}."]
    if found.helper:
        lines.append(f"this: {found.helper}, plain, {locks(found.locks)}")
    for other in found.racing[:2]:
        where = f"{other.file}:{other.line}"
        lines.append(
            f"other: {other.helper}, {other.atomicity}, in {other.function}() at {where}, "
            f"{locks(other.locks)}"
        )
    if len(found.racing) > 2:
        lines.append(f"and {plural(len(found.racing) - 2, 'writer')} more")
    lines += [f"why: {found.why}"] if found.why else []
    lines += [f"fix: {found.fix}"] if found.fix else []
    return "\n".join(printable(line) for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
