#ifndef _LINUX_PGTABLE_H
#define _LINUX_PGTABLE_H

#include <linux/mmzone.h>

pte_t *pte_offset_map_lock(struct mm_struct *mm, pmd_t *pmd, unsigned long addr,
			   spinlock_t **ptlp);
void pte_unmap(pte_t *pte);
pmd_t *mm_find_pmd(struct mm_struct *mm, unsigned long addr);

#define pte_unmap_unlock(pte, ptl)	(spin_unlock(ptl), pte_unmap(pte))

static inline spinlock_t *pmd_lock(struct mm_struct *mm, pmd_t *pmd)
{
	spin_lock(&mm->page_table_lock);
	return &mm->page_table_lock;
}

static inline pte_t mk_pte(struct page *page, unsigned long prot)
{
	return (pte_t){ page_to_pfn(page) << PAGE_SHIFT | prot | 1 };
}

static inline pmd_t mk_huge_pmd(struct page *page, unsigned long prot)
{
	return (pmd_t){ page_to_pfn(page) << PAGE_SHIFT | prot | 1 };
}

static inline unsigned long pte_pfn(pte_t pte)
{
	return pte.pte >> PAGE_SHIFT;
}

static inline bool pte_none(pte_t pte)
{
	return pte.pte == 0;
}

static inline bool pte_present(pte_t pte)
{
	return (pte.pte & 1) != 0;
}

static inline pte_t ptep_get(pte_t *ptep)
{
	return (pte_t){ READ_ONCE(ptep->pte) };
}

static inline void set_pte(pte_t *ptep, pte_t pte)
{
	WRITE_ONCE(*ptep, pte);
}

static inline void set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte)
{
	set_pte(ptep, pte);
}

static inline void set_pmd_at(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp, pmd_t pmd)
{
	WRITE_ONCE(*pmdp, pmd);
}

static inline pte_t ptep_get_and_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	pte_t pte = *ptep;

	set_pte(ptep, (pte_t){ 0 });
	return pte;
}

#endif
