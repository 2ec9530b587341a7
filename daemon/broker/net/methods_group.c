/* methods_group.c - group.*.  Runs in: broker, loop thread. */
#include <stdio.h>
#include <string.h>

#include "daemon/broker/gather.h"
#include "daemon/broker/gather_item.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/watch.h"
#include "lib/parse.h"

#define RESULTS_FRAME	96	/* of that reply: all but the items */

/* ---- printing ---- */

static void
print_counts(struct buf *out, const struct group *g)
{
	for (int state = 0; state < JOB_STATES; state++) {
		buf_putc(out, ',');
		print_string(out, job_state_names[state]);
		buf_putc(out, ':');
		buf_put_u64(out, g->states[state]);
	}
}

static void
print_reduce(struct buf *out, const struct group *g, size_t room)
{
	const struct gathered	*own = gathered(g);

	if (own->path != NULL) {
		print_next(out, "path");
		print_string(out, own->path);
	}
	if (g->reduce_id == 0)
		return;
	print_next(out, "reduce");
	if (own->outcome != NULL) {
		buf_puts(out, strlen(own->outcome) <= room ? own->outcome : own->brief);
		return;
	}
	print_literal(out, "{\"id\":");
	buf_put_u64(out, g->reduce_id);
	print_next(out, "state");
	print_string(out, g->reduce == NULL ? "ready" : job_state_names[g->reduce->state]);
	buf_putc(out, '}');
}

static uint64_t
ended(const struct group *g)
{
	uint64_t	n = 0;

	for (int state = 0; state < JOB_STATES; state++)
		if (job_state_finished(state))
			n += g->states[state];
	return n;
}

/* What it does, or waits for, for people. */
static void
print_words(struct buf *out, const struct group *g)
{
	unsigned long long	left = g->count - ended(g), count = g->count;
	char			text[256];

	if (g->why != NULL)
		snprintf(text, sizeof(text), "%s", g->why);
	else if (group_state_finished(g->state))
		snprintf(text, sizeof(text), "all of its %llu members have ended", count);
	else if (g->reduce_id != 0)
		snprintf(text, sizeof(text), "waits for its reduce job %llu",
		    (unsigned long long)g->reduce_id);
	else if (g->state == GROUP_REDUCING)
		snprintf(text, sizeof(text), "the file of %llu outcomes is being written", count);
	else
		snprintf(text, sizeof(text), "%s%s for %llu of %llu members%s",
		    g->state == GROUP_OPEN ? "open: " : "",
		    g->reduces ? "its reduce job waits" : "waits", left, count,
		    g->state == GROUP_OPEN ? ", and for group.close" : "");
	print_next(out, "text");
	print_string(out, text);
}

/* room: for the reduce job's outcome at its full length. */
static void
print_group(struct buf *out, const struct group *g, size_t room)
{
	print_literal(out, "{\"group\":");
	print_string(out, g->name);
	print_next(out, "state");
	print_string(out, group_state_names[g->state]);
	if (g->why != NULL) {
		print_next(out, "reason");
		print_string(out, g->why);
	}
	print_words(out, g);
	print_next(out, "count");
	buf_put_u64(out, g->count);
	print_counts(out, g);
	print_next(out, "durability");
	print_string(out, g->durable ? "commit" : "memory");
	print_next(out, "max_running");
	buf_put_u64(out, g->gate.max_running);
	print_next(out, "max_fails");
	if (g->max_fails >= 0)
		buf_put_i64(out, g->max_fails);
	else
		print_literal(out, "null");
	print_next(out, "reduces");
	print_bool(out, g->reduces);
	print_next(out, "created_ms");
	buf_put_i64(out, g->created_ms);
	if (group_state_finished(g->state)) {
		print_next(out, "finished_ms");
		buf_put_i64(out, g->finished_ms);
	}
	print_reduce(out, g, room);
	buf_putc(out, '}');
}

#define GROUP_BYTES	2048	/* more than all of it but name, reason, path and outcome */

static void
answer_group(struct reply *r, const struct group *g)
{
	const struct gathered	*own = gathered(g);
	struct buf		*out = reply_begin(r);
	size_t			 room = reply_room(r), rest = GROUP_BYTES;

	rest += (own->path == NULL ? 0 : strlen(own->path)) + (g->why == NULL ? 0 : strlen(g->why));
	print_group(out, g, room > rest ? room - rest : 0);
}

/* ---- finding ---- */

static bool
may_see_group(const struct connection *c, const struct group *g)
{
	return auth_owns(c, gathered(g)->by->principal);
}

static int
find_group(const struct call *call, struct group **out, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_group);

	*out = core_group_find(call->net->broker->core, name->p, name->len);
	if (*out != NULL && may_see_group(call->conn, *out))
		return 0;
	return broker_no_group((struct span){ name->p, name->len }, err);
}

