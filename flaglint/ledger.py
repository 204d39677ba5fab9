"""The ledger: one row for each place that writes a flags word plainly, none left out.

Judged places come from the engine. Every place in the text that names a plain helper and was
not judged is added: `inactive` where it stands under an #if or in a file that is not built, and
so was left out, `unknown` where its file or its function could not be read or followed. What
the text says is counted against what was judged (`Coverage`).
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping

from flaglint import ir
from flaglint.finding import FILE_LOST, FUNCTION_LOST, Coverage, Site, Unread, Verdict
from flaglint.lexicon import called
from flaglint.race import Judgement

_TOKEN = re.compile(
    rb"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[A-Za-z_]\w*", re.S
)
_RAW = re.compile(
    rb"\b(\w+)(?:\[[^]\n]*\])?(?:->|\.)(?:page\.)?(?:__page_)?flags(?:\.f)?\s*[|&^]?=[^=]"
)
_DECLARED = re.compile(rb"\bstruct\s+(?:page|folio|slab)\s*\*\s*(\w+)")
_FUNCTION = re.compile(rb"^[A-Za-z_][\w \t*]*?\b(\w+)\s*\([^;{}]*\)\s*\{", re.M)
_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define\b")
_DECLARATION = re.compile(
    rb"\s*(?:(?:extern|static|inline|__always_inline|void|bool|int|unsigned|long)\b[\s*]*)+"
)
_CONDITIONAL = re.compile(rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b[ \t]*(\w*)", re.M)
_ENDS = (";", ")", "{", "}", "*/")
_LONGEST = 8
"""Lines shown of one statement."""
_NOT_BUILT = "not compiled under this configuration"
_NOT_READ = "not understood, or in code that no analysed function calls"


def ledger(
    root: str,
    files: Iterable[str],
    names: frozenset[str],
    judgements: Iterable[Judgement],
    functions: Mapping[str, ir.Function],
    unread: Iterable[Unread],
    unbuilt: frozenset[str] = frozenset(),
) -> tuple[tuple[Site, ...], Coverage]:
    """The rows, and the counts.

    `unread` says what could not be analysed, and why; `unbuilt` are those files of it that the
    configuration does not compile.
    """
    missing = _Missing(root, unread, unbuilt)
    sites = [_site(root, judgement, functions) for judgement in judgements]
    judged = {(site.file, site.line, site.helper) for site in sites}
    own = sum(1 for site in sites if site.helper not in names)
    analysed = inactive = unparsed = 0
    for file in sorted(set(files) | {site.file for site in sites}):
        for line, column, name, text in _named(root, file, names):
            if (file, line, name) in judged:
                analysed += 1
                continue
            verdict, reason, doubts = missing.verdict(file, line)
            inactive += verdict is Verdict.INACTIVE
            unparsed += verdict is Verdict.UNKNOWN
            sites.append(_textual(file, line, column, "", text, name, verdict, reason, doubts))
    places = {(site.file, site.line) for site in sites}
    for file in sorted(set(files) | {site.file for site in sites}):
        for line, column, function, text in _raw(root, file):
            if (file, line) in places:
                continue
            helper = function if file.endswith(".h") else "(plain RMW)"
            verdict, reason, doubts = missing.verdict(file, line)
            inactive += verdict is Verdict.INACTIVE
            unparsed += verdict is Verdict.UNKNOWN
            sites.append(
                _textual(file, line, column, function, text, helper, verdict, reason, doubts)
            )
    sites.sort(key=lambda s: (s.file, s.line, s.column, s.helper))
    coverage = Coverage(
        textual=analysed + inactive + unparsed + own,
        analysed=analysed + own,
        inactive=inactive,
        unparsed=unparsed,
    )
    return tuple(sites), coverage


class _Missing:
    """Why a place in the text was not judged, told from its file's text and what was unread."""

    def __init__(self, root: str, unread: Iterable[Unread], unbuilt: frozenset[str]) -> None:
        self._root = root
        self._unbuilt = unbuilt
        self._files: dict[str, str] = {}
        self._functions: dict[str, dict[str, str]] = {}
        self._texts: dict[str, bytes] = {}
        for entry in unread:
            if entry.function:
                self._functions.setdefault(entry.file, {})[entry.function] = entry.reason
            else:
                self._files[entry.file] = entry.reason

    def verdict(self, file: str, line: int) -> tuple[Verdict, str, tuple[str, ...]]:
        """The verdict, the reason and the doubts of the place at `line` of `file`."""
        if file in self._unbuilt:
            return Verdict.INACTIVE, self._files[file], ()
        if file in self._files:
            return Verdict.UNKNOWN, self._files[file], (FILE_LOST,)
        if file not in self._texts:
            self._texts[file] = _text(self._root, file)
        text = self._texts[file]
        offset = _starts(text)[line - 1]
        inside = list(_FUNCTION.finditer(text, 0, offset))
        function = inside[-1].group(1).decode("ascii", "replace") if inside else ""
        known = self._functions.get(file, {})
        # What an #if encloses cannot be told where the text is damaged.
        if function not in known and _conditional(text, offset):
            return Verdict.INACTIVE, _NOT_BUILT, ()
        reason = known.get(function) or next(iter(known.values()), _NOT_READ)
        return Verdict.UNKNOWN, reason, (FUNCTION_LOST,)


