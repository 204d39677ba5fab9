/* Reclaim: takes folios off the LRU, frees those that nobody needs. */
#include <linux/pagemap.h>
#include <linux/swap.h>
#include <linux/rmap.h>
#include "internal.h"

/* one reference each for those that come along */
static unsigned long isolate_some(struct lruvec *lruvec, unsigned long want,
				  struct list_head *taken)
{
	struct folio *folio, *next;
	unsigned long nr = 0;

	lockdep_assert_held(&lruvec->lru_lock);
	list_for_each_entry_safe(folio, next, &lruvec->lists[LRU_INACTIVE], lru) {
		if (nr == want)
			break;
		if (!folio_try_get(folio))
			continue;
		if (folio_test_clear_lru(folio)) {
			list_move(&folio->lru, taken);
			nr++;
		} else {
			folio_put(folio);
		}
	}
	return nr;
}

/* true: out of its mapping and frozen, so the folio is the caller's alone */
static bool freeze_and_remove(struct address_space *mapping, struct folio *folio)
{
	int refs = folio_nr_pages(folio) + 1;
	bool removed = false;

	xa_lock_irq(&mapping->i_pages);
	if (folio_ref_freeze(folio, refs)) {
		if (folio_test_dirty(folio)) {
			folio_ref_unfreeze(folio, refs);
		} else {
			__filemap_remove_folio(folio);
			removed = true;
		}
	}
	xa_unlock_irq(&mapping->i_pages);
	return removed;
}

/* true: the folio is gone; the caller holds its lock until then */
static bool reclaim_one(struct folio *folio)
{
	if (folio_referenced(folio)) {
		folio_set_active(folio);
		return false;
	}
	if (folio_mapped(folio) && !try_to_unmap(folio))
		return false;
	if (folio_test_dirty(folio)) {
		folio_set_reclaim(folio);
		return false;
	}
	if (!folio->mapping || !freeze_and_remove(folio->mapping, folio))
		return false;
	folio_unlock(folio);
	free_unref_page(&folio->page, folio_order(folio));
	return true;
}

static unsigned long reclaim_list(struct list_head *list)
{
	struct folio *folio, *next;
	unsigned long nr = 0;
	LIST_HEAD(kept);

	list_for_each_entry_safe(folio, next, list, lru) {
		list_del(&folio->lru);
		if (folio_trylock(folio)) {
			if (reclaim_one(folio)) {
				nr++;
				continue;
			}
			folio_unlock(folio);
		}
		list_add(&folio->lru, &kept);
	}
	list_splice_init(&kept, list);
	return nr;
}

static void put_back(struct lruvec *lruvec, struct list_head *list)
{
	lockdep_assert_held(&lruvec->lru_lock);
	while (!list_empty(list)) {
		struct folio *folio = list_first_entry(list, struct folio, lru);

		list_del(&folio->lru);
		folio_set_lru(folio);
		/* the isolation's reference goes; was it the last? */
		if (!folio_put_testzero(folio)) {
			list_add(&folio->lru, &lruvec->lists[LRU_INACTIVE]);
			continue;
		}
		__folio_clear_lru_flags(folio);		/* NORACE */
		free_unref_page(&folio->page, folio_order(folio));
	}
}

unsigned long shrink_inactive_list(struct lruvec *lruvec, unsigned long want)
{
	unsigned long freed = 0;
	LIST_HEAD(taken);

	spin_lock_irq(&lruvec->lru_lock);
	want = isolate_some(lruvec, want, &taken);
	spin_unlock_irq(&lruvec->lru_lock);
	if (want) {
		freed = reclaim_list(&taken);
		scoped_guard(spinlock_irq, &lruvec->lru_lock)
			put_back(lruvec, &taken);
	}
	return freed;
}
