"""Locks that a function takes for its caller, or for itself, are held just as long."""

from __future__ import annotations

import re

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
