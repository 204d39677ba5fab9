#ifndef _LINUX_ATOMIC_H
#define _LINUX_ATOMIC_H

#include <linux/bitops.h>

#define ATOMIC_INIT(i)	{ (i) }

int atomic_cmpxchg(atomic_t *v, int old, int new);
void atomic_inc(atomic_t *v);
void atomic_dec(atomic_t *v);
void atomic_add(int i, atomic_t *v);
int atomic_add_return(int i, atomic_t *v);
int atomic_sub_and_test(int i, atomic_t *v);
bool atomic_dec_and_test(atomic_t *v);
bool atomic_inc_and_test(atomic_t *v);
bool atomic_add_unless(atomic_t *v, int a, int u);
void atomic_long_inc(atomic_long_t *v);

static __always_inline int atomic_read(const atomic_t *v)
{
	return READ_ONCE(v->counter);
}

static __always_inline void atomic_set(atomic_t *v, int i)
{
	WRITE_ONCE(v->counter, i);
}

static __always_inline void atomic_set_release(atomic_t *v, int i)
{
	smp_store_release(&v->counter, i);
}

#endif
