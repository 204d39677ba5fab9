#ifndef _LINUX_BITOPS_H
#define _LINUX_BITOPS_H

#include <linux/types.h>

#define BITS_PER_LONG	64
#define BIT(nr)		(1UL << (nr))
#define BIT_MASK(nr)	(1UL << ((nr) % BITS_PER_LONG))

/* the atomic ones are the architecture's business: declarations do */
void set_bit(long nr, volatile unsigned long *addr);
void clear_bit(long nr, volatile unsigned long *addr);
void change_bit(long nr, volatile unsigned long *addr);
bool test_and_set_bit(long nr, volatile unsigned long *addr);
bool test_and_clear_bit(long nr, volatile unsigned long *addr);
bool test_and_change_bit(long nr, volatile unsigned long *addr);
bool test_and_set_bit_lock(long nr, volatile unsigned long *addr);
void clear_bit_unlock(long nr, volatile unsigned long *addr);
void __clear_bit_unlock(long nr, volatile unsigned long *addr);
bool xor_unlock_is_negative_byte(unsigned long mask, volatile unsigned long *addr);

bool test_bit(long nr, const volatile unsigned long *addr);

static __always_inline void __set_bit(long nr, volatile unsigned long *addr)
{
	addr[nr / BITS_PER_LONG] |= BIT_MASK(nr);
}

static __always_inline void __clear_bit(long nr, volatile unsigned long *addr)
{
	addr[nr / BITS_PER_LONG] &= ~BIT_MASK(nr);
}

static __always_inline void __change_bit(long nr, volatile unsigned long *addr)
{
	addr[nr / BITS_PER_LONG] ^= BIT_MASK(nr);
}

static __always_inline bool __test_and_set_bit(long nr, volatile unsigned long *addr)
{
	unsigned long *word = (unsigned long *)addr + nr / BITS_PER_LONG;
	bool was = (*word & BIT_MASK(nr)) != 0;

	*word |= BIT_MASK(nr);
	return was;
}

static __always_inline bool __test_and_clear_bit(long nr, volatile unsigned long *addr)
{
	unsigned long *word = (unsigned long *)addr + nr / BITS_PER_LONG;
	bool was = (*word & BIT_MASK(nr)) != 0;

	*word &= ~BIT_MASK(nr);
	return was;
}

#define cmpxchg(ptr, old, new)	__sync_val_compare_and_swap(ptr, old, new)
#define try_cmpxchg(ptr, oldp, new) ({					\
	__typeof__(*(ptr)) __want = *(oldp);				\
	__typeof__(*(ptr)) __seen = cmpxchg(ptr, __want, new);		\
	if (__seen != __want)						\
		*(oldp) = __seen;					\
	__seen == __want; })
#define xchg(ptr, val)		__atomic_exchange_n(ptr, val, __ATOMIC_SEQ_CST)

#define set_mask_bits(ptr, mask, bits) ({				\
	__typeof__(*(ptr)) __from = READ_ONCE(*(ptr)), __to;		\
	do {								\
		__to = (__from & ~(mask)) | (bits);			\
	} while (!try_cmpxchg(ptr, &__from, __to));			\
	__from; })

void bit_spin_lock(int bitnum, unsigned long *addr);
int bit_spin_trylock(int bitnum, unsigned long *addr);
void bit_spin_unlock(int bitnum, unsigned long *addr);
void __bit_spin_unlock(int bitnum, unsigned long *addr);

#endif
