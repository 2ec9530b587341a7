/* talk.c - attempts out to a language or remote worker, answers back.  Runs in: broker, loop thread.
 *
 * What a worker answers is hostile: which attempt it means is looked up in the table of those that it was
 * given, results are checked as JSON and measured, texts are cut.
 */
#include "daemon/broker/lanes/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/lanes/pools.h"
#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/router.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "proto/json_scan.h"

#define RUN_ROOM	256		/* bytes of an attempt.run around type and args, and more */
#define RESULT_ROOM	(64 << 10)	/* of a worker's line around a result */

struct flight {
	struct list	 link;
	struct attempt	*attempt;
	bool		 told_progress;
	struct channel_progress progress;
};

struct talk *
talk_new(struct seat *seat, struct language_pool *pool, bool remote)
{
	struct talk	*t = mem_zalloc(1, sizeof(*t));

	t->seat = seat;
	t->pool = pool;
	t->remote = remote;
	list_init(&t->flights);
	return t;
}

void
talk_drop(struct talk *t)
{
	struct list	*node;

	while ((node = list_pop(&t->flights)) != NULL)
		free(list_entry(node, struct flight, link));
	idmap_free(&t->by_fence);
	t->by_fence = (struct idmap){ 0 };
	t->count = 0;
}

void
talk_free(struct talk *t)
{
	if (t == NULL)
		return;
	if (t->wire != NULL)
		wire_close(t->wire);
	talk_drop(t);
	buf_free(&t->types);
	buf_free(&t->scratch);
	free(t);
}

size_t
talk_longest_line(const struct broker *b)
{
	return (size_t)b->config.max_result_bytes + RESULT_ROOM;
}

/* ---- ready ---- */

int
talk_ready(struct talk *t, const struct ready *r, char *why, size_t size)
{
	struct broker	*b = t->seat->lanes->broker;

	t->types.head = t->types.tail = 0;
	for (size_t i = 0; i < r->types_len; i++) {
		const struct ready_type	*row = &r->types[i];

		if (!pools_takes_type(t->pool, row->name))
			continue;
		if (pools_declare(t->pool, row, why, size) != 0)
			return -1;
		if (buf_len(&t->types) > 0)
			buf_putc(&t->types, ',');
		buf_put_json(&t->types, row->name, strlen(row->name));
	}
	if (buf_len(&t->types) == 0) {
		snprintf(why, size, "it has none of the types that pool %.64s serves", t->pool->name);
		return -1;
	}
	memcpy(t->slots, r->slots, sizeof(t->slots));
	t->fifo = !t->remote && r->slots[LANE_THREAD] == 0 && r->slots[LANE_ASYNC] == 0;
	t->max_line = r->max_line;
	t->said_ready = true;
	snprintf(t->language, sizeof(t->language), "%s", r->language);
	router_adopt(b);
	return 0;
}

const char *
talk_lanes(const struct talk *t)
{
	static const char *const	names[] = {
		"", "async", "thread", "async+thread", "process", "async+process", "thread+process",
		"async+thread+process",
	};

	return names[(t->slots[LANE_ASYNC] > 0) + 2 * (t->slots[LANE_THREAD] > 0) +
	    4 * (t->slots[LANE_PROCESS] > 0)];
}

struct worker_offer
talk_offer(const struct talk *t, uint64_t alone_for)
{
	struct worker_offer	o = {
		.pool = t->pool->core_pool, .fifo = t->fifo, .killable = !t->remote,
		.alone_for = alone_for,
	};

	for (int lane = 0; lane < LANES; lane++)
		o.slots[lane] = alone_for != 0 && t->slots[lane] > 0 ? 1 : t->slots[lane];
	if (t->fifo && alone_for == 0)
		o.slots[LANE_PROCESS] = BOUND_CHANNEL_DEPTH_FIFO;
	return o;
}

static void
put_text(struct buf *out, const char *text)
{
	buf_put_json(out, text, strlen(text));
}

void
talk_print_ready(const struct talk *t, struct buf *out)
{
	buf_puts(out, "\"name\":");
	put_text(out, t->seat->name);
	buf_puts(out, ",\"pool\":");
	put_text(out, t->pool->name);
	buf_puts(out, ",\"types\":[");
	buf_append(out, buf_data(&t->types), buf_len(&t->types));
	buf_puts(out, "],\"max_line_bytes\":");
	buf_put_u64(out, talk_longest_line(t->seat->lanes->broker));
}

void
talk_answer_ready(struct talk *t, struct span request)
{
	struct buf	*out = wire_out(t->wire);

	if (request.len == 0)
		return;
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_append(out, request.p, request.len);
	buf_puts(out, ",\"result\":{");
	talk_print_ready(t, out);
	buf_puts(out, "}}\n");
	wire_wrote(t->wire);
}

/* ---- out ---- */

static int64_t
deadline_ms(const struct broker *b, const struct attempt *at)
{
	if (at->deadline_ns == 0)
		return 0;
	return b->now.real_ms + (at->deadline_ns - b->now.mono_ns) / NS_PER_MS;
}

