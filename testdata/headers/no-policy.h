/* Before 4.5: accessors of any page, no policies; head and tail told apart by a mask of flags. */
/* CONFIG: CONFIG_MMU=y CONFIG_THP=y */
#ifndef TEST_NO_POLICY_H
#define TEST_NO_POLICY_H

enum pageflags {
	PG_locked,
	PG_dirty,
	PG_slab,
	PG_writing,
#ifdef CONFIG_EXTENDED
	PG_head,			/* FLAG: PG_head - */
	PG_tail,
#else
	PG_compound,			/* FLAG: PG_compound 4 */
#endif
	PG_reclaim,			/* FLAG: PG_reclaim 5 */
#ifdef CONFIG_MMU
	PG_mlocked,			/* FLAG: PG_mlocked 6 */
#endif
	__NR_PAGEFLAGS,
	PG_checked = PG_dirty,		/* FLAG: PG_checked 1 PG_dirty */
};

#define TESTER(U, l) \
static inline int Page##U(const struct page *page) { return test_bit(PG_##l, &page->flags); }
#define SETTER(U, l) \
static inline void SetPage##U(struct page *page) { set_bit(PG_##l, &page->flags); }
#define __SETTER(U, l) \
static inline void __SetPage##U(struct page *page) { __set_bit(PG_##l, &page->flags); }
#define __TEST_CLEARER(U, l) \
static inline int __TestClearPage##U(struct page *page) \
		{ return __test_and_clear_bit(PG_##l, &page->flags); }
#define ALWAYS_FALSE(U) \
static inline int Page##U(const struct page *page) { return 0; }

struct page;	/* forward declaration */

TESTER(Locked, locked)
/* EXPECT: PageLocked PG_locked test read any */
TESTER(Dirty, dirty) SETTER(Dirty, dirty)
	__SETTER(Dirty, dirty)
/* EXPECT: PageDirty PG_dirty test read any */
/* EXPECT: SetPageDirty PG_dirty set atomic any */
/* EXPECT: __SetPageDirty PG_dirty set plain any */
#ifdef CONFIG_MMU
__TEST_CLEARER(Mlocked, mlocked)
#else
ALWAYS_FALSE(Mlocked)
#endif
/* EXPECT: __TestClearPageMlocked PG_mlocked test_and_clear plain any */

#ifdef CONFIG_EXTENDED
TESTER(Head, head)
/* OFF: PageHead PG_head test read any */
#else
#define PG_head_mask ((1L << PG_compound))
#define PG_head_tail_mask ((1L << PG_compound) | (1L << PG_reclaim))

static inline int PageHead(struct page *page)
{
	return ((page->flags & PG_head_tail_mask) == PG_head_mask);
}
/* EXPECT: PageHead PG_compound|PG_reclaim test read any */

static inline void __SetPageTail(struct page *page)
{
	page->flags |= PG_head_tail_mask;
}
/* EXPECT: __SetPageTail PG_compound|PG_reclaim set plain any */

static inline void __ClearPageTail(struct page *page)
{
	page->flags &= ~PG_head_tail_mask;
}
/* EXPECT: __ClearPageTail PG_compound|PG_reclaim clear plain any */
#endif

static inline void set_page_writing(struct page *page)
{
	announce_writing(page);
}

static inline int page_is_special(struct page *page)
{
	return !!(page->flags & (1 << PG_slab | 1 << PG_writing));
}
/* EXPECT: page_is_special PG_slab|PG_writing test read any */
#endif
