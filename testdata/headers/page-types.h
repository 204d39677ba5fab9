/* From 6.10 on: what were flags are page types, and one name moved from one word to the other. */
/* CONFIG: CONFIG_HUGETLB=y */
#ifndef TEST_PAGE_TYPES_H
#define TEST_PAGE_TYPES_H

enum pageflags {
	PG_locked,
	PG_writeback,
	PG_referenced,
	PG_head,
	PG_slab_was_here,
	__NR_PAGEFLAGS,
	PG_rmappable = PG_referenced,	/* FLAG: PG_rmappable 2 PG_referenced */
};

enum pagetype {
	PGTY_buddy = 0xf0,
	PGTY_slab = 0xf5,
	PGTY_hugetlb = 0xf4,
};

static const unsigned long *const_folio_flags(const struct folio *folio, unsigned n)
{
	const struct page *page = &folio->page;

	VM_BUG_ON_PGFLAGS(page->compound_info & 1, page);
	VM_BUG_ON_PGFLAGS(n > 0 && !test_bit(PG_head, &page->flags.f), page);
	return &page[n].flags.f;
}
static unsigned long *folio_flags(struct folio *folio, unsigned n)
{
	struct page *page = &folio->page;

	return &page[n].flags.f;
}

#define HEAD_PAGE	0
#define SECOND_PAGE	1

#define TEST_FLAG(name, page) \
static __always_inline bool folio_test_##name(const struct folio *folio) \
{ return test_bit(PG_##name, const_folio_flags(folio, page)); }
#define SET_FLAG(name, page) \
static __always_inline void folio_set_##name(struct folio *folio) \
{ set_bit(PG_##name, folio_flags(folio, page)); }
#define __SET_FLAG(name, page) \
static __always_inline void __folio_set_##name(struct folio *folio) \
{ __set_bit(PG_##name, folio_flags(folio, page)); }
#define TEST_CLEAR_FLAG(name, page) \
static __always_inline bool folio_test_clear_##name(struct folio *folio) \
{ return test_and_clear_bit(PG_##name, folio_flags(folio, page)); }
#define FLAG(name, page) TEST_FLAG(name, page) SET_FLAG(name, page)

FLAG(locked, HEAD_PAGE)
/* EXPECT: folio_test_locked PG_locked test read head */
/* EXPECT: folio_set_locked PG_locked set atomic head */
FLAG(rmappable, SECOND_PAGE)
/* EXPECT: folio_test_rmappable PG_rmappable test read second */
/* EXPECT: folio_set_rmappable PG_rmappable set atomic second */
__SET_FLAG(rmappable, SECOND_PAGE)
/* EXPECT: __folio_set_rmappable PG_rmappable set plain second */
TEST_CLEAR_FLAG(writeback, HEAD_PAGE)
/* EXPECT: folio_test_clear_writeback PG_writeback test_and_clear atomic head */

/* None of these touches the flags word, whatever it is called. */
#define FOLIO_TYPE(lname, fname) \
static __always_inline bool folio_test_##fname(const struct folio *folio) \
{ return data_race(folio->page.page_type >> 24) == PGTY_##lname; } \
static __always_inline void __folio_set_##fname(struct folio *folio) \
{ \
	if (folio_test_##fname(folio)) \
		return; \
	VM_BUG_ON_FOLIO(data_race(folio->page.page_type) != UINT_MAX, folio); \
	folio->page.page_type = (unsigned int)PGTY_##lname << 24; \
} \
static __always_inline void __folio_clear_##fname(struct folio *folio) \
{ folio->page.page_type = UINT_MAX; }
#define PAGE_TYPE(uname, lname, fname) \
FOLIO_TYPE(lname, fname) \
static __always_inline void __SetPage##uname(struct page *page) \
{ page->page_type = (unsigned int)PGTY_##lname << 24; }

PAGE_TYPE(Buddy, buddy, buddy)
FOLIO_TYPE(slab, slab)
#ifdef CONFIG_HUGETLB
FOLIO_TYPE(hugetlb, hugetlb)
#endif
#endif
