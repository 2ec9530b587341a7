/* exchange.c - attempts out to a worker, completions back from it.  Runs in: broker, loop thread.
 *
 * What a completion carries is hostile: its place and length are the channel's (checked there), its bytes
 * are copied once and then looked at.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/commands.h"
#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/pools.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/router.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proto/json_scan.h"

#define HELLO_OUT_BYTES	(1u << 20)	/* workers/plugins.h bounds what plugins say */
#define FETCH_BYTES	(1u << 20)	/* one piece of a large result */
#define OUT_HINT_MIN	512u
#define OUT_HINT_MAX	(64u << 10)

/* A result that did not fit its chunk: the worker keeps it, and it comes in pieces. */
struct fetch {
	struct list	 link;		/* worker->fetches */
	struct attempt	*attempt;
	uint64_t	 kept;		/* the token under which the worker keeps it */
	bool		 asked;		/* a piece is on its way */
	uint32_t	 total, got;
	char		*text;
};

static void
fetch_free(struct fetch *f)
{
	list_remove(&f->link);
	free(f->text);
	free(f);
}

void
exchange_drop_fetches(struct seat *seat)
{
	list_for_safe(node, after, &seat->fetches)
		fetch_free(list_entry(node, struct fetch, link));
}

/* Of two entries that are about one attempt the second has no effect. */
void
exchange_silence(struct seat *seat)
{
	const struct attempt	*a;
	uint64_t		 at = 0, token;

	for (;;) {
		token = 0;
		a = channel_inflight_next(seat->channel, &at, &token);
		if (token == 0)
			break;
		if (a != NULL && a->said)
			logs_ended(seat->lanes->broker, a);
	}
	list_for(node, &seat->fetches) {
		a = list_entry(node, struct fetch, link)->attempt;
		if (a->said)
			logs_ended(seat->lanes->broker, a);
	}
}

void
exchange_hello(struct seat *seat)
{
	struct channel_submit	s = { .op = CHANNEL_OP_HELLO, .out_cap = HELLO_OUT_BYTES };
	uint64_t		token;

	if (channel_submit(seat->channel, &s, &token) != 0)
		log_fatal("a fresh channel takes no entry worker=%s", seat->name);
	channel_publish(seat->channel);
}

static uint32_t
room_for_result(const struct type *t)
{
	return t->out_hint < OUT_HINT_MIN ? OUT_HINT_MIN : t->out_hint;
}

void
exchange_finish(struct seat *seat, struct attempt *at, enum attempt_end end, struct outcome *o)
{
	struct broker	*b = seat->lanes->broker;
	int64_t		 most = seat->language == NULL ? b->config.recycle_jobs : seat->language->recycle_jobs;

	if (seat->lane == CONTROL_LANE_EXEC)
		commands_ended(seat, at);
	if (at->said)
		logs_ended(b, at);
	seat->done++;
	seat->done_here++;
	seat->failures = 0;
	core_attempt_done(b->core, b->now, at, end, o);
	if (seat->way->inflight(seat) == 0 && seat->state == WORKER_RUNNING)
		seat_set_state(seat, WORKER_IDLE);
	if (most > 0 && seat->done_here >= (uint64_t)most)
		seat_retire(seat, "recycle_jobs");
}

void
exchange_failed(struct seat *seat, struct attempt *at, enum failure_kind kind, const char *message)
{
	struct outcome	o = { .kind = kind, .text = mem_strdup(message), .final = true };

	o.len = (uint32_t)strlen(o.text);
	exchange_finish(seat, at, ATTEMPT_FAILED, &o);
}

void
exchange_tell(struct seat *seat, struct attempt *at)
{
	channel_cancel(seat->channel, at->token);
}

bool
exchange_run(struct seat *seat, struct attempt *at)
{
	struct broker		*b = seat->lanes->broker;
	const struct job	*j = at->job;
	const char		*trace = job_traceparent(j);
	size_t			 type_len = strlen(at->type->name);
	struct channel_head	 head = {
		.job = j->id, .fence = at->fence, .attempt = at->number, .lane = at->lane,
		.type_len = (uint32_t)type_len, .args_len = job_args_len(j),
		.spec_len = at->type->spec == NULL ? 0 : (uint32_t)strlen(at->type->spec),
		.trace_len = trace == NULL ? 0 : (uint32_t)strlen(trace),
	};
	struct iovec		 in[] = {
		{ &head, sizeof(head) },
		{ at->type->name, type_len },
		{ (void *)(size_t)job_args(j), job_args_len(j) },
		{ at->type->spec, head.spec_len },
		{ (void *)(size_t)trace, head.trace_len },
	};
	struct channel_submit	 s = {
		.op = CHANNEL_OP_RUN, .tag = at, .in = in, .in_count = 5,
		.out_cap = room_for_result(at->type),
		.deadline_ns = (uint64_t)at->deadline_ns,
	};
	int			 rc;

	if ((rc = channel_submit(seat->channel, &s, &at->token)) == -EMSGSIZE) {
		exchange_failed(seat, at, FAILURE_error, "the argument is larger than a channel can take");
		return false;
	}
	if (rc != 0) {
		seat->lanes->stats.refused++;
		core_attempt_refused(b->core, b->now, at);
		return false;
	}
	seat->lanes->stats.runs++;
	if (seat->state == WORKER_IDLE)
		seat_set_state(seat, WORKER_RUNNING);
	return true;
}

