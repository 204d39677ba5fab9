/* Pages, and structures that keep pages, on lists of one's own and of others. */
#include <linux/pagemap.h>
#include <linux/slab.h>

struct verdict_pool {
	struct list_head pages, items;
	int count;
};

struct verdict_own {
	struct list_head pages;
	int count;
};

struct verdict_item {
	struct list_head node;
	struct folio *folio;
};

void list_of_a_caller_with_a_structure(struct verdict_pool *pool)
{
	struct verdict_item *item = kmalloc(sizeof(*item), GFP_KERNEL);

	if (!item)
		return;
	item->folio = folio_alloc(GFP_KERNEL, 0);
	if (!item->folio)
		return;
	__folio_clear_active(item->folio);	/* exclusive: allocation (allocated by folio_alloc()) */
	list_add(&item->node, &pool->items);
	__folio_set_referenced(item->folio);	/* racy: the page is published (list_add() put it on a list that others can walk) */
}
EXPORT_SYMBOL(list_of_a_caller_with_a_structure);

void list_of_its_own_with_a_structure(void)
{
	struct verdict_item *item = kmalloc(sizeof(*item), GFP_KERNEL);
	LIST_HEAD(mine);

	if (!item)
		return;
	item->folio = folio_alloc(GFP_KERNEL, 0);
	if (!item->folio)
		return;
	list_add(&item->node, &mine);
	__folio_set_referenced(item->folio);	/* exclusive: allocation (allocated by folio_alloc()) */
}
EXPORT_SYMBOL(list_of_its_own_with_a_structure);

void list_spliced_from_another(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	LIST_HEAD(one);
	LIST_HEAD(two);

	if (!page)
		return;
	list_add(&page->lru, &one);
	list_splice_init(&one, &two);
	list_for_each_entry(page, &two, lru)
		page->flags |= 1UL << PG_referenced;	/* exclusive, any word, PG_referenced: allocation */
}
EXPORT_SYMBOL(list_spliced_from_another);

void list_of_two_sorts(struct address_space *mapping, pgoff_t index)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0), *next;
	struct folio *folio = filemap_get_folio(mapping, index);
	LIST_HEAD(mine);
	void *entry;

	if (!page || IS_ERR(folio))
		return;
	list_add(&page->lru, &mine);
	list_add(&folio->lru, &mine);
	entry = list_first_entry(&mine, struct page, lru);
	next = entry;
	next->flags |= 1UL << PG_referenced;	/* racy, any word, PG_referenced: the page is published */
}
EXPORT_SYMBOL(list_of_two_sorts);

void list_that_a_structure_may_be_on(struct verdict_pool *pool, int keep)
{
	struct verdict_item *item = kmalloc(sizeof(*item), GFP_KERNEL);
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!item || !folio)
		return;
	if (keep)
		list_add(&item->node, &pool->items);
	item->folio = folio;
	__folio_set_referenced(folio);	/* racy: the page is published (stored to verdict_item.folio, which others can reach by now) */
}
EXPORT_SYMBOL(list_that_a_structure_may_be_on);

void list_left_for_good(struct verdict_pool *pool)
{
	struct page *page = list_first_entry(&pool->pages, struct page, lru);

	list_del(&page->lru);
	page->flags |= 1UL << PG_referenced;	/* unknown, any word, PG_referenced: where the page comes from is not known (read from verdict_pool.pages) -- who else has a page that was taken out of verdict_pool.pages */
}
EXPORT_SYMBOL(list_left_for_good);

void list_left_by_a_cached_folio(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	if (IS_ERR(folio))
		return;
	list_del(&folio->lru);
	__folio_set_referenced(folio);	/* racy: the page is published (read from filemap_get_folio()) */
}
EXPORT_SYMBOL(list_left_by_a_cached_folio);

void list_of_free_pages_left(struct zone *zone)
{
	struct page *page;

	spin_lock(&zone->lock);
	page = list_first_entry(&zone->free_area[0].free_list, struct page, buddy_list);
	page->flags &= ~(1UL << PG_active);	/* locked, any word, PG_active (it is on free_area.free_list) */
	list_del(&page->buddy_list);
	spin_unlock(&zone->lock);
	page->flags |= 1UL << PG_referenced;	/* exclusive, any word, PG_referenced: allocation (it was taken off the allocator's free list) */
}
EXPORT_SYMBOL(list_of_free_pages_left);

void list_of_free_pages_looked_at(struct zone *zone)
{
	struct page *page;

	spin_lock(&zone->lock);
	page = list_first_entry(&zone->free_area[0].free_list, struct page, buddy_list);
	spin_unlock(&zone->lock);
	page->flags |= 1UL << PG_referenced;	/* racy, any word, PG_referenced: the page is published (it was on a free list whose lock has been dropped) */
}
EXPORT_SYMBOL(list_of_free_pages_looked_at);

static struct list_head *list_first(struct verdict_own *own)
{
	return own->pages.next;
}

void list_whose_first_a_callee_gives(void)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	struct verdict_own own = { .count = 1 };

	if (!page)
		return;
	INIT_LIST_HEAD(&own.pages);
	list_add(&page->lru, &own.pages);
	page = list_entry(list_first(&own), struct page, lru);
	page->flags |= 1UL << PG_referenced;	/* exclusive, any word, PG_referenced: allocation */
}
EXPORT_SYMBOL(list_whose_first_a_callee_gives);

