/* The page allocator: free pages stand on lists under zone->lock, used ones in nobody's. */
#include <linux/mm.h>
#include "internal.h"

struct pglist_data contig_page_data;
struct page *mem_map;

static void add_to_free_list(struct page *page, struct zone *zone, unsigned int order)
{
	page->private = order;
	__SetPageBuddy(page);
	list_add(&page->buddy_list, &zone->free_area[order].free_list);
	zone->free_area[order].nr_free++;
}

static void del_page_from_free_list(struct page *page, struct zone *zone, unsigned int order)
{
	lockdep_assert_held(&zone->lock);
	/* a free page: its other writer is page_reporting_mark(), under the same lock */
	if (PageReported(page))
		__ClearPageReported(page);		/* NORACE */
	zone->free_area[order].nr_free--;
	__ClearPageBuddy(page);				/* NORACE */
	list_del(&page->buddy_list);
}

static struct page *rmqueue(struct zone *zone, unsigned int order)
{
	struct list_head *list = &zone->free_area[order].free_list;
	struct page *page;
	unsigned long irq;

	spin_lock_irqsave(&zone->lock, irq);
	page = list_first_entry_or_null(list, struct page, buddy_list);
	if (page)
		del_page_from_free_list(page, zone, order);
	spin_unlock_irqrestore(&zone->lock, irq);
	return page;
}

void prep_compound_page(struct page *page, unsigned int order)
{
	struct folio *whole = (struct folio *)page;
	unsigned int nr = 1u << order;

	whole->_folio_nr_pages = nr;
	INIT_LIST_HEAD(&whole->_deferred_list);
	while (--nr)
		set_compound_head(page + nr, page);
	__SetPageHead(page);				/* NORACE */
}

static void prep_new_page(struct page *page, unsigned int order, gfp_t gfp)
{
	page->private = 0;
	set_page_count(page, 1);
	if (order && (gfp & __GFP_COMP))
		prep_compound_page(page, order);
}

static struct page *get_page_from_freelist(gfp_t gfp, unsigned int order)
{
	struct page *page = rmqueue(&contig_page_data.node_zone, order);

	if (page)
		prep_new_page(page, order, gfp);
	return page;
}

struct page *__alloc_pages(gfp_t gfp, unsigned int order, int nid, void *nodemask)
{
	struct page *page;

	page = get_page_from_freelist(gfp, order);
	if (unlikely(!page)) {
		cond_resched();
		page = get_page_from_freelist(gfp | GFP_ATOMIC, order);
	}
	return page;
}
EXPORT_SYMBOL(__alloc_pages);

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return __alloc_pages(gfp, order, 0, NULL);
}
EXPORT_SYMBOL(alloc_pages);

struct folio *__folio_alloc(gfp_t gfp, unsigned int order, int nid, void *nodemask)
{
	struct page *page = __alloc_pages(gfp | __GFP_COMP, order, nid, nodemask);
	struct folio *fresh = (struct folio *)page;

	if (fresh && order > 1)
		__folio_set_large_rmappable(fresh);	/* NORACE */
	return fresh;
}
EXPORT_SYMBOL(__folio_alloc);

struct folio *folio_alloc(gfp_t gfp, unsigned int order)
{
	return __folio_alloc(gfp, order, 0, NULL);
}
EXPORT_SYMBOL(folio_alloc);

struct folio *vma_alloc_folio(gfp_t gfp, int order, struct vm_area_struct *vma,
			      unsigned long addr, bool hugepage)
{
	return __folio_alloc(gfp, order, 0, NULL);
}
EXPORT_SYMBOL(vma_alloc_folio);

unsigned long alloc_pages_bulk_array(gfp_t gfp, unsigned long nr, struct page **pages)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		pages[i] = alloc_pages(gfp, 0);
		if (!pages[i])
			break;
	}
	return i;
}
EXPORT_SYMBOL_GPL(alloc_pages_bulk_array);

static bool free_pages_prepare(struct page *page, unsigned int order)
{
	unsigned int tail = 1u << order;

	if (!order && PageHWPoison(page))
		return false;			/* bad memory is never handed out again */
	if (PageMlocked(page))
		__ClearPageMlocked(page);		/* NORACE */
	if (order)
		page[1].flags &= ~PAGE_FLAGS_SECOND;	/* NORACE */
	while (--tail) {
		clear_compound_head(&page[tail]);
		page[tail].flags &= ~PAGE_FLAGS_CHECK_AT_PREP;	/* NORACE */
	}
	page->flags &= BIT(PG_hwpoison);		/* NORACE */
	return true;
}

/* the reference count is zero already */
void free_unref_page(struct page *page, unsigned int order)
{
	struct zone *home = page_zone(page);
	unsigned long irq;

	if (!free_pages_prepare(page, order))
		return;
	spin_lock_irqsave(&home->lock, irq);
	add_to_free_list(page, home, order);
	spin_unlock_irqrestore(&home->lock, irq);
}

void __free_pages(struct page *page, unsigned int order)
{
	bool last = put_page_testzero(page);

	if (last)
		free_unref_page(page, order);
}
EXPORT_SYMBOL(__free_pages);

/* tells the hypervisor of free pages; they cannot leave the list while the lock is held */
static void page_reporting_mark(struct zone *zone, unsigned int order)
{
	struct page *page;

	list_for_each_entry(page, &zone->free_area[order].free_list, buddy_list) {
		if (PageReported(page))
			continue;
		__SetPageReported(page);		/* NORACE */
	}
}

void page_reporting_process(struct zone *zone)
{
	unsigned int order = NR_PAGE_ORDERS;

	spin_lock_irq(&zone->lock);
	while (order--)
		page_reporting_mark(zone, order);
	spin_unlock_irq(&zone->lock);
}
