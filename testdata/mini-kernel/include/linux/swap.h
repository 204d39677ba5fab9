#ifndef _LINUX_SWAP_H
#define _LINUX_SWAP_H

#include <linux/mm.h>

void folio_add_lru(struct folio *folio);
void folio_mark_accessed(struct folio *folio);
void folio_activate(struct folio *folio);
bool folio_isolate_lru(struct folio *folio);
void folio_putback_lru(struct folio *folio);

typedef struct { unsigned long val; } swp_entry_t;
int add_to_swap_cache(struct folio *folio, swp_entry_t entry, gfp_t gfp);
struct folio *swap_cache_get_folio(swp_entry_t entry);

#endif
