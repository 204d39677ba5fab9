/* Small objects: slabs are pages under another name, their flags word included. */
#include <linux/mm.h>
#include "slab.h"

static struct slab *allocate_slab(struct kmem_cache *s, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp | __GFP_COMP, s->order);
	struct slab *slab = (struct slab *)page;

	if (!page)
		return NULL;
	__SetPageSlab(page);				/* NORACE */
	slab->__page_flags |= 1UL << PG_owner_priv_1;	/* NORACE */
	slab->slab_cache = s;
	slab->inuse = 0;
	return slab;
}

/* on the partial list or off it: said atomically, objects may be in anybody's hands */
static void add_partial(struct kmem_cache *s, struct slab *slab)
{
	list_add(&slab->slab_list, &s->partial);
	set_bit(PG_workingset, &slab->__page_flags);
}

static void remove_partial(struct kmem_cache *s, struct slab *slab)
{
	list_del(&slab->slab_list);
	clear_bit(PG_workingset, &slab->__page_flags);
}

struct slab *new_slab(struct kmem_cache *s, gfp_t gfp)
{
	struct slab *slab = allocate_slab(s, gfp);

	if (!slab)
		return NULL;
	guard(spinlock)(&s->list_lock);
	add_partial(s, slab);
	return slab;
}

void discard_slab(struct kmem_cache *s, struct slab *slab)
{
	spin_lock(&s->list_lock);
	remove_partial(s, slab);
	spin_unlock(&s->list_lock);
	__folio_clear_slab(slab_folio(slab));		/* NORACE */
	__free_pages(&slab_folio(slab)->page, s->order);
}
