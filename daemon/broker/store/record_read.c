/* record_read.c - a job as the store keeps it: from JSON.  Runs in: broker, loop thread.
 *
 * The text is our own, but it comes from a file: whatever does not fit is an error that says where. */
#include "daemon/broker/store/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/parse.h"
#include "proto/json_scan.h"

struct reading {
	struct scan	 scan;
	struct job_record	*to;
	const char	*wrong;		/* the member that does not fit; NULL: all did */
};

/* ---- values ---- */

static int64_t
number_from(struct reading *r, int64_t min, int64_t max)
{
	enum scan_type	type;
	struct span	raw;
	int64_t		value;
	char		digits[24];

	if (scan_value(&r->scan, &type, &raw) && type == SCAN_INTEGER && raw.len < sizeof(digits)) {
		memcpy(digits, raw.p, raw.len);
		digits[raw.len] = '\0';
		value = strtoll(digits, NULL, 10);
		if (value >= min && value <= max)
			return value;
	}
	r->wrong = "a number that it may be";
	return 0;
}

static int64_t
number(struct reading *r)
{
	return number_from(r, 0, BOUND_JOB_ID);
}

static struct span
text(struct reading *r)
{
	enum scan_type	 type;
	struct span	 raw;
	struct buf	*scratch = &r->to->scratch;
	size_t		 mark = buf_len(scratch);

	if (!scan_value(&r->scan, &type, &raw) || type != SCAN_STRING) {
		r->wrong = "a text";
		return (struct span){ "", 0 };
	}
	raw = (struct span){ raw.p + 1, raw.len - 2 };
	if (!r->scan.escaped)
		return raw;
	if (!scan_decode(raw, scratch))
		r->wrong = "a text without NUL";
	return (struct span){ buf_data(scratch) + mark, buf_len(scratch) - mark };
}

static int
word(struct reading *r, const char *const *words, int count)
{
	struct span	is = text(r);

	for (int i = 0; i < count; i++)
		if (words[i] != NULL && strlen(words[i]) == is.len && memcmp(words[i], is.p, is.len) == 0)
			return i;
	r->wrong = "a known word";
	return 0;
}

/* ---- objects in the object ---- */

static void
read_retry(struct reading *r)
{
	struct retry_policy	*p = &r->to->saved.spec.retry;
	struct span		 key;

	*p = (struct retry_policy){ 0 };
	for (bool ok = scan_object(&r->scan); ok && r->wrong == NULL && scan_member(&r->scan, &key); ) {
		char	name[24];
		int64_t	value;

		snprintf(name, sizeof(name), "%.*s", (int)key.len, key.p);
		value = number(r);
		if (strcmp(name, "max_attempts") == 0) {
			p->max_attempts = (uint32_t)value;
			p->said |= 1u << RETRY_max_attempts;
		} else if (strcmp(name, "backoff_ms") == 0) {
			p->backoff_ms = value;
			p->said |= 1u << RETRY_backoff_ms;
		} else if (strcmp(name, "factor_milli") == 0) {
			p->factor = (uint32_t)value;
			p->said |= 1u << RETRY_factor;
		} else if (strcmp(name, "max_backoff_ms") == 0) {
			p->max_backoff_ms = value;
			p->said |= 1u << RETRY_max_backoff_ms;
		}
	}
}

static void
read_after(struct reading *r)
{
	struct jobspec	*spec = &r->to->saved.spec;
	uint32_t	 cap = 0;

	free(spec->after);
	spec->after = NULL;
	spec->after_len = 0;
	for (bool ok = scan_array(&r->scan); ok && r->wrong == NULL && scan_element(&r->scan); ) {
		if (spec->after_len == cap) {
			cap = cap == 0 ? 4 : cap * 2;
			spec->after = mem_resize(spec->after, cap, sizeof(*spec->after));
		}
		spec->after[spec->after_len++] = (uint64_t)number(r);
	}
}

