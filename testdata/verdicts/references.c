/* What taking, dropping and setting a reference count says of who else has the page. */
#include <linux/pagemap.h>
#include <linux/mm.h>

void reference_not_to_be_had(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio)
		return;
	if (!folio_try_get(folio))
		__folio_set_referenced(folio);	/* exclusive: freeing (its reference count was found to be zero) -- what the CPU that dropped the last reference still does with the page */
	else
		__folio_clear_active(folio);	/* racy: the page is published (read from xa_load()) */
}
EXPORT_SYMBOL(reference_not_to_be_had);

void set_page_refcounted(struct page *page);

void reference_given_again(struct address_space *mapping, pgoff_t index)
{
	struct page *page = xa_load(&mapping->i_pages, index);

	if (!page || !put_page_testzero(page))
		return;
	page->flags |= 1UL << PG_referenced;	/* exclusive, any word, PG_referenced: freeing (its reference count dropped to zero here) */
	set_page_refcounted(page);
	page->flags &= ~(1UL << PG_active);	/* exclusive, any word, PG_active: allocation (its reference count was zero, and the caller was given the first reference) */
}
EXPORT_SYMBOL(reference_given_again);

void reference_set_to_one(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio || !folio_put_testzero(folio))
		return;
	folio_ref_unfreeze(folio, 1);
	__folio_clear_active(folio);	/* exclusive: allocation (its reference count was zero, and the caller was given the first reference) */
}
EXPORT_SYMBOL(reference_set_to_one);

void references_set_to_two(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio || !folio_put_testzero(folio))
		return;
	folio_ref_unfreeze(folio, 2);
	__folio_clear_active(folio);	/* racy: the page is published (its reference count was unfrozen) */
}
EXPORT_SYMBOL(references_set_to_two);

void reference_taken_and_dropped(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	folio_get(folio);
	folio_put(folio);
	__folio_clear_active(folio);	/* racy: the page is published (read from filemap_get_folio()) */
	folio_put(folio);
	__folio_set_referenced(folio);	/* racy: the page was released (folio_put() dropped the reference that kept it) */
}
EXPORT_SYMBOL(reference_taken_and_dropped);

void last_reference_kept_back(struct folio *folio)
{
	if (folio_put_testzero(folio))
		__folio_clear_active(folio);	/* exclusive: freeing (its reference count dropped to zero here) */
}

void last_reference_of_two(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	folio_get(folio);
	last_reference_kept_back(folio);
	if (!folio_ref_count(folio))
		__folio_set_referenced(folio);	/* exclusive: freeing (its reference count is zero here) */
}
EXPORT_SYMBOL(last_reference_of_two);

void unpin_user_page(struct page *page)
{
	__SetPageReported(page);	/* racy, PG_reported: the page is published (read from xa_load()) */
	page_ref_dec_and_test(page);
}

void reference_dropped_by_a_writer(struct address_space *mapping, pgoff_t index)
{
	struct page *page = xa_load(&mapping->i_pages, index);

	if (page)
		unpin_user_page(page);
}
EXPORT_SYMBOL(reference_dropped_by_a_writer);

void reference_count_set_next(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio)
		return;
	__folio_clear_active(folio);	/* exclusive (its reference count is set next: the caller vouches that nobody has a reference) */
	folio_set_count(folio, 1);
}
EXPORT_SYMBOL(reference_count_set_next);

static void reference_frozen_of_another(struct folio *old, struct folio *new)
{
	if (!folio_ref_freeze(old, 2))
		return;
	__folio_set_referenced(new);	/* exclusive: frozen (its reference count was frozen) */
	folio_ref_unfreeze(old, 2);
}

void reference_frozen_of_the_same(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (folio)
		reference_frozen_of_another(folio, folio);
}
EXPORT_SYMBOL(reference_frozen_of_the_same);

void reference_count_set_on_one_way(struct address_space *mapping, pgoff_t index, bool set)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio)
		return;
	__folio_clear_active(folio);	/* racy: the page is published (read from xa_load()) */
	if (set)
		folio_set_count(folio, 1);
}
EXPORT_SYMBOL(reference_count_set_on_one_way);

void reference_of_nobody_seen(struct folio *folio)
{
	__folio_set_referenced(folio);	/* unknown: how callers have the page is not known -- no caller of reference_of_nobody_seen() was seen */
}
EXPORT_SYMBOL(reference_of_nobody_seen);

#define VERDICT_WARN_ON(condition) ({		\
	int __ret_warn_on = !!(condition);	\
	if (__ret_warn_on)			\
		verdict_warn();			\
})

void verdict_warn(void);

void reference_claimed_to_be_none(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio)
		return;
	VERDICT_WARN_ON(folio_ref_count(folio));
	__folio_set_referenced(folio);	/* exclusive: freeing (its reference count is zero here) */
}
EXPORT_SYMBOL(reference_claimed_to_be_none);
