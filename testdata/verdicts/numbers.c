/* Numbers that say what is done: a callee's modes, and pages that are kept as numbers. */
#include <linux/pagemap.h>

void atomic_long_set(atomic_long_t *v, long i);

struct verdict_control {
	int mode;
};

static void number_given(struct folio *folio, int mode)
{
	if (mode == 2)
		__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}

static void number_in_a_record(struct folio *folio, struct verdict_control *control)
{
	if (control->mode == 2)
		__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}

static void number_of_several(struct folio *folio, int mode)
{
	switch (mode) {
	case 1 ... 3:
		__folio_set_referenced(folio);	/* racy: the page is published (read from filemap_get_folio()) */
		break;
	default:
		folio_set_referenced(folio);
	}
}

void number_of_a_folio_in_use(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);
	struct verdict_control control = { 1 };

	if (IS_ERR(folio))
		return;
	number_given(folio, 1);
	number_in_a_record(folio, &control);
	number_of_several(folio, 3);
}
EXPORT_SYMBOL(number_of_a_folio_in_use);

void number_of_a_new_folio(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	struct verdict_control control = { 2 };

	if (!folio)
		return;
	number_given(folio, 2);
	number_in_a_record(folio, &control);
	number_of_several(folio, 2);
}
EXPORT_SYMBOL(number_of_a_new_folio);

struct verdict_slot {
	atomic_long_t kept;
};

void number_kept_by_others(struct verdict_slot *slot)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio)
		return;
	atomic_long_set(&slot->kept, (long)folio);
	__folio_set_referenced(folio);	/* racy: the page is published (atomic_long_set() stored what refers to it) */
}
EXPORT_SYMBOL(number_kept_by_others);

void number_kept_here(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	atomic_long_t kept;

	if (!folio)
		return;
	atomic_long_set(&kept, (long)folio);
	__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(number_kept_here);

void number_of_one_case(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	int mode = 2;

	if (!folio)
		return;
	switch (mode) {
	case 2:
		__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
		break;
	default:
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	}
	__folio_set_referenced(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(number_of_one_case);

void number_of_any_case(struct address_space *mapping, pgoff_t index, int mode)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio)
		return;
	switch (mode) {
	case 1 ... 3:
		break;
	default:
		xa_store(&mapping->i_pages, index, folio, GFP_KERNEL);
	}
	__folio_set_referenced(folio);	/* racy: the page is published (xa_store() made it reachable by others) */
}
EXPORT_SYMBOL(number_of_any_case);
