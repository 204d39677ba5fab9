#ifndef _LINUX_PAGE_REF_H
#define _LINUX_PAGE_REF_H

#include <linux/page-flags.h>

/* The head's _refcount counts whoever may look at the folio; at zero nobody may. */

static inline int folio_ref_count(const struct folio *folio)
{
	return atomic_read(&folio->_refcount);
}

static inline int page_ref_count(const struct page *page)
{
	return READ_ONCE(page->_refcount.counter);
}

static inline int page_count(const struct page *page)
{
	return page_ref_count(compound_head(page));
}

static inline void folio_set_count(struct folio *folio, int v)
{
	atomic_set(&folio->_refcount, v);
}

static inline void set_page_count(struct page *page, int v)
{
	WRITE_ONCE(page->_refcount.counter, v);
}

static inline void init_page_count(struct page *page)
{
	WRITE_ONCE(page->_refcount.counter, 1);
}

static inline void folio_ref_inc(struct folio *folio)
{
	atomic_inc(&folio->_refcount);
}

static inline void page_ref_inc(struct page *page)
{
	atomic_add(1, &page->_refcount);
}

static inline void folio_ref_add(struct folio *folio, int nr)
{
	atomic_add(nr, &folio->_refcount);
}

static inline int page_ref_dec_and_test(struct page *page)
{
	return atomic_sub_and_test(1, &page->_refcount);
}

static inline int folio_ref_sub_and_test(struct folio *folio, int nr)
{
	return atomic_sub_and_test(nr, &folio->_refcount);
}

/* a reference by speculation: fails on a folio that is frozen or being freed */
static inline bool folio_try_get(struct folio *folio)
{
	return atomic_add_unless(&folio->_refcount, 1, 0);
}

/* takes the count from the expected value to zero, so that nobody can take a reference */
static inline int folio_ref_freeze(struct folio *folio, int count)
{
	int seen = atomic_cmpxchg(&folio->_refcount, count, 0);

	return seen == count;
}

static inline int page_ref_freeze(struct page *page, int count)
{
	int seen = atomic_cmpxchg(&page->_refcount, count, 0);

	return seen == count;
}

/* and gives the folio back to the world */
static inline void folio_ref_unfreeze(struct folio *folio, int count)
{
	atomic_set_release(&folio->_refcount, count);
}

static inline void page_ref_unfreeze(struct page *page, int count)
{
	BUG_ON(page_ref_count(page));
	smp_store_release(&page->_refcount.counter, count);
}

#endif
