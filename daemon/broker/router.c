/* router.c - profiles are fed, and types moved.  Runs in: broker, loop thread. */
#include "daemon/broker/router.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/keep.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "proto/channel.h"

#define INLINE_ONE_IN	16	/* runs of the inline lane that are measured, once there are some */

/* ---- what is known of a type ---- */

static struct type_route *
route_of(struct type *t)
{
	if (t->route == NULL) {
		t->route = mem_zalloc(1, sizeof(*t->route));
		t->route->pinned = -1;
	}
	return t->route;
}

/* The lane of its jobs may have changed; core is told, and whoever reads the log. */
static bool
settle(struct broker *b, struct type *t)
{
	struct route_change		 change;
	const struct route_move		*m;
	bool				 moved = route_settle(t, b->now.real_ms, &change);

	core_type_move(b->core, t, change.small.from, change.small.to);
	core_type_move(b->core, t, change.large.from, change.large.to);
	if (!moved)
		return false;
	b->lane_moves++;
	m = &t->route->last[(t->route->moves - 1) % ROUTE_MOVES_KEPT];
	log_info("type changes its lane type=%s from=%s to=%s why=\"%s\"", t->name,
	    lane_names[m->from], lane_names[m->to], m->why);
	return true;
}

static void
set_mode(struct type_route *tr, enum route_mode mode, int lane, const char *by)
{
	tr->mode = (uint8_t)mode;
	tr->pinned = mode == ROUTE_PIN ? (int8_t)lane : -1;
	snprintf(tr->by, sizeof(tr->by), "%s", mode == ROUTE_AUTO ? "" : by);
}

/* ---- configuration ---- */

