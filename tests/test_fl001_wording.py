"""What FL001 says: the flag that is lost, what follows, and the fix that fits."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from flaglint.access import Access, Place
from flaglint.analysis import Request, analyse
from flaglint.cards import load_cards
from flaglint.checks import Evidence, fl001_plain_rmw
from flaglint.finding import Evidence as Shown
from flaglint.finding import Finding, RacingAccess, Step, Verdict
from flaglint.flagtable import Atomicity, FlagTable, Helper, Operation, Word
from flaglint.location import Location
from flaglint.losses import Loss, direction, load_losses
from flaglint.ownership import Kind, Origin, Owner
from flaglint.race import Context, Judgement
from tests.expectations import MINI_KERNEL
from tests.gittrees import edit


def helper(name: str, flag: str, operation: Operation, atomicity: Atomicity) -> Helper:
    return Helper(name, flag, 1, operation, atomicity, Word.HEAD, "folio", "h", 1, "")


TABLE = FlagTable(
    flags=(),
    helpers=(
        helper("__folio_set_dirty", "PG_dirty", Operation.SET, Atomicity.PLAIN),
        helper("folio_set_dirty", "PG_dirty", Operation.SET, Atomicity.ATOMIC),
        helper("folio_clear_dirty", "PG_dirty", Operation.CLEAR, Atomicity.ATOMIC),
        helper("__folio_set_lone", "PG_lone", Operation.SET, Atomicity.PLAIN),
        helper("folio_test_set_lru", "PG_lru", Operation.TEST_AND_SET, Atomicity.ATOMIC),
        helper("folio_change_lru", "PG_lru", Operation.CHANGE, Atomicity.ATOMIC),
    ),
)
LOSSES = {"PG_waiters": Loss(set="nobody is woken", clear="everybody is")}
WAY = (Step("entry", "mm/a.c", 3), Step("writer", "mm/a.c", 9))


def said(
    name: str = "__folio_set_dirty",
    flags: tuple[str, ...] = ("PG_dirty",),
    *,
    origin: Origin = Origin.ELSEWHERE,
    locks: frozenset[str] = frozenset(),
    other: str = "set_bit",
    lost: str = "PG_waiters",
) -> Finding:
    place = Place(Location("mm/a.c", 9, 2), "writer@mm/a.c", name, flags, "head", "plain")
    owner = Owner(Kind.SHARED, why="found in the page cache").from_(origin)
    racing = RacingAccess("mm/b.c", 7, 1, "sleeper", other, lost, "atomic", (), ())
    judgement = Judgement(
        place,
        Verdict.RACY,
        "the page is published",
        False,
        Context(Access(place, owner, locks), WAY),
        (),
        racing=(racing,),
        evidence=(Shown("mm/a.c", 3, "entry() calls on"), Shown("mm/c.c", 5, "looked up here")),
    )
    levels = {card.id: card.level for card in load_cards()}
    (found,) = fl001_plain_rmw.findings(Evidence(TABLE, (judgement,), levels, LOSSES))
    return found


def test_the_message_names_the_flag_and_what_follows() -> None:
    found = said()
    assert found.message == (
        "plain RMW of the folio's flags may lose PG_waiters, set by sleeper(): nobody is woken"
    )
    assert found.steps == (
        "__folio_set_dirty() loads the word",
        "set_bit() sets PG_waiters in it",
        "__folio_set_dirty() stores it back, changed",
        "PG_waiters stays clear: nobody is woken",
    )


@pytest.mark.parametrize(
    ("other", "update", "outcome"),
    [
        ("clear_bit_unlock", "the clearing of PG_waiters by", "PG_waiters stays set: everybody is"),
        ("folio_change_lru", "a change of PG_waiters by", "the change of PG_waiters is lost"),
        ("(plain RMW)", "a change of PG_waiters by", "the change of PG_waiters is lost"),
    ],
)
def test_a_lost_clear_is_no_lost_set(other: str, update: str, outcome: str) -> None:
    found = said(other=other)
    assert update in found.message
    assert found.steps[3] == outcome


def test_of_several_flags_the_one_that_is_not_ones_own_is_lost() -> None:
    assert "lose PG_waiters, set by" in said(lost="PG_dirty|PG_waiters").message
    assert said(lost="PG_unheard_of").message.endswith("PG_unheard_of, set by sleeper()")


def test_what_does_not_load_the_word_is_not_said_to() -> None:
    found = said("memset", ())
    assert found.message.startswith("plain store of the folio's flags may lose PG_waiters")
    assert found.steps[0] == "memset() is about to overwrite the word"
    assert found.fix == "write the word before the page is published, or once nobody can reach it"


@pytest.mark.parametrize(
    ("name", "flags", "origin", "locks", "fix"),
    [
        ("__folio_set_dirty", "PG_dirty", 0, (), "use the atomic folio_set_dirty()"),
        (
            "__folio_set_dirty",
            "PG_dirty",
            Origin.PUBLISHED,
            (),
            "move the write before the publication; or use the atomic folio_set_dirty()",
        ),
        (
            "__folio_set_lone",
            "PG_lone",
            0,
            (),
            "declare an atomic helper for PG_lone (the header has only the plain "
            "__folio_set_lone()) and use it, or keep the flag in a word of its own",
        ),
        (
            "(plain RMW)",
            "PG_lone",
            0,
            ("queue.lock",),
            "change the bits with set_bit() or clear_bit(), or while the page is exclusive; "
            "queue.lock would do only if every writer of the word took it",
        ),
    ],
)
def test_the_fix_is_the_one_that_fits(
    name: str, flags: str, origin: int, locks: tuple[str, ...], fix: str
) -> None:
    found = said(name, (flags,), origin=Origin(origin), locks=frozenset(locks))
    assert found.fix == fix


def test_places_that_the_chain_shows_are_not_shown_twice() -> None:
    assert said().evidence == (Shown("mm/c.c", 5, "looked up here"),)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("folio_set_dirty", "set"),
        ("folio_test_set_lru", "set"),
        ("folio_clear_dirty", "clear"),
        ("folio_change_lru", ""),
        ("test_and_clear_bit_unlock", "clear"),
        ("xor_unlock_is_negative_byte", ""),
        ("set_or_clear_bit", ""),
        ("(plain store)", ""),
    ],
)
def test_which_way_an_update_went(name: str, expected: str) -> None:
    assert direction(name, TABLE) == expected


def test_the_shipped_consequences_read_on_in_a_sentence() -> None:
    losses = load_losses()
    assert {"PG_has_hwpoisoned", "PG_hwpoison", "PG_waiters", "PG_dirty"} <= set(losses)
    for flag, loss in losses.items():
        assert re.fullmatch(r"PG_\w+", flag)
        for text in (loss.set, loss.clear):
            assert re.fullmatch(r"[a-z].*[^.\s]", text), (flag, text)


FROM_THE_CACHE = """\
#include <linux/pagemap.h>
void touch(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	__set_bit(PG_referenced, folio_flags(folio, 0));
	folio_put(folio);
}
EXPORT_SYMBOL(touch);
"""


def test_a_bit_operation_is_called_as_the_source_calls_it(tmp_path: Path) -> None:
    """The kernel's __set_bit() is a macro around ___set_bit(), which nobody writes."""
    root = tmp_path / "linux"
    shutil.copytree(MINI_KERNEL, root)
    (root / "mm/touch.c").write_text(FROM_THE_CACHE)
    edit(
        root,
        "include/linux/bitops.h",
        "static __always_inline void __set_bit(",
        "#define __set_bit(nr, addr) ___set_bit(nr, addr)\nstatic __always_inline void ___set_bit(",
    )
    request = Request((str(root / "mm/touch.c"),), jobs=1, cache_dir=str(tmp_path / "cache"))
    findings = analyse(request, lambda stage, done, total: None).findings
    (found,) = [f for f in findings if (f.rule, f.file) == ("FL001", "mm/touch.c")]
    assert (found.function, found.helper) == ("touch", "__set_bit")
    assert found.steps[0].startswith("__set_bit() loads")


