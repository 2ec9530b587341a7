/* methods_cron.c - cron.*.  Runs in: broker, loop thread. */
#include "daemon/broker/cron/cron.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/page.h"
#include "daemon/broker/net/stored.h"
#include "lib/alloc.h"

#include <stdlib.h>
#include <string.h>

/* ---- printing ---- */

static void
print_text(struct buf *out, const char *name, const char *text)
{
	buf_putc(out, ',');
	print_string(out, name);
	buf_putc(out, ':');
	print_string_or_null(out, text);
}

/* otherwise: what stands for null. */
static void
print_number(struct buf *out, const char *name, int64_t value, int64_t otherwise)
{
	buf_putc(out, ',');
	print_string(out, name);
	buf_putc(out, ':');
	print_i64_or_null(out, value, otherwise);
}

static void
print_past(struct buf *out, const struct broker *b, const struct cron *c)
{
	const struct job	*j = c->past.last_job == 0 ? NULL : core_find(b->core, c->past.last_job);

	print_number(out, "last_ms", c->past.last_ms, 0);
	print_number(out, "last_job", (int64_t)c->past.last_job, 0);
	print_text(out, "last_state", j == NULL ? NULL : job_state_names[j->state]);
	print_number(out, "jobs", (int64_t)c->past.jobs, -1);
	print_number(out, "skipped", (int64_t)c->past.skipped, -1);
	print_number(out, "refused", (int64_t)c->past.refused, -1);
	print_text(out, "refusal", c->refusal);
	print_number(out, "retry_ms", c->retry_ms, 0);
}

static void
print_cron(struct buf *out, const struct broker *b, const struct cron *c)
{
	print_literal(out, "{\"name\":");
	print_string(out, c->name);
	print_text(out, "when", c->when_text);
	print_text(out, "time_zone", c->zone_name);
	print_text(out, "overlap", cron_overlap_names[c->overlap]);
	print_text(out, "by", c->by);
	print_next(out, "configured");
	print_bool(out, c->configured);
	print_number(out, "next_ms", c->next_ms, CRON_NEVER);
	print_past(out, b, c);
	print_next(out, "job");
	buf_append(out, c->job, c->job_len);
	buf_putc(out, '}');
}

static bool
print_next_cron(const struct net *n, size_t *at, struct buf *out)
{
	const struct cron	*c;

	do
		c = crontab_next(cron_table(n->broker), at);
	while (c != NULL && !auth_owns(n->call.conn, c->by));
	if (c == NULL)
		return false;
	print_cron(out, n->broker, c);
	return true;
}

int
method_cron_list(struct call *call, struct rpc_error *err)
{
	return page_walk(call, print_next_cron, err);
}

/* ---- changing ---- */

static struct span
text_of(const struct call *call, enum rpc_param p)
{
	const struct rpc_value	*v = call_param(call, p);

	return (struct span){ v->p, v->given ? v->len : 0 };
}

static struct net *
net_of(const struct watch *w)
{
	return w->conn->net;
}

/* True: the disk took it; else the call is refused. */
static bool
is_stored(struct watch *w, enum store_result r)
{
	struct rpc_error	err;

	if (r == STORE_OK)
		return true;
	ledger_error(r, &err);
	watch_refuse(w, &err);
	return false;
}

/* The schedule by its name: it may have been deleted meanwhile. */
static void
answer_set(struct watch *w, enum store_result r)
{
	const struct broker	*b = net_of(w)->broker;
	const char		*name = w->what;
	struct rpc_error	 err;
	struct cron		*c;
	struct reply		 reply;

	if (!is_stored(w, r))
		return;
	if (cron_find(b, (struct span){ name, strlen(name) }, &c, &err) != 0) {
		watch_refuse(w, &err);
		return;
	}
	reply = watch_take(w);
	print_cron(reply_begin(&reply), b, c);
	reply_end(&reply);
	watch_free(w);
}

int
method_cron_set(struct call *call, struct rpc_error *err)
{
	struct broker		*b = call->net->broker;
	struct cron_words	 words = {
		.name = text_of(call, PARAM_name), .when = text_of(call, PARAM_when),
		.time_zone = text_of(call, PARAM_time_zone), .job = text_of(call, PARAM_job),
		.overlap = text_of(call, PARAM_overlap),
	};
	struct cron		*c;
	if (watch_allowed(call, 1, err) != 0 || cron_set(b, &words, auth_principal(call->conn), &c, err) != 0)
		return -1;
	return stored_later(call, 0, answer_set, mem_strdup(c->name), free);
}

static void
answer_deleted(struct watch *w, enum store_result r)
{
	struct reply	 reply;
	struct buf	*out;

	if (!is_stored(w, r))
		return;
	reply = watch_take(w);
	out = reply_begin(&reply);
	print_literal(out, "{\"name\":");
	print_string(out, w->what);
	print_literal(out, ",\"deleted\":true}");
	reply_end(&reply);
	watch_free(w);
}

int
method_cron_delete(struct call *call, struct rpc_error *err)
{
	struct span	name = text_of(call, PARAM_name);

	if (watch_allowed(call, 1, err) != 0 || cron_delete(call->net->broker, name, err) != 0)
		return -1;
	return stored_later(call, 0, answer_deleted, mem_strndup(name.p, name.len), free);
}

int
method_cron_run(struct call *call, struct rpc_error *err)
{
	struct job	*j;

	if (watch_allowed(call, 1, err) != 0 ||
	    cron_run(call->net->broker, text_of(call, PARAM_name), &j, err) != 0)
		return -1;
	if (j->unstored)
		return stored_id_state(call, j);
	print_id_state(reply_begin(&call->reply), j);
	return METHOD_ANSWERED;
}
