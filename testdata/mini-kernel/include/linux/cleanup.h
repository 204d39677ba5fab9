#ifndef _LINUX_CLEANUP_H
#define _LINUX_CLEANUP_H

#include <linux/mutex.h>

/*
 * Scope-bound locks: class_<name>_t holds the lock, its constructor takes it, and the
 * cleanup attribute of the hidden variable lets go of it wherever the scope is left.
 */
#define DEFINE_LOCK_GUARD(name, type, take, drop)			\
typedef struct { type *lock; } class_##name##_t;			\
static inline void class_##name##_destructor(class_##name##_t *_T)	\
{									\
	if (_T->lock)							\
		drop(_T->lock);						\
}									\
static inline class_##name##_t class_##name##_constructor(type *l)	\
{									\
	class_##name##_t _T = { l };					\
									\
	take(_T.lock);							\
	return _T;							\
}

#define CLASS(name, var)						\
	class_##name##_t var __cleanup(class_##name##_destructor) =	\
		class_##name##_constructor

#define guard(name)	CLASS(name, __UNIQUE_ID(guard))

#define scoped_guard(name, arg)						\
	for (CLASS(name, scope)(arg), *__turn = (void *)&scope;		\
	     __turn; __turn = NULL)

#define DEFINE_FREE(name, type, code) \
static inline void __free_##name(void *p) { type _T = *(type *)p; code; }
#define __free(name)	__cleanup(__free_##name)
#define no_free_ptr(p)	({ __typeof__(p) __kept = (p); (p) = NULL; __kept; })

DEFINE_LOCK_GUARD(spinlock, spinlock_t, spin_lock, spin_unlock)
DEFINE_LOCK_GUARD(spinlock_irq, spinlock_t, spin_lock_irq, spin_unlock_irq)
DEFINE_LOCK_GUARD(mutex, struct mutex, mutex_lock, mutex_unlock)

#endif
