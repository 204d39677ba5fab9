#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/mm_types.h>
#include <linux/xarray.h>

struct inode;
struct file;
struct readahead_control;
struct writeback_control;

struct address_space_operations {
	int (*read_folio)(struct file *file, struct folio *folio);
	void (*readahead)(struct readahead_control *rac);
	int (*writepage)(struct folio *folio, struct writeback_control *wbc);
	bool (*dirty_folio)(struct address_space *mapping, struct folio *folio);
	int (*write_begin)(struct file *file, struct address_space *mapping, loff_t pos,
			   unsigned int len, struct folio **foliop, void **fsdata);
	int (*write_end)(struct file *file, struct address_space *mapping, loff_t pos,
			 unsigned int len, struct folio *folio, void *fsdata);
	bool (*release_folio)(struct folio *folio, gfp_t gfp);
};

struct address_space {
	struct xarray i_pages;
	unsigned long nrpages;
	unsigned long flags;
	const struct address_space_operations *a_ops;
	struct inode *host;
};

struct inode {
	struct address_space *i_mapping;
	struct address_space i_data;
	unsigned int i_flags;
	loff_t i_size;
};

struct file {
	struct address_space *f_mapping;
	unsigned int f_flags;
	void *private_data;
};

struct file_operations {
	ssize_t (*read)(struct file *file, char __user *buf, size_t len, loff_t *pos);
	ssize_t (*write)(struct file *file, const char __user *buf, size_t len, loff_t *pos);
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	int (*fsync)(struct file *file, loff_t start, loff_t end, int datasync);
};

struct readahead_control {
	struct address_space *mapping;
	struct file *file;
	unsigned long _index;
	unsigned int _nr_pages;
};

#endif
