/* Page tables: one level of entries below each pmd, one lock for each mm. */
#include <linux/mm.h>

pmd_t *mm_find_pmd(struct mm_struct *mm, unsigned long addr)
{
	return mm->pgd ? mm->pgd + (addr >> 21) : NULL;
}

/* the entry with its lock held, or NULL with no lock */
pte_t *pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmd, unsigned long addr,
			   spinlock_t **ptlp)
{
	pte_t *table = (pte_t *)(pmd->pmd & ~1UL);

	if (!table)
		return NULL;
	rcu_read_lock();
	*ptlp = &mm->page_table_lock;
	spin_lock(*ptlp);
	return table + ((addr >> PAGE_SHIFT) & 511);
}

void pte_unmap(pte_t *pte)
{
	rcu_read_unlock();
}
