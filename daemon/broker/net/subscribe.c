/* subscribe.c - job.watch, job.unwatch and their notifications.  Runs in: broker, loop thread. */
#include "daemon/broker/net/subscribe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/net/job_filter.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/output.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/parse.h"

#define UNSENT_BYTES	((size_t)256 << 10)	/* then a subscription waits */
#define LOOKS		1000			/* of one subscription in a turn */

struct subscription {
	struct list		 link;		/* net->subscriptions */
	struct connection	*conn;
	uint64_t		 number;
	uint64_t		 next;		/* the first change that was not looked at */
	bool			 restarted;	/* its cursor is of an earlier start of the daemon */
	struct job_filter	 filter;
	bool			 filtered;	/* by more than a state */
};

static void
subscription_free(struct subscription *s)
{
	list_remove(&s->link);
	s->conn->subscriptions--;
	job_filter_fini(&s->filter);
	free(s);
}

void
subscribe_drop_all(struct connection *c)
{
	if (c->subscriptions == 0)
		return;
	list_for_safe(node, after, &c->net->subscriptions) {
		struct subscription	*s = list_entry(node, struct subscription, link);

		if (s->conn == c)
			subscription_free(s);
	}
}

/* ---- cursors: `BOOT-NUMBER`, the change that comes next ---- */

static void
print_cursor(struct buf *out, const struct net *n, uint64_t next)
{
	print_next(out, "cursor");
	buf_printf(out, "\"%" PRIu32 "-%" PRIu64 "\"", store_boot(n->broker->store), next);
}

static bool
parse_cursor(const struct rpc_value *v, int64_t *boot, int64_t *next)
{
	const char	*dash = memchr(v->p, '-', v->len);
	size_t		 before;

	if (dash == NULL)
		return false;
	before = (size_t)(dash - v->p);
	return parse_i64(v->p, before, 1, UINT32_MAX, boot) == 0 &&
	    parse_i64(dash + 1, v->len - before - 1, 0, INT64_MAX, next) == 0;
}

/* Where it begins. */
static int
set_place(struct subscription *s, const struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*cursor = call_param(call, PARAM_cursor);
	const struct broker	*b = call->net->broker;
	int64_t			 boot, next;

	s->next = core_changes_next(b->core);
	if (!cursor->given)
		return 0;
	if (!parse_cursor(cursor, &boot, &next) || boot > store_boot(b->store) ||
	    (boot == store_boot(b->store) && (uint64_t)next > s->next))
		return rpc_fail_member(err, RPC_invalid_params, "cursor", 6,
		    "cursor is not one that job.watch has told");
	s->restarted = boot != store_boot(b->store);
	s->next = s->restarted ? core_changes_first(b->core) : (uint64_t)next;
	return 0;
}

/* ---- notifications ---- */

static struct buf *
begin(const struct subscription *s, const char *method)
{
	struct buf	*out = output_begin(s->conn);

	buf_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":{\"watch\":%" PRIu64,
	    method, s->number);
	return out;
}

static void
end(struct subscription *s, struct buf *out)
{
	print_cursor(out, s->conn->net, s->next);
	print_literal(out, "}}\n");
	output_wrote(s->conn);
}

static void
tell_gap(struct subscription *s, uint64_t first)
{
	struct buf	*out = begin(s, "job.gap");

	print_next(out, "missed");
	if (s->restarted)
		print_literal(out, "null");
	else
		buf_put_u64(out, first - s->next);
	s->restarted = false;
	s->next = first;
	end(s, out);
}

/* j NULL: it was forgotten meanwhile, and nobody knows any more what it was. */
static void
tell_change(struct subscription *s, const struct change *ch, const struct job *j)
{
	struct buf	*out = begin(s, "job.changed");

	print_next(out, "id");
	buf_put_u64(out, ch->id);
	print_next(out, "state");
	print_string(out, job_state_names[ch->how.state]);
	print_next(out, "reason");
	print_string(out, job_reason_names[ch->how.reason]);
	print_next(out, "at_ms");
	buf_put_i64(out, ch->how.at_ms);
	if (j == NULL) {
		print_next(out, "forgotten");
		print_bool(out, true);
	} else {
		print_next(out, "type");
		print_string(out, job_type(j)->name);
		print_next(out, "queue");
		print_string(out, core_job_queue(j));
	}
	end(s, out);
}