/* ---- making and closing ---- */

/* Commit, unless the daemon remembers nothing; or what is said. */
static int
read_durability(const struct call *call, bool *durable, struct rpc_error *err)
{
	enum durability	said;

	if (jobspec_read_durability(call_param(call, PARAM_durability), &said, err) != 0)
		return -1;
	*durable = said == DURABILITY_COMMIT ||
	    (said == DURABILITY_UNSAID && store_durable(call->net->broker->store));
	return 0;
}

static void
answer_name(struct reply *r, const struct group *g)
{
	struct buf	*out = reply_begin(r);

	print_literal(out, "{\"group\":");
	print_string(out, g->name);
	buf_putc(out, '}');
}

static int
wait_for_disk(struct call *call, struct list *waiters)
{
	list_push_back(waiters, &watch_new(call, WATCH_KEPT, 1)->node.link);
	return METHOD_LATER;
}

int
method_group_create(struct call *call, struct rpc_error *err)
{
	const struct rpc_value	*name = call_param(call, PARAM_name);
	const struct rpc_value	*reduce = call_param(call, PARAM_reduce);
	struct gather_wish	 wish = {
		.name = { name->p, name->given ? name->len : 0 },
		.reduce = { reduce->p, reduce->given ? reduce->len : 0 },
		.max_running = (uint32_t)call_int(call, PARAM_max_running, 0),
		.max_fails = call_int(call, PARAM_max_fails, -1),
		.grant = &call->conn->who->grant,
	};
	struct broker		*b = call->net->broker;
	struct group		*g;

	if (read_durability(call, &wish.durable, err) != 0 || watch_allowed(call, 1, err) != 0 ||
	    gather_create(b, &wish, connection_submitter(call->conn), &g, err) != 0)
		return -1;
	if (g->durable)
		return wait_for_disk(call, gather_item_made(b, g));
	answer_name(&call->reply, g);
	return METHOD_ANSWERED;
}

int
method_group_close(struct call *call, struct rpc_error *err)
{
	struct broker	*b = call->net->broker;
	struct group	*g;

	if (find_group(call, &g, err) != 0 || watch_allowed(call, 1, err) != 0)
		return -1;
	if (g->durable && g->state == GROUP_OPEN)
		return wait_for_disk(call, gather_item_closing(b, g));
	core_group_close(b->core, g);
	answer_group(&call->reply, g);
	return METHOD_ANSWERED;
}

/* Waiters' turn: each is answered, or refused. */
static void
answer_all(struct list *waiters, const struct group *g, enum store_result result,
    void (*answer)(struct reply *r, const struct group *g))
{
	struct rpc_error	err;

	while (!list_empty(waiters)) {
		struct watch	*w = list_entry(waiters->next, struct watch, node.link);
		struct reply	 r;

		if (result != STORE_OK || g == NULL) {
			ledger_error(result, &err);
			watch_refuse(w, &err);
			continue;
		}
		r = watch_take(w);
		answer(&r, g);
		reply_end(&r);
		watch_free(w);
	}
}

void
net_group_made(struct net *n, struct list *waiters, const struct group *g, enum store_result result)
{
	(void)n;
	answer_all(waiters, g, result, answer_name);
}

void
net_group_closed(struct net *n, struct list *waiters, const struct group *g,
    enum store_result result)
{
	(void)n;
	answer_all(waiters, g, result, answer_group);
}

/* ---- looking ---- */

int
method_group_get(struct call *call, struct rpc_error *err)
{
	struct group	*g;

	if (find_group(call, &g, err) != 0)
		return -1;
	answer_group(&call->reply, g);
	return METHOD_ANSWERED;
}

int
method_group_list(struct call *call, struct rpc_error *err)
{
	const struct core	*core = call->net->broker->core;
	struct group		*g = NULL;
	struct page		 p;

	if (page_begin(&p, call, err) != 0)
		return -1;
	g = p.from == 0 ? core_group_next(core, NULL) : core_group_from(core, p.from);
	for (; g != NULL; g = core_group_next(core, g)) {
		if (!may_see_group(call->conn, g))
			continue;
		page_item(&p);
		print_group(p.out, g, 0);
		if (!page_keep(&p))
			break;
	}
	page_end(&p, g == NULL ? 0 : g->number);
	return METHOD_ANSWERED;
}

/* ---- waiting ---- */

static int
wait_for_end(struct call *call, struct group *g, int64_t wait_ms, struct rpc_error *err)
{
	struct watch	*w;

	if (group_state_finished(g->state)) {
		answer_group(&call->reply, g);
		return METHOD_ANSWERED;
	}
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	w = watch_new(call, WATCH_GROUP_END, 1);
	list_push_back(&gathered(g)->waiters, &w->node.link);
	if (wait_ms >= 0)
		watch_timeout(w, wait_ms);
	return METHOD_LATER;
}

