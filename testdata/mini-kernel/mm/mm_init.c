/* Boot: struct pages come to life one by one, before anybody can find them. */
#include <linux/mm.h>
#include "internal.h"

static void __meminit __init_single_page(struct page *page)
{
	page->flags = 0;				/* NORACE */
	init_page_count(page);
	page->page_type = ~0u;
	INIT_LIST_HEAD(&page->lru);
}

static void __init reserve_range(unsigned long pfn, unsigned long end)
{
	for (; pfn < end; pfn++) {
		struct page *page = pfn_to_page(pfn);

		__init_single_page(page);
		__SetPageReserved(page);		/* NORACE */
	}
}

static void __init hand_over(struct page *page)
{
	__ClearPageReserved(page);			/* NORACE */
	set_page_count(page, 0);
	free_unref_page(page, 0);
}

void __init mm_core_init(void)
{
	struct zone *zone = &contig_page_data.node_zone;
	unsigned long pfn, end = zone->zone_start_pfn + zone->spanned_pages;

	reserve_range(zone->zone_start_pfn, end);
	for (pfn = zone->zone_start_pfn; pfn < end; pfn++)
		hand_over(pfn_to_page(pfn));
}
