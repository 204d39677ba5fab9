#ifndef _LINUX_INIT_H
#define _LINUX_INIT_H

#include <linux/compiler.h>

#define __init		__section(".init.text")
#define __meminit	__section(".meminit.text")
#define __initdata	__section(".init.data")

typedef int (*initcall_t)(void);
#define __define_initcall(fn, level) \
	static initcall_t __initcall_##fn __attribute__((__used__)) \
		__section(".initcall" #level ".init") = fn
#define core_initcall(fn)	__define_initcall(fn, 1)
#define subsys_initcall(fn)	__define_initcall(fn, 4)
#define late_initcall(fn)	__define_initcall(fn, 7)
#define module_init(fn)		__define_initcall(fn, 6)

#endif
