/* group_item.c - a durable group as text, and back.  Runs in: broker, loop thread. */
#include "daemon/broker/items/group_item.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/items/item.h"
#include "lib/parse.h"
#include "proto/bounds.h"

#define TEXT_MAX	BOUND_LINE_BYTES_MAX
#define WHY_MAX		4096
#define COUNT_MAX	(1 << 30)	/* as in params.def */

void
group_item_name(uint64_t number, char out[GROUP_ITEM_NAME])
{
	snprintf(out, GROUP_ITEM_NAME, "%016" PRIu64, number);
}

static void
put_span(struct buf *out, const char *name, struct span s)
{
	if (s.len > 0)
		item_put_text(out, name, s.p, s.len);
}

static void
put_state(struct buf *out, const char *name, enum group_state state)
{
	item_put_text(out, name, group_state_names[state], strlen(group_state_names[state]));
}

void
group_item_print(struct buf *out, const struct group_item *g)
{
	const struct group_saved	*s = &g->saved;

	buf_putc(out, '{');
	put_span(out, "name", s->spec.name);
	item_put_int(out, "max_running", s->spec.max_running);
	item_put_int(out, "max_fails", s->spec.max_fails);
	put_span(out, "reduce", g->reduce);
	put_span(out, "principal", g->principal);
	put_span(out, "client", g->client);
	put_span(out, "addr", g->addr);
	put_state(out, "state", s->state);
	if (s->stopped != GROUP_OPEN)
		put_state(out, "stopped", s->stopped);
	put_span(out, "why", s->why);
	if (s->reduce_id != 0)
		item_put_int(out, "reduce_id", (int64_t)s->reduce_id);
	item_put_int(out, "created_ms", s->created_ms);
	if (s->finished_ms != 0)
		item_put_int(out, "finished_ms", s->finished_ms);
	put_span(out, "outcome", g->outcome);
	put_span(out, "brief", g->brief);
	buf_putc(out, '}');
}

/* ---- back ---- */

static int
read_number(struct span name, uint64_t *out, struct rpc_error *err)
{
	int64_t	number;

	if (parse_i64(name.p, name.len, 1, BOUND_JOB_ID, &number) != 0)
		return rpc_fail(err, RPC_internal, "its name is no group's number");
	*out = (uint64_t)number;
	return 0;
}

static int
read_wishes(const json_t *o, struct group_item *g, struct rpc_error *err)
{
	struct group_spec	*spec = &g->saved.spec;

	spec->max_fails = -1;
	spec->durable = true;
	if (item_text(o, "name", BOUND_NAME_BYTES, &spec->name, err) != 0 ||
	    item_u32(o, "max_running", COUNT_MAX, &spec->max_running, err) != 0 ||
	    item_int(o, "max_fails", -1, INT64_MAX, &spec->max_fails, err) != 0 ||
	    item_text(o, "reduce", TEXT_MAX, &g->reduce, err) != 0 ||
	    item_text(o, "principal", TEXT_MAX, &g->principal, err) != 0 ||
	    item_text(o, "client", TEXT_MAX, &g->client, err) != 0 ||
	    item_text(o, "addr", TEXT_MAX, &g->addr, err) != 0)
		return -1;
	spec->reduces = g->reduce.len > 0;
	return 0;
}

static int
read_life(const json_t *o, struct group_item *g, struct rpc_error *err)
{
	struct group_saved	*s = &g->saved;
	int			 state = GROUP_OPEN, stopped = GROUP_OPEN;
	int64_t			 reduce_id = 0;

	if (item_word(o, "state", group_state_names, GROUP_STATES, &state, err) != 0 ||
	    item_word(o, "stopped", group_state_names, GROUP_STATES, &stopped, err) != 0 ||
	    item_text(o, "why", WHY_MAX, &s->why, err) != 0 ||
	    item_int(o, "reduce_id", 0, BOUND_JOB_ID, &reduce_id, err) != 0 ||
	    item_int(o, "created_ms", 0, BOUND_JOB_ID, &s->created_ms, err) != 0 ||
	    item_int(o, "finished_ms", 0, BOUND_JOB_ID, &s->finished_ms, err) != 0 ||
	    item_text(o, "outcome", TEXT_MAX, &g->outcome, err) != 0 ||
	    item_text(o, "brief", TEXT_MAX, &g->brief, err) != 0)
		return -1;
	if (stopped != GROUP_OPEN && stopped != GROUP_FAILED && stopped != GROUP_CANCELLED)
		return rpc_fail(err, RPC_internal, "stopped is neither failed nor cancelled");
	s->state = (enum group_state)state;
	s->stopped = (enum group_state)stopped;
	s->reduce_id = (uint64_t)reduce_id;
	return 0;
}

int
group_item_read(struct span name, struct span text, struct group_item *out, struct rpc_error *err)
{
	struct group_item	g = { 0 };

	if (read_number(name, &g.saved.spec.number, err) != 0 ||
	    (g.root = item_parse(text, err)) == NULL)
		return -1;
	if (read_wishes(g.root, &g, err) != 0 || read_life(g.root, &g, err) != 0) {
		group_item_fini(&g);
		return -1;
	}
	*out = g;
	return 0;
}

void
group_item_fini(struct group_item *g)
{
	json_decref(g->root);
	g->root = NULL;
}
