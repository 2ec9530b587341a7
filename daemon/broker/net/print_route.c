/* print_route.c - measured routing as clients see it.  Runs in: broker, loop thread. */
#include "daemon/broker/net/print_route.h"

#include "daemon/broker/net/print_job.h"
#include "daemon/broker/route/route.h"
#include "workers/handler.h"

static const struct type_route	nothing = { .pinned = -1 };

static const struct type_route *
route_of(const struct type *t)
{
	return t->route == NULL ? &nothing : t->route;
}

void
print_traits(struct buf *out, uint32_t traits)
{
	static const struct {
		uint32_t	 bit;
		const char	*name;
	} names[] = {
		{ JOBD_CPU_BOUND, "cpu_bound" }, { JOBD_WAITS, "waits" },
		{ JOBD_THREAD_SAFE, "thread_safe" },
	};
	bool	first = true;

	buf_putc(out, '[');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((traits & names[i].bit) == 0)
			continue;
		if (!first)
			buf_putc(out, ',');
		first = false;
		print_string(out, names[i].name);
	}
	buf_putc(out, ']');
}

void
print_lane_now(struct buf *out, const struct type *t)
{
	enum lane	lane;

	route_lane(t, -1, 0, &lane);
	print_string(out, lane_names[lane]);
}

void
print_mode(struct buf *out, const struct type *t)
{
	print_string(out, route_mode_names[route_of(t)->mode]);
}

/* ---- measured ---- */

static void
print_share(struct buf *out, const struct profile *p)
{
	static const char *const	verdicts[] = {
		[PROFILE_UNKNOWN] = "null", [PROFILE_COMPUTES] = "\"computes\"",
		[PROFILE_WAITS] = "\"waits\"",
	};

	if (p->share.samples == 0) {
		print_literal(out, "null");
		return;
	}
	buf_printf(out, "{\"share\":%.3f,\"deviation\":%.3f,\"samples\":%llu,\"verdict\":%s,"
	    "\"queue_known\":%s}", p->share.mean, profile_deviation(&p->share),
	    (unsigned long long)p->share.samples, verdicts[p->verdict],
	    p->blind == 0 ? "true" : "false");
}

static void
print_by_lane(struct buf *out, const struct profile *p)
{
	bool	first = true;

	buf_putc(out, '{');
	for (int lane = 0; lane < LANES; lane++) {
		const struct profile_mean	*m = &p->ran_ns[lane];

		if (m->samples == 0)
			continue;
		buf_printf(out, "%s\"%s\":{\"samples\":%llu,\"mean_us\":%.1f,\"deviation_us\":%.1f}",
		    first ? "" : ",", lane_names[lane], (unsigned long long)m->samples,
		    m->mean / 1e3, profile_deviation(m) / 1e3);
		first = false;
	}
	buf_putc(out, '}');
}

void
print_measured(struct buf *out, const struct type *t)
{
	const struct profile	*p = &route_of(t)->profile;

	print_literal(out, "{\"samples\":");
	buf_put_u64(out, t->samples);
	print_next(out, "mean_us");
	if (t->samples == 0)
		print_literal(out, "null");
	else
		buf_put_i64(out, t->mean_ns / 1000);
	print_next(out, "cpu");
	print_share(out, p);
	print_next(out, "lanes");
	print_by_lane(out, p);
	buf_printf(out, ",\"stalls\":{\"count\":%llu,\"longest_ms\":%u}}",
	    (unsigned long long)p->stalls, p->stall_ms);
}

/* ---- routing ---- */

static void
print_move(struct buf *out, const struct route_move *m)
{
	print_literal(out, "{\"at_ms\":");
	buf_put_i64(out, m->at_ms);
	print_next(out, "from");
	print_string(out, lane_names[m->from]);
	print_next(out, "to");
	print_string(out, lane_names[m->to]);
	print_next(out, "why");
	print_string(out, m->why);
	buf_putc(out, '}');
}

void
print_routing(struct buf *out, const struct type *t)
{
	const struct type_route	*tr = route_of(t);
	uint64_t		 kept = tr->moves < ROUTE_MOVES_KEPT ? tr->moves : ROUTE_MOVES_KEPT;

	print_literal(out, "{\"mode\":");
	print_mode(out, t);
	print_next(out, "pinned");
	print_string_or_null(out, tr->pinned < 0 ? NULL : lane_names[tr->pinned]);
	print_next(out, "by");
	print_string_or_null(out, tr->by[0] == '\0' ? NULL : tr->by);
	print_next(out, "moves");
	buf_put_u64(out, tr->moves);
	print_next(out, "changes");
	buf_putc(out, '[');
	for (uint64_t i = 0; i < kept; i++) {
		if (i > 0)
			buf_putc(out, ',');
		print_move(out, &tr->last[(tr->moves - 1 - i) % ROUTE_MOVES_KEPT]);
	}
	print_literal(out, "]}");
}
