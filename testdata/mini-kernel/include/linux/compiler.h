#ifndef _LINUX_COMPILER_H
#define _LINUX_COMPILER_H

#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __must_check		__attribute__((warn_unused_result))
#define __maybe_unused		__attribute__((unused))
#define __section(name)		__attribute__((__section__(name)))
#define __cleanup(func)		__attribute__((__cleanup__(func)))
#define __aligned(n)		__attribute__((__aligned__(n)))
#define __rcu
#define __user
#define __must_hold(lock)
#define __acquires(lock)
#define __releases(lock)

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ __volatile__("" : : : "memory")
#define offsetof(type, member)	__builtin_offsetof(type, member)
#define static_assert(expr)	_Static_assert(expr, #expr)

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val)	do { *(volatile __typeof__(x) *)&(x) = (val); } while (0)

#define smp_mb()		barrier()
#define smp_rmb()		barrier()
#define smp_wmb()		barrier()
#define smp_store_release(p, v)	do { barrier(); WRITE_ONCE(*(p), v); } while (0)

#define __PASTE2(a, b)		a##b
#define __PASTE(a, b)		__PASTE2(a, b)
#define __UNIQUE_ID(prefix)	__PASTE(__uid_##prefix, __COUNTER__)

#endif
