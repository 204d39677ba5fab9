#ifndef _LINUX_PAGE_FLAGS_H
#define _LINUX_PAGE_FLAGS_H

#include <linux/mm_types.h>

enum pageflags {
	PG_locked,
	PG_dirty,
	PG_uptodate,
	PG_writeback,
	PG_lru,
	PG_referenced,
	PG_head,
	PG_waiters,
	/* the second page's own flags must not alias any of the above */
	PG_reclaim,
	PG_active,
	PG_unevictable,
	PG_workingset,
	PG_swapbacked,
	PG_mlocked,
	PG_reserved,
	PG_owner_2,
	PG_owner_priv_1,
	PG_hwpoison,
	PG_private,
#ifdef CONFIG_PAGE_IDLE_FLAG
	PG_idle,
	PG_young,
#endif
	__NR_PAGEFLAGS,

	PG_reported = PG_uptodate,		/* free pages only */
	PG_checked = PG_owner_priv_1,
	PG_anon_exclusive = PG_owner_2,
	PG_swapcache = PG_owner_priv_1,

	/* in the second page's word */
	PG_partially_mapped = PG_reclaim,
	PG_large_rmappable = PG_workingset,
	PG_has_hwpoisoned = PG_active,
};

#define PAGEFLAGS_MASK		((1UL << __NR_PAGEFLAGS) - 1)

static __always_inline unsigned long _compound_head(const struct page *page)
{
	unsigned long link = READ_ONCE(page->compound_head);

	return link & 1 ? link - 1 : (unsigned long)page;
}

#define compound_head(page)	((__typeof__(page))_compound_head(page))
#define page_folio(p)		((struct folio *)_compound_head(p))
#define nth_page(page, n)	((page) + (n))
#define folio_page(folio, n)	nth_page(&(folio)->page, n)

static __always_inline int PageTail(const struct page *page)
{
	return (READ_ONCE(page->compound_head) & 1UL) != 0;
}

static __always_inline int PageCompound(const struct page *page)
{
	return PageTail(page) || test_bit(PG_head, &page->flags);
}

static inline const unsigned long *const_folio_flags(const struct folio *folio, unsigned int n)
{
	const struct page *nth = &folio->page + n;

	VM_BUG_ON_PGFLAGS(PageTail(&folio->page), nth);
	return &nth->flags;
}

static inline unsigned long *folio_flags(struct folio *folio, unsigned int n)
{
	struct page *nth = &folio->page + n;

	VM_BUG_ON_PGFLAGS(PageTail(&folio->page), nth);
	return &nth->flags;
}

/*
 * Which page a helper's flag lives in. PF_ANY takes the page as it comes; PF_HEAD goes to
 * the head; PF_NO_TAIL refuses tails when it modifies; PF_NO_COMPOUND refuses both; PF_SECOND
 * takes a head and goes to the page after it.
 */
#define PF_ANY(page, enforce)		(page)
#define PF_HEAD(page, enforce)		compound_head(page)
#define PF_NO_TAIL(page, enforce) ({					\
	VM_BUG_ON_PGFLAGS((enforce) && PageTail(page), page);		\
	compound_head(page); })
#define PF_NO_COMPOUND(page, enforce) ({				\
	VM_BUG_ON_PGFLAGS((enforce) && PageCompound(page), page);	\
	(page); })
#define PF_SECOND(page, enforce) ({					\
	VM_BUG_ON_PGFLAGS(!test_bit(PG_head, &(page)->flags), page);	\
	&(page)[1]; })

/* the same in numbers, for helpers that take a folio */
#define FOLIO_SECOND_PAGE	1
#define FOLIO_HEAD_PAGE		0

#define FOLIO_PF_SECOND		FOLIO_SECOND_PAGE
#define FOLIO_PF_NO_COMPOUND	FOLIO_HEAD_PAGE
#define FOLIO_PF_NO_TAIL	FOLIO_HEAD_PAGE
#define FOLIO_PF_HEAD		FOLIO_HEAD_PAGE
#define FOLIO_PF_ANY		FOLIO_HEAD_PAGE

