/*
 * measure.h - how an attempt spends its time: on a CPU, waiting for one, or blocked.
 *
 * The share that tells computation from waiting is cpu / (cpu + blocked), without the time in the
 * run queue: of a busy loop on a machine loaded sixfold, cpu / wall is 0.15.
 */
#ifndef WORKERS_MEASURE_H
#define WORKERS_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/channel.h"

/* What a thread has used so far; differences of two are what counts. */
struct measure {
	int64_t	wall_ns, cpu_ns;
	int64_t	queued_ns;		/* waited for a CPU; -1: the kernel does not say */
};

/*
 * Reads the clocks of the calling thread: about 1 us.  The first call of a thread opens its
 * schedstat, which stays open as long as the thread lives; the thread that will be sealed calls it
 * before.
 */
void measure_now(struct measure *m);
/* Only queued_ns, of the calling thread; -1: the kernel does not say. */
int64_t measure_queued_ns(void);
/* end - start; queued_ns is -1 when one of them does not know. */
struct measure measure_between(const struct measure *start, const struct measure *end);
/* What is told of it; stall_ms stays as it is.  Nothing measured when no time went by. */
void measure_usage(const struct measure *spent, struct channel_usage *out);

/*
 * Which attempts of a type are measured: the first ones, all that take long, and of others one in
 * 16, or one in 256 when they take less than 10 us: measuring takes 2.  One for each type of a
 * worker, used by one thread.
 */
struct measure_plan {
	uint64_t	seen;
	int64_t		mean_ns;	/* decayed, of how long they took */
};
bool measure_wanted(struct measure_plan *plan);
void measure_took(struct measure_plan *plan, int64_t ns);

#endif