/* [at_ms, state, reason] */
static struct transition
read_move(struct reading *r)
{
	struct transition	t = { 0 };

	if (!scan_array(&r->scan) || !scan_element(&r->scan))
		return t;
	t.at_ms = number(r);
	if (scan_element(&r->scan))
		t.state = (uint64_t)word(r, job_state_names, JOB_STATES);
	if (scan_element(&r->scan))
		t.reason = (uint64_t)word(r, job_reason_names, REASONS);
	if (scan_element(&r->scan))
		r->wrong = "three elements";
	return t;
}

static void
read_moves(struct reading *r)
{
	struct job_saved	*s = &r->to->saved;

	s->moves_len = 0;
	for (bool ok = scan_array(&r->scan); ok && r->wrong == NULL && scan_element(&r->scan); ) {
		if (s->moves_len == CORE_MOVES_KEPT)
			r->wrong = "so many moves at most";
		else
			r->to->moves[s->moves_len++] = read_move(r);
	}
}

static void
read_spent(struct reading *r, struct attempt_record *t)
{
	struct spent	*s = t->spent != NULL ? t->spent : mem_zalloc(1, sizeof(*s));
	int64_t		*values[] = { &s->user_us, &s->system_us, &s->max_rss_bytes, &s->read_bytes,
	    &s->write_bytes };
	size_t		 len = 0;

	t->spent = s;
	for (bool ok = scan_array(&r->scan); ok && r->wrong == NULL && scan_element(&r->scan); len++) {
		if (len < sizeof(values) / sizeof(values[0]))
			*values[len] = number_from(r, 0, INT64_MAX);
		else
			r->wrong = "five numbers";
	}
}

/* Its name.  Records had a number there, which meant something to the broker of that time alone. */
static struct span
try_worker(struct reading *r)
{
	enum scan_type	type;

	if (!scan_peek(&r->scan, &type) || type != SCAN_INTEGER)
		return text(r);
	(void)number(r);
	return (struct span){ "", 0 };
}

static void
read_try_member(struct reading *r, struct attempt_record *t, struct span key)
{
	static const char *const	names[] = { "number", "fence", "started_ms", "ended_ms", "worker",
	    "lane", "end", "kind", "message", "spent" };
	struct span			message;
	enum scan_type			type;
	int				i = 0;

	while (i < 10 && (strlen(names[i]) != key.len || memcmp(names[i], key.p, key.len) != 0))
		i++;
	switch (i) {
	case 0: t->number = (uint32_t)number(r); break;
	case 1: t->fence = (uint64_t)number(r); break;
	case 2: t->started_ms = number(r); break;
	case 3: t->ended_ms = number(r); break;
	case 4: r->to->try_workers[t - r->to->tries] = try_worker(r); break;
	case 5: t->lane = (uint8_t)word(r, lane_names, LANES); break;
	case 6: t->end = (uint8_t)word(r, job_reason_names, REASONS); break;
	case 7: t->kind = (uint8_t)word(r, failure_names, FAILURES); break;
	case 8:
		message = text(r);
		free(t->message);
		t->message = mem_strndup(message.p, message.len);
		break;
	case 9: read_spent(r, t); break;
	default: scan_value(&r->scan, &type, &message);
	}
}

static void
read_tries(struct reading *r)
{
	struct job_saved	*s = &r->to->saved;
	struct span		 key;

	for (bool ok = scan_array(&r->scan); ok && r->wrong == NULL && scan_element(&r->scan); ) {
		struct attempt_record	*t = &r->to->tries[s->tries_len];

		if (s->tries_len == CORE_TRIES_KEPT) {
			r->wrong = "so many attempts at most";
			return;
		}
		s->tries_len++;
		*t = (struct attempt_record){ 0 };
		for (bool in = scan_object(&r->scan); in && r->wrong == NULL && scan_member(&r->scan, &key); )
			read_try_member(r, t, key);
	}
}

/* ---- the members ---- */

