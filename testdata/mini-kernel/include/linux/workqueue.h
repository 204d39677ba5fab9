#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H

#include <linux/list.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
	work_func_t func;
	struct list_head entry;
};

#define INIT_WORK(work, fn)						\
	do {								\
		INIT_LIST_HEAD(&(work)->entry);				\
		(work)->func = (fn);					\
	} while (0)
#define DECLARE_WORK(name, fn)						\
	struct work_struct name = { fn, LIST_HEAD_INIT(name.entry) }

bool schedule_work(struct work_struct *work);

#endif
