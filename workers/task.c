/*
 * task.c - entries of the channel: from what was taken to what is completed.  Runs in: workers,
 * loop thread; task_should_stop and task_progress also in threads that run a handler.
 */
#include "workers/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "workers/handlers/handlers.h"

/* So many results of full length may wait to be fetched. */
#define KEPT_RESULTS	4

/* A result that did not fit into its entry's room. */
struct kept {
	char	*text;
	size_t	 len;
};

static const uint32_t	lanes_of[] = {
	[CONTROL_LANE_CPU] = JOBD_LANE_PROCESS,
	[CONTROL_LANE_IO] = JOBD_LANE_ASYNC | JOBD_LANE_THREAD,
	[CONTROL_LANE_PLUGIN] = JOBD_LANE_ASYNC | JOBD_LANE_THREAD,
};

/* ---- kept results ---- */

/* text is the map's from now on. */
static void
keep(struct worker *w, uint64_t token, char *text, size_t len)
{
	struct kept	*k = mem_alloc(sizeof(*k));

	*k = (struct kept){ text, len };
	idmap_put(&w->kept, token, k);
	w->kept_bytes += len;
}

static void
drop(struct worker *w, uint64_t token)
{
	struct kept	*k = idmap_del(&w->kept, token);

	if (k == NULL)
		return;
	w->kept_bytes -= k->len;
	free(k->text);
	free(k);
}

void
task_fini(struct worker *w)
{
	struct type_use	*use;
	struct kept	*k;
	size_t		 at = 0;

	while ((k = idmap_next(&w->kept, &at)) != NULL) {
		free(k->text);
		free(k);
	}
	idmap_free(&w->kept);
	at = 0;
	while ((use = idmap_next(&w->uses, &at)) != NULL)
		free(use);
	idmap_free(&w->uses);
}

/* ---- entries that are not attempts ---- */

static void
complete_failed(struct worker *w, const struct channel_entry *e, const char *message)
{
	struct jobd_attempt	at = { .out = e->out, .out_cap = e->out_cap };

	attempt_write_failure(&at, "error", message, NULL);
	channel_complete(w->channel, e, at.status, (uint32_t)at.out_len, 0);
}

static void
answer_hello(struct worker *w, const struct channel_entry *e)
{
	struct buf	b = { 0 };
	size_t		len;

	hello_print(&b);
	len = buf_len(&b);
	if (len <= e->out_cap) {
		memcpy(e->out, buf_data(&b), len);
		buf_free(&b);
		channel_complete(w->channel, e, CHANNEL_OK, (uint32_t)len, 0);
	} else {
		keep(w, e->token, buf_take_string(&b), len);
		channel_complete(w->channel, e, CHANNEL_NEED_SPACE, 0, len);
	}
}

/* The piece that reaches the end is the last: what was kept is let go with it. */
static void
answer_fetch(struct worker *w, const struct channel_entry *e)
{
	struct kept	*k = idmap_get(&w->kept, e->arg);
	size_t		 len;

	if (k == NULL || e->deadline_ns > k->len) {
		complete_failed(w, e,
		    k == NULL ? "no such result is kept" : "the result is shorter");
		return;
	}
	len = k->len - e->deadline_ns;
	if (len > e->out_cap)
		len = e->out_cap;
	if (len > 0)
		memcpy(e->out, k->text + e->deadline_ns, len);
	channel_complete(w->channel, e, CHANNEL_OK, (uint32_t)len, k->len);
	if (e->deadline_ns + len == k->len)
		drop(w, e->arg);
}

void
task_answer(struct worker *w, const struct channel_entry *e)
{
	switch (e->op) {
	case CHANNEL_OP_HELLO:
		answer_hello(w, e);
		break;
	case CHANNEL_OP_FETCH:
		answer_fetch(w, e);
		break;
	case CHANNEL_OP_DROP:
		drop(w, e->arg);
		channel_complete(w->channel, e, CHANNEL_OK, 0, 0);
		break;
	default:
		complete_failed(w, e, "an operation that this worker does not know");
	}
}

/* ---- attempts ---- */

bool
task_should_stop(const struct jobd_attempt *at)
{
	const struct task	*t = task_of(at);

	return channel_cancelled(t->worker->channel, &t->entry);
}

void
task_progress(struct jobd_attempt *at, const struct channel_progress *p)
{
	const struct task	*t = task_of(at);

	channel_progress_write(t->worker->channel, &t->entry, p);
}

/* The implementation for a lane, if this worker serves the lane and the handler has it. */
static bool
can_run(const struct worker *w, const struct jobd_handler *h, uint32_t lane)
{
	if (lane >= LANES || (h->lanes & lanes_of[w->lane] & 1u << lane) == 0)
		return false;
	return lane == LANE_ASYNC ? h->start != NULL : h->run != NULL;
}

