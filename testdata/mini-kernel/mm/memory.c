/* Page faults: where new anonymous folios come from and get mapped. */
#include <linux/pagemap.h>
#include <linux/huge_mm.h>
#include <linux/rmap.h>
#include <linux/swap.h>

struct page *vm_normal_page(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	unsigned long pfn = pte_pfn(pte);

	if (!pte_present(pte) || !pfn_valid(pfn))
		return NULL;
	return pfn_to_page(pfn);
}

struct folio *vm_normal_folio(struct vm_area_struct *vma, unsigned long addr, pte_t pte)
{
	struct page *mapped = vm_normal_page(vma, addr, pte);

	return mapped ? page_folio(mapped) : NULL;
}

void folio_copy(struct folio *dst, struct folio *src)
{
	unsigned long i, nr = folio_nr_pages(src);

	for (i = 0; i < nr; i++)
		memcpy(page_address(folio_page(dst, i)), page_address(folio_page(src, i)),
		       PAGE_SIZE);
}

void clear_huge_page(struct page *page, unsigned long addr, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		cond_resched();
		clear_highpage(page + i);
	}
}

static struct folio *folio_prealloc(struct vm_area_struct *vma, unsigned long addr)
{
	return vma_alloc_folio(GFP_HIGHUSER_MOVABLE, 0, vma, addr, false);
}

static struct folio *alloc_zeroed_folio(struct vm_fault *vmf)
{
	struct folio *folio = folio_prealloc(vmf->vma, vmf->address);

	if (folio)
		clear_highpage(&folio->page);
	return folio;
}

static vm_fault_t do_anonymous_page(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct folio *folio;

	folio = alloc_zeroed_folio(vmf);
	if (!folio)
		return VM_FAULT_OOM;
	/* the contents before the page table entry that shows them */
	__folio_mark_uptodate(folio);			/* NORACE */

	vmf->pte = pte_offset_map_lock(vma->vm_mm, vmf->pmd, vmf->address, &vmf->ptl);
	if (!vmf->pte)
		goto drop;
	if (!pte_none(ptep_get(vmf->pte))) {
		pte_unmap_unlock(vmf->pte, vmf->ptl);
		goto drop;
	}
	folio_add_new_anon_rmap(folio, vma, vmf->address);
	folio_add_lru(folio);
	set_pte_at(vma->vm_mm, vmf->address, vmf->pte, mk_pte(&folio->page, vma->vm_flags));
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return 0;

drop:
	folio_put(folio);
	return 0;
}

static vm_fault_t finish_fault(struct vm_fault *vmf, struct page *page)
{
	struct folio *folio = page_folio(page);
	struct vm_area_struct *vma = vmf->vma;

	vmf->pte = pte_offset_map_lock(vma->vm_mm, vmf->pmd, vmf->address, &vmf->ptl);
	if (!vmf->pte)
		return VM_FAULT_NOPAGE;
	if (page == vmf->cow_page) {
		folio_add_new_anon_rmap(folio, vma, vmf->address);
		folio_add_lru(folio);
	} else {
		atomic_inc(&page->_mapcount);
	}
	set_pte_at(vma->vm_mm, vmf->address, vmf->pte, mk_pte(page, vma->vm_flags));
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	return 0;
}

static vm_fault_t do_cow_fault(struct vm_fault *vmf)
{
	struct folio *folio;
	vm_fault_t ret;

	folio = folio_prealloc(vmf->vma, vmf->address);
	if (!folio)
		return VM_FAULT_OOM;
	vmf->cow_page = &folio->page;
	ret = vmf->vma->vm_ops->fault(vmf);
	if (ret & VM_FAULT_SIGBUS) {
		folio_put(folio);
		return ret;
	}
	__folio_mark_uptodate(folio);			/* NORACE */
	return finish_fault(vmf, vmf->cow_page);
}

static vm_fault_t do_wp_page(struct vm_fault *vmf)
{
	struct folio *folio;

	vmf->pte = pte_offset_map_lock(vmf->vma->vm_mm, vmf->pmd, vmf->address, &vmf->ptl);
	if (!vmf->pte)
		return 0;
	vmf->page = vm_normal_page(vmf->vma, vmf->address, ptep_get(vmf->pte));
	folio = page_folio(vmf->page);
	if (folio_trylock(folio)) {
		if (folio_ref_count(folio) == 1)
			SetPageAnonExclusive(vmf->page);
		folio_unlock(folio);
	}
	folio_add_anon_rmap_pte(folio, vmf->page, vmf->vma, PageAnonExclusive(vmf->page));
	pte_unmap_unlock(vmf->pte, vmf->ptl);
	folio_mark_accessed(folio);
	return 0;
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, unsigned long address,
			   unsigned int flags)
{
	struct vm_fault vmf = {
		.pmd = mm_find_pmd(vma->vm_mm, address),
		.flags = flags,
		.address = address,
		.vma = vma,
	};

	if (!vmf.pmd)
		return VM_FAULT_OOM;
	if (!vmf.pmd->pmd && !vma->vm_ops)
		return do_huge_pmd_anonymous_page(&vmf);
	if (vma->vm_ops && !(vma->vm_flags & VM_SHARED))
		return do_cow_fault(&vmf);
	if (flags & FAULT_FLAG_WRITE)
		return do_wp_page(&vmf);
	return do_anonymous_page(&vmf);
}
EXPORT_SYMBOL_GPL(handle_mm_fault);

void zap_page_range(struct vm_area_struct *vma, unsigned long addr, unsigned long end)
{
	for (; addr < end; addr += PAGE_SIZE) {
		pmd_t *pmd = mm_find_pmd(vma->vm_mm, addr);
		struct page *page;
		spinlock_t *ptl;
		pte_t *pte;

		pte = pte_offset_map_lock(vma->vm_mm, pmd, addr, &ptl);
		if (!pte)
			continue;
		page = vm_normal_page(vma, addr, ptep_get_and_clear(vma->vm_mm, addr, pte));
		if (page)
			folio_remove_rmap_pte(page_folio(page), page, vma);
		pte_unmap_unlock(pte, ptl);
		if (page)
			put_page(page);
	}
}
