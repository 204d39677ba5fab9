/* The middle era: page and folio accessors from one macro, folio_flags(folio, n), stubs. */
/* CONFIG: CONFIG_MMU=y CONFIG_SWAP=y CONFIG_THP=y CONFIG_HWP=m CONFIG_64BIT=y */
#ifndef TEST_FOLIOS_H
#define TEST_FOLIOS_H

enum pageflags {
	PG_locked,
	PG_dirty,
	PG_uptodate,
	PG_active,
	PG_swapbacked,
	PG_owner,
	PG_reclaim,
	PG_head,
	PG_waiters,
	__NR_PAGEFLAGS,
	PG_swapcache = PG_owner,	/* FLAG: PG_swapcache 5 PG_owner */
	PG_exclusive = PG_owner,
	PG_partial = PG_reclaim,	/* FLAG: PG_partial 6 PG_reclaim */
	PG_has_bad = PG_active,
};

#ifndef __GENERATING_BOUNDS_H

static inline const struct page *fixed(const struct page *page)
{
	if (test_bit(PG_head, &page->flags))
		return page - 1;
	return page;
}
static inline unsigned long _compound_head(const struct page *page)
{
	return (unsigned long)fixed(page);
}
#define compound_head(page)	((typeof(page))_compound_head(page))
#define page_folio(p)	(_Generic((p), \
	const struct page *: (const struct folio *)_compound_head(p), \
	struct page *: (struct folio *)_compound_head(p)))

static unsigned long *folio_flags(struct folio *folio, unsigned n)
{
	struct page *page = &folio->page;

	VM_BUG_ON_PGFLAGS(page->parent & 1, page);
	VM_BUG_ON_PGFLAGS(n > 0 && !test_bit(PG_head, &page->flags), page);
	return &page[n].flags;
}

#define CHECKED(page) ({ VM_BUG_ON_PGFLAGS(PagePoisoned(page), page); page; })
#define PF_ANY(page, enforce)	CHECKED(page)
#define PF_HEAD(page, enforce)	CHECKED(compound_head(page))
#define PF_SECOND(page, enforce) ({ VM_BUG_ON_PGFLAGS(!PageHead(page), page); CHECKED(&page[1]); })
#define FOLIO_PF_ANY	0
#define FOLIO_PF_HEAD	0
#define FOLIO_PF_SECOND	1
#define FOLIO_HEAD_PAGE		0
#define FOLIO_SECOND_PAGE	1

