/* Which ways are taken: what a test says on either of them. */
#include <linux/err.h>
#include <linux/pagemap.h>

int verdict_error(void);
void verdict_told(int error);

void condition_that_an_error_may_be_none(struct folio *folio)
{
	struct folio *other = ERR_PTR(verdict_error());

	if (IS_ERR(other))
		return;
	__folio_set_referenced(folio);	/* racy: the page is published (read from filemap_get_folio()) */
}

void condition_that_an_error_may_be_none_of(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (!IS_ERR(folio))
		condition_that_an_error_may_be_none(folio);
}
EXPORT_SYMBOL(condition_that_an_error_may_be_none_of);

void condition_of_another_mapping(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	folio_lock(folio);
	if (folio->mapping != mapping) {
		if (!folio->mapping)
			__folio_clear_active(folio);	/* racy: the page is published (read from filemap_get_folio()) */
	}
	folio_unlock(folio);
}
EXPORT_SYMBOL(condition_of_another_mapping);

static bool same(struct folio *one, struct folio *other)
{
	return one == other;
}

void condition_that_a_callee_tests(struct address_space *mapping, pgoff_t index)
{
	struct folio *found = filemap_get_folio(mapping, index);
	struct folio *folio = NULL;

	if (IS_ERR(found))
		folio = folio_alloc(GFP_KERNEL, 0);
	if (same(folio, NULL))
		return;
	__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_that_a_callee_tests);

void condition_that_a_new_folio_was_found(struct address_space *mapping, pgoff_t index)
{
	struct folio *found = filemap_get_folio(mapping, index);
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (IS_ERR(found) || !folio)
		return;
	if (found == folio)
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_that_a_new_folio_was_found);

void condition_of_the_round_before(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	int busy = 1, before = 0;

	if (!folio)
		return;
	while (busy) {
		before = busy;
		busy = verdict_error();
		if (busy)
			xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	}
	__folio_set_referenced(folio);	/* racy: the page is published (xa_store() made it reachable by others) */
	verdict_told(before);
}
EXPORT_SYMBOL(condition_of_the_round_before);

static void publish_if_none(struct address_space *mapping, struct folio *mine, struct folio *other)
{
	if (!other)
		xa_store(&mapping->i_pages, 0, mine, GFP_KERNEL);
}

void condition_that_this_call_excludes(struct address_space *mapping, pgoff_t index)
{
	struct folio *found = xa_load(&mapping->i_pages, index);
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio || !found)
		return;
	publish_if_none(mapping, folio, found);
	__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_that_this_call_excludes);

void condition_found_or_made(struct address_space *mapping, pgoff_t index, bool make)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio)
		return;
	if (make)
		folio_set_referenced(folio);
	else if (!folio_test_referenced(folio))
		return;
	if (!folio_test_referenced(folio))
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_found_or_made);

void condition_of_either_number(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	int error;

	if (!folio)
		return;
	if (index) {
		error = verdict_error();
		if (!error)
			return;
	} else {
		error = verdict_error();
		if (!error)
			return;
	}
	if (!error)
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_of_either_number);

void condition_kept_in_a_variable(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	bool none = !verdict_error();

	if (!folio)
		return;
	if (none)
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	if (!none)
		__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_kept_in_a_variable);

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);

static int condition_that_it_was_inserted(struct address_space *mapping, struct folio *folio)
{
	if (!mapping)
		return -EINVAL;
	if (xa_insert(&mapping->i_pages, 0, folio, GFP_KERNEL)) {
		__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
		return -EEXIST;
	}
	__folio_set_referenced(folio);	/* racy: the page is published (xa_insert() made it reachable by others) */
	return 0;
}

void condition_of_an_insertion(struct address_space *mapping)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (folio)
		condition_that_it_was_inserted(mapping, folio);
}
EXPORT_SYMBOL(condition_of_an_insertion);

void condition_with_its_constant_first(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	int error = verdict_error();

	if (NULL == folio)
		return;
	if (0 == error)
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	if (0 != error)
		__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(condition_with_its_constant_first);
