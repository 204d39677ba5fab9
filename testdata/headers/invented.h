/* Macros, policies and bodies that no kernel has: what they do must come from what they are. */
/* CONFIG: CONFIG_Z=y */

enum pageflags {
	PG_locked,
	PG_alpha,
	PG_beta,
	PG_gamma,
	PG_head,
	__NR_PAGEFLAGS,
};

/* A policy that reaches the head in its own way, and one that is the head by assertion. */
#define WHEREVER(p, ...)	(p)
#define THE_FIRST(p)		((struct page *)page_folio(p))
#define SURELY_FIRST(p)		({ typeof(p) it = (p); BUG_ON(unlikely(PageTail(it))); it; })
#define THE_NEXT(p)		((p) + 1)
#define FIELD			flags
#define CAT(a, b)		a ## b
#define NAME_OF(verb, what)	CAT(verb, what)

#define GIVE(NAME, VERB, flag, where) \
	static inline void NAME(struct page *pg) { VERB(flag, &where(pg)->FIELD); }
GIVE(NAME_OF(paint_, alpha), set_bit, PG_alpha, WHEREVER)
/* EXPECT: paint_alpha PG_alpha set atomic any */
GIVE(scrub_alpha, __clear_bit, PG_alpha, THE_FIRST)
/* EXPECT: scrub_alpha PG_alpha clear plain head */
GIVE(flip_beta, __change_bit, PG_beta, SURELY_FIRST)
/* EXPECT: flip_beta PG_beta change plain head */
GIVE(keep_beta, clear_bit_unlock, PG_beta, THE_NEXT)
/* EXPECT: keep_beta PG_beta clear atomic second */

/* Every operator on the word. */
#define ON_WORD(NAME, expression) static inline void NAME(struct folio *f) { expression; }
ON_WORD(or_it, f->flags |= 1UL << PG_gamma)
/* EXPECT: or_it PG_gamma set plain head */
ON_WORD(and_it, f->flags &= ~((1UL << PG_gamma) | (1UL << PG_beta)))
/* EXPECT: and_it PG_beta|PG_gamma clear plain head */
ON_WORD(xor_it, f->page.flags ^= BIT(PG_gamma))
/* EXPECT: xor_it PG_gamma change plain head */
ON_WORD(store_it, f->flags = 0)
/* EXPECT: store_it - change plain head */
ON_WORD(write_it, WRITE_ONCE(f->_flags_1, 0))
/* EXPECT: write_it - change plain second */
ON_WORD(mask_it, set_mask_bits(&f->flags, 1UL << PG_beta, 0))
/* EXPECT: mask_it - change atomic head */
ON_WORD(number_it, set_bit(1, &f->flags))
/* EXPECT: number_it PG_alpha set atomic head */

/* Through locals, loops, a helper with the word as a parameter, and a recursive one. */
static inline void put(long nr, unsigned long *word, bool quick)
{
	if (quick)
		__set_bit(nr, word);
	else
		set_bit(nr, word);
}
static inline void put_gamma(struct folio *folio)
{
	unsigned long *const where = &folio->flags;

	put(PG_gamma, where, true);
}
/* EXPECT: put_gamma PG_gamma set plain head */
/* EXPECT: put_gamma PG_gamma set atomic head */
/* DOUBT: put_gamma */

static inline void loop_gamma(struct folio *folio, int n)
{
	for (int i = 0; i < n; i++)
		if (!test_and_set_bit(PG_gamma, &folio_page(folio, 1)->flags))
			break;
	if (n)
		loop_gamma(folio, n - 1);
}
/* EXPECT: loop_gamma PG_gamma test_and_set atomic second */

static inline void cas_gamma(struct folio *folio)
{
	unsigned long old = READ_ONCE(folio->flags), new;

	do {
		new = old | (1UL << PG_gamma);
	} while (!try_cmpxchg(&folio->flags, &old, new));
}
/* EXPECT: cas_gamma - change atomic head */

static inline void each_page(struct page *page, int n)
{
	while (n--)
		__set_bit(PG_beta, &page[n].flags);
}
/* EXPECT: each_page PG_beta set plain any */

static inline void only_if_first(struct page *page)
{
	if (PageTail(page))
		return;
	switch (READ_ONCE(page->kind)) {
	case 1 ... 3:
		__set_bit(PG_beta, &page->flags);
		break;
	default:
		break;
	}
}
/* EXPECT: only_if_first PG_beta set plain head */

/* What cannot be known has a doubt. */
static inline void mystery(struct folio *folio) { twiddle_bit(PG_beta, &folio->flags); }
/* EXPECT: mystery PG_beta change plain head */
/* DOUBT: mystery */
static inline void elsewhere(struct page *page) { set_bit(PG_beta, word_of(page)); }
/* EXPECT: elsewhere PG_beta set atomic any */
/* DOUBT: elsewhere */
static inline void garbled(struct page *page) { set_bit(PG_beta, &page->flags) oops [; }
/* EXPECT: garbled PG_beta set atomic any */
/* DOUBT: garbled */

/* Not accessors, although they look like some. */
static inline void other_struct(struct inode *inode) { inode->flags |= 1; }
static inline void local_copy(struct page *page)
{
	unsigned long flags = READ_ONCE(page->flags);

	flags |= 1UL << PG_beta;
	consume(flags);
}
static inline unsigned long *where_is(struct page *page) { return &page->flags; }
static inline void shadow(struct page *page, struct inode *inode)
{
	{
		struct inode *page = inode;

		page->flags |= 1;
	}
}