static void
print_whose(struct buf *out, const struct attempt *at)
{
	buf_puts(out, ",\"attempt\":");
	buf_put_u64(out, at->number);
	buf_puts(out, ",\"fence\":");
	buf_put_u64(out, at->fence);
}

static void
print_run(const struct broker *b, const struct attempt *at, struct buf *out)
{
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_put_u64(out, at->fence);
	buf_puts(out, ",\"method\":\"attempt.run\",\"params\":{\"job\":");
	buf_put_u64(out, at->job_id);
	buf_puts(out, ",\"type\":");
	put_text(out, at->type->name);
	print_whose(out, at);
	buf_puts(out, ",\"deadline_ms\":");
	buf_put_i64(out, deadline_ms(b, at));
	buf_puts(out, ",\"args\":");
	buf_append(out, job_args(at->job), job_args_len(at->job));
	if (job_traceparent(at->job) != NULL) {
		buf_puts(out, ",\"traceparent\":");
		put_text(out, job_traceparent(at->job));
	}
	buf_puts(out, "}}\n");
}

static void
flight_add(struct talk *t, struct attempt *at)
{
	struct flight	*f = mem_zalloc(1, sizeof(*f));

	f->attempt = at;
	at->token = at->fence;
	list_push_back(&t->flights, &f->link);
	idmap_put(&t->by_fence, at->fence, f);
	t->count++;
}

static struct attempt *
flight_end(struct talk *t, struct flight *f)
{
	struct attempt	*at = f->attempt;

	logs_ended(t->seat->lanes->broker, at);
	idmap_del(&t->by_fence, at->fence);
	list_remove(&f->link);
	free(f);
	t->count--;
	return at;
}

void
talk_start(struct talk *t, struct attempt *at)
{
	struct broker	*b = t->seat->lanes->broker;
	char		 why[128];

	if (t->wire == NULL || wire_full(t->wire)) {
		core_attempt_refused(b->core, b->now, at);
		return;
	}
	if (t->max_line != 0 && job_args_len(at->job) + RUN_ROOM > t->max_line) {
		snprintf(why, sizeof(why), "the arguments have %u bytes; the worker reads lines of %zu",
		    job_args_len(at->job), t->max_line);
		exchange_failed(t->seat, at, FAILURE_error, why);
		return;
	}
	flight_add(t, at);
	print_run(b, at, wire_out(t->wire));
	wire_wrote(t->wire);
	if (t->seat->state == WORKER_IDLE)
		seat_set_state(t->seat, WORKER_RUNNING);
}

void
talk_tell(struct talk *t, const struct attempt *at)
{
	struct buf	*out;

	if (t->wire == NULL)			/* it hears of it when it is back */
		return;
	out = wire_out(t->wire);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":\"attempt.cancel\",\"params\":{\"job\":");
	buf_put_u64(out, at->job_id);
	print_whose(out, at);
	buf_puts(out, "}}\n");
	wire_wrote(t->wire);
}

void
talk_finish(struct talk *t)
{
	if (t->wire == NULL)
		return;
	buf_puts(wire_out(t->wire), "{\"jsonrpc\":\"2.0\",\"method\":\"worker.finish\",\"params\":{}}\n");
	wire_wrote(t->wire);
}

bool
talk_has_stuck(const struct talk *t)
{
	list_for(node, &t->flights)
		if (list_entry(node, struct flight, link)->attempt->stuck)
			return true;
	return false;
}

/* ---- in ---- */

struct attempt *
talk_oldest(const struct talk *t)
{
	return list_empty(&t->flights) ? NULL :
	    list_entry(t->flights.next, struct flight, link)->attempt;
}

struct attempt *
talk_speaker(const struct talk *t)
{
	return t->fifo || t->count == 1 ? talk_oldest(t) : NULL;
}

struct attempt *
talk_find(const struct talk *t, const struct ready_attempt *r)
{
	const struct flight	*f = idmap_get(&t->by_fence, r->fence);

	if (f == NULL || f->attempt->job_id != r->job || f->attempt->number != r->attempt)
		return NULL;
	return f->attempt;
}

struct attempt *
talk_find_fence(const struct talk *t, uint64_t fence)
{
	const struct flight	*f = idmap_get(&t->by_fence, fence);

	return f == NULL ? NULL : f->attempt;
}

struct attempt *
talk_take_unlisted(struct talk *t, const struct ready *r,
    bool (*is_listed)(const struct ready *r, const struct attempt *at))
{
	list_for(node, &t->flights) {
		struct flight	*f = list_entry(node, struct flight, link);

		if (!is_listed(r, f->attempt))
			return flight_end(t, f);
	}
	return NULL;
}

void
talk_tell_again(struct talk *t)
{
	list_for(node, &t->flights) {
		const struct attempt	*at = list_entry(node, struct flight, link)->attempt;

		if (at->told != 0)
			talk_tell(t, at);
	}
}

void
talk_lost(struct talk *t)
{
	list_for(node, &t->flights)
		logs_ended(t->seat->lanes->broker, list_entry(node, struct flight, link)->attempt);
}