#define FOLIO_TEST(name, n) \
static __always_inline bool folio_test_##name(const struct folio *folio) \
{ return test_bit(PG_##name, folio_flags((struct folio *)folio, n)); }
#define FOLIO_SET(name, n) \
static __always_inline \
void folio_set_##name(struct folio *folio) \
{ set_bit(PG_##name, folio_flags(folio, n)); }
#define __FOLIO_SET(name, n) \
static __always_inline void __folio_set_##name(struct folio *folio) \
{ __set_bit(PG_##name, folio_flags(folio, n)); }
#define __FOLIO_CLEAR(name, n) \
static __always_inline void __folio_clear_##name(struct folio *folio) \
{ __clear_bit(PG_##name, folio_flags(folio, n)); }

#define PAGE_SET(U, l, policy) FOLIO_SET(l, FOLIO_##policy) \
static __always_inline void SetPage##U(struct page *page) \
{ set_bit(PG_##l, &policy(page, 1)->flags); }

PAGE_SET(Dirty, dirty, PF_HEAD)
/* EXPECT: folio_set_dirty PG_dirty set atomic head */
/* EXPECT: SetPageDirty PG_dirty set atomic head */
#if defined(CONFIG_THP) && IS_ENABLED(CONFIG_HWP)
PAGE_SET(HasBad, has_bad, PF_SECOND)
#endif
/* EXPECT: folio_set_has_bad PG_has_bad set atomic second */
/* EXPECT: SetPageHasBad PG_has_bad set atomic second */
#ifdef CONFIG_HWP
FOLIO_TEST(active, FOLIO_HEAD_PAGE)
#endif
/* OFF: folio_test_active PG_active test read head */
/* INACTIVE: folio_test_active */

#ifdef CONFIG_THP
__FOLIO_SET(partial, FOLIO_SECOND_PAGE)
	__FOLIO_CLEAR(partial, FOLIO_SECOND_PAGE)
#else
static inline void __folio_set_partial(struct folio *folio) { }
#endif
/* EXPECT: __folio_set_partial PG_partial set plain second */
/* EXPECT: __folio_clear_partial PG_partial clear plain second */

#if !defined(CONFIG_THP) || BITS_PER_LONG == 32
FOLIO_SET(reclaim, FOLIO_HEAD_PAGE)
#elif defined(CONFIG_MMU)
FOLIO_TEST(reclaim, FOLIO_HEAD_PAGE)
#else
__FOLIO_SET(reclaim, FOLIO_HEAD_PAGE)
#endif
/* OFF: folio_set_reclaim PG_reclaim set atomic head */
/* OFF: __folio_set_reclaim PG_reclaim set plain head */
/* EXPECT: folio_test_reclaim PG_reclaim test read head */
/* INACTIVE: folio_set_reclaim */
/* INACTIVE: __folio_set_reclaim */

#ifdef CONFIG_SWAP
FOLIO_TEST(swapbacked, FOLIO_HEAD_PAGE)
static __always_inline bool folio_test_swapcache(const struct folio *folio)
{
	return folio_test_swapbacked(folio) &&
		test_bit(PG_swapcache, folio_flags((struct folio *)folio, 0));
}
static __always_inline bool PageSwapCache(struct page *page)
{
	return folio_test_swapcache(page_folio(page));
}
#endif
/* EXPECT: folio_test_swapbacked PG_swapbacked test read head */
/* EXPECT: folio_test_swapcache PG_swapcache test read head */
/* EXPECT: PageSwapCache PG_swapcache test read head */

static inline bool folio_xor_flags_has_waiters(struct folio *folio, unsigned long mask)
{
	return xor_unlock_is_negative_byte(mask, folio_flags(folio, 0));
}
/* EXPECT: folio_xor_flags_has_waiters - change atomic head */

static inline bool folio_unlock_fast(struct folio *folio)
{
	return xor_unlock_is_negative_byte(1UL << PG_locked, folio_flags(folio, 0));
}
/* EXPECT: folio_unlock_fast PG_locked change atomic head */

static inline void folio_unlock_slow(struct folio *folio)
{
	__clear_bit_unlock(PG_locked, &folio->flags);
}
/* EXPECT: folio_unlock_slow PG_locked clear plain head */

static __always_inline void __folio_mark_uptodate(struct folio *folio)
{
	smp_wmb();
	__set_bit(PG_uptodate, folio_flags(folio, 0));
}
static __always_inline void __SetPageUptodate(struct page *page)
{
	__folio_mark_uptodate((struct folio *)page);
}
/* EXPECT: __folio_mark_uptodate PG_uptodate set plain head */
/* EXPECT: __SetPageUptodate PG_uptodate set plain head */

/* Which page it is hangs on a condition: it may be any. PageHuge() is elsewhere when it exists. */
#ifdef CONFIG_MMU
int PageHuge(struct page *page);
#else
static inline int PageHuge(struct page *page) { return 0; }
#endif
static __always_inline int PageExclusive(const struct page *page)
{
	if (PageHuge(page))
		page = compound_head(page);
	return test_bit(PG_exclusive, &PF_ANY(page, 1)->flags);
}
static __always_inline void __ClearPageExclusive(struct page *page)
{
	VM_BUG_ON_PGFLAGS(PageHuge(page) && !PageHead(page), page);
	__clear_bit(PG_exclusive, &PF_ANY(page, 1)->flags);
}
/* EXPECT: PageExclusive PG_exclusive test read any */
/* EXPECT: __ClearPageExclusive PG_exclusive clear plain any */

/* Not flags: another word of the same struct. */
static inline void __folio_set_slab(struct folio *folio)
{
	folio->page.page_type = 0xf5u << 24;
}
#endif
#endif
