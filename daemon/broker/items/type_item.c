/* type_item.c - pins and profiles of types as text, and back.  Runs in: broker, loop thread. */
#include "daemon/broker/items/type_item.h"

#include <stdio.h>
#include <string.h>

#include "daemon/broker/items/item.h"
#include "proto/bounds.h"

#define NS_IN_MS	INT64_C(1000000)
#define SAMPLES_MAX	(INT64_C(1) << 53)
#define NS_MAX		1e18

/* ---- pins ---- */

void
pin_item_print(struct buf *out, const struct type_route *tr)
{
	const char	*mode = route_mode_names[tr->mode];

	buf_putc(out, '{');
	item_put_text(out, "mode", mode, strlen(mode));
	if (tr->mode == ROUTE_PIN && tr->pinned >= 0)
		item_put_text(out, "lane", lane_names[tr->pinned], strlen(lane_names[tr->pinned]));
	item_put_text(out, "by", tr->by, strlen(tr->by));
	buf_putc(out, '}');
}

int
pin_item_read(struct span text, struct pin_item *out, struct rpc_error *err)
{
	struct pin_item	 is = { .lane = -1 };
	struct span	 by = { "", 0 };
	json_t		*o = item_parse(text, err);
	int		 mode = -1, rc;

	if (o == NULL)
		return -1;
	rc = item_word(o, "mode", route_mode_names, ROUTE_MODES, &mode, err) != 0 ||
	    item_word(o, "lane", lane_names, LANES, &is.lane, err) != 0 ||
	    item_text(o, "by", ROUTE_BY - 1, &by, err) != 0 ? -1 : 0;
	if (rc == 0 && mode < 0)
		rc = rpc_fail(err, RPC_internal, "mode is not there");
	if (rc == 0) {
		is.mode = (enum route_mode)mode;
		snprintf(is.by, sizeof(is.by), "%.*s", (int)by.len, by.p);
		*out = is;
	}
	json_decref(o);
	return rc;
}

/* ---- profiles ---- */

static const char *const verdict_names[] = {
	[PROFILE_UNKNOWN] = "unknown", [PROFILE_COMPUTES] = "computes", [PROFILE_WAITS] = "waits",
};

static void
print_mean(struct buf *out, const char *name, const struct profile_mean *m)
{
	if (m->samples == 0)
		return;
	item_name(out, name);
	buf_putc(out, '{');
	item_put_int(out, "samples", (int64_t)m->samples);
	item_put_real(out, "mean", m->mean);
	item_put_real(out, "variance", m->variance);
	buf_putc(out, '}');
}

static void
print_verdict(struct buf *out, struct core_time now, const struct profile *p)
{
	const char	*verdict = verdict_names[p->verdict];

	item_put_text(out, "verdict", verdict, strlen(verdict));
	if (p->verdict != PROFILE_UNKNOWN)
		item_put_int(out, "verdict_ms",
		    now.real_ms - (now.mono_ns - p->verdict_ns) / NS_IN_MS);
}

static void
print_profile(struct buf *out, struct core_time now, const struct profile *p)
{
	print_mean(out, "share", &p->share);
	for (int lane = 0; lane < LANES; lane++)
		print_mean(out, lane_names[lane], &p->ran_ns[lane]);
	print_verdict(out, now, p);
	item_put_int(out, "blind", (int64_t)p->blind);
	item_put_int(out, "stalls", (int64_t)p->stalls);
	item_put_int(out, "stall_ms", p->stall_ms);
	if (p->blocks)
		item_put_true(out, "blocks");
	if (p->slow_inline)
		item_put_true(out, "slow_inline");
}

void
profile_item_print(struct buf *out, struct core_time now, const struct type *t)
{
	buf_putc(out, '{');
	item_put_int(out, "samples", (int64_t)t->samples);
	item_put_int(out, "mean_ns", t->mean_ns);
	item_put_int(out, "out_hint", t->out_hint);
	print_profile(out, now, &t->route->profile);
	buf_putc(out, '}');
}