static void read_type(struct reading *r) { r->to->type = text(r); }
static void read_queue(struct reading *r) { r->to->saved.spec.queue = text(r); }
static void read_tenant(struct reading *r) { r->to->saved.spec.tenant = text(r); }
static void read_order_key(struct reading *r) { r->to->saved.spec.order_key = text(r); }
static void read_unique_key(struct reading *r) { r->to->unique_key = text(r); }
static void read_unique_until(struct reading *r) { r->to->unique_until_ms = number(r); }
static void read_limit_key(struct reading *r) { r->to->saved.spec.limit_key = text(r); }
static void read_traceparent(struct reading *r) { r->to->saved.spec.traceparent = text(r); }
static void read_principal(struct reading *r) { r->to->principal = text(r); }
static void read_client(struct reading *r) { r->to->client = text(r); }
static void read_addr(struct reading *r) { r->to->addr = text(r); }
static void read_priority(struct reading *r) { r->to->saved.spec.priority = (int)number_from(r, -100, 100); }
static void read_timeout(struct reading *r) { r->to->saved.spec.timeout_ms = number(r); }
static void read_keep(struct reading *r) { r->to->saved.spec.keep_ms = number_from(r, 0, BOUND_DURATION_MS); }
static void read_due(struct reading *r) { r->to->saved.due_ms = number(r); }
static void read_ttl(struct reading *r) { r->to->saved.ttl_at_ms = number(r); }
static void read_held(struct reading *r) { r->to->saved.spec.hold = number(r) != 0; }
static void read_parents_done(struct reading *r) { r->to->saved.parents_done = number(r) != 0; }
static void read_begun(struct reading *r) { r->to->saved.begun = number(r) != 0; }
static void read_marked(struct reading *r) { r->to->saved.marked = number(r) != 0; }
static void read_attempts(struct reading *r) { r->to->saved.attempts = (uint32_t)number_from(r, 0, UINT16_MAX); }
static void read_failures(struct reading *r) { r->to->saved.failures = (uint32_t)number(r); }
static void read_suspicions(struct reading *r) { r->to->saved.suspicions = (uint32_t)number_from(r, 0, BOUND_SUSPECTS); }
static void read_beside(struct reading *r) { r->to->saved.beside = (uint8_t)number_from(r, 0, UINT8_MAX); }
static void read_group(struct reading *r) { r->to->group = (uint64_t)number(r); }
static void read_index(struct reading *r) { r->to->saved.index = (uint64_t)number(r); }
static void read_reduces(struct reading *r) { r->to->saved.reduces = number(r) != 0; }
static void read_pool(struct reading *r) { r->to->pool = text(r); }
static void read_created(struct reading *r) { r->to->moves[0].at_ms = number(r); }

/* As records said it when plugins had the only other pool. */
static void
read_plugin(struct reading *r)
{
	if (number(r) != 0)
		r->to->pool = (struct span){ "plugin", strlen("plugin") };
}

static void
read_unique_print(struct reading *r)
{
	if (!record_read_unique(text(r), &r->to->unique_print))
		r->wrong = "eighty digits";
}

static void
read_lane(struct reading *r)
{
	r->to->saved.spec.lane = word(r, lane_names, LANES);
}

static void
read_routed(struct reading *r)
{
	r->to->saved.lane = (enum lane)word(r, lane_names, LANES);
}

static void
read_on_lost(struct reading *r)
{
	static const char *const	words[] = { "requeue", "fail" };

	r->to->saved.spec.on_lost = (enum on_lost)word(r, words, 2);
}

static void
read_on_order_failure(struct reading *r)
{
	static const char *const	words[] = { "skip", "block" };

	r->to->saved.spec.on_order_failure = (enum on_order_failure)word(r, words, 2);
}

static void
read_on_parent_failure(struct reading *r)
{
	static const char *const	words[] = { "cancel", "run" };

	r->to->saved.spec.on_parent_failure = (enum on_parent_failure)word(r, words, 2);
}

