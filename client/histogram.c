/* histogram.c - how often which value came.  Runs in: jobctl. */
#include "client/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define HALF_BITS	10
#define HALF		((size_t)1 << HALF_BITS)	/* buckets of a doubling */
#define BUCKETS		((64 - HALF_BITS) * HALF)

static size_t
bucket_of(uint64_t v)
{
	unsigned	shift;

	if (v < 2 * HALF)
		return (size_t)v;
	shift = 63 - (unsigned)__builtin_clzll(v) - HALF_BITS;
	return shift * HALF + (size_t)(v >> shift);
}

static int64_t
highest_in(size_t bucket)
{
	size_t	shift;

	if (bucket < 2 * HALF)
		return (int64_t)bucket;
	shift = bucket / HALF - 1;
	return (int64_t)(((uint64_t)(bucket - shift * HALF + 1) << shift) - 1);
}

void
histogram_record(struct histogram *h, int64_t value)
{
	if (value < 0)
		value = 0;
	if (h->counts == NULL)
		h->counts = mem_zalloc(BUCKETS, sizeof(*h->counts));
	if (h->total == 0 || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->counts[bucket_of((uint64_t)value)]++;
	h->total++;
	h->sum += (double)value;
}

int64_t
histogram_quantile(const struct histogram *h, double q)
{
	uint64_t	want = (uint64_t)ceil(q * (double)h->total), seen = 0;

	if (h->total == 0)
		return 0;
	if (want < 1)
		want = 1;
	for (size_t i = 0; i < BUCKETS; i++)
		if ((seen += h->counts[i]) >= want)
			return highest_in(i) < h->max ? highest_in(i) : h->max;
	return h->max;
}

double
histogram_mean(const struct histogram *h)
{
	return h->total > 0 ? h->sum / (double)h->total : 0;
}

void
histogram_free(struct histogram *h)
{
	free(h->counts);
	memset(h, 0, sizeof(*h));
}
