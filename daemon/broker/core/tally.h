/*
 * tally.h - what was counted of jobs and their attempts, by queue and type, since the broker started.
 *
 * Names come from clients, so there are TALLY_PAIRS tallies at most: of what comes later only the type
 * is told (TALLY_TYPES of them), and then nothing.  A tally is never given up and its counts never
 * go back, whatever becomes of the queue and the type.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include "daemon/broker/core/job.h"
#include "lib/buckets.h"

#define TALLY_PAIRS	256
#define TALLY_TYPES	64
#define TALLY_OTHER	"(other)"	/* no name of a queue or a type is like that */

/* How an attempt ended. */
enum tally_end {
	TALLY_SUCCEEDED, TALLY_FAILED, TALLY_TIMED_OUT, TALLY_CANCELLED, TALLY_LOST, TALLY_ENDS
};
extern const char *const tally_end_names[TALLY_ENDS];

/* What concerns the jobs and attempts of one lane. */
struct tally_lane {
	uint64_t	 finished[JOB_STATES];	/* jobs, by the state that they ended in */
	struct buckets	 waited;		/* from being ready to the start of an attempt */
	struct buckets	*ran[TALLY_ENDS];	/* attempts, by how they ended; NULL: none */
};

struct tally {
	const char	*queue, *type;
	uint64_t	 submitted;		/* jobs */
	struct tally_lane *lanes[LANES];	/* NULL: nothing yet */
};

struct core;

/* Walk: *at starts at 0; NULL at the end. */
const struct tally *core_tally_next(const struct core *c, size_t *at);

#endif