def _conditional(text: bytes, offset: int) -> bool:
    """Whether the place stands under an #if other than the header's guard."""
    depth = 0
    for match in _CONDITIONAL.finditer(text, 0, offset):
        if match.group(1) == b"endif":
            depth -= 1
        elif not (match.group(1) == b"ifndef" and _guards(text, match)):
            depth += 1
        else:
            # Its #endif, which ends the file, is not before the place.
            continue
    return depth > 0


def _guards(text: bytes, opening: re.Match[bytes]) -> bool:
    name = re.escape(opening.group(2))
    following = rb"[^\n]*\n\s*#[ \t]*define[ \t]+" + name + rb"[ \t]*\n"
    return re.compile(following).match(text, opening.end()) is not None


def _site(root: str, judgement: Judgement, functions: Mapping[str, ir.Function]) -> Site:
    place = judgement.place
    where = place.where
    function = functions.get(place.function)
    return Site(
        file=where.file,
        line=where.line,
        column=where.column,
        function=function.name if function else place.function,
        expression=statement(root, where.file, where.line),
        helper=place.helper,
        flag="|".join(place.flags),
        word=place.word,
        verdict=judgement.verdict,
        reason=judgement.reason,
        poison_window=judgement.poison_window,
        evidence=judgement.evidence,
        doubts=judgement.doubts,
    )


def _textual(
    file: str,
    line: int,
    column: int,
    function: str,
    text: str,
    helper: str,
    verdict: Verdict,
    reason: str,
    doubts: tuple[str, ...] = (),
) -> Site:
    # What only the file's text shows: no flag, no judgement, and the word may be any page's.
    return Site(
        file=file,
        line=line,
        column=column,
        function=function,
        expression=text,
        helper=helper,
        flag="",
        word="any",
        verdict=verdict,
        reason=reason,
        poison_window=False,
        evidence=(),
        doubts=doubts,
    )


def statement(root: str, file: str, line: int) -> str:
    """The source from a line to where its statement seems to end, as one line; "" if unreadable."""
    found = ""
    try:
        with open(os.path.join(root, file), "rb") as stream:
            for raw in itertools.islice(stream, line - 1, line - 1 + _LONGEST):
                text = raw.decode("utf-8", "replace").strip()
                found += f" {text}" if found else text
                closed = found.count("(") <= found.count(")")
                if not text or (closed and text.endswith(_ENDS)):
                    break
    except OSError:
        return ""
    return found


def _named(root: str, file: str, names: frozenset[str]) -> Iterator[tuple[int, int, str, str]]:
    """Calls of the named helpers in a file's text, whatever #if they stand under."""
    text = _text(root, file)
    if names.isdisjoint(name.decode("ascii") for name in called(text)):
        return  # most files: a tenth of the time that it takes to tell comments from code
    lines: list[int] = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        if not (word[:1].isalpha() or word[:1] == b"_"):
            continue
        name = word.decode("ascii", "replace")
        if name not in names or not re.match(rb"\s*\(", text[match.end() : match.end() + 8]):
            continue
        if not lines:
            lines = _starts(text)
        number = _line_number(lines, match.start())
        start = lines[number - 1]
        whole = text[start : text.find(b"\n", start)]
        before = text[start : match.start()]
        if _DEFINE.match(whole) or _DECLARATION.fullmatch(before):
            continue
        yield number, match.start() - start + 1, name, whole.decode("utf-8", "replace").strip()


def _raw(root: str, file: str) -> Iterator[tuple[int, int, str, str]]:
    """Writes of a flags word without a helper, in a file's text, under whatever #if."""
    text = _text(root, file)
    if b"flags" not in text:
        return
    pages = set(_DECLARED.findall(text))
    lines: list[int] = []
    for match in _RAW.finditer(text):
        if match.group(1) not in pages:
            continue
        before = list(_FUNCTION.finditer(text, 0, match.start()))
        function = before[-1].group(1).decode() if before else ""
        around = text[before[-1].start() : match.start()] if before else b""
        if match.group(1) not in set(_DECLARED.findall(around)):
            continue  # another function's variable of that name
        if not lines:
            lines = _starts(text)
        number = _line_number(lines, match.start())
        start = lines[number - 1]
        whole = text[start : text.find(b"\n", start)]
        yield number, match.start() - start + 1, function, whole.decode("utf-8", "replace").strip()


def _text(root: str, file: str) -> bytes:
    try:
        with open(os.path.join(root, file), "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _starts(text: bytes) -> list[int]:
    return [0, *(match.end() for match in re.finditer(b"\n", text))]


def _line_number(starts: list[int], offset: int) -> int:
    low, high = 0, len(starts)
    while low + 1 < high:
        middle = (low + high) // 2
        if starts[middle] <= offset:
            low = middle
        else:
            high = middle
    return low + 1
