#ifndef _LINUX_PAGEMAP_H
#define _LINUX_PAGEMAP_H

#include <linux/fs.h>
#include <linux/mm.h>

int __filemap_add_folio(struct address_space *mapping, struct folio *folio, pgoff_t index);
int filemap_add_folio(struct address_space *mapping, struct folio *folio, pgoff_t index,
		      gfp_t gfp);
struct folio *filemap_alloc_folio(gfp_t gfp, unsigned int order);
struct folio *filemap_get_folio(struct address_space *mapping, pgoff_t index);
struct folio *filemap_grab_folio(struct address_space *mapping, pgoff_t index);
void __filemap_remove_folio(struct folio *folio);

void __folio_lock(struct folio *folio);
void folio_unlock(struct folio *folio);
void folio_wait_writeback(struct folio *folio);
void folio_start_writeback(struct folio *folio);
void folio_end_writeback(struct folio *folio);
bool filemap_dirty_folio(struct address_space *mapping, struct folio *folio);

static inline bool folio_trylock(struct folio *folio)
{
	return !test_and_set_bit_lock(PG_locked, &folio->flags);
}

static inline void folio_lock(struct folio *folio)
{
	if (folio_trylock(folio))
		return;
	__folio_lock(folio);
}

struct folio *readahead_folio(struct readahead_control *rac);

#endif
