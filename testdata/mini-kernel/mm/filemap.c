/* The page cache: folios of a file, found through the mapping's i_pages. */
#include <linux/pagemap.h>
#include <linux/swap.h>
#include "internal.h"

/* 0: from here on lookups find the folio; an error: they never did */
int __filemap_add_folio(struct address_space *mapping, struct folio *folio, pgoff_t index)
{
	XA_STATE(slot, &mapping->i_pages, index);
	unsigned long pages = folio_nr_pages(folio);
	int error = -EEXIST;

	folio->index = index;
	folio->mapping = mapping;
	folio_ref_add(folio, pages);
	xas_lock_irq(&slot);
	if (!xas_load(&slot)) {
		xas_store(&slot, folio);
		error = xas_error(&slot);
	}
	if (!error)
		mapping->nrpages += pages;
	xas_unlock_irq(&slot);
	if (error) {
		folio_ref_add(folio, -(int)pages);
		folio->mapping = NULL;
	}
	return error;
}
EXPORT_SYMBOL_GPL(__filemap_add_folio);

/* takes a new folio, locks it and makes it findable */
int filemap_add_folio(struct address_space *mapping, struct folio *folio, pgoff_t index,
		      gfp_t gfp)
{
	int error;

	__folio_set_locked(folio);			/* NORACE */
	error = __filemap_add_folio(mapping, folio, index);
	if (error) {
		__folio_clear_locked(folio);		/* NORACE */
		return error;
	}
	folio_add_lru(folio);
	return 0;
}
EXPORT_SYMBOL_GPL(filemap_add_folio);

struct folio *filemap_alloc_folio(gfp_t gfp, unsigned int order)
{
	return __folio_alloc(gfp, order, 0, NULL);
}
EXPORT_SYMBOL(filemap_alloc_folio);

/* the cached folio with a reference, or an error */
struct folio *filemap_get_folio(struct address_space *mapping, pgoff_t index)
{
	struct folio *found;

	rcu_read_lock();
	found = xa_load(&mapping->i_pages, index);
	if (!found || !folio_try_get(found))
		found = ERR_PTR(-ENOENT);
	rcu_read_unlock();
	return found;
}
EXPORT_SYMBOL(filemap_get_folio);

static struct folio *filemap_new_folio(struct address_space *mapping, pgoff_t index)
{
	struct folio *fresh = filemap_alloc_folio(GFP_KERNEL, 0);
	int error;

	if (!fresh)
		return ERR_PTR(-ENOMEM);
	__folio_set_referenced(fresh);			/* NORACE */
	error = filemap_add_folio(mapping, fresh, index, GFP_KERNEL);
	if (!error)
		return fresh;
	folio_put(fresh);
	return ERR_PTR(error);
}

/* the folio at the index, locked: the cached one, or a new one */
struct folio *filemap_grab_folio(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio;

	do {
		folio = filemap_get_folio(mapping, index);
		if (!IS_ERR(folio)) {
			folio_lock(folio);
			break;
		}
		folio = filemap_new_folio(mapping, index);
	} while (IS_ERR(folio) && PTR_ERR(folio) == -EEXIST);
	return folio;
}
EXPORT_SYMBOL(filemap_grab_folio);

/* under the lock of i_pages */
void __filemap_remove_folio(struct folio *folio)
{
	struct address_space *from = folio->mapping;
	XA_STATE(slot, &from->i_pages, folio->index);

	from->nrpages -= folio_nr_pages(folio);
	xas_store(&slot, NULL);
	folio->mapping = NULL;
}

/* a sleeper says that it sleeps, without holding the lock that it waits for */
void __folio_lock(struct folio *folio)
{
	while (!folio_trylock(folio)) {
		folio_set_waiters(folio);
		cond_resched();
	}
}
EXPORT_SYMBOL(__folio_lock);

void folio_unlock(struct folio *folio)
{
	bool waited = folio_xor_flags_has_waiters(folio, BIT(PG_locked));

	if (waited)
		folio_clear_waiters(folio);
}
EXPORT_SYMBOL(folio_unlock);

void folio_wait_writeback(struct folio *folio)
{
	for (; folio_test_writeback(folio); cond_resched())
		folio_set_waiters(folio);
}
EXPORT_SYMBOL_GPL(folio_wait_writeback);

void folio_start_writeback(struct folio *folio)
{
	folio_get(folio);
	folio_test_set_writeback(folio);
}
EXPORT_SYMBOL(folio_start_writeback);

/* called when the device is done, from any context */
void folio_end_writeback(struct folio *folio)
{
	if (folio_test_clear_reclaim(folio))
		folio_set_workingset(folio);
	folio_test_clear_writeback(folio);
	put_page(&folio->page);
}
EXPORT_SYMBOL(folio_end_writeback);

bool filemap_dirty_folio(struct address_space *mapping, struct folio *folio)
{
	bool was_dirty = folio_test_set_dirty(folio);

	return !was_dirty;
}
EXPORT_SYMBOL(filemap_dirty_folio);

struct folio *readahead_folio(struct readahead_control *rac)
{
	unsigned long index = rac->_index++;

	if (!rac->_nr_pages)
		return NULL;
	rac->_nr_pages--;
	return xa_load(&rac->mapping->i_pages, index);
}
EXPORT_SYMBOL_GPL(readahead_folio);
