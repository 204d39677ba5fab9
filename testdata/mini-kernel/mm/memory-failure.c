/* Memory that went bad: found by frame number, at any time, in anybody's hands. */
#include <linux/huge_mm.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/swap.h>

static DEFINE_MUTEX(mf_mutex);
static atomic_long_t bad_pages;

static bool get_hwpoison_page(struct page *page)
{
	return folio_try_get(page_folio(page));
}

/* false: the folio stays whole, and all its users keep it */
static bool split_around(struct page *bad)
{
	struct folio *huge = page_folio(bad);
	bool whole;

	folio_lock(huge);
	whole = split_folio_to_list(huge, NULL) != 0;
	if (whole)
		folio_unlock(huge);
	return !whole;
}

static int isolate_bad_page(struct page *bad)
{
	struct folio *folio = page_folio(bad);
	bool unmapped;

	if (folio_test_large(folio)) {
		/* before the split, which may fail and leave the folio to its users */
		folio_set_has_hwpoisoned(folio);	/* WITNESS: FL001 */
		if (!split_around(bad))
			return -EBUSY;
		folio = page_folio(bad);
	}
	folio_wait_writeback(folio);
	folio_lock(folio);
	unmapped = try_to_unmap(folio);
	folio_unlock(folio);
	return unmapped ? 0 : -EBUSY;
}

int memory_failure(unsigned long pfn, int flags)
{
	struct page *p;
	int ret = 0;

	mutex_lock(&mf_mutex);
	p = pfn_to_online_page(pfn);
	if (p == NULL) {
		ret = -EINVAL;
		goto out;
	}
	/* no reference yet: the page may be fresh or free, and somebody's to write plainly */
	if (TestSetPageHWPoison(p)) {			/* RACE: FL002 */
		ret = -EEXIST;
		goto out;
	}
	atomic_long_inc(&bad_pages);
	if (get_hwpoison_page(p)) {
		ret = isolate_bad_page(p);
		put_page(p);
	}
out:
	mutex_unlock(&mf_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(memory_failure);

int unpoison_memory(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	guard(mutex)(&mf_mutex);
	if (!page || !get_hwpoison_page(page))
		return -EINVAL;
	ClearPageHWPoison(page);
	put_page(page);
	return 0;
}
EXPORT_SYMBOL_GPL(unpoison_memory);
