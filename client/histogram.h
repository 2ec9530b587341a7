/*
 * histogram.h - how often which value came, with three significant digits, in constant memory.
 *
 * Log-linear: values below 2048 have a bucket each, and every doubling above is cut into 1024, so
 * that a value is told with an error below 0.1 %.  Values are integers from 0 to INT64_MAX;
 * negative ones count as 0.
 */
#ifndef CLIENT_HISTOGRAM_H
#define CLIENT_HISTOGRAM_H

#include <stdint.h>

struct histogram {
	uint64_t	*counts;	/* NULL while nothing was recorded */
	uint64_t	 total;
	int64_t		 min, max;	/* exact */
	double		 sum;
};

void histogram_record(struct histogram *h, int64_t value);
/*
 * The value that q of all (0 .. 1) do not exceed: the upper end of its bucket, never above max; 0
 * when nothing was recorded.
 */
int64_t histogram_quantile(const struct histogram *h, double q);
double histogram_mean(const struct histogram *h);
void histogram_free(struct histogram *h);

#endif
