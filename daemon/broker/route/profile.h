/*
 * profile.h - what is known of how a type spends its time, and what follows from it.  Pure.
 *
 * Means are decayed: what was measured long ago counts less and less.  A verdict needs
 * PROFILE_SAMPLES samples; between the two thresholds it stays what it was, so a type at the edge
 * does not go to and fro.
 */
#ifndef ROUTE_PROFILE_H
#define ROUTE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/jobspec.h"

#define PROFILE_SAMPLES		20		/* with fewer the declaration stands */
#define PROFILE_MEMORY		32		/* samples that a mean remembers, more or less */
#define PROFILE_CPU_ABOVE	0.7		/* share of CPU: computes */
#define PROFILE_CPU_BELOW	0.3		/* waits */
#define PROFILE_INLINE_NS	50000		/* slower types do not run inline */
#define PROFILE_DWELL_NS	(INT64_C(10) * 1000000000)	/* between two changes of a verdict */

/* Mean and variance of the last samples. */
struct profile_mean {
	uint64_t	samples;
	double		mean, variance;
};

/* What its time says that a type does. */
enum profile_verdict {
	PROFILE_UNKNOWN,		/* too few samples, or never beyond a threshold */
	PROFILE_COMPUTES,
	PROFILE_WAITS,
};

/*
 * Numbers and no pointers: it can be stored and loaded as it is.  All zero: nothing is known.
 */
struct profile {
	struct profile_mean	share;		/* cpu / (cpu + blocked), 0 .. 1 */
	struct profile_mean	ran_ns[LANES];	/* how long attempts ran, by lane */
	uint64_t		blind;		/* samples of the share with the run queue in it */
	uint64_t		stalls;		/* attempts that kept the event loop */
	uint32_t		stall_ms;	/* the longest */
	uint8_t			verdict;	/* enum profile_verdict */
	bool			blocks;		/* kept the event loop: not for the async lane */
	bool			slow_inline;	/* too slow for the inline lane */
	int64_t			verdict_ns;	/* when it changed last, CLOCK_MONOTONIC */
};

/* One attempt. */
struct profile_sample {
	enum lane	lane;
	int64_t		ran_ns;		/* <= 0: not known */
	double		share;		/* < 0: not measured */
	bool		queue_known;	/* the wait for a CPU is not in the share */
	uint32_t	stall_ms;	/* kept the event loop for so long; 0: not */
	bool		stall_told;	/* by profile_stall, while it lasted */
};

/* True: what follows from it for the lane has changed. */
bool profile_add(struct profile *p, const struct profile_sample *s, int64_t now_ns);
/* It keeps the event loop now, and has not ended yet; as profile_add. */
bool profile_stall(struct profile *p, uint32_t ms);
/* Square root of the variance, without libm. */
double profile_deviation(const struct profile_mean *m);

#endif