void
exchange_start(struct seat *seat, struct attempt *at)
{
	exchange_run(seat, at);
}

void
exchange_result(struct seat *seat, struct attempt *at, char *text, uint32_t len)
{
	const char	*wrong = scan_check(text, len, BOUND_DEPTH);
	struct outcome	 o = { .text = text, .len = len };
	char		 message[128];

	if (wrong == NULL) {
		exchange_finish(seat, at, ATTEMPT_OK, &o);
		return;
	}
	free(text);
	snprintf(message, sizeof(message), "the handler's result is not JSON: %s", wrong);
	exchange_failed(seat, at, FAILURE_bad_result, message);
}

/* What the handler says of another attempt; what is out of range is taken as the bound. */
static void
read_retry(const json_t *root, struct outcome *o)
{
	json_int_t	after_ms = json_integer_value(json_object_get(root, "retry_after_ms"));

	o->final = json_is_false(json_object_get(root, "retryable"));
	if (after_ms > 0)
		o->retry_after_ms = after_ms < BOUND_DURATION_MS ? after_ms : BOUND_DURATION_MS;
}

/* What a worker may say of it: the rest of failures.def is for the broker to say. */
static enum failure_kind
told_kind(const struct seat *seat, const char *name)
{
	static const enum failure_kind	kinds[] = { FAILURE_bad_result, FAILURE_exit, FAILURE_signal,
	    FAILURE_spawn, FAILURE_out_of_memory };
	size_t				n = seat->lane == CONTROL_LANE_EXEC ?
	    sizeof(kinds) / sizeof(kinds[0]) : 1;

	for (size_t i = 0; name != NULL && i < n; i++)
		if (strcmp(name, failure_names[kinds[i]]) == 0)
			return kinds[i];
	return FAILURE_error;
}

/* A failure as the worker tells it: {"kind","message","data","retryable","retry_after_ms"}. */
static void
finish_told_failure(struct seat *seat, struct attempt *at, const char *text, uint32_t len)
{
	json_t		*root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char	*kind = json_string_value(json_object_get(root, "kind"));
	const char	*message = json_string_value(json_object_get(root, "message"));
	json_t		*data = json_object_get(root, "data");
	struct outcome	 o = { 0 };

	if (message == NULL)
		message = "the handler failed and did not say why";
	o.kind = told_kind(seat, kind);
	o.text = mem_strndup(message, strnlen(message, BOUND_FAILURE_MESSAGE));
	o.len = (uint32_t)strlen(o.text);
	read_retry(root, &o);
	if (data != NULL && !json_is_null(data))
		o.data = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(root);
	exchange_finish(seat, at, ATTEMPT_FAILED, &o);
}

static void
fetch_ask(struct seat *seat, struct fetch *f)
{
	uint32_t		left = f->total - f->got;
	struct channel_submit	s = {
		.op = CHANNEL_OP_FETCH, .tag = f->attempt, .arg = f->kept, .deadline_ns = f->got,
		.out_cap = left < FETCH_BYTES ? left : FETCH_BYTES,
	};
	uint64_t		token;

	f->asked = channel_submit(seat->channel, &s, &token) == 0;
}

static void
fetch_ask_again(struct seat *seat)
{
	list_for(node, &seat->fetches) {
		struct fetch	*f = list_entry(node, struct fetch, link);

		if (!f->asked)
			fetch_ask(seat, f);
	}
}

static void
drop_kept(struct seat *seat, uint64_t kept)
{
	struct channel_submit	s = { .op = CHANNEL_OP_DROP, .arg = kept };
	uint64_t		token;

	/* without room for it the worker drops it with its own next result: it keeps a bounded number */
	(void)channel_submit(seat->channel, &s, &token);
}

static void
learn_size(struct type *t, uint64_t bytes)
{
	uint32_t	hint = OUT_HINT_MIN;

	while (hint < bytes && hint < OUT_HINT_MAX)
		hint *= 2;
	if (hint > t->out_hint)
		t->out_hint = hint;
}

