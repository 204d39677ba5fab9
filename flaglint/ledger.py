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

import msgspec

from flaglint import ir
from flaglint.finding import FILE_LOST, FUNCTION_LOST, Coverage, Evidence, Site, Unread, Verdict
from flaglint.race import Judgement
from flaglint.textual import FUNCTION, Place, Written, starts, text_of

_CONDITIONAL = re.compile(
    rb"^[ \t]*#[ \t]*(if|ifdef|ifndef|elif|else|endif)\b[ \t]*(\w*)((?:\\\n|[^\n])*)", re.M
)
_ENDS = (";", ")", "{", "}", "*/")
_LONGEST = 8
"""Lines shown of one statement."""
_NOT_BUILT = "not compiled under this configuration"
_NOT_READ = "not understood, or in code that no analysed function calls"


def ledger(
    root: str,
    texts: Mapping[str, Written],
    names: frozenset[str],
    judgements: Iterable[Judgement],
    functions: Mapping[str, ir.Function],
    unread: Iterable[Unread],
    unbuilt: frozenset[str] = frozenset(),
) -> tuple[tuple[Site, ...], Coverage]:
    """The rows, and the counts.

    `texts` has what each file's text shows, those of the judgements included; `names` are the
    helpers that write plainly; `unread` says what could not be analysed, and why; `unbuilt` are
    those files of it that the configuration does not compile.
    """
    missing = _Missing(root, unread, unbuilt)
    sites = [_site(root, judgement, functions) for judgement in judgements]
    judged = {(site.file, site.line, site.helper) for site in sites}
    own = sum(1 for site in sites if site.helper not in names)
    analysed = inactive = unparsed = 0
    for file, shown in sorted(texts.items()):
        for at in shown.named:
            if (file, at.line, at.name) in judged:
                analysed += 1
                continue
            why = missing.why(file, at.line)
            inactive += why.verdict is Verdict.INACTIVE
            unparsed += why.verdict is Verdict.UNKNOWN
            sites.append(_textual(file, at, "", at.name, why))
    places = {(site.file, site.line) for site in sites}
    for file, shown in sorted(texts.items()):
        for at in shown.raw:
            if (file, at.line) in places:
                continue
            helper = at.name if file.endswith(".h") else "(plain RMW)"
            why = missing.why(file, at.line)
            inactive += why.verdict is Verdict.INACTIVE
            unparsed += why.verdict is Verdict.UNKNOWN
            sites.append(_textual(file, at, at.name, helper, why))
    sites.sort(key=lambda s: (s.file, s.line, s.column, s.helper))
    coverage = Coverage(
        textual=analysed + inactive + unparsed + own,
        analysed=analysed + own,
        inactive=inactive,
        unparsed=unparsed,
    )
    return tuple(sites), coverage


class _Why(msgspec.Struct, frozen=True):
    """Why a place was not judged, in the columns of its row."""

    verdict: Verdict
    reason: str
    doubts: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


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

    def why(self, file: str, line: int) -> _Why:
        """Why the place at `line` of `file` was not judged."""
        if file in self._unbuilt:
            return _Why(Verdict.INACTIVE, self._files[file])
        if file in self._files:
            return _Why(Verdict.UNKNOWN, self._files[file], (FILE_LOST,))
        if file not in self._texts:
            self._texts[file] = text_of(self._root, file)
        text = self._texts[file]
        offset = starts(text)[line - 1]
        inside = list(FUNCTION.finditer(text, 0, offset))
        function = inside[-1].group(1).decode("ascii", "replace") if inside else ""
        known = self._functions.get(file, {})
        # What an #if encloses cannot be told where the text is damaged.
        if function not in known and (under := tuple(_conditions(file, text, offset))):
            return _Why(Verdict.INACTIVE, _NOT_BUILT, (), under)
        reason = known.get(function) or next(iter(known.values()), _NOT_READ)
        return _Why(Verdict.UNKNOWN, reason, (FUNCTION_LOST,))


def _conditions(file: str, text: bytes, offset: int) -> Iterator[Evidence]:
    """Each #if or #else that the place stands under, outermost first; not the header's guard."""
    around: list[tuple[str, int, str]] = []  # how the #if is spelled, the line, what to say
    for match in _CONDITIONAL.finditer(text, 0, offset):
        words = match[0].replace(b"\\\n", b" ").split(b"/*")[0].decode("utf-8", "replace")
        spelled = " ".join(words.split())
        line = text.count(b"\n", 0, match.start()) + 1
        if match[1].startswith(b"if"):
            guard = match[1] == b"ifndef" and _guards(text, match)
            around.append((spelled, line, "" if guard else spelled))
        elif around:
            opening, *_ = around.pop()
            if match[1] != b"endif":
                around.append((opening, line, f"{spelled} of {opening}"))
    for _, line, said in around:
        if said:
            yield Evidence(file, line, f"stands under {said}")


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


def _textual(file: str, at: Place, function: str, helper: str, why: _Why) -> Site:
    # What only the file's text shows: no flag, no judgement, and the word may be any page's.
    return Site(
        file=file,
        line=at.line,
        column=at.column,
        function=function,
        expression=at.text,
        helper=helper,
        flag="",
        word="any",
        verdict=why.verdict,
        reason=why.reason,
        poison_window=False,
        evidence=why.evidence,
        doubts=why.doubts,
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
