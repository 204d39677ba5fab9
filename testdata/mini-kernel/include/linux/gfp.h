#ifndef _LINUX_GFP_H
#define _LINUX_GFP_H

#include <linux/page_ref.h>

#define GFP_KERNEL	0x0cc0u
#define GFP_ATOMIC	0x0820u
#define GFP_HIGHUSER_MOVABLE	0x100ccau
#define __GFP_ZERO	0x0100u
#define __GFP_COMP	0x40000u
#define __GFP_NOWARN	0x2000u

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int nid, void *nodemask);
struct folio *__folio_alloc(gfp_t gfp, unsigned int order, int nid, void *nodemask);
struct page *alloc_pages(gfp_t gfp, unsigned int order);
struct folio *folio_alloc(gfp_t gfp, unsigned int order);
struct folio *vma_alloc_folio(gfp_t gfp, int order, struct vm_area_struct *vma,
			      unsigned long addr, bool hugepage);
unsigned long alloc_pages_bulk_array(gfp_t gfp, unsigned long nr, struct page **pages);

#define alloc_page(gfp)	alloc_pages(gfp, 0)
#define alloc_page_vma(gfp, vma, addr) \
	({ struct folio *__f = vma_alloc_folio(gfp, 0, vma, addr, false); \
	   __f ? &__f->page : NULL; })

void __free_pages(struct page *page, unsigned int order);
#define __free_page(page)	__free_pages(page, 0)

#endif