void
program_item_print(struct buf *out, struct core_time now, const struct profile *p)
{
	buf_putc(out, '{');
	print_profile(out, now, p);
	buf_putc(out, '}');
}

static int
read_count(const json_t *o, const char *name, uint64_t *out, struct rpc_error *err)
{
	int64_t	i = (int64_t)*out;

	if (item_int(o, name, 0, SAMPLES_MAX, &i, err) != 0)
		return -1;
	*out = (uint64_t)i;
	return 0;
}

static int
read_mean(const json_t *o, const char *name, double max, struct profile_mean *out,
    struct rpc_error *err)
{
	const json_t	*m = json_object_get(o, name);

	if (m == NULL)
		return 0;
	if (!json_is_object(m))
		return rpc_fail(err, RPC_internal, "%s is no object", name);
	return read_count(m, "samples", &out->samples, err) != 0 ||
	    item_real(m, "mean", 0, max, &out->mean, err) != 0 ||
	    item_real(m, "variance", 0, max * max, &out->variance, err) != 0 ? -1 : 0;
}

static int
read_verdict(const json_t *o, struct core_time now, struct profile *p, struct rpc_error *err)
{
	int64_t	at_ms = now.real_ms, ago_ms;
	int	verdict = PROFILE_UNKNOWN;

	if (item_word(o, "verdict", verdict_names, PROFILE_WAITS + 1, &verdict, err) != 0 ||
	    item_int(o, "verdict_ms", 0, BOUND_JOB_ID, &at_ms, err) != 0)
		return -1;
	ago_ms = now.real_ms - at_ms;
	if (ago_ms < 0)
		ago_ms = 0;
	else if (ago_ms > PROFILE_DWELL_NS / NS_IN_MS)
		ago_ms = PROFILE_DWELL_NS / NS_IN_MS;	/* longer ago makes no difference */
	p->verdict = (uint8_t)verdict;
	p->verdict_ns = now.mono_ns - ago_ms * NS_IN_MS;
	return 0;
}

static int
read_profile(const json_t *o, struct core_time now, struct profile *p, struct rpc_error *err)
{
	if (read_mean(o, "share", 1, &p->share, err) != 0)
		return -1;
	for (int lane = 0; lane < LANES; lane++)
		if (read_mean(o, lane_names[lane], NS_MAX, &p->ran_ns[lane], err) != 0)
			return -1;
	return read_verdict(o, now, p, err) != 0 || read_count(o, "blind", &p->blind, err) != 0 ||
	    read_count(o, "stalls", &p->stalls, err) != 0 ||
	    item_u32(o, "stall_ms", UINT32_MAX, &p->stall_ms, err) != 0 ||
	    item_bool(o, "blocks", &p->blocks, err) != 0 ||
	    item_bool(o, "slow_inline", &p->slow_inline, err) != 0 ? -1 : 0;
}

int
program_item_read(struct span text, struct core_time now, struct profile *p, struct rpc_error *err)
{
	struct profile	 read = { 0 };
	json_t		*o = item_parse(text, err);
	int		 rc;

	if (o == NULL)
		return -1;
	if ((rc = read_profile(o, now, &read, err)) == 0)
		*p = read;
	json_decref(o);
	return rc;
}

int
profile_item_apply(struct type *t, struct core_time now, struct span text, struct rpc_error *err)
{
	struct profile	 p = { 0 };
	uint64_t	 samples = 0;
	int64_t		 mean_ns = 0;
	uint32_t	 out_hint = 0;
	json_t		*o = item_parse(text, err);
	int		 rc;

	if (o == NULL)
		return -1;
	rc = read_profile(o, now, &p, err) != 0 || read_count(o, "samples", &samples, err) != 0 ||
	    item_int(o, "mean_ns", 0, INT64_MAX, &mean_ns, err) != 0 ||
	    item_u32(o, "out_hint", BOUND_RESULT_BYTES_MAX, &out_hint, err) != 0 ? -1 : 0;
	if (rc == 0) {
		t->route->profile = p;
		t->samples = samples;
		t->mean_ns = mean_ns;
		t->out_hint = out_hint;
	}
	json_decref(o);
	return rc;
}
