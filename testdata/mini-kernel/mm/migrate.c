/* Migration: a new folio takes an old one's place in its mapping. */
#include <linux/migrate.h>
#include <linux/rmap.h>
#include <linux/swap.h>

int folio_migrate_mapping(struct address_space *mapping, struct folio *newfolio,
			  struct folio *folio, int extra_count)
{
	XA_STATE(slot, &mapping->i_pages, folio->index);
	int refs = extra_count + 2;

	xas_lock_irq(&slot);
	if (folio_ref_freeze(folio, refs) == 0) {
		xas_unlock_irq(&slot);
		return -EBUSY;
	}
	/* nobody can hold the old one now, and nobody has seen the new one yet */
	if (folio_test_dirty(folio)) {
		folio_set_dirty(newfolio);
		__folio_clear_dirty(folio);		/* NORACE */
	}
	if (folio_test_anon(folio) || folio_test_swapbacked(folio))
		__folio_set_swapbacked(newfolio);	/* NORACE */
	newfolio->mapping = mapping;
	newfolio->index = folio->index;
	folio_get(newfolio);
	xas_store(&slot, newfolio);
	folio_ref_unfreeze(folio, refs - 1);
	xas_unlock_irq(&slot);
	return 0;
}

static int move_one(struct folio *from, struct folio *to)
{
	int error;

	folio_lock(to);
	folio_lock(from);
	folio_copy(to, from);
	error = folio_migrate_mapping(from->mapping, to, from, 0);
	folio_unlock(from);
	folio_unlock(to);
	return error;
}

int migrate_pages(struct list_head *from, new_folio_t get_new_folio, free_folio_t put_new_folio,
		  unsigned long private)
{
	struct folio *old, *next;
	int failed = 0;

	list_for_each_entry_safe(old, next, from, lru) {
		struct folio *target = get_new_folio(old, private);

		if (!target)
			return -ENOMEM;
		if (!move_one(old, target)) {
			folio_add_lru(target);
			continue;
		}
		put_new_folio(target, private);
		failed++;
	}
	return failed;
}

static struct folio *new_on_node(struct folio *old, unsigned long node)
{
	return __folio_alloc(GFP_HIGHUSER_MOVABLE, folio_order(old), (int)node, NULL);
}

static void drop_unused(struct folio *target, unsigned long node)
{
	folio_put(target);
}

int migrate_to_node(struct list_head *folios, int nid)
{
	return migrate_pages(folios, new_on_node, drop_unused, nid);
}
EXPORT_SYMBOL(migrate_to_node);
