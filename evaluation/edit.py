"""A seed's edits applied to a file's text, with a map from its new lines to the old ones.

Everything but what the edits say stays as it is, byte by byte. Our statements go onto the lines of
their anchors, so that nothing else of the file moves and what flaglint keeps of its functions stays
right; only preprocessor lines and // comments get lines of their own. `Edited.written` are the
lines that a finding about the edit stands on.

The interface is `apply`, which raises SeedError when an edit does not fit the text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

import msgspec

from evaluation.seed import Edit, SeedError
from evaluation.source import Statement, blank, body_of, statements, within


class Edited(msgspec.Struct, frozen=True):
    """A file after its edits.

    `origin` has, for each line of `text` from 1, the number of the line it was before (0 for a
    new one); `written` has, for each edit, the lines on which its text stands.
    """

    text: str
    origin: tuple[int, ...]
    written: tuple[frozenset[int], ...]

    @property
    def touched(self) -> frozenset[int]:
        """The lines on which text of ours stands."""
        return frozenset().union(*self.written)


class _Change(msgspec.Struct, frozen=True, order=True):
    start: int
    end: int
    order: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> Edited:
    """The file's text with all edits in it; each is anchored in the text as it was."""
    blanked = blank(text)
    changes: list[_Change] = []
    edits = tuple(edits)
    for number, edit in enumerate(edits):
        for start, end, new in _changes(text, blanked, edit):
            changes.append(_Change(start, end, number, new))
    changes.sort()
    for one, two in itertools.pairwise(changes):
        if two.start < one.end:
            raise SeedError("two edits overlap")
    return _rebuilt(text, changes, len(edits))


def _changes(text: str, blanked: str, edit: Edit) -> Iterator[tuple[int, int, str]]:
    if edit.macro:
        start, end = _macro_use(text, blanked, edit)
        if edit.with_ is not None:
            yield start, end, edit.with_
        elif edit.before is not None:
            yield start, start, f"{edit.before.strip()}\n"
        elif edit.after is not None:
            yield end, end, f"\n{edit.after.strip()}"
        else:
            raise SeedError(f"{edit.macro}: a macro's use takes with, before or after")
        return
    start, opening, end = body_of(blanked, edit.function)
    if edit.define is not None:
        yield start, start, _flat(edit.define)
        return
    if edit.entry is not None:
        yield opening + 1, opening + 1, _flat(edit.entry)
        return
    place, length = _anchor(blanked, edit, opening, end)
    if edit.rename is not None:
        yield place, place + length, edit.rename
        return
    statement = _holding(blanked, opening, end, place, edit)
    yield from _at_statement(statement, place, edit)


def _at_statement(statement: Statement, place: int, edit: Edit) -> Iterator[tuple[int, int, str]]:
    wrap = not statement.braced
    if edit.before is not None:
        yield statement.start, statement.start, f"{'{' * wrap}{_flat(edit.before)}"
        if wrap:
            yield statement.end, statement.end, " }"
    elif edit.after is not None:
        if wrap:
            yield statement.start, statement.start, "{ "
        yield statement.end, statement.end, f"{_flat(edit.after)}{'}' * wrap}"
    elif edit.instead is not None:
        if statement.kind != "plain":
            raise SeedError(f"{edit.call}: only a plain statement can be replaced")
        yield statement.start, statement.end, _flat(edit.instead)
    elif edit.then is not None:
        _need(statement.kind in ("if", "loop"), edit, "no condition")
        yield from _into(statement.parts[0], edit.then)
    elif edit.otherwise is not None:
        _need(statement.kind == "if", edit, "no condition")
        if len(statement.parts) > 1:
            yield from _into(statement.parts[1], edit.otherwise)
        else:
            yield statement.end, statement.end, f" else {{{_flat(edit.otherwise)}}}"
    else:
        raise SeedError(f"{edit.function}: {edit.action} needs no statement")


def _into(body: Statement, new: str) -> Iterator[tuple[int, int, str]]:
    """Our statements first in a branch, which gets braces where it has none."""
    if body.kind == "block":
        yield body.start + 1, body.start + 1, _flat(new)
    else:
        yield body.start, body.start, f"{{{_flat(new)}"
        yield body.end, body.end, " }"


def _flat(new: str) -> str:
    """Our code on one line, where the language lets it be."""
    lines = new.strip().split("\n")
    if any(line.lstrip().startswith("#") or "//" in line for line in lines):
        return "\n" + "\n".join(lines) + "\n"
    return f" {' '.join(' '.join(line.split()) for line in lines)} "


def _need(condition: bool, edit: Edit, problem: str) -> None:
    if not condition:
        raise SeedError(f"{edit.function}: {problem} at {edit.call or edit.word} {edit.nth}")


def _anchor(blanked: str, edit: Edit, opening: int, end: int) -> tuple[int, int]:
    name = edit.call or edit.word
    _need(bool(name), edit, "no anchor")
    behind = r"\s*\(" if edit.call else ""
    found = [
        match.start() for match in re.finditer(rf"\b{name}\b(?={behind})", blanked[opening:end])
    ]
    _need(edit.nth <= len(found), edit, f"only {len(found)} found")
    return opening + found[edit.nth - 1], len(name)


def _macro_use(text: str, blanked: str, edit: Edit) -> tuple[int, int]:
    found = []
    for match in re.finditer(rf"\b{edit.macro}\s*\(([^)]*)\)", blanked):
        arguments = [word.strip() for word in match.group(1).split(",")]
        defining = re.match(r"[ \t]*#", text[text.rfind("\n", 0, match.start()) + 1 :])
        if edit.argument in arguments and not defining:
            found.append((match.start(), match.end()))
    if edit.nth > len(found):
        raise SeedError(f"{edit.macro}({edit.argument}): only {len(found)} found")
    return found[edit.nth - 1]


def _holding(blanked: str, opening: int, end: int, place: int, edit: Edit) -> Statement:
    """The innermost statement whose own part, not a nested one, holds `place`."""
    for top in statements(blanked, opening, end):
        if not top.start <= place < top.end:
            continue
        for statement in reversed(list(within(top))):
            if statement.head[0] <= place < statement.head[1]:
                return statement
    raise SeedError(f"{edit.function}: no statement at {edit.call or edit.word} {edit.nth}")


def _rebuilt(text: str, changes: Iterable[_Change], edits: int) -> Edited:
    pieces: list[tuple[str, int, int]] = []  # text, its old offset, and -1 or the edit it is of
    done = 0
    for change in changes:
        # What goes leaves its line ends behind, so that the lines below stay where they are.
        gone = text.count("\n", change.start, change.end) - change.text.count("\n")
        pieces.append((text[done : change.start], done, -1))
        pieces.append((change.text + "\n" * gone, 0, change.order))
        done = change.end
    pieces.append((text[done:], done, -1))
    origin: list[int] = [0]
    written: list[set[int]] = [set() for _ in range(edits)]
    for piece, offset, edit in pieces:
        old = text.count("\n", 0, offset) + 1
        for number, part in enumerate(piece.split("\n")):
            if number:
                origin.append(0)
            if not part.strip():
                continue
            if edit >= 0:
                if part.strip(" {}"):
                    written[edit].add(len(origin))
            elif not origin[-1]:
                origin[-1] = old + number
    new = "".join(piece for piece, _, _ in pieces)
    return Edited(new, tuple(origin), tuple(map(frozenset, written)))
