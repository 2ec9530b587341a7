/*
 * lag.h - how long the loop's turns take, and what in them.  Pure: the caller brings the time.
 *
 * A turn is from what wakes the loop to when it may sleep again; everything that somebody wants of the
 * broker waits for that long.  The whole of it is measured by the exact clock, of which a turn has two
 * readings anyway.  Its phases are told apart by the coarse one, which costs nothing and steps by some
 * milliseconds: good enough to say what took fifty, and right on the average.
 */
#ifndef METRICS_LAG_H
#define METRICS_LAG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buckets.h"

/* PHASE(symbol = name, what) in the order of a turn */
#define LAG_PHASES \
	PHASE(events, "what came: clients, the store, workers of other languages") \
	PHASE(harvest, "what workers have completed") \
	PHASE(time, "what was due") \
	PHASE(settle, "jobs started, ended, answered") \
	PHASE(publish, "handed to workers, the store, files") \
	PHASE(flush, "written to clients")

enum lag_phase {
#define PHASE(symbol, what) LAG_##symbol,
	LAG_PHASES
#undef PHASE
	LAG_PHASES_COUNT
};
extern const char *const lag_phase_names[LAG_PHASES_COUNT];

/* All zero at first. */
struct lag {
	int64_t		woke_ns;			/* of this turn; 0: nothing has happened yet */
	int64_t		mark_ns;			/* the coarse clock, at the end of the last phase */
	int64_t		phase_ns[LAG_PHASES_COUNT];	/* of this turn */
	/* since the start */
	struct buckets	turns;
	int64_t		spent_ns[LAG_PHASES_COUNT];
	uint64_t	slow[LAG_PHASES_COUNT];		/* turns above the limit, by their longest phase */
	int64_t		longest_ns;
	/* what is said of that */
	int64_t		said_ns;			/* when it was said last; 0: never */
	uint64_t	unsaid;				/* slow turns since then */
};

/* The first time in a turn that anything has the time. */
void lag_woke(struct lag *l, int64_t now_ns, int64_t coarse_ns);
/* A phase is over. */
void lag_mark(struct lag *l, enum lag_phase phase, int64_t coarse_ns);

struct lag_turn {
	int64_t		turn_ns, phase_ns;
	enum lag_phase	phase;				/* its longest */
	uint64_t	unsaid;				/* others like it that were not said */
};
/*
 * The turn is over.  True: it took longer than limit_ns and is to be said, which is so at most every
 * LAG_SAY_NS; *out is what.
 */
#define LAG_SAY_NS	INT64_C(10000000000)
bool lag_end(struct lag *l, int64_t now_ns, int64_t limit_ns, struct lag_turn *out);

/* Slow turns so far. */
uint64_t lag_slow(const struct lag *l);

#endif
