/* A file system with nothing on disk: read, readahead and write through the page cache. */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/swap.h>

static void minifs_fill(struct folio *folio)
{
	clear_highpage(&folio->page);
}

/* the folio is in the page cache: only atomic helpers will do */
static int minifs_read_folio(struct file *file, struct folio *folio)
{
	minifs_fill(folio);
	folio_mark_uptodate(folio);
	folio_unlock(folio);
	return 0;
}

static void minifs_readahead(struct readahead_control *rac)
{
	struct folio *folio;

	while ((folio = readahead_folio(rac)))
		minifs_read_folio(rac->file, folio);
}

/* two helpers deep, and still before anybody can find the folio */
static void minifs_vouch(struct folio *folio)
{
	__folio_mark_uptodate(folio);			/* NORACE */
}

static void minifs_prepare(struct folio *folio)
{
	minifs_fill(folio);
	minifs_vouch(folio);
}

static int minifs_write_begin(struct file *file, struct address_space *mapping, loff_t pos,
			      unsigned int len, struct folio **foliop, void **fsdata)
{
	pgoff_t index = pos >> PAGE_SHIFT;
	struct folio *folio;
	int err;

	folio = filemap_get_folio(mapping, index);
	if (!IS_ERR(folio)) {
		folio_lock(folio);
		*foliop = folio;
		return 0;
	}
	folio = filemap_alloc_folio(GFP_KERNEL, 0);
	if (!folio)
		return -ENOMEM;
	minifs_prepare(folio);
	err = filemap_add_folio(mapping, folio, index, GFP_KERNEL);
	if (err) {
		folio_put(folio);
		return err;
	}
	*foliop = folio;
	return 0;
}

static int minifs_write_end(struct file *file, struct address_space *mapping, loff_t pos,
			    unsigned int len, struct folio *folio, void *fsdata)
{
	filemap_dirty_folio(mapping, folio);
	folio_mark_accessed(folio);
	folio_unlock(folio);
	put_page(&folio->page);
	return len;
}

const struct address_space_operations minifs_aops = {
	.read_folio = minifs_read_folio,
	.readahead = minifs_readahead,
	.dirty_folio = filemap_dirty_folio,
	.write_begin = minifs_write_begin,
	.write_end = minifs_write_end,
};

/* fills the fault's private copy, or hands out the cached folio's page */
static vm_fault_t minifs_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = vmf->vma->vm_file->f_mapping;
	struct folio *folio = filemap_grab_folio(mapping, vmf->pgoff);

	if (IS_ERR(folio))
		return VM_FAULT_SIGBUS;
	if (vmf->cow_page) {
		folio_copy(page_folio(vmf->cow_page), folio);
		folio_unlock(folio);
		folio_put(folio);
		return 0;
	}
	vmf->page = &folio->page;
	return VM_FAULT_LOCKED;
}

const struct vm_operations_struct minifs_vm_ops = {
	.fault = minifs_fault,
};

/* a page of our own for the superblock: it never leaves this function */
static int minifs_probe(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	__SetPageLocked(page);				/* NORACE */
	clear_highpage(page);
	__ClearPageLocked(page);			/* NORACE */
	put_page(page);
	return 0;
}
module_init(minifs_probe);
