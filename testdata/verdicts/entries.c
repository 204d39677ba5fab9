/* Pages behind page-table entries, and struct pages that are copied to be replaced. */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>

extern struct mm_struct init_mm;

void copy_page(void *to, void *from);

void entry_of_a_copied_page_of_struct_pages(unsigned long where, pte_t *ptep)
{
	struct page *copy = alloc_pages(GFP_KERNEL, 0);

	if (!copy)
		return;
	copy_page(page_address(copy), (void *)where);	/* racy, any word: the page is published (read from xa_load()) */
	set_pte_at(&init_mm, where, ptep, mk_pte(copy, 0));
}

void entry_of_pages_in_use(struct address_space *mapping, pgoff_t index, pte_t *ptep)
{
	struct page *page = xa_load(&mapping->i_pages, index);

	if (page)
		entry_of_a_copied_page_of_struct_pages((unsigned long)page, ptep);
}
EXPORT_SYMBOL(entry_of_pages_in_use);
