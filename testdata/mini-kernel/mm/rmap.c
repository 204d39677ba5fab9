/* Reverse mapping: from a folio to the page tables that map it. */
#include <linux/pagemap.h>
#include <linux/huge_mm.h>
#include <linux/rmap.h>
#include <linux/swap.h>

/* only for a folio that nobody else has seen yet */
void folio_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma,
			     unsigned long addr)
{
	__folio_set_swapbacked(folio);			/* NORACE */
	folio->mapping = (struct address_space *)((char *)vma->anon_vma + 1);
	atomic_set(&folio->_mapcount, 0);
	SetPageAnonExclusive(&folio->page);
}

/* maps any page of an anonymous folio, under that page table's lock only */
void folio_add_anon_rmap_pte(struct folio *folio, struct page *page,
			     struct vm_area_struct *vma, bool exclusive)
{
	atomic_inc(&page->_mapcount);
	if (exclusive)
		SetPageAnonExclusive(page);
}

void folio_remove_rmap_pte(struct folio *folio, struct page *page,
			   struct vm_area_struct *vma)
{
	atomic_dec(&page->_mapcount);
	if (folio_test_large(folio) && folio_mapped(folio))
		deferred_split_folio(folio, true);
}

void rmap_walk(struct folio *folio, struct rmap_walk_control *rwc)
{
	struct anon_vma *anon_vma = (void *)((char *)folio->mapping - 1);

	down_read(&anon_vma->rwsem);
	if (!rwc->rmap_one(folio, anon_vma->first, anon_vma->first->vm_start, rwc->arg))
		pr_info("walk cut short\n");
	else if (rwc->done)
		rwc->done(folio);
	up_read(&anon_vma->rwsem);
}

static bool folio_referenced_one(struct folio *folio, struct vm_area_struct *vma,
				 unsigned long addr, void *arg)
{
	int *referenced = arg;

	if (folio_test_clear_referenced(folio))
		(*referenced)++;
	return true;
}

int folio_referenced(struct folio *folio)
{
	int referenced = 0;
	struct rmap_walk_control rwc = {
		.arg = &referenced,
		.rmap_one = folio_referenced_one,
	};

	rmap_walk(folio, &rwc);
	return referenced;
}

static bool try_to_unmap_one(struct folio *folio, struct vm_area_struct *vma,
			     unsigned long addr, void *arg)
{
	pmd_t *pmd = mm_find_pmd(vma->vm_mm, addr);
	spinlock_t *ptl;
	pte_t *pte;

	pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
	if (!pte)
		return false;
	ptep_get_and_clear(vma->vm_mm, addr, pte);
	ClearPageAnonExclusive(&folio->page);
	folio_set_dirty(folio);
	folio_remove_rmap_pte(folio, &folio->page, vma);
	pte_unmap_unlock(pte, ptl);
	folio_put(folio);
	return true;
}

static int is_unmapped(struct folio *folio)
{
	return folio_mapcount(folio) == 0;
}

bool try_to_unmap(struct folio *folio)
{
	struct rmap_walk_control rwc = {
		.done = is_unmapped,
		.rmap_one = try_to_unmap_one,
	};

	rmap_walk(folio, &rwc);
	return !folio_mapped(folio);
}