static void
complete_no_handler(struct worker *w, const struct channel_entry *e, const char *type,
    const struct channel_head *head)
{
	char	text[128 + BOUND_NAME_BYTES];

	snprintf(text, sizeof(text), "no handler for type %.*s in lane %s of this worker",
	    (int)(head->type_len < BOUND_NAME_BYTES ? head->type_len : BOUND_NAME_BYTES), type,
	    head->lane < LANES ? lane_names[head->lane] : "?");
	complete_failed(w, e, text);
}

static struct type_use *
use_of(struct worker *w, const struct jobd_handler *h)
{
	uint64_t	 key = (uintptr_t)h;
	struct type_use	*use = idmap_get(&w->uses, key);

	if (use == NULL) {
		use = mem_zalloc(1, sizeof(*use));
		idmap_put(&w->uses, key, use);
	}
	return use;
}

bool
task_begin(struct task *t, struct worker *w, const struct channel_entry *e,
    const struct attempt_host *host, enum lane *lane)
{
	const struct handler_entry	*h;
	struct channel_head		 head;
	const char			*type = e->in + sizeof(head);

	if (channel_cancelled(w->channel, e)) {
		channel_complete(w->channel, e, CHANNEL_CANCELLED, 0, 0);
		return false;
	}
	if (e->in_len < sizeof(head)) {
		complete_failed(w, e, "an entry without a head");
		return false;
	}
	memcpy(&head, e->in, sizeof(head));
	if ((uint64_t)head.type_len + head.args_len + head.spec_len + head.trace_len !=
	    e->in_len - sizeof(head) || head.trace_len > TRACEPARENT_BYTES) {
		complete_failed(w, e, "an entry whose lengths do not add up");
		return false;
	}
	h = handler_find(type, head.type_len);
	if (h == NULL || !can_run(w, h->handler, head.lane)) {
		complete_no_handler(w, e, type, &head);
		return false;
	}
	t->worker = w;
	t->entry = *e;
	t->started_ns = clock_mono_ns();
	t->use = use_of(w, h->handler);
	t->measured = measure_wanted(&t->use->plan);
	t->spent = (struct measure){ 0 };
	t->usage = (struct channel_usage){ 0 };
	t->at = (struct jobd_attempt){
		.host = host, .handler = h->handler, .schema = h->schema, .job = head.job,
		.fence = head.fence, .number = head.attempt, .args = type + head.type_len,
		.args_len = head.args_len,
		.deadline_ns = (int64_t)e->deadline_ns, .out = e->out, .out_cap = e->out_cap,
		.max_result = (size_t)w->config.max_result_bytes,
	};
	memcpy(t->at.traceparent, type + head.type_len + head.args_len + head.spec_len, head.trace_len);
	*lane = (enum lane)head.lane;
	return true;
}

/* A result that did not fit waits here until the broker has room for it. */
static void
keep_large(struct task *t)
{
	struct worker		*w = t->worker;
	struct jobd_attempt	*at = &t->at;

	if (w->kept_bytes + at->out_len > KEPT_RESULTS * at->max_result) {
		attempt_fini(at);
		attempt_write_failure(at, "out_of_memory",
		    "too many large results of this worker wait to be fetched", NULL);
		channel_complete(w->channel, &t->entry, at->status, (uint32_t)at->out_len, 0);
		return;
	}
	keep(w, t->entry.token, at->large, at->out_len);
	at->large = NULL;
	channel_complete_used(w->channel, &t->entry, CHANNEL_NEED_SPACE, 0, at->out_len, &t->usage);
}

void
task_run(struct task *t)
{
	struct measure	now;

	if (t->measured)
		measure_now(&t->since);
	attempt_run(&t->at);
	if (!t->measured)
		return;
	measure_now(&now);
	t->spent = measure_between(&t->since, &now);
}

void
task_end(struct task *t)
{
	struct jobd_attempt	*at = &t->at;
	int64_t			 took_ns = clock_mono_ns() - t->started_ns;

	if (at->lost > 0)
		lines_end(t);
	measure_took(&t->use->plan, took_ns);
	if (t->measured && t->spent.wall_ns == 0)
		t->spent.wall_ns = took_ns;
	if (t->measured)
		measure_usage(&t->spent, &t->usage);
	if (at->large != NULL)
		keep_large(t);
	else
		channel_complete_used(t->worker->channel, &t->entry, at->status,
		    (uint32_t)at->out_len, (uint64_t)took_ns, &t->usage);
	attempt_fini(at);
}
