/* The LRU lists, and what happens to a folio at its end. */
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/huge_mm.h>
#include <linux/swap.h>
#include "internal.h"

void folio_add_lru(struct folio *folio)
{
	struct lruvec *lru = folio_lruvec(folio);

	spin_lock_irq(&lru->lru_lock);
	list_add(&folio->lru, &lru->lists[LRU_INACTIVE]);
	folio_set_lru(folio);
	spin_unlock_irq(&lru->lru_lock);
}
EXPORT_SYMBOL(folio_add_lru);

void folio_activate(struct folio *folio)
{
	struct lruvec *lru = folio_lruvec(folio);

	spin_lock_irq(&lru->lru_lock);
	if (folio_test_lru(folio)) {
		list_move(&folio->lru, &lru->lists[LRU_ACTIVE]);
		folio_set_active(folio);
	}
	spin_unlock_irq(&lru->lru_lock);
}

/* whoever has a reference may call it, under any lock or none */
void folio_mark_accessed(struct folio *folio)
{
	folio_clear_idle(folio);
	if (folio_test_clear_referenced(folio))
		folio_activate(folio);
	else
		folio_set_referenced(folio);
}
EXPORT_SYMBOL(folio_mark_accessed);

bool folio_isolate_lru(struct folio *folio)
{
	struct lruvec *lru = folio_lruvec(folio);
	bool ours = folio_test_clear_lru(folio);

	if (ours) {
		folio_get(folio);
		spin_lock_irq(&lru->lru_lock);
		list_del(&folio->lru);
		spin_unlock_irq(&lru->lru_lock);
	}
	return ours;
}

void folio_putback_lru(struct folio *folio)
{
	folio_add_lru(folio);
	put_page(&folio->page);
}

static void leave_lru(struct folio *folio)
{
	struct lruvec *lru = folio_lruvec(folio);

	if (!folio_test_lru(folio))
		return;
	spin_lock_irq(&lru->lru_lock);
	list_del(&folio->lru);
	__folio_clear_lru_flags(folio);			/* NORACE */
	spin_unlock_irq(&lru->lru_lock);
}

/* the reference count has just reached zero */
void __folio_put(struct folio *folio)
{
	unsigned int order = folio_order(folio);

	leave_lru(folio);
	if (order)
		folio_unqueue_deferred_split(folio);
	free_unref_page(&folio->page, order);
}
EXPORT_SYMBOL(__folio_put);

void folios_put(struct folio_batch *fbatch)
{
	while (fbatch->nr) {
		struct folio *folio = fbatch->folios[--fbatch->nr];

		if (folio_put_testzero(folio))
			__folio_put(folio);
	}
}
EXPORT_SYMBOL(folios_put);
