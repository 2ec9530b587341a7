/*
 * buckets.h - how long things took: counts by fixed bounds, from 100 us to 7 hours.
 *
 * The bounds are 1, 2.5 and 5 times each power of ten, the same for all, so that counts can be added
 * up.  All zero is empty.  One thread's.
 */
#ifndef LIB_BUCKETS_H
#define LIB_BUCKETS_H

#include <stdint.h>

#define BUCKETS_BOUNDS	26

struct buckets {
	uint64_t	counts[BUCKETS_BOUNDS + 1];	/* [i]: above bound i - 1, at most bound i; the
							 * last one: above all */
	uint64_t	count;
	double		sum_s;
};

extern const int64_t buckets_bounds_ns[BUCKETS_BOUNDS];
/* The same in seconds: "0.0001". */
extern const char *const buckets_bounds_text[BUCKETS_BOUNDS];

/* Index into counts; less than nothing counts as nothing. */
unsigned buckets_index(int64_t ns);

static inline void
buckets_add(struct buckets *b, int64_t ns)
{
	b->counts[buckets_index(ns)]++;
	b->count++;
	b->sum_s += (double)(ns < 0 ? 0 : ns) * 1e-9;
}

/* Takes back what buckets_add was given. */
static inline void
buckets_withdraw(struct buckets *b, int64_t ns)
{
	b->counts[buckets_index(ns)]--;
	b->count--;
	b->sum_s -= (double)(ns < 0 ? 0 : ns) * 1e-9;
}

#endif
