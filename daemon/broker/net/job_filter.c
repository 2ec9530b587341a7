/* job_filter.c - which jobs a list shows.  Runs in: broker, loop thread. */
#include "daemon/broker/net/job_filter.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/parse.h"
#include "proto/json_find.h"
#include "proto/rpc_params.h"

#define LABEL_BYTES_PER_LOOK	64	/* reading so much costs as much as looking at a job */

static bool
same(struct span a, const char *p, size_t len)
{
	return a.len == len && memcmp(a.p, p, len) == 0;
}

/* ---- reading ---- */

/* about: a name of the client's, shown in part when it is long. */
static int
bad_filter(struct rpc_error *err, struct span about, const char *what)
{
	return rpc_fail_member(err, RPC_invalid_params, "filter", 6, "filter: '%s' %s",
	    rpc_excerpt(SCAN_STRING, about).text, what);
}

static int
set_state(struct job_filter *f, struct span value, struct rpc_error *err)
{
	for (int i = 0; i < JOB_STATES; i++) {
		if (same(value, job_state_names[i], strlen(job_state_names[i]))) {
			f->state = i;
			return 0;
		}
	}
	return bad_filter(err, value, "is no state");
}

static int
set_text(struct job_filter *f, struct span key, struct span value, struct rpc_error *err)
{
	const struct {
		const char	*name;
		struct span	*to;
	} texts[] = {
		{ "type", &f->type }, { "queue", &f->queue }, { "order_key", &f->order_key },
		{ "by", &f->by }, { "group", &f->group }, { "tenant", &f->tenant },
	};

	if (same(key, "state", 5))
		return set_state(f, value, err);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (same(key, texts[i].name, strlen(texts[i].name))) {
			*texts[i].to = value;
			return 0;
		}
	}
	return bad_filter(err, key, "is none of state, type, queue, tenant, order_key, by, group, "
	    "since_ms, until_ms, active_ms and label");
}

/* Decoded into f->text, whose room was taken beforehand so that it does not move. */
static int
decode(struct job_filter *f, struct span raw, struct span *out, struct rpc_error *err)
{
	size_t	at = f->text.tail;

	if (!scan_decode(raw, &f->text))
		return bad_filter(err, raw, "has a NUL");
	*out = (struct span){ f->text.bytes + at, f->text.tail - at };
	return 0;
}

/* The value of a member: a string. */
static int
read_string(struct job_filter *f, struct scan *s, struct span key, struct span *out,
    struct rpc_error *err)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_value(s, &type, &raw) || type != SCAN_STRING)
		return bad_filter(err, key, "must be a string");
	return decode(f, (struct span){ raw.p + 1, raw.len - 2 }, out, err);
}

static int
read_labels(struct job_filter *f, struct scan *s, struct rpc_error *err)
{
	struct job_filter_label	*l;
	struct span		 raw;

	if (!scan_object(s))
		return bad_filter(err, (struct span){ "label", 5 }, "must be an object");
	while (scan_member(s, &raw)) {
		if (f->labels_len == BOUND_LABELS)
			return bad_filter(err, (struct span){ "label", 5 }, "has too many members");
		l = &f->labels[f->labels_len++];
		if (decode(f, raw, &l->name, err) != 0 ||
		    read_string(f, s, l->name, &l->value, err) != 0)
			return -1;
	}
	return 0;
}

static int
read_time(struct scan *s, struct span key, int64_t *out, struct rpc_error *err)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_value(s, &type, &raw) || type != SCAN_INTEGER ||
	    parse_i64(raw.p, raw.len, 0, BOUND_JOB_ID, out) != 0)
		return bad_filter(err, key, "must be milliseconds since the epoch");
	return 0;
}

static int
read_member(struct job_filter *f, struct scan *s, struct span raw, struct rpc_error *err)
{
	struct span	key, value;

	if (decode(f, raw, &key, err) != 0)
		return -1;
	if (same(key, "since_ms", 8))
		return read_time(s, key, &f->since_ms, err);
	if (same(key, "until_ms", 8))
		return read_time(s, key, &f->until_ms, err);
	if (same(key, "active_ms", 9))
		return read_time(s, key, &f->active_ms, err);
	if (same(key, "label", 5))
		return read_labels(f, s, err);
	if (read_string(f, s, key, &value, err) != 0)
		return -1;
	return set_text(f, key, value, err);
}

int
job_filter_init(struct job_filter *f, const char *text, size_t len, struct rpc_error *err)
{
	struct scan	s;
	struct span	raw;

	*f = (struct job_filter){ .state = -1 };
	if (text == NULL)
		return 0;
	buf_room(&f->text, len);
	scan_init(&s, text, len, BOUND_DEPTH, BOUND_VALUES);
	if (!scan_object(&s))
		return bad_filter(err, (struct span){ "filter", 6 }, "must be an object");
	while (scan_member(&s, &raw))
		if (read_member(f, &s, raw, err) != 0)
			return -1;
	return 0;
}

void
job_filter_fini(struct job_filter *f)
{
	buf_free(&f->text);
	buf_free(&f->scratch);
	free(f->own);
}

void
job_filter_own(struct job_filter *f, const char *principal)
{
	f->own = mem_strdup(principal);
}

/* ---- matching ---- */

static bool
match_labels(struct job_filter *f, const struct job *j)
{
	for (unsigned i = 0; i < f->labels_len; i++)
		if (!json_find_string((struct span){ job_labels(j), job_labels_len(j) },
		    f->labels[i].name, f->labels[i].value, &f->scratch))
			return false;
	return true;
}

static bool
match_order_key(const struct job_filter *f, const struct job *j)
{
	size_t		 len;
	const char	*key;

	if (f->order_key.p == NULL)
		return true;
	key = core_order_key(j, &len);
	return same(f->order_key, key, len);
}

static bool
match_group(const struct job_filter *f, const struct job *j)
{
	const struct membership	*m;

	if (f->group.p == NULL)
		return true;
	m = core_membership(j);
	return m != NULL && !m->reduces && same(f->group, m->group->name, strlen(m->group->name));
}

static bool
match_name(struct span wanted, const char *name)
{
	return wanted.p == NULL || same(wanted, name, strlen(name));
}

static bool
match_time(const struct job_filter *f, const struct job *j)
{
	return (f->since_ms == 0 || job_created_ms(j) >= f->since_ms) &&
	    (f->until_ms == 0 || job_created_ms(j) <= f->until_ms) &&
	    (f->active_ms == 0 || !job_state_finished(j->state) ||
	    job_last_move(j).at_ms >= f->active_ms);
}

bool
job_filter_match_but_state(struct job_filter *f, const struct job *j)
{
	return (f->own == NULL || strcmp(f->own, j->by->principal) == 0) &&
	    match_name(f->type, job_type(j)->name) &&
	    match_name(f->queue, core_job_queue(j)) &&
	    match_name(f->tenant, core_job_tenant(j)) && match_time(f, j) &&
	    match_name(f->by, j->by->principal) && match_order_key(f, j) &&
	    match_group(f, j) && match_labels(f, j);
}

bool
job_filter_match(struct job_filter *f, const struct job *j)
{
	return (f->state < 0 || f->state == j->state) && job_filter_match_but_state(f, j);
}

uint32_t
job_filter_cost(const struct job_filter *f, const struct job *j)
{
	return f->labels_len == 0 ? 1 :
	    1 + f->labels_len * (job_labels_len(j) / LABEL_BYTES_PER_LOOK);
}