/* accessors that take a folio; n is the page whose word holds the flag */
#define FOLIO_TEST_FLAG(name, n)					\
static __always_inline bool folio_test_##name(const struct folio *folio) \
{ return test_bit(PG_##name, const_folio_flags(folio, n)); }

#define FOLIO_SET_FLAG(name, n)						\
static __always_inline void folio_set_##name(struct folio *folio)	\
{ set_bit(PG_##name, folio_flags(folio, n)); }

#define FOLIO_CLEAR_FLAG(name, n)					\
static __always_inline void folio_clear_##name(struct folio *folio)	\
{ clear_bit(PG_##name, folio_flags(folio, n)); }

#define __FOLIO_SET_FLAG(name, n)					\
static __always_inline void __folio_set_##name(struct folio *folio)	\
{ __set_bit(PG_##name, folio_flags(folio, n)); }

#define __FOLIO_CLEAR_FLAG(name, n)					\
static __always_inline void __folio_clear_##name(struct folio *folio)	\
{ __clear_bit(PG_##name, folio_flags(folio, n)); }

#define FOLIO_TEST_SET_FLAG(name, n)					\
static __always_inline bool folio_test_set_##name(struct folio *folio)	\
{ return test_and_set_bit(PG_##name, folio_flags(folio, n)); }

#define FOLIO_TEST_CLEAR_FLAG(name, n)					\
static __always_inline bool folio_test_clear_##name(struct folio *folio) \
{ return test_and_clear_bit(PG_##name, folio_flags(folio, n)); }

#define FOLIO_FLAG(name, n)						\
FOLIO_TEST_FLAG(name, n)						\
FOLIO_SET_FLAG(name, n)							\
FOLIO_CLEAR_FLAG(name, n)

/* accessors that take a page, and the folio ones with them */
#define TESTPAGEFLAG(Name, name, policy)				\
FOLIO_TEST_FLAG(name, FOLIO_##policy)					\
static __always_inline int Page##Name(const struct page *page)		\
{ return test_bit(PG_##name, &policy(page, 0)->flags); }

#define SETPAGEFLAG(Name, name, policy)					\
FOLIO_SET_FLAG(name, FOLIO_##policy)					\
static __always_inline void SetPage##Name(struct page *page)		\
{ set_bit(PG_##name, &policy(page, 1)->flags); }

#define CLEARPAGEFLAG(Name, name, policy)				\
FOLIO_CLEAR_FLAG(name, FOLIO_##policy)					\
static __always_inline void ClearPage##Name(struct page *page)		\
{ clear_bit(PG_##name, &policy(page, 1)->flags); }

#define __SETPAGEFLAG(Name, name, policy)				\
__FOLIO_SET_FLAG(name, FOLIO_##policy)					\
static __always_inline void __SetPage##Name(struct page *page)		\
{ __set_bit(PG_##name, &policy(page, 1)->flags); }

#define __CLEARPAGEFLAG(Name, name, policy)				\
__FOLIO_CLEAR_FLAG(name, FOLIO_##policy)				\
static __always_inline void __ClearPage##Name(struct page *page)	\
{ __clear_bit(PG_##name, &policy(page, 1)->flags); }

#define TESTSETFLAG(Name, name, policy)					\
FOLIO_TEST_SET_FLAG(name, FOLIO_##policy)				\
static __always_inline int TestSetPage##Name(struct page *page)		\
{ return test_and_set_bit(PG_##name, &policy(page, 1)->flags); }

#define TESTCLEARFLAG(Name, name, policy)				\
FOLIO_TEST_CLEAR_FLAG(name, FOLIO_##policy)				\
static __always_inline int TestClearPage##Name(struct page *page)	\
{ return test_and_clear_bit(PG_##name, &policy(page, 1)->flags); }

#define PAGEFLAG(Name, name, policy)					\
TESTPAGEFLAG(Name, name, policy)					\
SETPAGEFLAG(Name, name, policy)						\
CLEARPAGEFLAG(Name, name, policy)

#define __PAGEFLAG(Name, name, policy)					\
TESTPAGEFLAG(Name, name, policy)					\
__SETPAGEFLAG(Name, name, policy)					\
__CLEARPAGEFLAG(Name, name, policy)

__PAGEFLAG(Locked, locked, PF_NO_TAIL)
__PAGEFLAG(Head, head, PF_ANY)
__PAGEFLAG(Reported, reported, PF_NO_COMPOUND)

/* set and cleared by anybody who can reach the page */
PAGEFLAG(Referenced, referenced, PF_HEAD)
PAGEFLAG(Active, active, PF_HEAD)
PAGEFLAG(Dirty, dirty, PF_HEAD)
PAGEFLAG(LRU, lru, PF_HEAD)
PAGEFLAG(Unevictable, unevictable, PF_HEAD)
PAGEFLAG(Workingset, workingset, PF_HEAD)
PAGEFLAG(Mlocked, mlocked, PF_NO_TAIL)
PAGEFLAG(Reclaim, reclaim, PF_NO_TAIL)
PAGEFLAG(SwapBacked, swapbacked, PF_NO_TAIL)
PAGEFLAG(SwapCache, swapcache, PF_NO_TAIL)
PAGEFLAG(Checked, checked, PF_NO_COMPOUND)
PAGEFLAG(Reserved, reserved, PF_NO_COMPOUND)
PAGEFLAG(HWPoison, hwpoison, PF_ANY)
PAGEFLAG(Private, private, PF_ANY)
FOLIO_FLAG(waiters, FOLIO_HEAD_PAGE)

/* and the answer of what it was before */
TESTCLEARFLAG(Active, active, PF_HEAD)
TESTCLEARFLAG(Dirty, dirty, PF_HEAD)
TESTCLEARFLAG(LRU, lru, PF_HEAD)
TESTCLEARFLAG(Reclaim, reclaim, PF_NO_TAIL)
TESTSETFLAG(Dirty, dirty, PF_HEAD)
TESTSETFLAG(HWPoison, hwpoison, PF_ANY)
TESTSETFLAG(Mlocked, mlocked, PF_NO_TAIL)
FOLIO_TEST_CLEAR_FLAG(referenced, FOLIO_HEAD_PAGE)

/* writeback begins and ends only through these */
TESTPAGEFLAG(Writeback, writeback, PF_NO_TAIL)
TESTCLEARFLAG(Writeback, writeback, PF_NO_TAIL)
TESTSETFLAG(Writeback, writeback, PF_NO_TAIL)

/* plain: for whoever has the page to itself */
__FOLIO_SET_FLAG(referenced, FOLIO_HEAD_PAGE)
__SETPAGEFLAG(Reserved, reserved, PF_NO_COMPOUND)
__SETPAGEFLAG(SwapBacked, swapbacked, PF_NO_TAIL)
__CLEARPAGEFLAG(Active, active, PF_HEAD)
__CLEARPAGEFLAG(Dirty, dirty, PF_HEAD)
__CLEARPAGEFLAG(LRU, lru, PF_HEAD)
__CLEARPAGEFLAG(Mlocked, mlocked, PF_NO_TAIL)
__CLEARPAGEFLAG(Reserved, reserved, PF_NO_COMPOUND)
__CLEARPAGEFLAG(SwapBacked, swapbacked, PF_NO_TAIL)
__CLEARPAGEFLAG(Unevictable, unevictable, PF_HEAD)

#ifdef CONFIG_PAGE_IDLE_FLAG
FOLIO_FLAG(young, FOLIO_HEAD_PAGE)
FOLIO_FLAG(idle, FOLIO_HEAD_PAGE)
#else
static inline bool folio_test_young(const struct folio *folio) { return false; }
static inline void folio_set_young(struct folio *folio) { }
static inline void folio_clear_young(struct folio *folio) { }
static inline bool folio_test_idle(const struct folio *folio) { return false; }
static inline void folio_set_idle(struct folio *folio) { }
static inline void folio_clear_idle(struct folio *folio) { }
#endif

/* the second page's word */
FOLIO_FLAG(has_hwpoisoned, FOLIO_SECOND_PAGE)
FOLIO_TEST_FLAG(large_rmappable, FOLIO_SECOND_PAGE)
__FOLIO_SET_FLAG(large_rmappable, FOLIO_SECOND_PAGE)
FOLIO_TEST_FLAG(partially_mapped, FOLIO_SECOND_PAGE)
/* split_queue_lock protects PG_partially_mapped, so plain accesses do */
__FOLIO_SET_FLAG(partially_mapped, FOLIO_SECOND_PAGE)
__FOLIO_CLEAR_FLAG(partially_mapped, FOLIO_SECOND_PAGE)

static inline bool folio_test_large(const struct folio *folio)
{
	return test_bit(PG_head, &folio->flags);
}

/* the contents must be visible before the bit that vouches for them */
static __always_inline void __folio_mark_uptodate(struct folio *folio)
{
	smp_wmb();
	__set_bit(PG_uptodate, folio_flags(folio, FOLIO_HEAD_PAGE));
}

static __always_inline void folio_mark_uptodate(struct folio *folio)
{
	smp_wmb();
	set_bit(PG_uptodate, folio_flags(folio, FOLIO_HEAD_PAGE));
}

static inline bool folio_test_uptodate(const struct folio *folio)
{
	bool uptodate = test_bit(PG_uptodate, const_folio_flags(folio, FOLIO_HEAD_PAGE));

	if (uptodate)
		smp_rmb();
	return uptodate;
}

static __always_inline void __SetPageUptodate(struct page *page)
{
	__folio_mark_uptodate(page_folio(page));
}

static __always_inline void SetPageUptodate(struct page *page)
{
	folio_mark_uptodate(page_folio(page));
}

static inline int PageUptodate(const struct page *page)
{
	return test_bit(PG_uptodate, &compound_head(page)->flags);
}

/* any page of an anonymous folio, the second one included */
static __always_inline int PageAnonExclusive(const struct page *page)
{
	return test_bit(PG_anon_exclusive, &page->flags);
}

static __always_inline void SetPageAnonExclusive(struct page *page)
{
	VM_BUG_ON_PGFLAGS(!page->mapping, page);
	set_bit(PG_anon_exclusive, &page->flags);
}

static __always_inline void ClearPageAnonExclusive(struct page *page)
{
	clear_bit(PG_anon_exclusive, &page->flags);
}

static __always_inline void __ClearPageAnonExclusive(struct page *page)
{
	__clear_bit(PG_anon_exclusive, &page->flags);
}

/* flips PG_locked off and says whether somebody waits; one atomic step */
static inline bool folio_xor_flags_has_waiters(struct folio *folio, unsigned long mask)
{
	return xor_unlock_is_negative_byte(mask, &folio->flags);
}

static inline void set_compound_head(struct page *page, struct page *head)
{
	WRITE_ONCE(page->compound_head, (unsigned long)head | 1);
}

static inline void clear_compound_head(struct page *page)
{
	WRITE_ONCE(page->compound_head, 0);
}

/* page types live in page_type, not in the flags word */
#define PGTY_BUDDY	0xf0000000u
#define PGTY_TABLE	0xf2000000u
#define PGTY_SLAB	0xf5000000u

#define PAGE_TYPE_OPS(Name, name, type)					\
static inline bool folio_test_##name(const struct folio *folio)		\
{ return READ_ONCE(folio->page.page_type) == PGTY_##type; }		\
static inline void __folio_set_##name(struct folio *folio)		\
{ folio->page.page_type = PGTY_##type; }				\
static inline void __folio_clear_##name(struct folio *folio)		\
{ folio->page.page_type = ~0u; }					\
static inline bool Page##Name(const struct page *page)			\
{ return READ_ONCE(page->page_type) == PGTY_##type; }			\
static inline void __SetPage##Name(struct page *page)			\
{ page->page_type = PGTY_##type; }					\
static inline void __ClearPage##Name(struct page *page)			\
{ page->page_type = ~0u; }

PAGE_TYPE_OPS(Buddy, buddy, BUDDY)
PAGE_TYPE_OPS(Table, pgtable, TABLE)
PAGE_TYPE_OPS(Slab, slab, SLAB)

#define PAGE_FLAGS_SECOND						\
	(1UL << PG_has_hwpoisoned | 1UL << PG_large_rmappable |		\
	 1UL << PG_partially_mapped)
#define PAGE_FLAGS_CHECK_AT_PREP	(PAGEFLAGS_MASK & ~(1UL << PG_hwpoison))

#endif
