/*
 * advise.c - what follows from what was measured: moves of a type, and advice to its author.
 * Runs in: broker, loop thread.
 */
#include "daemon/broker/route/route.h"

#include <stdio.h>
#include <string.h>

#include "workers/handler.h"

/* ---- moves ---- */

/*
 * The answer that made the difference, in its own words: the operator's wish, the event loop, what
 * was measured; else the last one.
 */
static void
say_why(const struct type *t, char *out, size_t size)
{
	static const char *const	signs[] = { ", by ", "event loop", "measured:" };
	struct route			now;

	route_choose(t, -1, 0, &now);
	for (size_t sign = 0; sign < sizeof(signs) / sizeof(signs[0]); sign++)
		for (unsigned i = 0; i < now.asked; i++)
			if (strstr(now.answers[i].evidence, signs[sign]) != NULL) {
				snprintf(out, size, "%s", now.answers[i].evidence);
				return;
			}
	snprintf(out, size, "%s", now.answers[now.asked - 1].evidence);
}

static void
note_move(struct type_route *tr, const struct type *t, int64_t now_ms, enum lane from, enum lane to)
{
	struct route_move	*m = &tr->last[tr->moves++ % ROUTE_MOVES_KEPT];

	m->at_ms = now_ms;
	m->from = (uint8_t)from;
	m->to = (uint8_t)to;
	say_why(t, m->why, sizeof(m->why));
}

bool
route_settle(struct type *t, int64_t now_ms, struct route_change *out)
{
	struct type_route	*tr = t->route;
	enum lane		 small, large;

	route_lane(t, -1, 0, &small);
	route_lane(t, -1, ROUTE_INLINE_BYTES + 1, &large);
	if (!tr->settled) {
		tr->small = (uint8_t)small;
		tr->large = (uint8_t)large;
		tr->settled = true;
	}
	out->small.from = (enum lane)tr->small;
	out->small.to = small;
	out->large.from = (enum lane)tr->large;
	out->large.to = large;
	tr->small = (uint8_t)small;
	tr->large = (uint8_t)large;
	if (out->small.from == small)
		return false;
	note_move(tr, t, now_ms, out->small.from, small);
	return true;
}

/* ---- advice ---- */

static void
advise_stalls(const struct type *t, const struct profile *p, struct route_advice *a)
{
	snprintf(a->reason, sizeof(a->reason), "it kept the event loop for up to %u ms (%llu in all)",
	    p->stall_ms, (unsigned long long)p->stalls);
	if (route_is_safe(t, LANE_THREAD) || route_is_safe(t, LANE_PROCESS))
		snprintf(a->change, sizeof(a->change),
		    "do not declare the async lane until start and its callbacks do not block");
	else
		snprintf(a->change, sizeof(a->change), "make start and its callbacks not block, or "
		    "add a blocking run and declare the thread or the process lane");
}

static void
advise_computes(const struct type *t, struct route_advice *a)
{
	if (!route_is_safe(t, LANE_PROCESS))
		snprintf(a->change, sizeof(a->change), "declare the process lane as safe, if it "
		    "is: it computes, and every lane that is declared shares the waits' process");
	else if ((t->traits & JOBD_CPU_BOUND) == 0 || (t->traits & JOBD_WAITS) != 0)
		snprintf(a->change, sizeof(a->change), "declare cpu_bound%s",
		    (t->traits & JOBD_WAITS) != 0 ? ", not waits" : "");
}

static void
advise_waits(const struct type *t, struct route_advice *a)
{
	bool	elsewhere = route_is_safe(t, LANE_ASYNC) || route_is_safe(t, LANE_THREAD);

	if (!elsewhere)
		snprintf(a->change, sizeof(a->change), "declare thread_safe and the thread lane, if "
		    "it is, or give it an asynchronous start: it waits, and occupies a cpu worker");
	else if ((t->traits & JOBD_WAITS) == 0 || (t->traits & JOBD_CPU_BOUND) != 0)
		snprintf(a->change, sizeof(a->change), "declare waits%s",
		    (t->traits & JOBD_CPU_BOUND) != 0 ? ", not cpu_bound" : "");
}

static void
advise_by_share(const struct type *t, const struct profile *p, struct route_advice *a)
{
	static const char *const	words[] = {
		[PROFILE_UNKNOWN] = "between the thresholds: the declaration stands",
		[PROFILE_COMPUTES] = "it computes", [PROFILE_WAITS] = "it waits",
	};

	if (p->share.samples < PROFILE_SAMPLES) {
		snprintf(a->reason, sizeof(a->reason),
		    "%llu of %d samples: the declaration stands",
		    (unsigned long long)p->share.samples, PROFILE_SAMPLES);
		return;
	}
	snprintf(a->reason, sizeof(a->reason), "measured: %.2f cpu over %llu samples: %s",
	    p->share.mean, (unsigned long long)p->share.samples, words[p->verdict]);
	if (p->verdict == PROFILE_COMPUTES)
		advise_computes(t, a);
	else if (p->verdict == PROFILE_WAITS)
		advise_waits(t, a);
}

void
route_advise(const struct type *t, struct route_advice *out)
{
	static const struct profile	 none;
	const struct profile		*p = t->route == NULL ? &none : &t->route->profile;
	struct route			 would;

	memset(out, 0, sizeof(*out));
	route_lane(t, -1, 0, &out->lane);
	route_as(t, ROUTE_AUTO, &would);
	out->would = would.lane;
	if (p->blocks)
		advise_stalls(t, p, out);
	else if (p->slow_inline)
		snprintf(out->reason, sizeof(out->reason),
		    "measured: %.1f us inline, and the limit is %d",
		    p->ran_ns[LANE_INLINE].mean / 1e3, PROFILE_INLINE_NS / 1000);
	else
		advise_by_share(t, p, out);
}