static void
need_space(struct seat *seat, struct attempt *at, const struct channel_completion *c)
{
	int64_t		 max = seat->lanes->broker->config.max_result_bytes;
	struct fetch	*f;
	char		 message[128];

	if (c->aux > (uint64_t)max) {
		drop_kept(seat, c->token);
		snprintf(message, sizeof(message),
		    "the result has %llu bytes; jobs.max_result_bytes allows %lld",
		    (unsigned long long)c->aux, (long long)max);
		exchange_failed(seat, at, FAILURE_bad_result, message);
		return;
	}
	learn_size(at->type, c->aux);
	f = mem_zalloc(1, sizeof(*f));
	f->attempt = at;
	f->kept = c->token;
	f->total = (uint32_t)c->aux;
	f->text = mem_alloc(f->total);
	list_push_back(&seat->fetches, &f->link);
	fetch_ask(seat, f);
}

static void
take_run(struct seat *seat, const struct channel_completion *c)
{
	struct attempt	*at = c->tag;
	struct outcome	 none = { 0 };
	char		*copy;

	if (c->status == CHANNEL_OK || c->status == CHANNEL_FAILED)
		at->ran_ns = c->aux < INT64_MAX ? (int64_t)c->aux : 0;
	if (seat->lane == CONTROL_LANE_EXEC)
		commands_measured(seat, at);
	else if (c->status != CHANNEL_CANCELLED)
		router_measured(seat->lanes->broker, at, &c->usage);
	switch (c->status) {
	case CHANNEL_OK:
		exchange_result(seat, at, mem_dup(c->output, c->out_len), c->out_len);
		return;
	case CHANNEL_CANCELLED:
		exchange_finish(seat, at, ATTEMPT_CANCELLED, &none);
		return;
	case CHANNEL_NEED_SPACE:
		need_space(seat, at, c);
		return;
	case CHANNEL_FAILED:
		copy = mem_dup(c->output, c->out_len);
		finish_told_failure(seat, at, copy, c->out_len);
		free(copy);
		return;
	}
}

static struct fetch *
fetch_of(const struct seat *seat, const struct attempt *at)
{
	list_for(node, &seat->fetches)
		if (list_entry(node, struct fetch, link)->attempt == at)
			return list_entry(node, struct fetch, link);
	log_fatal("a piece of a result that nobody asked for worker=%s", seat->name);
}

static void
take_piece(struct seat *seat, const struct channel_completion *c)
{
	struct attempt	*at = c->tag;
	struct fetch	*f = fetch_of(seat, at);
	char		*text = f->text;
	uint32_t	 len;

	f->asked = false;
	if (c->status != CHANNEL_OK || c->out_len == 0 || c->out_len > f->total - f->got) {
		fetch_free(f);
		exchange_failed(seat, at, FAILURE_bad_result, "the worker lost the handler's result");
		return;
	}
	memcpy(f->text + f->got, c->output, c->out_len);
	f->got += c->out_len;
	if (f->got < f->total) {
		fetch_ask(seat, f);
		return;
	}
	f->text = NULL;			/* with its last piece the worker has let it go */
	len = f->total;
	fetch_free(f);
	exchange_result(seat, at, text, len);
}

static void
take_hello(struct seat *seat, const struct channel_completion *c)
{
	char	*copy = mem_dup(c->output, c->out_len);
	char	 why[160] = "its hello failed";

	if (c->status == CHANNEL_OK &&
	    types_declare(seat, copy, c->out_len, why, sizeof(why)) == 0) {
		router_adopt(seat->lanes->broker);
		seat_ready(seat);
	} else
		seat_kill(seat, why);
	free(copy);
}

void
exchange_look_for_stall(struct seat *seat)
{
	uint32_t	 ms;
	struct attempt	*at = channel_stalled(seat->channel, &ms);

	if (at != NULL)
		router_stalled(seat->lanes->broker, at, ms);
}

bool
exchange_take(struct seat *seat)
{
	struct channel_completion	 c;
	const char			*why = "";
	int				 rc = channel_harvest(seat->channel, &c, &why);

	if (rc < 0)
		seat_kill(seat, why);
	else if (channel_has_line(seat->channel))
		lines_take(seat);
	if (rc != 1)
		return false;
	seat->lanes->stats.completions++;
	switch (c.op) {
	case CHANNEL_OP_HELLO:
		take_hello(seat, &c);
		break;
	case CHANNEL_OP_RUN:
		take_run(seat, &c);
		break;
	case CHANNEL_OP_FETCH:
		take_piece(seat, &c);
		break;
	case CHANNEL_OP_DROP:
		loop_answered(seat, c.token);
		break;
	case CHANNEL_OP_OUTPUT:
	case CHANNEL_OP_INPUT:
	case CHANNEL_OP_SIGNAL:
		commands_take(seat, &c);
		break;
	}
	channel_release(seat->channel, c.token);
	fetch_ask_again(seat);
	commands_ask_again(seat);
	return true;
}