/* The last move of all; the moves come behind it. */
static void
read_end(struct reading *r)
{
	r->to->end = read_move(r);
	r->to->ended = true;
}

static const struct member {
	const char	*name;
	void		(*read)(struct reading *r);
} members[] = {
	{ "type", read_type }, { "queue", read_queue }, { "tenant", read_tenant },
	{ "order_key", read_order_key }, { "limit_key", read_limit_key },
	{ "traceparent", read_traceparent },
	{ "unique_key", read_unique_key }, { "unique_until_ms", read_unique_until },
	{ "unique_print", read_unique_print },
	{ "priority", read_priority }, { "timeout_ms", read_timeout }, { "keep_ms", read_keep },
	{ "due_ms", read_due },
	{ "ttl_at_ms", read_ttl }, { "held", read_held }, { "on_lost", read_on_lost },
	{ "on_order_failure", read_on_order_failure }, { "lane", read_lane },
	{ "retry", read_retry }, { "after", read_after },
	{ "parents_done", read_parents_done }, { "on_parent_failure", read_on_parent_failure }, { "group", read_group },
	{ "index", read_index }, { "reduces", read_reduces }, { "routed", read_routed }, { "plugin", read_plugin }, { "pool", read_pool },
	{ "created_ms", read_created }, { "principal", read_principal }, { "client", read_client },
	{ "addr", read_addr }, { "attempts", read_attempts }, { "suspicions", read_suspicions },
	{ "beside", read_beside },
	{ "begun", read_begun }, { "marked", read_marked }, { "failures", read_failures },
	{ "end", read_end }, { "moves", read_moves }, { "tries", read_tries },
};

/* One that nobody knows is of a later version: it is passed over. */
static void
read_member(struct reading *r, struct span key)
{
	enum scan_type	type;
	struct span	raw;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strlen(members[i].name) == key.len && memcmp(members[i].name, key.p, key.len) == 0) {
			members[i].read(r);
			return;
		}
	}
	scan_value(&r->scan, &type, &raw);
}

static int
read_object(struct job_record *to, struct span json, const char *what, char *why, size_t size)
{
	struct reading	r = { .to = to };
	struct span	key = { "", 0 };

	scan_init(&r.scan, json.p, json.len, BOUND_DEPTH, UINT32_MAX);
	scan_object(&r.scan);
	while (r.wrong == NULL && scan_member(&r.scan, &key))
		read_member(&r, key);
	if (r.wrong == NULL && scan_end(&r.scan))
		return 0;
	if (r.scan.error != NULL)
		snprintf(why, size, "%s: %s at byte %zu", what, r.scan.error, r.scan.error_at);
	else
		snprintf(why, size, "%s: %.*s is not %s", what, (int)key.len, key.p,
		    r.wrong == NULL ? "all" : r.wrong);
	return -1;
}

/* ---- the whole ---- */

static void
read_kind(struct reading *r, struct outcome *o)
{
	o->kind = (enum failure_kind)word(r, failure_names, FAILURES);
}

static int
read_failure(struct job_record *to, struct span json, char *why, size_t size)
{
	struct outcome	*o = &to->saved.outcome;
	struct reading	 r = { .to = to };
	struct span	 key, raw;
	enum scan_type	 type;

	scan_init(&r.scan, json.p, json.len, SCAN_DEPTH_MAX, UINT32_MAX);
	scan_object(&r.scan);
	while (r.wrong == NULL && scan_member(&r.scan, &key)) {
		if (key.len == 4 && memcmp(key.p, "kind", 4) == 0) {
			read_kind(&r, o);
		} else if (scan_value(&r.scan, &type, &raw)) {
			if (key.len == 9 && memcmp(key.p, "retryable", 9) == 0)
				o->final = raw.len == 5;	/* false */
			else if (key.len == 4 && memcmp(key.p, "data", 4) == 0 && o->data == NULL)
				o->data = mem_strndup(raw.p, raw.len);
		}
	}
	if (r.wrong == NULL && scan_end(&r.scan))
		return 0;
	snprintf(why, size, "failure: %s", r.scan.error != NULL ? r.scan.error : "its kind is not known");
	return -1;
}

