/* Pages kept in records: on the stack, allocated here, in tables of page tables. */
#include <linux/pagemap.h>
#include <linux/pagevec.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/string.h>

void verdict_fill_array(struct folio **folios);
unsigned long verdict_address(void);

static void add(struct folio_batch *batch, struct folio *folio)
{
	batch->folios[batch->nr++] = folio;
}

int record_filled_elsewhere(void)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);
	struct folio_batch batch;
	struct folio **folios = batch.folios;
	int i;

	if (!folio)
		return -ENOMEM;
	verdict_fill_array(folios);
	add(&batch, folio);
	for (i = 0; i < batch.nr; i++)
		__folio_set_referenced(batch.folios[i]);	/* unknown: where the page comes from is not known -- a local list's or array's members */
	return 0;
}
EXPORT_SYMBOL(record_filled_elsewhere);

struct verdict_last {
	struct folio *folio;
	int count;
};

int record_of_the_round_before(struct address_space *mapping, pgoff_t index)
{
	struct verdict_last last = { NULL, 0 };
	int i;

	for (i = 0; i < 4; i++) {
		struct folio *folio = folio_alloc(GFP_KERNEL, 0);

		if (!folio)
			return -ENOMEM;
		if (last.folio)
			__folio_set_referenced(last.folio);	/* racy: the page is published (xa_store() made it reachable by others) */
		__folio_clear_active(folio);	/* exclusive: allocation (allocated by folio_alloc()) */
		xa_store(&mapping->i_pages, index + i, folio, GFP_KERNEL);
		last.folio = folio;
	}
	return 0;
}
EXPORT_SYMBOL(record_of_the_round_before);

void record_read_as_a_whole(pte_t *entry, pte_t *ptep)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	pte_t copy;

	if (!page)
		return;
	entry->pte = page_to_pfn(page);
	copy = *entry;
	set_pte_at(NULL, 0, ptep, copy);
	page->flags |= 1UL << PG_referenced;	/* racy, PG_referenced: the page is published (set_pte_at() made it reachable by others) */
}
EXPORT_SYMBOL(record_read_as_a_whole);

struct verdict_holder {
	struct folio *folio;
	spinlock_t lock;
};

static int record_given_a_folio(struct verdict_holder *holder)
{
	holder->folio = folio_alloc(GFP_KERNEL, 0);
	if (!holder->folio)
		return -ENOMEM;
	__folio_set_referenced(holder->folio);	/* exclusive: allocation (allocated by folio_alloc()) */
	return 0;
}

int record_on_the_stack(void)
{
	struct verdict_holder holder = { NULL };

	return record_given_a_folio(&holder);
}
EXPORT_SYMBOL(record_on_the_stack);

struct verdict_shelf {
	struct folio *folio;
	spinlock_t lock;
};

static int record_others_have_given_a_folio(struct verdict_shelf *shelf)
{
	shelf->folio = folio_alloc(GFP_KERNEL, 0);
	if (!shelf->folio)
		return -ENOMEM;
	__folio_set_referenced(shelf->folio);	/* racy: the page is published (stored in a structure that others can reach) */
	return 0;
}

int record_that_others_have(struct xarray *shelves, pgoff_t index)
{
	struct verdict_shelf *shelf = xa_load(shelves, index);

	return shelf ? record_others_have_given_a_folio(shelf) : -EINVAL;
}
EXPORT_SYMBOL(record_that_others_have);

static int record_passed_on_given_a_folio(struct verdict_shelf *shelf)
{
	shelf->folio = folio_alloc(GFP_KERNEL, 0);
	if (!shelf->folio)
		return -ENOMEM;
	__folio_set_referenced(shelf->folio);	/* unknown: how callers have the page is not known (allocated by folio_alloc()) -- no caller of record_that_a_caller_has() was seen */
	return 0;
}

int record_that_a_caller_has(struct verdict_shelf *shelf)
{
	return record_passed_on_given_a_folio(shelf);
}
EXPORT_SYMBOL(record_that_a_caller_has);

int record_made_here(void)
{
	struct verdict_shelf *shelf = kmalloc(sizeof(*shelf), GFP_KERNEL);

	return shelf ? record_passed_on_given_a_folio(shelf) : -ENOMEM;
}
EXPORT_SYMBOL(record_made_here);

static struct verdict_holder *record_with(struct verdict_holder *holder, struct folio *folio)
{
	holder->folio = folio;
	return holder;
}

int record_given_and_given_back(void)
{
	struct verdict_holder holder = { NULL };
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!folio)
		return -ENOMEM;
	__folio_set_referenced(record_with(&holder, folio)->folio);	/* exclusive: allocation (allocated by folio_alloc()) */
	return 0;
}
EXPORT_SYMBOL(record_given_and_given_back);

struct verdict_way {
	struct verdict_holder *holder;
};

static void record_two_pointers_away(struct verdict_way *way)
{
	__folio_set_referenced(way->holder->folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}

int record_found_by_its_pointer(void)
{
	struct verdict_holder holder = { folio_alloc(GFP_KERNEL, 0) };
	struct verdict_way way = { &holder };

	if (!holder.folio)
		return -ENOMEM;
	record_two_pointers_away(&way);
	return 0;
}
EXPORT_SYMBOL(record_found_by_its_pointer);

static void record_of_a_number(struct folio *folio)
{
	__folio_set_referenced(folio);	/* unknown: where the page comes from is not known -- which page is passed to record_of_a_number() */
}

void record_at_some_address(void)
{
	record_of_a_number((struct folio *)verdict_address());
}
EXPORT_SYMBOL(record_at_some_address);

void record_of_a_shelf(struct xarray *shelves, pgoff_t index)
{
	struct verdict_shelf *shelf = xa_load(shelves, index);

	if (shelf)
		__folio_set_referenced(shelf->folio);	/* racy: the page is published (read from verdict_shelf.folio) */
}
EXPORT_SYMBOL(record_of_a_shelf);

int record_filled_either_way(bool high)
{
	struct verdict_holder holder = { NULL };

	if (high)
		holder.folio = folio_alloc(GFP_KERNEL | 1, 0);
	else
		holder.folio = folio_alloc(GFP_KERNEL, 0);
	if (!holder.folio)
		return -ENOMEM;
	__folio_set_referenced(holder.folio);	/* exclusive: allocation (allocated by folio_alloc()) */
	return 0;
}
EXPORT_SYMBOL(record_filled_either_way);

struct verdict_command {
	char bytes[sizeof(struct page)];
};

struct verdict_command *verdict_command(void);

void record_of_the_same_size_as_a_page(struct verdict_command *from)
{
	memcpy(verdict_command(), from, sizeof(*from));
}
EXPORT_SYMBOL(record_of_the_same_size_as_a_page);

int record_at_another_index(struct xarray *folios, int row, int column)
{
	struct folio *folio = folio_alloc(GFP_KERNEL, 0), *table[2][2] = { };

	if (!folio)
		return -ENOMEM;
	table[row][1] = folio;
	xa_store(folios, 0, table[0][column], GFP_KERNEL);
	__folio_set_referenced(folio);	/* unknown: where the page comes from is not known (allocated by folio_alloc()) -- which of an array's pages it is */
	return 0;
}
EXPORT_SYMBOL(record_at_another_index);
