/* Huge folios: mapped by one entry, split when only parts of them stay mapped. */
#include <linux/huge_mm.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include "internal.h"

#define MINI_HUGE_ORDER	9

static struct deferred_split *split_queue_of(struct folio *folio)
{
	struct pglist_data *node = folio_pgdat(folio);

	return &node->deferred_split_queue;
}

vm_fault_t do_huge_pmd_anonymous_page(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	struct folio *huge;

	huge = vma_alloc_folio(GFP_HIGHUSER_MOVABLE, MINI_HUGE_ORDER, vmf->vma, vmf->address,
			       true);
	if (!huge)
		return VM_FAULT_OOM;
	clear_huge_page(&huge->page, vmf->address, folio_nr_pages(huge));
	__folio_mark_uptodate(huge);			/* NORACE */

	vmf->ptl = pmd_lock(mm, vmf->pmd);
	if (vmf->pmd->pmd) {
		/* somebody else was faster; ours was never seen */
		spin_unlock(vmf->ptl);
		folio_put(huge);
		return 0;
	}
	folio_add_new_anon_rmap(huge, vmf->vma, vmf->address);
	set_pmd_at(mm, vmf->address, vmf->pmd, mk_huge_pmd(&huge->page, vmf->vma->vm_flags));
	folio_add_lru(huge);
	spin_unlock(vmf->ptl);
	deferred_split_folio(huge, false);
	return 0;
}

/* remembers a mapped folio that could be split when memory gets tight */
void deferred_split_folio(struct folio *folio, bool partially_mapped)
{
	struct deferred_split *queue = split_queue_of(folio);
	unsigned long irq;

	if (folio_order(folio) < 2)
		return;
	spin_lock_irqsave(&queue->split_queue_lock, irq);
	if (partially_mapped && !folio_test_partially_mapped(folio))
		__folio_set_partially_mapped(folio);	/* RACE: FL001 */
	if (list_empty(&folio->_deferred_list)) {
		queue->split_queue_len++;
		list_add(&folio->_deferred_list, queue->split_queue.prev);
	}
	spin_unlock_irqrestore(&queue->split_queue_lock, irq);
}

/* takes the folio off the queue; the caller has it to itself and holds the queue's lock */
static void split_queue_forget(struct deferred_split *queue, struct folio *folio)
{
	lockdep_assert_held(&queue->split_queue_lock);
	list_del_init(&folio->_deferred_list);
	queue->split_queue_len--;
	if (folio_test_partially_mapped(folio))
		__folio_clear_partially_mapped(folio);	/* NORACE */
}

/* on the way to the allocator: the reference count is zero */
bool __folio_unqueue_deferred_split(struct folio *folio)
{
	struct deferred_split *queue = split_queue_of(folio);
	bool queued;

	BUG_ON(folio_ref_count(folio));
	guard(spinlock_irq)(&queue->split_queue_lock);
	queued = !list_empty(&folio->_deferred_list);
	if (queued)
		split_queue_forget(queue, folio);
	return queued;
}

bool folio_unqueue_deferred_split(struct folio *folio)
{
	if (folio_order(folio) > 1 && !list_empty(&folio->_deferred_list))
		return __folio_unqueue_deferred_split(folio);
	return false;
}

/* makes a folio of its own of one tail page; its count is zero like the frozen head's */
static void split_one_tail(struct folio *folio, unsigned int nr, struct list_head *list)
{
	unsigned long keep = BIT(PG_dirty) | BIT(PG_referenced) | BIT(PG_swapbacked) |
			     BIT(PG_uptodate);
	struct page *tail = folio_page(folio, nr);

	tail->flags &= ~PAGE_FLAGS_CHECK_AT_PREP;	/* NORACE */
	tail->flags |= folio->flags & keep;		/* NORACE */
	clear_compound_head(tail);
	tail->index = folio->index + nr;
	tail->mapping = folio->mapping;
	page_ref_unfreeze(tail, list ? 2 : 1);
	if (!list) {
		SetPageLRU(tail);
		list = &folio_lruvec(folio)->lists[LRU_INACTIVE];
	}
	list_add(&tail->lru, list);
}

static void split_frozen(struct folio *folio, struct list_head *list)
{
	spinlock_t *lru_lock = &folio_lruvec(folio)->lru_lock;
	unsigned int nr = folio_nr_pages(folio);

	spin_lock(lru_lock);
	while (--nr)
		split_one_tail(folio, nr, list);
	__ClearPageHead(&folio->page);			/* NORACE */
	spin_unlock(lru_lock);
	folio_ref_unfreeze(folio, 1);
	folio_unlock(folio);
}

/* the caller holds the folio's lock and one reference */
int split_folio_to_list(struct folio *folio, struct list_head *list)
{
	struct deferred_split *queue = split_queue_of(folio);
	int frozen;

	if (!try_to_unmap(folio))
		return -EBUSY;
	spin_lock_irq(&queue->split_queue_lock);
	frozen = folio_ref_freeze(folio, 1);
	if (frozen && !list_empty(&folio->_deferred_list))
		split_queue_forget(queue, folio);
	spin_unlock_irq(&queue->split_queue_lock);
	if (!frozen)
		return -EAGAIN;
	split_frozen(folio, list);
	return 0;
}

static unsigned long split_count(struct shrinker *shrink, struct shrink_control *sc)
{
	return READ_ONCE(contig_page_data.deferred_split_queue.split_queue_len);
}

static unsigned long split_scan(struct shrinker *shrink, struct shrink_control *sc)
{
	struct deferred_split *queue = &contig_page_data.deferred_split_queue;
	unsigned long done = 0;

	while (sc->nr_to_scan--) {
		struct folio *folio;

		spin_lock_irq(&queue->split_queue_lock);
		folio = list_first_entry_or_null(&queue->split_queue, struct folio,
						 _deferred_list);
		if (folio && !folio_try_get(folio))
			folio = NULL;
		spin_unlock_irq(&queue->split_queue_lock);
		if (!folio)
			break;
		folio_lock(folio);
		if (split_folio_to_list(folio, NULL))
			folio_unlock(folio);
		else
			done++;
		folio_put(folio);
	}
	return done;
}

static int __init mini_thp_init(void)
{
	struct shrinker *splitter = shrinker_alloc(0, "mini-thp");

	if (!splitter)
		return -ENOMEM;
	splitter->scan_objects = split_scan;
	splitter->count_objects = split_count;
	shrinker_register(splitter);
	return 0;
}
subsys_initcall(mini_thp_init);
