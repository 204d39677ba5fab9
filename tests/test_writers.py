"""The writers of each word: all of them, once each, with what is certain over their contexts."""

from __future__ import annotations

import pytest

from flaglint.access import Access, Place
from flaglint.analysis import Request, analyse
from flaglint.finding import Report, Writer
from flaglint.flagtable import FlagTable
from flaglint.location import Location
from flaglint.ownership import Kind, Owner
from flaglint.writers import writers
from tests.expectations import MINI_KERNEL

PLACE = Place(Location("mm/a.c", 3, 2), "f", "__set_bit", ("PG_locked", ""), "head", "plain")


def seen(*contexts: tuple[Kind, tuple[str, ...]], place: Place = PLACE) -> Writer:
    accesses = [Access(place, Owner(kind), frozenset(locks)) for kind, locks in contexts]
    found = {place: [("key", access, ()) for access in accesses]}
    (writer,) = writers(found, {}, FlagTable((), ()))
    return writer


def test_a_lock_counts_where_others_can_write() -> None:
    writer = seen(
        (Kind.FRESH, ()), (Kind.SHARED, ("a", "b")), (Kind.RELEASED, ("b", "c")), (Kind.ZERO, ())
    )
    assert (writer.locks, writer.some_locks) == (("b",), ("a", "c"))
    assert writer.pages == ("exclusive", "shared")


def test_a_lock_held_while_exclusive_counts_where_nothing_else_is_known() -> None:
    writer = seen((Kind.FRESH, ("a",)), (Kind.FROZEN, ("a", "b")))
    assert (writer.locks, writer.some_locks, writer.pages) == (("a",), ("b",), ("exclusive",))


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        (Kind.BOOT, "exclusive"),
        (Kind.ENTRY, "as the caller has it"),
        (Kind.WITHIN, "as the caller has it"),
        (Kind.PFN, "by frame number"),
        (Kind.UNKNOWN, "unknown"),
        (Kind.RELEASED, "shared"),
    ],
)
def test_how_the_page_is_had(kind: Kind, page: str) -> None:
    assert seen((kind, ())).pages == (page,)


def test_a_flag_without_a_name_is_no_flag() -> None:
    writer = seen((Kind.SHARED, ()))
    assert writer.flags == ("PG_locked",)
    assert writer.function == "f"


@pytest.fixture(scope="module")
def report() -> Report:
    return analyse(Request((str(MINI_KERNEL),), jobs=1), lambda what, done, total: None)


def test_the_mini_kernels_race_has_both_writers(report: Report) -> None:
    by_helper = {writer.helper: writer for writer in report.writers}
    setter = by_helper["__folio_set_partially_mapped"]
    assert (setter.word, setter.atomicity, setter.operation) == ("second", "plain", "set")
    assert "deferred_split.split_queue_lock" in setter.locks
    other = by_helper["folio_set_has_hwpoisoned"]
    assert (other.atomicity, other.locks) == ("atomic", ("@mf_mutex",))
    assert not set(setter.locks) & set(other.locks)
    assert by_helper["TestSetPageHWPoison"].pages == ("by frame number",)


def test_each_judged_site_is_a_writer(report: Report) -> None:
    plain = {(w.file, w.line, w.helper) for w in report.writers if w.atomicity == "plain"}
    judged = {(s.file, s.line, s.helper) for s in report.sites if s.verdict != "inactive"}
    assert plain == judged
    assert len(report.writers) > len(plain)
    places = [(w.file, w.line, w.column) for w in report.writers]
    assert places == sorted(places)
