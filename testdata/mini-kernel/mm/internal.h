#ifndef _MM_INTERNAL_H
#define _MM_INTERNAL_H

#include <linux/mm.h>

void free_unref_page(struct page *page, unsigned int order);
void prep_compound_page(struct page *page, unsigned int order);
bool __folio_unqueue_deferred_split(struct folio *folio);

/* the last reference is gone and the folio leaves its list: nobody else can write the word */
static inline void __folio_clear_lru_flags(struct folio *folio)
{
	__folio_clear_lru(folio);
	if (folio_test_active(folio))
		__folio_clear_active(folio);
	if (folio_test_unevictable(folio))
		__folio_clear_unevictable(folio);
}

#endif