void list_emptied_by_hand(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	LIST_HEAD(mine);

	if (IS_ERR(folio) || !page)
		return;
	list_add(&folio->lru, &mine);
	mine.next = &mine;
	mine.prev = &mine;
	list_add(&page->lru, &mine);
	page = list_first_entry(&mine, struct page, lru);
	page->flags |= 1UL << PG_referenced;	/* exclusive, any word, PG_referenced: allocation */
}
EXPORT_SYMBOL(list_emptied_by_hand);

struct verdict_owner {
	int count;
	struct verdict_own own;
};

void list_in_a_record_emptied_by_hand(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	struct verdict_owner mine;

	if (IS_ERR(folio) || !page)
		return;
	list_add(&folio->lru, &mine.own.pages);
	mine.own.pages.next = &mine.own.pages;
	mine.own.pages.prev = &mine.own.pages;
	list_add(&page->lru, &mine.own.pages);
	page = list_first_entry(&mine.own.pages, struct page, lru);
	page->flags |= 1UL << PG_referenced;	/* exclusive, any word, PG_referenced: allocation */
}
EXPORT_SYMBOL(list_in_a_record_emptied_by_hand);

void list_of_free_pages_by_type(struct zone *zone, struct page *page)
{
	page->flags |= 1UL << PG_referenced;	/* locked, any word, PG_referenced (it is a free page of the page allocator's) */
	__ClearPageBuddy(page);
	page->flags &= ~(1UL << PG_active);	/* locked, any word, PG_active (it is a free page of the page allocator's) */
}

void list_of_free_pages_by_number(struct zone *zone, unsigned long pfn)
{
	spin_lock(&zone->lock);
	list_of_free_pages_by_type(zone, pfn_to_page(pfn));
	spin_unlock(&zone->lock);
}
EXPORT_SYMBOL(list_of_free_pages_by_number);

static struct list_head *list_for(struct verdict_pool *pool, struct folio *folio)
{
	if (!folio)
		return NULL;
	return &pool->pages;
}

static struct list_head *list_given(struct list_head *list, struct folio *folio)
{
	if (!folio)
		return NULL;
	return list;
}

void list_that_a_callee_chooses(struct xarray *pools, pgoff_t index)
{
	struct verdict_pool *pool = xa_load(pools, index);
	struct folio *one = folio_alloc(GFP_KERNEL, 0);
	struct folio *other = folio_alloc(GFP_KERNEL, 0);

	if (!pool || !one || !other)
		return;
	list_add(&one->lru, list_for(pool, one));
	__folio_set_referenced(one);	/* racy: the page is published (list_add() put it on verdict_pool.pages that others can walk) */
	list_add(&other->lru, list_given(&pool->pages, other));
	__folio_set_referenced(other);	/* racy: the page is published (list_add() put it on verdict_pool.pages that others can walk) */
}
EXPORT_SYMBOL(list_that_a_callee_chooses);

static void list_gets_it(struct list_head *list, struct folio *folio)
{
	list_add(&folio->lru, list);
}

void list_of_others_gets_it(struct xarray *pools, pgoff_t index)
{
	struct verdict_pool *pool = xa_load(pools, index);
	struct folio *folio = folio_alloc(GFP_KERNEL, 0);

	if (!pool || !folio)
		return;
	list_gets_it(&pool->pages, folio);
	__folio_set_referenced(folio);	/* racy: the page is published (put where others can find it) */
}
EXPORT_SYMBOL(list_of_others_gets_it);

static void list_marks_its_first(struct list_head *list)
{
	struct page *page = list_first_entry(list, struct page, buddy_list);

	page->flags |= 1UL << PG_referenced;	/* locked, any word, PG_referenced (it is on free_area.free_list) */
}

void list_of_free_pages_of_a_zone(struct xarray *zones, pgoff_t index)
{
	struct zone *zone = xa_load(zones, index);

	if (!zone)
		return;
	spin_lock(&zone->lock);
	list_marks_its_first(&zone->free_area[0].free_list);
	spin_unlock(&zone->lock);
}
EXPORT_SYMBOL(list_of_free_pages_of_a_zone);

void list_of_free_pages_joined(struct zone *zone)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	if (!page)
		return;
	spin_lock(&zone->lock);
	list_add(&page->buddy_list, &zone->free_area[0].free_list);
	page->flags |= 1UL << PG_referenced;	/* locked, PG_referenced (it is on free_area.free_list) */
	spin_unlock(&zone->lock);
	spin_lock(&zone->lock);
	page->flags &= ~(1UL << PG_active);	/* racy, PG_active: the page is published (it was on a free list whose lock has been dropped) */
	spin_unlock(&zone->lock);
}
EXPORT_SYMBOL(list_of_free_pages_joined);

void list_of_free_pages_asked_for(struct zone *zone, unsigned long pfn)
{
	struct page *page = pfn_to_page(pfn);

	spin_lock(&zone->lock);
	if (PageBuddy(page))
		page->flags |= 1UL << PG_referenced;	/* locked, any word, PG_referenced (its type says that it is a free page) */
	spin_unlock(&zone->lock);
	if (PageBuddy(page))
		page->flags &= ~(1UL << PG_active);	/* racy, any word, PG_active: the page is published (a free page, but the allocator's lock is not held) */
}
EXPORT_SYMBOL(list_of_free_pages_asked_for);