int
method_group_wait(struct call *call, struct rpc_error *err)
{
	struct group	*g;

	if (find_group(call, &g, err) != 0)
		return -1;
	return wait_for_end(call, g, call_int(call, PARAM_timeout_ms, -1), err);
}

int
method_group_cancel(struct call *call, struct rpc_error *err)
{
	struct group	*g;

	if (find_group(call, &g, err) != 0)
		return -1;
	if (gather_cancel(call->net->broker, g) != 0)
		return rpc_fail_member(err, RPC_conflict, "group", 5,
		    "the group has ended already: %s", group_state_names[g->state]);
	return wait_for_end(call, g, -1, err);
}

void
net_group_finished(struct net *n, struct group *g)
{
	struct list	*waiters = &gathered(g)->waiters;

	(void)n;
	while (!list_empty(waiters)) {
		struct watch	*w = list_entry(waiters->next, struct watch, node.link);
		struct reply	 r = watch_take(w);

		answer_group(&r, g);
		reply_end(&r);
		watch_free(w);
	}
}

/* ---- results ---- */

/* A cursor is the index of the first outcome wanted. */
static int
read_cursor(const struct call *call, uint64_t *from, struct rpc_error *err)
{
	const struct rpc_value	*cursor = call_param(call, PARAM_cursor);
	int64_t			 index = 0;

	if (cursor->given && parse_i64(cursor->p, cursor->len, 0, BOUND_JOB_ID, &index) != 0)
		return rpc_fail_member(err, RPC_invalid_params, "cursor", 6,
		    "cursor is not one of a reply before");
	*from = (uint64_t)index;
	return 0;
}

/* next is null when there are no more outcomes, and will not be. */
static void
print_outcomes(struct buf *out, const struct group *g, struct span items, uint64_t next)
{
	print_literal(out, "{\"items\":[");
	buf_append(out, items.p, items.len);
	print_literal(out, "],\"next\":");
	if (next >= g->count && g->state != GROUP_OPEN)
		print_literal(out, "null}");
	else
		buf_printf(out, "\"%llu\"}", (unsigned long long)next);
}

static int
fail_lost(const struct group *g, struct rpc_error *err)
{
	return rpc_fail(err, RPC_no_result, "the outcomes of group %s are lost: %s", g->name,
	    gathered(g)->lost);
}

int
method_group_results(struct call *call, struct rpc_error *err)
{
	int64_t		 limit = call_int(call, PARAM_limit, PAGE_ITEMS);
	size_t		 room = reply_room(&call->reply);
	struct watch	*w;
	struct group	*g;
	uint64_t	 from = 0;

	if (find_group(call, &g, err) != 0 || read_cursor(call, &from, err) != 0)
		return -1;
	if (gathered(g)->lost != NULL)
		return fail_lost(g, err);
	if (from >= g->count) {
		print_outcomes(reply_begin(&call->reply), g, (struct span){ "", 0 }, from);
		return METHOD_ANSWERED;
	}
	if (watch_allowed(call, 1, err) != 0)
		return -1;
	w = watch_new(call, WATCH_GROUP_READ, 1);
	w->ticket = ++call->net->tickets;
	list_push_back(&call->net->reads, &w->node.link);
	outcomes_of(g)->read(call->net->broker, g, w->ticket, from,
	    limit < BOUND_LIST_LIMIT ? (uint64_t)limit : BOUND_LIST_LIMIT,
	    room > RESULTS_FRAME ? room - RESULTS_FRAME : 0);
	return METHOD_LATER;
}

static struct watch *
find_read(const struct net *n, uint64_t ticket)
{
	list_for(node, &n->reads) {
		struct watch	*w = list_entry(node, struct watch, node.link);

		if (w->ticket == ticket)
			return w;
	}
	return NULL;
}

/* 0, or why there is no page. */
static int
check_page(const struct group *g, const struct outcomes_page *page, struct rpc_error *err)
{
	if (g == NULL)
		return rpc_fail(err, RPC_not_found, "the group was forgotten");
	if (gathered(g)->lost != NULL)
		return fail_lost(g, err);
	return page->why == NULL ? 0 : rpc_fail(err, RPC_store_unavailable, "%s", page->why);
}

void
net_group_outcomes(struct net *n, struct group *g, uint64_t ticket,
    const struct outcomes_page *page)
{
	struct watch		*w = find_read(n, ticket);
	struct rpc_error	 err;
	struct reply		 r;

	if (w == NULL)
		return;			/* the connection has closed meanwhile */
	if (check_page(g, page, &err) != 0) {
		watch_refuse(w, &err);
		return;
	}
	r = watch_take(w);
	print_outcomes(reply_begin(&r), g, page->items, page->next);
	reply_end(&r);
	watch_free(w);
}
