"""Locks that a function takes for its caller, or for itself, are held just as long."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flaglint import analysis
from tests.expectations import build_tree, parse_fixture

SOURCE = """
#include <linux/mm.h>

static void take(struct zone *zone, struct zone **held)
{
	if (zone->spanned_pages) {
		spin_lock(&zone->lock);
		*held = zone;
	}
}

void probe_told_by_a_pointer(struct zone *zone, struct page *page)
{
	struct zone *held = NULL;

	take(zone, &held);
	SetPageReferenced(page);
	if (held)
		spin_unlock(&held->lock);
}

void probe_told_by_a_trylock(struct page *page)
{
	struct zone *zone = page_zone(page);

	if (!spin_trylock(&zone->lock))
		zone = NULL;
	if (zone)
		spin_unlock(&zone->lock);
	SetPageReferenced(page);
}

unsigned long address(void);

void probe_kept_of_whichever_zone(struct page *page)
{
	struct zone *zone = (struct zone *)address();

	spin_lock(&zone->lock);
	SetPageReferenced(page);
}

static bool try_for(struct zone *zone, struct page *page)
{
	return spin_trylock(&zone->lock);
}

void probe_tried_by_a_callee(struct zone *zone, struct page *page)
{
	if (!try_for(zone, page))
		return;
	SetPageReferenced(page);
	spin_unlock(&zone->lock);
}

void probe_tried_and_kept(struct zone *zone, struct page *page)
{
	if (try_for(zone, page))
		SetPageReferenced(page);
}

void probe_kept(struct zone *zone, struct page *page)
{
	spin_lock(&zone->lock);
	SetPageReferenced(page);
}
"""


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each probe's outcomes add to the lockset."""
    folder = tmp_path_factory.mktemp("locks")
    build_tree(parse_fixture("locks", SOURCE), folder / "tree")
    names = tuple(re.findall(r"void (probe_\w+)", SOURCE))
    request = analysis.Request((str(folder / "tree"),), jobs=1, cache_dir=str(folder / "cache"))
    found: dict[str, set[str]] = {}
    name = ""
    for line in analysis.dump(request, "summary", names).splitlines():
        if line and not line.startswith(" "):
            name = line.partition("(")[0]
            found[name] = set()
        elif match := re.search(r"locks \+\[(.*?)\]", line):
            found[name] |= {lock.strip("' ") for lock in match[1].split(",") if lock}
    return found


def test_a_lock_told_by_a_pointer_is_dropped_where_the_pointer_is_set(
    taken: dict[str, set[str]],
) -> None:
    assert taken["probe_told_by_a_pointer"] == set()


def test_a_lock_told_by_a_trylock_through_a_pointer(taken: dict[str, set[str]]) -> None:
    assert taken["probe_told_by_a_trylock"] == set()


def test_a_lock_that_is_kept_is_taken(taken: dict[str, set[str]]) -> None:
    assert taken["probe_kept"] == {"zone.lock"}


def test_which_zones_lock_it_is_makes_no_difference(taken: dict[str, set[str]]) -> None:
    assert taken["probe_kept_of_whichever_zone"] == {"zone.lock"}


def test_a_lock_that_a_callee_tries_to_take(taken: dict[str, set[str]]) -> None:
    assert taken["probe_tried_by_a_callee"] == set()
    assert taken["probe_tried_and_kept"] == {"zone.lock"}


ENTRY = """
#include <linux/pagemap.h>

struct probe_queue {
	spinlock_t lock;
};

static void write_it(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (!IS_ERR(folio))
		__folio_set_referenced(folio);
}

void probe_twice(struct probe_queue *queue, struct address_space *mapping)
{
	%s
	write_it(mapping, 0);
	spin_lock(&queue->lock);
	write_it(mapping, 1);
	spin_unlock(&queue->lock);
}
"""


@pytest.mark.parametrize(
    ("before", "held"), [("", ()), ("spin_lock(&queue->lock);", ("probe_queue.lock",))]
)
def test_locks_at_entry_are_those_of_all_calls(
    before: str, held: tuple[str, ...], tmp_path: Path
) -> None:
    source = ENTRY % before
    if before:
        source = source.replace(
            "write_it(mapping, 0);", "write_it(mapping, 0); spin_unlock(&queue->lock);"
        )
    build_tree(parse_fixture("entry", source), tmp_path / "tree")
    request = analysis.Request((str(tmp_path / "tree"),), jobs=1, cache_dir=str(tmp_path / "cache"))
    findings = analysis.analyse(request, lambda *_: None).findings
    assert [f.locks for f in findings if f.file == "mm/fixture.c"] == [held]
