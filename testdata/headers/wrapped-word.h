/* The newest era: the word is wrapped in a struct, accessors of folios only, page types apart. */
/* CONFIG: CONFIG_64BIT=y CONFIG_MIGRATION=y */
#ifndef TEST_WRAPPED_WORD_H
#define TEST_WRAPPED_WORD_H

enum pageflags {
	PG_locked,
	PG_dropped,
	PG_head,
	PG_waiters,
	PG_moving,
#if defined(CONFIG_64BIT) && !defined(CONFIG_SMALL)
	PG_young,			/* FLAG: PG_young 5 */
#else
	PG_old,				/* FLAG: PG_old - */
#endif
	__NR_PAGEFLAGS,
	PG_rmappable = PG_dropped,	/* FLAG: PG_rmappable 1 PG_dropped */
	PG_fixed = 7,			/* FLAG: PG_fixed 7 */
	PG_next,			/* FLAG: PG_next 8 */
};

static const unsigned long *const_folio_flags(const struct folio *folio, unsigned n)
{
	const struct page *page = &folio->page;

	VM_BUG_ON_PGFLAGS(n > 0 && !test_bit(PG_head, &page->flags.f), page);
	return &page[n].flags.f;
}
static unsigned long *folio_flags(struct folio *folio, unsigned n)
{
	struct page *page = &folio->page;

	return &page[n].flags.f;
}

#define PF_NO_TAIL(page, enforce) ({ \
	VM_BUG_ON_PGFLAGS(enforce && PageTail(page), page); \
	compound_head(page); })
#define FOLIO_PF_NO_TAIL 0

#define FOLIO_TEST_FLAG(name, page) \
static __always_inline bool folio_test_##name(const struct folio *folio) \
{ return test_bit(PG_##name, const_folio_flags(folio, page)); }
#define FOLIO_SET_FLAG(name, page) \
static __always_inline void folio_set_##name(struct folio *folio) \
{ set_bit(PG_##name, folio_flags(folio, page)); }
#define SETPAGEFLAG(uname, lname, policy) \
FOLIO_SET_FLAG(lname, FOLIO_##policy) \
static __always_inline void SetPage##uname(struct page *page) \
{ set_bit(PG_##lname, &policy(page, 1)->flags.f); }
#define TESTPAGEFLAG(uname, lname, policy) \
FOLIO_TEST_FLAG(lname, FOLIO_##policy) \
static __always_inline int Page##uname(const struct page *page) \
{ return test_bit(PG_##lname, &policy(page, 0)->flags.f); }
#define FOLIO_SET_FLAG_NOOP(name) \
static inline void folio_set_##name(struct folio *folio) { }

FOLIO_TEST_FLAG(rmappable, 1)
/* EXPECT: folio_test_rmappable PG_rmappable test read second */
#ifdef CONFIG_MIGRATION
SETPAGEFLAG(Moving, moving, PF_NO_TAIL);
TESTPAGEFLAG(Moving, moving, PF_NO_TAIL);
#else
FOLIO_SET_FLAG_NOOP(moving);
#endif
/* EXPECT: folio_set_moving PG_moving set atomic head */
/* EXPECT: SetPageMoving PG_moving set atomic head */
/* EXPECT: folio_test_moving PG_moving test read head */
/* EXPECT: PageMoving PG_moving test read head */
#ifndef CONFIG_64BIT
FOLIO_SET_FLAG(old, 0)
#else
FOLIO_SET_FLAG_NOOP(old)
#endif
/* OFF: folio_set_old PG_old set atomic head */
/* INACTIVE: folio_set_old */

static __always_inline int PageHead(const struct page *page)
{
	return test_bit(PG_head, &page->flags.f);
}
/* EXPECT: PageHead PG_head test read any */

static inline bool folio_has_dropped(const struct folio *folio)
{
	return !!(folio->flags.f & (1UL << PG_dropped));
}
/* EXPECT: folio_has_dropped PG_dropped test read head */

#define PAGE_TYPE_OPS(uname, lname) \
static __always_inline void __SetPage##uname(struct page *page) \
{ \
	if (Page##uname(page)) \
		return; \
	page->page_type = (unsigned int)PGTY_##lname << 24; \
}
PAGE_TYPE_OPS(Slab, slab)
#endif
