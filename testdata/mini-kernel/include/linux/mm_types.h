#ifndef _LINUX_MM_TYPES_H
#define _LINUX_MM_TYPES_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>

struct address_space;
struct anon_vma;
struct kmem_cache;
struct mem_cgroup;
struct mm_struct;
struct vm_area_struct;

/* One of these for every page frame. The first word is what flaglint is about. */
struct page {
	unsigned long flags;
	union {
		struct {			/* page cache and anonymous */
			union {
				struct list_head lru;
				struct list_head buddy_list;
				struct llist_node pcp_llist;
			};
			unsigned long private;
			struct address_space *mapping;
			unsigned long index;
		};
		struct {			/* tail of a compound page */
			unsigned long compound_head;
		};
	};
	union {
		atomic_t _mapcount;
		unsigned int page_type;
	};
	atomic_t _refcount;
	struct mem_cgroup *memcg;
} __aligned(16);

/*
 * A folio is its first pages seen as one object: each union lays named fields over one of
 * them, so &folio->_flags_1 is the address of page[1].flags.
 */
struct folio {
	union {
		struct {
			unsigned long flags;
			struct list_head lru;
			void *private;
			struct address_space *mapping;
			unsigned long index;
			atomic_t _mapcount;
			atomic_t _refcount;
			struct mem_cgroup *memcg;
		};
		struct page page;
	};
	union {
		struct {
			unsigned long _flags_1, _head_1;
			unsigned int _folio_nr_pages;
			atomic_t _large_mapcount;
		};
		struct page __page_1;
	};
	union {
		struct {
			unsigned long _flags_2, _head_2;
			struct list_head _deferred_list;
		};
		struct page __page_2;
	};
};

#define PAGE_IS_FOLIO(pg, fl) \
	static_assert(offsetof(struct page, pg) == offsetof(struct folio, fl))
PAGE_IS_FOLIO(flags, flags);
PAGE_IS_FOLIO(lru, lru);
PAGE_IS_FOLIO(mapping, mapping);
PAGE_IS_FOLIO(index, index);
PAGE_IS_FOLIO(private, private);
PAGE_IS_FOLIO(_mapcount, _mapcount);
PAGE_IS_FOLIO(_refcount, _refcount);
#undef PAGE_IS_FOLIO

#define TAIL_IS_FOLIO(nr, pg, fl)					\
	static_assert(offsetof(struct folio, fl) ==			\
		      offsetof(struct page, pg) + (nr) * sizeof(struct page))
TAIL_IS_FOLIO(1, flags, _flags_1);
TAIL_IS_FOLIO(1, compound_head, _head_1);
TAIL_IS_FOLIO(2, flags, _flags_2);
TAIL_IS_FOLIO(2, compound_head, _head_2);
#undef TAIL_IS_FOLIO

/* A page used as a page table, under a name of its own. */
struct ptdesc {
	unsigned long __page_flags;
	struct list_head pt_list;
	void *pt_owner;
	unsigned long __page_mapping;
	unsigned long pt_index;
	unsigned int __page_type;
	atomic_t __page_refcount;
};

#define PAGE_IS_PTDESC(pg, pt) \
	static_assert(offsetof(struct page, pg) == offsetof(struct ptdesc, pt))
PAGE_IS_PTDESC(flags, __page_flags);
PAGE_IS_PTDESC(mapping, __page_mapping);
PAGE_IS_PTDESC(_refcount, __page_refcount);
#undef PAGE_IS_PTDESC

#define ptdesc_page(pt)		((struct page *)(pt))
#define page_ptdesc(p)		((struct ptdesc *)(p))

typedef struct { unsigned long pte; } pte_t;
typedef struct { unsigned long pmd; } pmd_t;
typedef struct page *pgtable_t;

struct mm_struct {
	spinlock_t page_table_lock;
	struct rw_semaphore mmap_lock;
	pmd_t *pgd;
	unsigned long flags;
};

struct vm_operations_struct;
struct file;

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	struct anon_vma *anon_vma;
	const struct vm_operations_struct *vm_ops;
	struct file *vm_file;
	pgoff_t vm_pgoff;
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long address;
	unsigned int flags;
	pgoff_t pgoff;
	pmd_t *pmd;
	pte_t *pte;
	spinlock_t *ptl;
	pte_t orig_pte;
	struct page *cow_page;
	struct page *page;
};

struct vm_operations_struct {
	vm_fault_t (*fault)(struct vm_fault *vmf);
	vm_fault_t (*map_pages)(struct vm_fault *vmf, pgoff_t start, pgoff_t end);
};

#define VM_FAULT_OOM		0x0001u
#define VM_FAULT_SIGBUS		0x0002u
#define VM_FAULT_LOCKED		0x0200u
#define VM_FAULT_NOPAGE		0x0100u
#define FAULT_FLAG_WRITE	0x01u
#define VM_SHARED		0x08ul

#endif