@pytest.mark.parametrize(
    ("statement", "flag"),
    [
        ("folio->page.flags |= BIT(PG_referenced);", "PG_referenced"),
        ("folio->page.flags &= ~BIT(PG_referenced);", "PG_referenced"),
        ("folio->page.flags &= ~(BIT(PG_referenced) | BIT(63));", "PG_referenced"),
        ("folio->page.flags &= ~(3UL << 62);", ""),
    ],
)
def test_the_flags_of_a_mask_are_named(statement: str, flag: str, tmp_path: Path) -> None:
    root = tmp_path / "linux"
    shutil.copytree(MINI_KERNEL, root)
    defined = "#ifndef BIT\n#define BIT(nr) (1UL << (nr))\n#endif\n"
    call = re.search(r"__set_bit\(.*\);", FROM_THE_CACHE)
    assert call
    text = FROM_THE_CACHE.replace(call[0], statement)
    (root / "mm/touch.c").write_text(text.replace("\n\n", f"\n\n{defined}", 1))
    request = Request((str(root / "mm/touch.c"),), jobs=1, cache_dir=str(tmp_path / "cache"))
    findings = analyse(request, lambda stage, done, total: None).findings
    (found,) = [f for f in findings if (f.rule, f.file) == ("FL001", "mm/touch.c")]
    assert found.flag == flag