static bool
wants(struct subscription *s, const struct change *ch, const struct job *j)
{
	if (s->filter.state >= 0 && s->filter.state != (int)ch->how.state)
		return false;
	if (j == NULL)
		return s->filter.own == NULL;	/* nobody knows any more whose it was */
	return !s->filtered || job_filter_match_but_state(&s->filter, j);
}

static bool
has_room(const struct subscription *s)
{
	const struct connection	*c = s->conn;

	return !c->dead && !c->eof && (c->pause & PAUSE_END) == 0 &&
	    buf_len(&c->out) < UNSENT_BYTES;
}

/* True: it stopped because it had its share of this turn. */
static bool
run(struct subscription *s)
{
	const struct core	*core = s->conn->net->broker->core;
	uint64_t		 first = core_changes_first(core);
	uint32_t		 looked = 0;
	const struct change	*ch;
	const struct job	*j;

	if (has_room(s) && (s->next < first || s->restarted))
		tell_gap(s, first);
	while (looked < LOOKS && has_room(s) && (ch = core_change(core, s->next)) != NULL) {
		j = core_find(core, ch->id);
		s->next++;
		looked += j == NULL ? 1 : job_filter_cost(&s->filter, j);
		if (wants(s, ch, j))
			tell_change(s, ch, j);
	}
	return looked >= LOOKS;
}

bool
subscribe_run(struct net *n)
{
	bool	more = false;

	/* output_wrote may close a connection: the list is walked with care */
	list_for_safe(node, after, &n->subscriptions) {
		struct subscription	*s = list_entry(node, struct subscription, link);
		struct connection	*c = s->conn;

		more |= run(s);
		if (c->dead)
			return true;		/* all of its subscriptions are gone */
	}
	return more;
}

/* ---- methods ---- */

static struct subscription *
find(const struct connection *c, uint64_t number)
{
	list_for(node, &c->net->subscriptions) {
		struct subscription	*s = list_entry(node, struct subscription, link);

		if (s->conn == c && s->number == number)
			return s;
	}
	return NULL;
}

static int
subscribe(struct call *call, struct subscription *s, struct rpc_error *err)
{
	const struct rpc_value	*filter = call_param(call, PARAM_filter);

	if (job_filter_init(&s->filter, filter->given ? filter->p : NULL, filter->len, err) != 0)
		return -1;
	s->filtered = filter->given;
	if (call->conn->role < ROLE_operator) {
		job_filter_own(&s->filter, auth_principal(call->conn));
		s->filtered = true;
	}
	return set_place(s, call, err);
}

int
method_job_watch(struct call *call, struct rpc_error *err)
{
	struct net		*n = call->net;
	struct connection	*c = call->conn;
	struct subscription	*s;
	struct buf		*out;

	if (c->subscriptions == BOUND_WATCHES)
		return rpc_fail(err, RPC_too_many_calls,
		    "this connection watches already as often as it may: %d", BOUND_WATCHES);
	core_changes_keep(n->broker->core, (uint64_t)n->broker->config.keep_changes);
	s = mem_zalloc(1, sizeof(*s));
	s->conn = c;
	list_init(&s->link);
	c->subscriptions++;
	if (subscribe(call, s, err) != 0) {
		subscription_free(s);
		return -1;
	}
	s->number = ++n->last_watch;
	list_push_back(&n->subscriptions, &s->link);
	out = reply_begin(&call->reply);
	print_literal(out, "{\"watch\":");
	buf_put_u64(out, s->number);
	print_cursor(out, n, s->next);
	buf_putc(out, '}');
	return METHOD_ANSWERED;
}

int
method_job_unwatch(struct call *call, struct rpc_error *err)
{
	uint64_t		 number = (uint64_t)call_param(call, PARAM_watch)->i;
	struct subscription	*s = find(call->conn, number);
	struct buf		*out;

	if (s == NULL)
		return rpc_fail_member(err, RPC_not_found, "watch", 5,
		    "this connection has no watch %" PRIu64, number);
	out = reply_begin(&call->reply);
	print_literal(out, "{\"watch\":");
	buf_put_u64(out, number);
	print_cursor(out, call->net, s->next);
	buf_putc(out, '}');
	subscription_free(s);
	return METHOD_ANSWERED;
}