static int
read_ended(const struct store_row *row, struct job_record *out, char *why, size_t size)
{
	struct job_saved	*s = &out->saved;
	const struct store_end	*end = &row->end;

	if (end->state < JOB_succeeded || end->state >= JOB_STATES) {
		snprintf(why, size, "its state is not one in which jobs end");
		return -1;
	}
	s->state = (enum job_state)end->state;
	s->blocks_others = end->blocks;
	if (end->text.p != NULL) {
		s->outcome.text = mem_strndup(end->text.p, end->text.len);
		s->outcome.len = (uint32_t)end->text.len;
	}
	if (end->failure.len > 0 && read_failure(out, end->failure, why, size) != 0)
		return -1;
	if (out->ended && s->moves_len < CORE_MOVES_KEPT)
		out->moves[s->moves_len++] = out->end;
	return 0;
}

/* What says nothing is what is usual. */
static void
set_usual(struct job_record *out, const struct store_row *row)
{
	struct job_saved	*s = &out->saved;

	s->id = row->id;
	s->state = JOB_ready;
	s->why = REASON_daemon_crash;
	s->moves = out->moves;
	s->moves_len = 1;
	s->tries = out->tries;
	s->try_workers = out->try_workers;
	s->spec = (struct jobspec){
		.lane = -1, .durability = DURABILITY_COMMIT, .queue = { "default", 7 },
		.args = row->args, .labels = row->labels,
	};
}

/* A past says all that may have changed: what it leaves out is not so any more. */
static void
forget_changeable(struct job_record *out)
{
	struct job_saved	*s = &out->saved;

	s->spec.priority = 0;
	s->spec.timeout_ms = 0;
	s->spec.hold = false;
	s->spec.retry = (struct retry_policy){ 0 };
	s->due_ms = 0;
	s->ttl_at_ms = 0;
}

/* As core says it of a job that is new. */
static void
set_first_move(struct job_record *out)
{
	const struct job_saved	*s = &out->saved;
	struct transition	*t = &out->moves[0];

	t->reason = s->spec.after_len > 0 && !s->parents_done ? REASON_parents_wait : s->spec.hold ? REASON_held :
	    s->due_ms != 0 ? REASON_delayed : REASON_submitted;
	t->state = t->reason == REASON_submitted ? JOB_ready : JOB_scheduled;
}

static int
check_moves(struct job_record *out, char *why, size_t size)
{
	struct job_saved	*s = &out->saved;

	if (s->moves_len > 0 && out->type.len > 0)
		return 0;
	snprintf(why, size, "%s", out->type.len == 0 ? "spec: it has no type" : "past: it has no moves");
	return -1;
}

int
record_read(const struct store_row *row, struct job_record *out, char *why, size_t size)
{
	struct job_saved	*s = &out->saved;

	*out = (struct job_record){ 0 };
	set_usual(out, row);
	/* decoded strings must not move while spans point at them */
	buf_room(&out->scratch, row->spec.len + row->past.len + 1);
	if (read_object(out, row->spec, "spec", why, size) != 0)
		return -1;
	set_first_move(out);
	if (row->past.len > 0)
		forget_changeable(out);
	if (row->past.len > 0 && read_object(out, row->past, "past", why, size) != 0)
		return -1;
	if (check_moves(out, why, size) != 0)
		return -1;
	s->in_process = row->live && out->moves[s->moves_len - 1].state == JOB_running;
	return row->live ? 0 : read_ended(row, out, why, size);
}

void
record_fini(struct job_record *r)
{
	for (size_t i = 0; i < r->saved.tries_len; i++) {
		free(r->tries[i].message);
		free(r->tries[i].spent);
	}
	free(r->saved.outcome.text);
	free(r->saved.outcome.data);
	free(r->saved.spec.after);
	buf_free(&r->scratch);
}