static int
index_of(const char *const *names, int count, const char *name)
{
	for (int i = 0; name != NULL && i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* What the configuration wants of a type: `lane` alone pins, and nothing at all is auto. */
struct configured {
	enum route_mode	mode;
	int		lane;
};

static struct configured
configured(const struct config *c, const struct type *t)
{
	const struct config_limit	*row = config_limit_find(&c->types, t->name);
	int				 lane, mode;

	if (row == NULL)
		return (struct configured){ ROUTE_AUTO, -1 };
	lane = index_of(lane_names, LANES, row->lane);
	mode = index_of(route_mode_names, ROUTE_MODES, row->mode);
	if (mode < 0)
		mode = lane >= 0 ? ROUTE_PIN : ROUTE_AUTO;
	return (struct configured){ (enum route_mode)mode, lane };
}

/* A lane that is not safe is said loudly, and the type is routed as ever. */
void
router_configure(struct broker *b, struct type *t)
{
	struct configured	is = configured(&b->config, t);

	if (router_set(b, t, is.mode, is.lane, "configuration") != 0)
		log_error("type cannot be pinned type=%s lane=%s why=\"the lane is not declared as "
		    "safe\"", t->name, lane_names[is.lane]);
}

static bool
is_as(const struct config *c, const struct type *t)
{
	struct configured	is = configured(c, t);

	return t->route->mode == is.mode &&
	    (is.mode != ROUTE_PIN || t->route->pinned == is.lane);
}

bool
router_as_configured(const struct broker *b, const struct type *t)
{
	return is_as(&b->config, t);
}

void
router_reload(struct broker *b, const struct config *old)
{
	struct type	*t;
	size_t		 at = 0;

	while ((t = core_type_next(b->core, &at)) != NULL) {
		if (t->route != NULL && is_as(old, t) && !is_as(&b->config, t))
			router_configure(b, t);
	}
}

void
router_adopt(struct broker *b)
{
	struct type	*t;
	size_t		 at = 0;

	while ((t = core_type_next(b->core, &at)) != NULL) {
		if (t->route != NULL) {
			settle(b, t);		/* a worker may declare it anew */
			continue;
		}
		route_of(t);
		router_configure(b, t);
		keep_adopt(b, t);
	}
}

void
router_known(struct broker *b, struct type *t)
{
	settle(b, t);
}

int
router_set(struct broker *b, struct type *t, enum route_mode mode, int lane, const char *by)
{
	if (mode == ROUTE_PIN && lane >= 0 && !route_is_safe(t, (enum lane)lane))
		return -EPERM;
	route_of(t);
	settle(b, t);			/* where it is now, if nobody knew yet */
	set_mode(t->route, mode, lane, by);
	settle(b, t);
	return 0;
}

/* ---- what is measured ---- */

/* The 1st, 2nd, 4th, 8th ... time: a type that may not move does it over and over. */
static bool
worth_a_line(uint64_t count)
{
	return (count & (count - 1)) == 0;
}

/* After a stall was counted: what became of it. */
static void
say_stall(struct broker *b, const struct attempt *at, uint32_t ms, bool moved)
{
	const struct type		*t = at->type;
	const struct type_route		*tr = t->route;
	struct route_advice		 advice;

	b->loop_stalls++;
	if (moved) {
		log_warn("handler keeps the event loop type=%s job=%llu stall_ms=%u", t->name,
		    (unsigned long long)at->job_id, ms);
		return;
	}
	if (!worth_a_line(tr->profile.stalls))
		return;
	route_advise(t, &advice);
	if (advice.would != LANE_ASYNC && tr->mode != ROUTE_AUTO)
		log_error("handler keeps the event loop and stays there type=%s job=%llu "
		    "stall_ms=%u times=%llu mode=%s would_move_to=%s", t->name,
		    (unsigned long long)at->job_id, ms, (unsigned long long)tr->profile.stalls,
		    route_mode_names[tr->mode], lane_names[advice.would]);
	else if (advice.would != LANE_ASYNC)	/* it has moved; this one was there before */
		log_warn("handler keeps the event loop type=%s job=%llu stall_ms=%u times=%llu "
		    "lane=%s", t->name, (unsigned long long)at->job_id, ms,
		    (unsigned long long)tr->profile.stalls, lane_names[advice.lane]);
	else
		log_error("handler keeps the event loop, and no other lane is declared as safe: "
		    "everything that waits there is late type=%s job=%llu stall_ms=%u times=%llu",
		    t->name, (unsigned long long)at->job_id, ms,
		    (unsigned long long)tr->profile.stalls);
}

bool
router_add(struct broker *b, struct type *t, const struct profile_sample *s)
{
	bool	moved = profile_add(&route_of(t)->profile, s, b->now.mono_ns) && settle(b, t);

	keep_measured(b, t);
	return moved;
}

void
router_measured(struct broker *b, const struct attempt *at, const struct channel_usage *usage)
{
	struct type			*t = at->type;
	struct profile			*p = &route_of(t)->profile;
	const struct profile_sample	 s = {
		.lane = (enum lane)at->lane, .ran_ns = at->ran_ns,
		.share = usage->measured ? usage->cpu_permille / 1000.0 : -1,
		.queue_known = usage->queue_known, .stall_ms = usage->stall_ms,
		.stall_told = at->stall_told,
	};
	uint64_t			 stalls = p->stalls;
	bool				 moved;

	moved = router_add(b, t, &s);
	if (p->stalls != stalls)
		say_stall(b, at, usage->stall_ms, moved);
}

void
router_stalled(struct broker *b, struct attempt *at, uint32_t ms)
{
	bool	moved;

	if (at->stall_told || at->lane != LANE_ASYNC)
		return;
	at->stall_told = true;
	moved = profile_stall(&route_of(at->type)->profile, ms) && settle(b, at->type);
	keep_measured(b, at->type);
	say_stall(b, at, ms, moved);
}

bool
router_wants_inline(const struct type *t)
{
	const struct profile_mean	*m;

	if (t->route == NULL)
		return true;
	m = &t->route->profile.ran_ns[LANE_INLINE];
	return m->samples < PROFILE_SAMPLES || t->samples % INLINE_ONE_IN == 0;
}

void
router_ran_inline(struct broker *b, struct type *t, int64_t cpu_ns)
{
	const struct profile_sample	s = {
		.lane = LANE_INLINE, .ran_ns = cpu_ns > 0 ? cpu_ns : 1, .share = -1,
	};

	router_add(b, t, &s);
}
