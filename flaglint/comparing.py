"""What a change did: the findings of two trees, told apart into introduced, fixed, preexisting.

A finding after the change is preexisting when it was there before at the same place, and the
same place is not the same line:

    before  mm/a.c:10  f()  __folio_set_x()        after  mm/a.c:14  f()  __folio_set_x()

Findings are paired one to one in four rounds, each among what the rounds before left over: the
line that the change moved there; the fingerprint; the same write in the same function; the same
write in a function that was renamed, or moved to another file.

Invariants: every finding of either side is in exactly one part, and the parts keep the reports'
order. A function counts as renamed or moved only if the old one is gone and the new one was not
there, so a second mistake is never hidden behind a first one.

Limits: a racy call that is taken out of a function and put back elsewhere in it is preexisting.

Interface: `compare`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Hashable, Iterable, Sequence

import msgspec

from flaglint.finding import Finding, Report, Site, Unread, Verdict

Text = Callable[[str], str]
"""A file's text by its path relative to the root; "" when there is no such file."""


class Changes(msgspec.Struct, frozen=True):
    """The findings of two trees. `fixed` are places of the tree before, the others after.

    `undecided` are those of `fixed` whose write is still there with the verdict unknown: no
    longer reported, but not shown to be safe either. `unread` is what can no longer be
    analysed, and could before, or is new. (Which files are read for their callers differs from
    one state to the other: one that was not looked at before is no loss.)
    """

    introduced: tuple[Finding, ...] = ()
    fixed: tuple[Finding, ...] = ()
    preexisting: tuple[Finding, ...] = ()
    undecided: tuple[Finding, ...] = ()
    unread: tuple[Unread, ...] = ()


def compare(before: Report, after: Report, old: Text, new: Text) -> Changes:
    """Tell apart the findings of `before` and `after`, whose files' texts are `old` and `new`."""
    pairing = _Pairing(before.findings, after.findings)
    lines = _Lines(old, new)
    pairing.match(lambda f: _write(f, f.file, lines(f.file, f.line)), _here)
    pairing.match(lambda f: f.fingerprint, lambda f: f.fingerprint)
    pairing.match(lambda f: _write(f, f.file, 0), lambda f: _write(f, f.file, 0))
    pairing.match_moved(old, new)
    fixed = pairing.left_before()
    known, read = set(map(_place, before.unread)), frozenset(before.files)
    return Changes(
        introduced=pairing.left_after(),
        fixed=fixed,
        preexisting=pairing.paired_after(),
        undecided=tuple(found for found in fixed if _undecided(found, after.sites)),
        unread=tuple(
            item
            for item in after.unread
            if _place(item) not in known and (item.file in read or old(item.file) != new(item.file))
        ),
    )


def _write(finding: Finding, file: str, line: int | None) -> Hashable:
    """What a finding says of which code; None when its line is gone."""
    if line is None:
        return None
    return finding.rule, file, finding.function, finding.helper, finding.flag, line


def _here(finding: Finding) -> Hashable:
    return _write(finding, finding.file, finding.line)


def _place(item: Unread) -> tuple[str, str]:
    return item.file, item.function


def _undecided(finding: Finding, sites: Iterable[Site]) -> bool:
    return any(
        site.verdict is Verdict.UNKNOWN
        and (site.file, site.function, site.helper)
        == (finding.file, finding.function, finding.helper)
        for site in sites
    )


class _Pairing:
    """Pairs of a finding before and one after; each finding is in one pair at most."""

    def __init__(self, before: Sequence[Finding], after: Sequence[Finding]) -> None:
        self._before, self._after = before, after
        self._old: set[int] = set()
        self._new: set[int] = set()

    def match(
        self, old_key: Callable[[Finding], Hashable], new_key: Callable[[Finding], Hashable]
    ) -> None:
        """Pair, in their order, what is left over and has the same key (None never has)."""
        waiting: dict[Hashable, list[int]] = {}
        for number, found in enumerate(self._before):
            key = None if number in self._old else old_key(found)
            if key is not None:
                waiting.setdefault(key, []).append(number)
        for number, found in enumerate(self._after):
            same = None if number in self._new else waiting.get(new_key(found))
            if same:
                self._pair(same.pop(0), number)

    def match_moved(self, old: Text, new: Text) -> None:
        """Pair writes in functions that got another name, or another file."""
        for number, found in enumerate(self._after):
            if number in self._new or not found.function:
                continue
            for other, was in enumerate(self._before):
                if other not in self._old and _moved(was, found, old, new):
                    self._pair(other, number)
                    break

    def left_before(self) -> tuple[Finding, ...]:
        """What has no partner after the change."""
        return tuple(f for n, f in enumerate(self._before) if n not in self._old)

    def left_after(self) -> tuple[Finding, ...]:
        """What had no partner before the change."""
        return tuple(f for n, f in enumerate(self._after) if n not in self._new)

    def paired_after(self) -> tuple[Finding, ...]:
        """What was there before, as it is found after."""
        return tuple(f for n, f in enumerate(self._after) if n in self._new)

    def _pair(self, before: int, after: int) -> None:
        self._old.add(before)
        self._new.add(after)


def _moved(was: Finding, found: Finding, old: Text, new: Text) -> bool:
    same = (was.rule, was.helper, was.flag) == (found.rule, found.helper, found.flag)
    if not same or not was.function:
        return False
    if (was.file == found.file) == (was.function == found.function):
        return False  # both differ: nothing says that it is the same
    gone = not _defines(new(was.file), was.function)
    return gone and not _defines(old(found.file), found.function)


def _defines(text: str, function: str) -> bool:
    """Whether C text has a definition of the function: its name and parameters, then a brace."""
    name = re.escape(function)
    return bool(re.search(rf"^[A-Za-z_][^;{{}}()=]*\b{name}\s*\([^;{{}}]*\)[\s\w]*\{{", text, re.M))


class _Lines:
    """Where the change has moved a line to."""

    def __init__(self, old: Text, new: Text) -> None:
        self._old, self._new = old, new
        self._maps: dict[str, dict[int, int] | None] = {}

    def __call__(self, file: str, line: int) -> int | None:
        """The line's number after the change; None when it was changed or removed."""
        if file not in self._maps:
            before, after = self._old(file), self._new(file)
            self._maps[file] = None if before == after else _moves(before, after)
        moves = self._maps[file]
        return line if moves is None else moves.get(line)


def _moves(before: str, after: str) -> dict[int, int]:
    """Line numbers, from 1, of the lines that both texts have, in the same order."""
    left, right = before.split("\n"), after.split("\n")
    head = 0
    while head < min(len(left), len(right)) and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < min(len(left), len(right)) - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    moves = {number: number for number in range(1, head + 1)}
    shift = len(right) - len(left)
    moves |= {n: n + shift for n in range(len(left) - tail + 1, len(left) + 1)}
    middle = difflib.SequenceMatcher(
        None, left[head : len(left) - tail], right[head : len(right) - tail], autojunk=False
    )
    for one, two, size in middle.get_matching_blocks():
        for step in range(size):
            moves[head + one + step + 1] = head + two + step + 1
    return moves
