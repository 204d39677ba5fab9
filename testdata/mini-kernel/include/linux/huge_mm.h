#ifndef _LINUX_HUGE_MM_H
#define _LINUX_HUGE_MM_H

#include <linux/mm.h>

void deferred_split_folio(struct folio *folio, bool partially_mapped);
bool folio_unqueue_deferred_split(struct folio *folio);
int split_folio_to_list(struct folio *folio, struct list_head *list);
vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf);

#endif
