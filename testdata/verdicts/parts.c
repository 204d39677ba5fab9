/* A folio that is taken apart: what happens to one of its pages does not happen to the others. */
#include <linux/pagemap.h>
#include <linux/mm.h>

void clear_compound_head(struct page *page);

void part_with_its_tail(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);
	struct page *tail;

	if (IS_ERR(folio))
		return;
	tail = &folio->page + 1;
	clear_compound_head(tail);
	if (put_page_testzero(tail))
		__folio_set_referenced(folio);	/* racy: the page is published (read from filemap_get_folio()) */
}
EXPORT_SYMBOL(part_with_its_tail);

void part_with_its_head(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	clear_compound_head(&folio->page);
	if (folio_put_testzero(folio))
		__folio_set_referenced(folio);	/* exclusive: freeing (its reference count dropped to zero here) */
}
EXPORT_SYMBOL(part_with_its_head);

void part_of_whichever_page(struct address_space *mapping, pgoff_t index)
{
	struct page *page = xa_load(&mapping->i_pages, index);

	if (!page)
		return;
	page->flags |= 1UL << PG_referenced;	/* racy, any word, PG_referenced: the page is published (read from xa_load()) */
	compound_head(page)->flags |= 1UL << PG_referenced;	/* racy, PG_referenced: the page is published (read from xa_load()) */
	(page + 1)->flags |= 1UL << PG_referenced;	/* racy, second word, PG_referenced: the page is published (read from xa_load()) */
}
EXPORT_SYMBOL(part_of_whichever_page);

void part_that_comes_second(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = xa_load(&mapping->i_pages, index);

	if (!folio)
		return;
	folio->_flags_1 |= 1UL << PG_referenced;	/* racy, second word, PG_referenced: the page is published (read from xa_load()) */
	(&folio->page + 1)->flags |= 1UL << PG_referenced;	/* racy, second word, PG_referenced: the page is published (read from xa_load()) */
}
EXPORT_SYMBOL(part_that_comes_second);

void part_that_is_no_head_any_more(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);
	struct page *tail;

	if (IS_ERR(folio))
		return;
	tail = &folio->page + 1;
	__ClearPageHead(&folio->page);	/* racy, PG_head: the page is published (read from filemap_get_folio()) */
	if (put_page_testzero(tail))
		__folio_set_referenced(folio);	/* racy: the page is published (read from filemap_get_folio()) */
}
EXPORT_SYMBOL(part_that_is_no_head_any_more);

static void part_behind_a_pointer(unsigned long *word, int bit)
{
	__set_bit(PG_referenced, word);	/* racy, PG_referenced: the page is published (read from filemap_get_folio()) */
	__set_bit(bit, word);	/* racy: the page is published (read from filemap_get_folio()) */
}

void part_that_is_a_word(struct address_space *mapping, pgoff_t index, int bit)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (!IS_ERR(folio))
		part_behind_a_pointer(&folio->flags, bit);
}
EXPORT_SYMBOL(part_that_is_a_word);
