#ifndef _LINUX_MM_H
#define _LINUX_MM_H

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/mmzone.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

void __folio_put(struct folio *folio);
void folio_copy(struct folio *dst, struct folio *src);
void clear_huge_page(struct page *page, unsigned long addr, unsigned int nr);
struct page *vm_normal_page(struct vm_area_struct *vma, unsigned long addr, pte_t pte);
struct folio *vm_normal_folio(struct vm_area_struct *vma, unsigned long addr, pte_t pte);

static inline void *page_address(const struct page *page)
{
	return (void *)(page_to_pfn(page) << PAGE_SHIFT);
}

static inline void clear_highpage(struct page *page)
{
	memset(page_address(page), 0, PAGE_SIZE);
}

static inline int put_page_testzero(struct page *page)
{
	BUG_ON(!page_ref_count(page));
	return page_ref_dec_and_test(page) != 0;
}

static inline int folio_put_testzero(struct folio *folio)
{
	BUG_ON(!folio_ref_count(folio));
	return page_ref_dec_and_test(&folio->page) != 0;
}

static inline void folio_get(struct folio *folio)
{
	folio_ref_inc(folio);
}

static inline void folio_put(struct folio *folio)
{
	if (!folio_put_testzero(folio))
		return;
	__folio_put(folio);
}

static inline void get_page(struct page *page)
{
	page_ref_inc(compound_head(page));
}

static inline void put_page(struct page *page)
{
	struct folio *whole = page_folio(page);

	folio_put(whole);
}

static inline unsigned long folio_nr_pages(const struct folio *folio)
{
	return folio_test_large(folio) ? folio->_folio_nr_pages : 1;
}

static inline unsigned int folio_order(const struct folio *folio)
{
	return folio_test_large(folio) ? 9 : 0;
}

static inline int folio_mapcount(const struct folio *folio)
{
	return atomic_read(&folio->_mapcount) + 1;
}

static inline bool folio_mapped(const struct folio *folio)
{
	return folio_mapcount(folio) != 0;
}

static inline bool folio_test_anon(const struct folio *folio)
{
	return ((unsigned long)folio->mapping & 1) != 0;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address,
			   unsigned int flags);
int memory_failure(unsigned long pfn, int flags);

#endif
