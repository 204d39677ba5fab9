"""Introduced, fixed, preexisting: by what a finding says of which code, never by its line."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flaglint.comparing import Changes, compare
from flaglint.finding import Finding, Report, Unread, Verdict
from flaglint.fingerprint import fingerprint
from tests.reports import EMPTY, RACE, SITES

FILE = RACE.file
BODY = "\tlock(q);\n\t__set(folio);\n\tunlock(q);\n"


def function(name: str, body: str = BODY) -> str:
    return f"void {name}(struct folio *folio)\n{{\n{body}}}\n"


def finding(text: str, where: str = "", nth: int = 1, **changes: object) -> Finding:
    """FL001 at the nth `__set(` of the text, or of the text from `where` on."""
    at = text.index(where)
    for _ in range(nth):
        at = text.index("__set(", at) + 1
    name = str(changes.get("function", "f"))
    file = str(changes.get("file", FILE))
    values: dict[str, object] = {
        "line": text.count("\n", 0, at) + 1,
        "function": name,
        "helper": "__set",
        "fingerprint": fingerprint("FL001", file, name, "__set", str(nth)),
    }
    return msgspec.structs.replace(RACE, **(values | changes))


def report(*findings: Finding) -> Report:
    return msgspec.structs.replace(EMPTY, findings=findings)


def texts(*files: tuple[str, str]) -> Callable[[str], str]:
    return lambda file: dict(files).get(file, "")


def changes(before: str, after: str, was: tuple[Finding, ...], now: tuple[Finding, ...]) -> Changes:
    return compare(report(*was), report(*now), texts((FILE, before)), texts((FILE, after)))


def test_a_new_and_a_gone_finding() -> None:
    text = function("f")
    found = finding(text)
    assert changes("", text, (), (found,)).introduced == (found,)
    assert changes(text, "", (found,), ()).fixed == (found,)


@given(st.integers(0, 40))
def test_lines_above_make_no_difference(shift: int) -> None:
    before = function("f")
    after = "/* more */\n" * shift + before
    was, now = finding(before), finding(after)
    assert now.line == was.line + shift
    result = changes(before, after, (was,), (now,))
    assert (result.introduced, result.fixed, result.preexisting) == ((), (), (now,))


def test_a_renamed_variable_makes_no_difference() -> None:
    """The racy line itself is another one then, as are its neighbours."""
    before = function("f")
    after = before.replace("folio", "victim").replace("q)", "queue)")
    was, now = finding(before), finding(after)
    result = changes(before, after, (was,), (now,))
    assert (result.introduced, result.fixed, result.preexisting) == ((), (), (now,))


def test_a_second_write_before_the_first_is_the_new_one() -> None:
    """Ordinals in fingerprints shift: by fingerprint alone the old line would be blamed."""
    before = function("f")
    after = function("f", "\t__set(other);\n" + BODY)
    was, new, old = finding(before), finding(after, nth=1), finding(after, nth=2)
    assert was.fingerprint == new.fingerprint
    result = changes(before, after, (was,), (new, old))
    assert (result.introduced, result.preexisting) == ((new,), (old,))


def test_a_renamed_function_is_not_blamed() -> None:
    before, after = function("f"), function("g")
    was, now = finding(before), finding(after, function="g")
    result = changes(before, after, (was,), (now,))
    assert (result.introduced, result.fixed, result.preexisting) == ((), (), (now,))


def test_a_mistake_mended_here_and_made_there_is_introduced() -> None:
    """f() still exists: that g() has the mistake now is no renaming."""
    before = function("f") + function("g", "")
    after = function("f", "") + function("g")
    was, now = finding(before), finding(after, function="g")
    result = changes(before, after, (was,), (now,))
    assert (result.introduced, result.fixed, result.preexisting) == ((now,), (was,), ())


@pytest.mark.parametrize(("left", "introduced"), [("", 0), (function("f"), 1)])
def test_a_function_moved_to_another_file_is_not_blamed(left: str, introduced: int) -> None:
    """A caller that stays behind does not count as the function; a copy left behind does."""
    text = function("f")
    was = finding(text)
    now = finding(text, file="mm/other.c")
    caller = function("caller", "\tf(folio);\n")
    result = compare(
        report(was),
        report(now),
        texts((FILE, text)),
        texts((FILE, caller + left), ("mm/other.c", text)),
    )
    assert len(result.introduced) == introduced
    assert len(result.preexisting) == 1 - introduced


def test_every_finding_is_in_one_part() -> None:
    before = function("f", BODY * 3)
    after = function("f", BODY * 2) + function("g", BODY)
    was = tuple(finding(before, nth=n) for n in (1, 2, 3))
    now = (*(finding(after, nth=n) for n in (1, 2)), finding(after, "void g", function="g"))
    result = changes(before, after, was, now)
    assert len(result.preexisting) == 2
    assert result.introduced == (now[2],)
    assert len(result.fixed) == 1
    assert sorted((*result.introduced, *result.preexisting), key=now.index) == list(now)


def test_what_became_undecided_is_not_called_mended() -> None:
    text = function(RACE.function)
    racy = finding(text, function=RACE.function, helper=RACE.helper)
    site = msgspec.structs.replace(SITES[1], verdict=Verdict.UNKNOWN)
    after = msgspec.structs.replace(EMPTY, sites=(site,))
    same = texts((FILE, text))
    assert compare(report(racy), after, same, same).undecided == (racy,)
    safe = msgspec.structs.replace(site, verdict=Verdict.EXCLUSIVE)
    after = msgspec.structs.replace(EMPTY, sites=(safe,))
    assert compare(report(racy), after, same, same).undecided == ()


def test_what_can_no_longer_be_analysed_is_told() -> None:
    known, new = Unread("mm/a.c", "line 3: odd"), Unread("mm/b.c", "line 7: odd", "f")
    before = msgspec.structs.replace(EMPTY, unread=(known,), files=("mm/b.c",))
    later = msgspec.structs.replace(known, reason="line 9: odd")
    after = msgspec.structs.replace(EMPTY, unread=(later, new))
    assert compare(before, after, texts(), texts()).unread == (new,)


def test_what_was_not_looked_at_before_is_no_loss() -> None:
    """The files with callers of a site are read while it hangs on them, not otherwise."""
    reason = "CONFIG_X is off"
    seen, unseen, new = (Unread(f"drivers/{name}.c", reason) for name in ("seen", "unseen", "new"))
    before = msgspec.structs.replace(EMPTY, files=(seen.file,))
    after = msgspec.structs.replace(EMPTY, unread=(new, seen, unseen))
    old = texts((seen.file, "int x;"), (unseen.file, "int y;"))
    now = texts((seen.file, "int x;"), (unseen.file, "int y;"), (new.file, "int z;"))
    assert compare(before, after, old, now).unread == (new, seen)
