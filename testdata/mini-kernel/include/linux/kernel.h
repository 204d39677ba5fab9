#ifndef _LINUX_KERNEL_H
#define _LINUX_KERNEL_H

#include <linux/types.h>

#define container_of(ptr, type, member) ({				\
	void *__member = (void *)(ptr);					\
	(type *)((char *)__member - offsetof(type, member)); })

#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define swap(a, b) \
	do { __typeof__(a) __old = (a); (a) = (b); (b) = __old; } while (0)

#define BUG()			__builtin_trap()
#define BUG_ON(cond)		do { if (unlikely(cond)) BUG(); } while (0)
#define WARN_ON(cond)		({ int __bad = !!(cond); unlikely(__bad); })
#define WARN_ON_ONCE(cond)	WARN_ON(cond)
#define VM_BUG_ON(cond)		BUG_ON(cond)
#define VM_BUG_ON_PAGE(cond, page)	BUG_ON(cond)
#define VM_BUG_ON_FOLIO(cond, folio)	BUG_ON(cond)
#define VM_BUG_ON_PGFLAGS(cond, page)	do { (void)sizeof(cond); } while (0)

#define EXPORT_SYMBOL(sym)	extern __typeof__(sym) sym
#define EXPORT_SYMBOL_GPL(sym)	extern __typeof__(sym) sym

int pr_info(const char *fmt, ...);
void cond_resched(void);
void cpu_relax(void);

#endif
