#ifndef _MM_SLAB_H
#define _MM_SLAB_H

#include <linux/mm.h>

/* A page that holds small objects, under a name of its own. */
struct slab {
	unsigned long __page_flags;
	struct list_head slab_list;
	void *freelist;
	unsigned long inuse;
	struct kmem_cache *slab_cache;
	unsigned int __page_type;
	atomic_t __page_refcount;
};

#define PAGE_IS_SLAB(pg, sl) \
	static_assert(offsetof(struct page, pg) == offsetof(struct slab, sl))
PAGE_IS_SLAB(flags, __page_flags);
PAGE_IS_SLAB(page_type, __page_type);
PAGE_IS_SLAB(_refcount, __page_refcount);
#undef PAGE_IS_SLAB

struct kmem_cache {
	spinlock_t list_lock;
	struct list_head partial;
	unsigned int order;
};

#define folio_slab(folio)	((struct slab *)(folio))
#define slab_folio(s)		((struct folio *)(s))

#endif