static void
take_result(struct talk *t, struct attempt *at, const struct said *s)
{
	int64_t	max = t->seat->lanes->broker->config.max_result_bytes;
	char	why[128];

	if (s->bad_result == NULL && (int64_t)s->result.len <= max) {
		exchange_result(t->seat, at, mem_dup(s->result.p, s->result.len), (uint32_t)s->result.len);
		return;
	}
	if (s->bad_result != NULL)
		snprintf(why, sizeof(why), "the handler's result is no result: %s", s->bad_result);
	else
		snprintf(why, sizeof(why), "the result has %zu bytes; jobs.max_result_bytes allows %lld",
		    s->result.len, (long long)max);
	exchange_failed(t->seat, at, FAILURE_bad_result, why);
}

static char *
failure_message(struct talk *t, const struct said *s)
{
	struct buf	*text = &t->scratch;

	text->head = text->tail = 0;
	said_text(s->message, BOUND_FAILURE_MESSAGE, text);
	if (buf_len(text) == 0)
		return mem_strdup("the handler failed and did not say why");
	return mem_strndup(buf_data(text), buf_len(text));
}

static void
take_error(struct talk *t, struct attempt *at, const struct said *s)
{
	struct outcome	o = { .kind = FAILURE_error };

	if (s->cancelled) {
		exchange_finish(t->seat, at, ATTEMPT_CANCELLED, &o);
		return;
	}
	o.kind = s->is_bad_result ? FAILURE_bad_result : FAILURE_error;
	o.text = failure_message(t, s);
	o.len = (uint32_t)strlen(o.text);
	o.final = s->final || s->is_bad_result;
	o.retry_after_ms = s->retry_after_ms;
	if (s->data.len > 0 && s->data.len <= BOUND_FAILURE_DATA)
		o.data = mem_strndup(s->data.p, s->data.len);
	exchange_finish(t->seat, at, ATTEMPT_FAILED, &o);
}

static int
take_answer(struct talk *t, const struct said *s, char *why, size_t size)
{
	static const struct channel_usage	unknown;
	struct flight				*f = idmap_get(&t->by_fence, s->id);
	struct attempt				*at;

	if (f == NULL) {
		snprintf(why, size, "it answers %llu, which it was not asked or has answered already",
		    (unsigned long long)s->id);
		return -1;
	}
	if (t->fifo && f != list_entry(t->flights.next, struct flight, link)) {
		snprintf(why, size, "it answers %llu before those that came before it",
		    (unsigned long long)s->id);
		return -1;
	}
	at = flight_end(t, f);
	if (s->kind == SAID_ERROR && s->cancelled)
		take_error(t, at, s);
	else {
		router_measured(t->seat->lanes->broker, at, &unknown);
		if (s->kind == SAID_RESULT)
			take_result(t, at, s);
		else
			take_error(t, at, s);
	}
	return 0;
}

static struct flight *
flight_of(const struct talk *t, const struct said *s)
{
	struct flight	*f = idmap_get(&t->by_fence, s->fence);

	if (f == NULL || f->attempt->job_id != s->job || f->attempt->number != s->attempt)
		return NULL;
	return f;
}

static void
take_progress(struct talk *t, const struct said *s)
{
	struct flight	*f = flight_of(t, s);

	if (f == NULL)
		return;
	f->told_progress = true;
	f->progress.done = s->done;
	f->progress.total = s->total;
	t->scratch.head = t->scratch.tail = 0;
	said_text(s->text, sizeof(f->progress.text) - 1, &t->scratch);
	memset(f->progress.text, 0, sizeof(f->progress.text));
	if (buf_len(&t->scratch) > 0)
		memcpy(f->progress.text, buf_data(&t->scratch), buf_len(&t->scratch));
}

/* A line of the job's log, with its level in front. */
static void
take_log(struct talk *t, const struct said *s)
{
	struct broker		*b = t->seat->lanes->broker;
	const struct flight	*f = flight_of(t, s);
	struct buf		*line = &t->scratch;

	if (f == NULL || f->attempt->job == NULL)
		return;
	line->head = line->tail = 0;
	buf_append(line, s->level.p, s->level.len);
	buf_puts(line, ": ");
	said_text(s->text, SAID_TEXT_BYTES, line);
	buf_putc(line, '\n');
	logs_add(b, f->attempt, LOG_NOTE, b->now.real_ms, buf_data(line), buf_len(line));
}

int
talk_said(struct talk *t, const struct said *s, char *why, size_t size)
{
	switch (s->kind) {
	case SAID_RESULT:
	case SAID_ERROR:
		return take_answer(t, s, why, size);
	case SAID_PROGRESS:
		take_progress(t, s);
		return 0;
	case SAID_LOG:
		take_log(t, s);
		return 0;
	case SAID_READY:
	case SAID_CREDIT:
		break;
	}
	snprintf(why, size, "it says that out of place");
	return -1;
}

bool
talk_progress(const struct talk *t, const struct attempt *at, struct channel_progress *out)
{
	const struct flight	*f = idmap_get(&t->by_fence, at->fence);

	if (f == NULL || !f->told_progress)
		return false;
	*out = f->progress;
	return true;
}
