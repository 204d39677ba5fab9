/* Walks a range of page tables and calls back for each entry. */
#include <linux/pagewalk.h>

static int walk_pte_range(pmd_t *pmd, unsigned long addr, unsigned long end,
			  struct mm_walk *walk)
{
	spinlock_t *ptl;
	pte_t *pte;
	int err = 0;

	pte = pte_offset_map_lock(walk->mm, pmd, addr, &ptl);
	if (!pte)
		return 0;
	for (; addr < end && !err; addr += PAGE_SIZE)
		err = walk->ops->pte_entry(pte, addr, addr + PAGE_SIZE, walk);
	pte_unmap_unlock(pte, ptl);
	return err;
}

int walk_page_range(struct mm_struct *mm, unsigned long start, unsigned long end,
		    const struct mm_walk_ops *ops, void *private)
{
	struct mm_walk walk = {
		.private = private,
		.ops = ops,
		.vma = NULL,
		.mm = mm,
	};
	pmd_t *pmd = mm_find_pmd(mm, start);
	int err;

	if (!pmd)
		return -ENOENT;
	if (ops->pmd_entry) {
		err = ops->pmd_entry(pmd, start, end, &walk);
		if (err)
			return err;
	}
	return ops->pte_entry ? walk_pte_range(pmd, start, end, &walk) : 0;
}
