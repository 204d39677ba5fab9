/* The oldest era: accessors of struct page only, a policy argument, one macro per operation. */
/* CONFIG: CONFIG_MMU=y CONFIG_POISON=y */
#ifndef TEST_PAGES_ONLY_H
#define TEST_PAGES_ONLY_H

enum pageflags {
	PG_locked,		/* FLAG: PG_locked 0 */
	PG_error,
	PG_uptodate,
	PG_head,
	PG_owner,
	PG_slab,
#ifdef CONFIG_MMU
	PG_mlocked,		/* FLAG: PG_mlocked 6 */
#endif
#ifdef CONFIG_UNCACHED
	PG_uncached,		/* FLAG: PG_uncached - */
#endif
#if defined(CONFIG_POISON) && defined(CONFIG_MMU)
	PG_poison,		/* FLAG: PG_poison 7 */
#endif
	__NR_PAGEFLAGS,
	PG_checked = PG_owner,	/* FLAG: PG_checked 4 PG_owner */
	PG_double = PG_error,	/* FLAG: PG_double 1 PG_error */
};

#ifndef __GENERATING_BOUNDS_H

static inline struct page *compound_head(struct page *page)
{
	unsigned long up = READ_ONCE(page->parent);

	return unlikely(up & 1) ? (struct page *)(up - 1) : page;
}

static inline int PageTail(struct page *page) { return READ_ONCE(page->parent) & 1; }

#define CHECKED(p) ({ VM_BUG_ON_PGFLAGS(PagePoisoned(p), p); p; })
#define PF_ANY(page, enforce)	CHECKED(page)
#define PF_HEAD(page, enforce)	CHECKED(compound_head(page))
#define PF_ONLY_HEAD(page, enforce) ({			\
		VM_BUG_ON_PGFLAGS(PageTail(page), page);	\
		CHECKED(page); })
#define PF_NO_COMPOUND(page, enforce) ({			\
		VM_BUG_ON_PGFLAGS(enforce && PageCompound(page), page); \
		CHECKED(page); })
#define PF_SECOND(page, enforce) ({			\
		VM_BUG_ON_PGFLAGS(!PageHead(page), page);	\
		CHECKED(&page[1]); })

#define TESTER(U, l, policy) \
static __always_inline int Page##U(struct page *page) \
	{ return test_bit(PG_##l, &policy(page, 0)->flags); }
#define SETTER(U, l, policy) \
static __always_inline void SetPage##U(struct page *page) \
	{ set_bit(PG_##l, &policy(page, 1)->flags); }
#define CLEARER(U, l, policy) \
static __always_inline void ClearPage##U(struct page *page) \
	{ clear_bit(PG_##l, &policy(page, 1)->flags); }
#define QUICK_SETTER(U, l, policy) \
static __always_inline void __SetPage##U(struct page *page) \
	{ __set_bit(PG_##l, &policy(page, 1)->flags); }
#define QUICK_CLEARER(U, l, policy) \
static __always_inline void __ClearPage##U(struct page *page) \
	{ __clear_bit(PG_##l, &policy(page, 1)->flags); }
#define CLAIMER(U, l, policy) \
static __always_inline int TestSetPage##U(struct page *page) \
	{ return test_and_set_bit(PG_##l, &policy(page, 1)->flags); }
#define ALL_THREE(U, l, policy) TESTER(U, l, policy) SETTER(U, l, policy) CLEARER(U, l, policy)
#define QUICK(U, l, policy) \
	TESTER(U, l, policy) QUICK_SETTER(U, l, policy) QUICK_CLEARER(U, l, policy)
#define NOTHING(U) \
static inline int Page##U(const struct page *page) { return 0; } \
static inline void SetPage##U(struct page *page) {  } \
static inline void ClearPage##U(struct page *page) {  }

QUICK(Locked, locked, PF_ONLY_HEAD)
/* EXPECT: PageLocked PG_locked test read head */
/* EXPECT: __SetPageLocked PG_locked set plain head */
/* EXPECT: __ClearPageLocked PG_locked clear plain head */
ALL_THREE(Error, error, PF_HEAD) CLAIMER(Error, error, PF_HEAD)
	QUICK_CLEARER(Error, error, PF_HEAD)
/* EXPECT: PageError PG_error test read head */
/* EXPECT: SetPageError PG_error set atomic head */
/* EXPECT: ClearPageError PG_error clear atomic head */
/* EXPECT: TestSetPageError PG_error test_and_set atomic head */
/* EXPECT: __ClearPageError PG_error clear plain head */
ALL_THREE(Checked, checked, PF_NO_COMPOUND)
/* EXPECT: PageChecked PG_checked test read head */
/* EXPECT: SetPageChecked PG_checked set atomic head */
/* EXPECT: ClearPageChecked PG_checked clear atomic head */
QUICK(Double, double, PF_SECOND);
/* EXPECT: PageDouble PG_double test read second */
/* EXPECT: __SetPageDouble PG_double set plain second */
/* EXPECT: __ClearPageDouble PG_double clear plain second */
SETTER(Slab, slab, PF_ANY)
/* EXPECT: SetPageSlab PG_slab set atomic any */

#ifdef CONFIG_UNCACHED
SETTER(Uncached, uncached, PF_HEAD) CLEARER(Uncached, uncached, PF_HEAD)
#else
NOTHING(Uncached)
#endif
/* OFF: SetPageUncached PG_uncached set atomic head */
/* OFF: ClearPageUncached PG_uncached clear atomic head */
/* INACTIVE: PageUncached */
/* INACTIVE: SetPageUncached */
/* INACTIVE: ClearPageUncached */

#ifdef CONFIG_MMU
QUICK_CLEARER(Mlocked, mlocked, PF_HEAD)
#else
static inline void __ClearPageMlocked(struct page *page) { }
#endif
/* EXPECT: __ClearPageMlocked PG_mlocked clear plain head */

/* By hand: the assertion tells which page it is; a body with an #if in it. */
static inline void __SetPageUptodate(struct page *page)
{
	VM_BUG_ON_PAGE(PageTail(page), page);
	smp_wmb();
	__set_bit(PG_uptodate, &page->flags);
}
/* EXPECT: __SetPageUptodate PG_uptodate set plain head */

static inline int PageUptodate(struct page *page)
{
	int seen;
#ifdef CONFIG_MMU
	page = compound_head(page);
#endif
	seen = test_bit(PG_uptodate, &(page)->flags);
	if (seen)
		smp_rmb();
	return seen;
}
/* EXPECT: PageUptodate PG_uptodate test read head */

/* Wrappers in the header do what the wrapped one does. */
static inline void SetPageSlabError(struct page *page)
{
	VM_BUG_ON_PAGE(!PageSlab(page), page);
	SetPageError(page);
}
/* EXPECT: SetPageSlabError PG_error set atomic head */

/* Whole-word reads of a mask. */
#define OWNERS (1UL << PG_owner | 1UL << PG_slab)
static inline int page_has_owner(struct page *page) { return !!(page->flags & OWNERS); }
/* EXPECT: page_has_owner PG_owner|PG_slab test read any */

/* The type word is another word, whatever the constant is called. */
#define PG_buddy	0x80
#define TYPE_OPS(U, l) \
static inline int Page##U(struct page *page) { return (page->page_type & PG_##l) == 0; } \
static inline void __SetPage##U(struct page *page) { page->page_type &= ~PG_##l; } \
static inline void __ClearPage##U(struct page *page) { page->page_type |= PG_##l; }
TYPE_OPS(Buddy, buddy)

#undef PF_ANY
#undef PF_HEAD
#endif
#endif
