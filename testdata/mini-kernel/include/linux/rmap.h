#ifndef _LINUX_RMAP_H
#define _LINUX_RMAP_H

#include <linux/mm.h>

struct rmap_walk_control {
	int (*done)(struct folio *folio);
	bool (*rmap_one)(struct folio *folio, struct vm_area_struct *vma, unsigned long addr,
			 void *arg);
	void *arg;
};

struct anon_vma {
	struct rw_semaphore rwsem;
	struct vm_area_struct *first;
};

void rmap_walk(struct folio *folio, struct rmap_walk_control *rwc);
void folio_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma,
			     unsigned long addr);
void folio_add_anon_rmap_pte(struct folio *folio, struct page *page,
			     struct vm_area_struct *vma, bool exclusive);
void folio_remove_rmap_pte(struct folio *folio, struct page *page,
			   struct vm_area_struct *vma);
int folio_referenced(struct folio *folio);
bool try_to_unmap(struct folio *folio);

#endif
