"""Reads the expectations at the ends of fixture lines and holds findings against them.

A fixture is one C file that becomes mm/fixture.c of a scratch copy of the mini-kernel:

    __folio_set_referenced(folio);      /* RACE: FL001 */

Tags, by two independent questions (is it a bug, is it reported):

    /* RACE: FL001 */             a bug, reported
    /* FN: FL001 -- reason */     a bug, known to be missed
    /* NORACE */                  no bug, silent, deliberately probed
    /* FP: FL001 -- reason */     no bug, known to be reported
    /* WITNESS: FL001 */          the other access of a reported race

A line without a tag must stay silent. An FN that starts being reported and an FP that stops
are differences too, until somebody promotes them.

Directives stand on lines of their own:

    /* PEDANTIC */                        run with --pedantic
    /* FILE: include/linux/x.h */         the lines below belong to that file
    /* EDIT: path: OLD => NEW */          the one line of path that reads OLD, comments and
                                          indentation aside, reads NEW

Every part of a fixture keeps the fixture's line numbers, so a finding's line is the line to
look at. An expectation behind an EDIT speaks of the edited line.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import msgspec

from flaglint.finding import Finding

TESTDATA = Path(__file__).resolve().parent.parent / "testdata"
MINI_KERNEL = TESTDATA / "mini-kernel"
FIXTURES = TESTDATA / "fixtures"
DEFAULT_PART = "mm/fixture.c"

_COMMENT = re.compile(r"/\*(.*?)\*/")
_RULE = re.compile(r"FL\d{3}")
_SHOUTED = re.compile(r"[A-Z]{2,}(?![A-Za-z0-9_])")
_ANNOTATION = re.compile(r"(?P<tag>[A-Z]+)(?:: (?P<rule>FL\d{3}))?(?: -- (?P<reason>\S.*))?")
_FILE = re.compile(r"FILE: (?P<path>\S+)")
_EDIT = re.compile(r"EDIT: (?P<path>\S+): (?P<old>\S.*?) =>(?: (?P<new>.*))?")


class Tag(StrEnum):
    """What an annotation says of its line."""

    RACE = "RACE"
    NORACE = "NORACE"
    FN = "FN"
    FP = "FP"
    WITNESS = "WITNESS"


_WITH_REASON = frozenset({Tag.FN, Tag.FP})
_REPORTED = frozenset({Tag.RACE, Tag.FP})


class ExpectationError(ValueError):
    """A fixture that does not say clearly what it expects; names file and line."""


class Expectation(msgspec.Struct, frozen=True, order=True):
    """One annotation: what `rule` does at `file`:`line`; `rule` is "" for NORACE."""

    file: str
    line: int
    tag: Tag
    rule: str = ""
    reason: str = ""


class Edit(msgspec.Struct, frozen=True):
    """A change to the mini-kernel: the one line of `path` that reads `old` reads `new`."""

    path: str
    old: str
    new: str


class Fixture(msgspec.Struct, frozen=True):
    """One fixture file: its parts by path, its edits, and what it expects.

    `edited` are the expectations that stand behind an edit; where its line is shows only in
    the edited file, so they are (edit, expectation without a line).
    """

    name: str
    parts: tuple[tuple[str, str], ...]
    expectations: tuple[Expectation, ...]
    edits: tuple[Edit, ...] = ()
    edited: tuple[tuple[Edit, Expectation], ...] = ()
    pedantic: bool = False


def _annotations(file: str, number: int, line: str) -> list[Expectation]:
    found: list[Expectation] = []
    for comment in _COMMENT.findall(line):
        body = comment.strip()
        shouted = _SHOUTED.match(body)
        known = body.split(":")[0].split(" ")[0].upper() in Tag.__members__
        if not (shouted or known or _RULE.search(body)):
            continue
        match = _ANNOTATION.fullmatch(body)
        where = f"{file}:{number}"
        if match is None or match["tag"] not in Tag.__members__:
            raise ExpectationError(f"{where}: not an annotation: /* {body} */")
        tag = Tag[match["tag"]]
        rule, reason = match["rule"] or "", match["reason"] or ""
        if (tag is Tag.NORACE) == bool(rule):
            raise ExpectationError(f"{where}: a rule goes with every tag but NORACE: {body}")
        if (tag in _WITH_REASON) != bool(reason):
            raise ExpectationError(f"{where}: FN and FP, and only they, give a reason: {body}")
        found.append(Expectation(file, number, tag, rule, reason))
    return found


def read_expectations(file: str, text: str) -> tuple[Expectation, ...]:
    """The annotations of one C file. Raises ExpectationError for one that is misspelt."""
    return tuple(
        expectation
        for number, line in enumerate(text.split("\n"), 1)
        for expectation in _annotations(file, number, line)
    )


def parse_fixture(name: str, text: str) -> Fixture:
    """Takes a fixture apart. Raises ExpectationError when it is not understood."""
    lines = text.split("\n")
    parts: dict[str, list[str]] = {}
    expectations: list[Expectation] = []
    edits: list[Edit] = []
    edited: list[tuple[Edit, Expectation]] = []
    pedantic = False
    path = DEFAULT_PART
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.match(line)
        body = comment[1].strip() if comment else ""
        rest = line[comment.end() :] if comment else line
        if body == "PEDANTIC":
            pedantic = True
        elif body.startswith("FILE:"):
            match = _FILE.fullmatch(body)
            if match is None:
                raise ExpectationError(f"{name}:{number}: not a directive: {body}")
            path = match["path"]
        elif body.startswith("EDIT:"):
            match = _EDIT.fullmatch(body)
            if match is None:
                raise ExpectationError(f"{name}:{number}: not a directive: {body}")
            edit = Edit(match["path"], match["old"], match["new"] or "")
            edits.append(edit)
            edited += [(edit, e) for e in _annotations(edit.path, number, rest)]
        else:
            expectations += _annotations(path, number, line)
            parts.setdefault(path, [""] * len(lines))[number - 1] = line
    return Fixture(
        name,
        tuple((path, "\n".join(part)) for path, part in parts.items()),
        tuple(expectations),
        tuple(edits),
        tuple(edited),
        pedantic,
    )


def read_fixture(path: Path) -> Fixture:
    """The fixture in the file `path`, named for its stem."""
    return parse_fixture(path.stem, path.read_text(encoding="utf-8"))


def _apply(root: Path, edit: Edit) -> int:
    """Makes one edit under `root` and returns the line it stands on."""
    file = root / edit.path
    lines = file.read_text(encoding="utf-8").split("\n")
    places = [i for i, line in enumerate(lines) if _COMMENT.sub("", line).strip() == edit.old]
    if len(places) != 1:
        raise ExpectationError(f"{edit.path}: {len(places)} lines read {edit.old!r}, not one")
    lines[places[0]] = edit.new
    file.write_text("\n".join(lines), encoding="utf-8")
    return places[0] + 1


def build_tree(fixture: Fixture, root: Path) -> tuple[Expectation, ...]:
    """Writes the mini-kernel with the fixture in it to `root`, which must not exist.

    Returns what is expected of the fixture's own parts and edited lines.
    """
    shutil.copytree(MINI_KERNEL, root)
    placed = {edit: _apply(root, edit) for edit in fixture.edits}
    for path, text in fixture.parts:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    moved = tuple(
        msgspec.structs.replace(expectation, line=placed[edit])
        for edit, expectation in fixture.edited
    )
    return fixture.expectations + moved


def differences(
    expected: Iterable[Expectation], findings: Iterable[Finding], files: Iterable[str]
) -> list[str]:
    """What is wrong, as sentences; empty when all is as expected.

    A finding counts where it stands in one of `files` or on a line that `expected` speaks of.
    """
    expected, findings, scope = tuple(expected), tuple(findings), frozenset(files)
    tags: dict[tuple[str, int, str], set[Tag]] = {}
    for e in expected:
        tags.setdefault((e.file, e.line, e.rule), set()).add(e.tag)
    probed = {(e.file, e.line) for e in expected if e.tag is Tag.NORACE}
    reported = {(f.file, f.line, f.rule) for f in findings}
    witnesses = {(r.file, r.line, f.rule) for f in findings for r in f.racing}
    wrong: list[str] = []
    for place in sorted(reported):
        file, line, rule = place
        here = tags.get(place, set())
        if Tag.FN in here:
            wrong.append(f"{file}:{line}: {rule} is reported now: promote FN to RACE")
        elif not here & _REPORTED and (file in scope or (file, line) in probed):
            wrong.append(f"{file}:{line}: {rule} is a false alarm")
    for e in sorted(expected):
        place = (e.file, e.line, e.rule)
        where = f"{e.file}:{e.line}: {e.rule}"
        if e.tag is Tag.RACE and place not in reported:
            wrong.append(f"{where} is missed")
        elif e.tag is Tag.FP and place not in reported:
            wrong.append(f"{where} is silent now: promote FP to NORACE")
        elif e.tag is Tag.WITNESS and place not in witnesses:
            wrong.append(f"{where} is not named as the other access")
    return wrong
