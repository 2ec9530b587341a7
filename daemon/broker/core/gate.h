/*
 * gate.h - what may keep a ready job from running: a gate, which is open or closed.
 *
 * A type, a queue, a tenant inside a queue, a limit key inside a queue and a group have one each, and
 * all durable jobs share one.
 * Jobs that share all their gates share a flow (line.c); a flow that comes up and finds a gate
 * closed is parked there, and looked at again when the gate opens.
 *
 * A rate is a token bucket in the shape of one time: `spent_until_ns` is when the bucket will be
 * full again.  A start costs one interval; it may begin while no more than `burst` of them are
 * owed.  Intervals are rounded up, so a rate is never exceeded.
 */
#ifndef CORE_GATE_H
#define CORE_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/heap.h"
#include "lib/list.h"

enum gate_kind { GATE_TYPE, GATE_TENANT, GATE_KEY, GATE_GROUP, GATE_STORE, GATE_QUEUE };

/* Starts: rate_milli per 1000 seconds (0: any number), at most burst (0: 1) at once. */
struct rate {
	uint32_t	rate_milli, burst;
};

struct gate {
	uint32_t	 max_running;	/* 0: no limit */
	uint32_t	 running;	/* attempts that hold it, stuck ones too */
	uint8_t		 kind;		/* enum gate_kind */
	bool		 paused;
	bool		 dry;		/* its rate is used up; the timer says until when */
	bool		 closed;	/* as those whom it concerns know it */
	struct rate	 rate;
	int64_t		 spent_until_ns;
	struct heap_node timer;		/* in core->gate_timers, while dry */
	struct list	 stalls;	/* stall->link: where flows are parked at it */
};

struct core;
struct core_time;

/* Open, and without limits.  Whoever owns a gate keeps it until no flow refers to it. */
void gate_init(struct gate *g, enum gate_kind kind);
void gate_fini(struct core *c, struct gate *g);
/* Changes what it allows; flows that waited for that come up again. */
void gate_limit(struct core *c, struct gate *g, uint32_t max_running);
void gate_rate(struct core *c, int64_t now_ns, struct gate *g, struct rate rate);
void gate_pause(struct core *c, struct gate *g, bool paused);
/* When its rate lets the next one start; INT64_MIN: it has none. */
int64_t gate_next_ns(const struct gate *g);

static inline bool
gate_full(const struct gate *g)
{
	return g->max_running > 0 && g->running >= g->max_running;
}

static inline bool
gate_closed(const struct gate *g)
{
	return g->paused || g->dry || gate_full(g);
}

#endif
