/* buckets.c - how long things took.  Runs in: every process. */
#include "lib/buckets.h"

#define US	INT64_C(1000)
#define MS	INT64_C(1000000)
#define S	INT64_C(1000000000)

#define BOUNDS \
	BOUND(100 * US, "0.0001") BOUND(250 * US, "0.00025") BOUND(500 * US, "0.0005") \
	BOUND(1 * MS, "0.001") BOUND(2500 * US, "0.0025") BOUND(5 * MS, "0.005") \
	BOUND(10 * MS, "0.01") BOUND(25 * MS, "0.025") BOUND(50 * MS, "0.05") \
	BOUND(100 * MS, "0.1") BOUND(250 * MS, "0.25") BOUND(500 * MS, "0.5") \
	BOUND(1 * S, "1") BOUND(2500 * MS, "2.5") BOUND(5 * S, "5") \
	BOUND(10 * S, "10") BOUND(25 * S, "25") BOUND(50 * S, "50") \
	BOUND(100 * S, "100") BOUND(250 * S, "250") BOUND(500 * S, "500") \
	BOUND(1000 * S, "1000") BOUND(2500 * S, "2500") BOUND(5000 * S, "5000") \
	BOUND(10000 * S, "10000") BOUND(25000 * S, "25000")

const int64_t buckets_bounds_ns[BUCKETS_BOUNDS] = {
#define BOUND(ns, text) ns,
	BOUNDS
#undef BOUND
};

const char *const buckets_bounds_text[BUCKETS_BOUNDS] = {
#define BOUND(ns, text) text,
	BOUNDS
#undef BOUND
};

/*
 * How many bounds are below 2 to the power of the index.  Bounds are at least a factor of two apart, so
 * between two powers of two there is one of them at most.
 */
static const uint8_t below[64] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13,
	14, 15, 16, 17, 18, 19, 20, 21, 22, 22, 23, 24, 25, 26, 26, 26,
	26, 26, 26, 26, 26, 26, 26, 26, 26, 26, 26, 26, 26, 26, 26, 26,
};

unsigned
buckets_index(int64_t ns)
{
	unsigned	i;

	if (ns <= 0)
		return 0;
	i = below[63 - __builtin_clzll((unsigned long long)ns)];
	return i + (i < BUCKETS_BOUNDS && ns > buckets_bounds_ns[i]);
}
