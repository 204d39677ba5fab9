#ifndef _LINUX_MMZONE_H
#define _LINUX_MMZONE_H

#include <linux/gfp.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define NR_PAGE_ORDERS	11

enum lru_list {
	LRU_INACTIVE,
	LRU_ACTIVE,
	LRU_UNEVICTABLE,
	NR_LRU_LISTS,
};

struct free_area {
	struct list_head free_list;
	unsigned long nr_free;
};

struct zone {
	spinlock_t lock;
	struct free_area free_area[NR_PAGE_ORDERS];
	unsigned long zone_start_pfn;
	unsigned long spanned_pages;
};

struct lruvec {
	spinlock_t lru_lock;
	struct list_head lists[NR_LRU_LISTS];
};

struct deferred_split {
	struct list_head split_queue;
	unsigned long split_queue_len;
	spinlock_t split_queue_lock;	/* the two above */
};

typedef struct pglist_data {
	struct zone node_zone;
	struct lruvec __lruvec;
	struct deferred_split deferred_split_queue;
} pg_data_t;

extern struct pglist_data contig_page_data;
extern struct page *mem_map;

#define pfn_to_page(pfn)	(mem_map + (pfn))
#define page_to_pfn(page)	((unsigned long)((page) - mem_map))

static inline struct zone *page_zone(const struct page *page)
{
	return &contig_page_data.node_zone;
}

static inline struct pglist_data *folio_pgdat(const struct folio *folio)
{
	return &contig_page_data;
}

static inline struct lruvec *folio_lruvec(struct folio *folio)
{
	return &folio_pgdat(folio)->__lruvec;
}

static inline bool pfn_valid(unsigned long pfn)
{
	const struct zone *zone = &contig_page_data.node_zone;

	return pfn - zone->zone_start_pfn < zone->spanned_pages;
}

static inline struct page *pfn_to_online_page(unsigned long pfn)
{
	return pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;
}

#endif
