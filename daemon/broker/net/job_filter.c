/* job_filter.c - which jobs a list shows.  Runs in: broker, loop thread. */
#include "daemon/broker/net/job_filter.h"

#include <string.h>

#include "proto/json_scan.h"

static bool
same(struct span a, const char *p, size_t len)
{
	return a.len == len && memcmp(a.p, p, len) == 0;
}

/* ---- reading ---- */

static int
set_state(struct job_filter *f, struct span value, struct rpc_error *err)
{
	for (int i = 0; i < JOB_STATES; i++) {
		if (same(value, job_state_names[i], strlen(job_state_names[i]))) {
			f->state = i;
			return 0;
		}
	}
	return rpc_fail_member(err, RPC_invalid_params, "filter", 6, "filter: '%.*s' is no state",
	    (int)(value.len < 32 ? value.len : 32), value.p);
}

/* `name=value`, or `name` for any value. */
static int
set_label(struct job_filter *f, struct span value)
{
	const char	*equals = memchr(value.p, '=', value.len);

	f->label = value;
	if (equals != NULL) {
		f->label.len = (size_t)(equals - value.p);
		f->label_value = (struct span){ equals + 1, value.len - f->label.len - 1 };
	}
	return 0;
}

static int
set_member(struct job_filter *f, struct span key, struct span value, struct rpc_error *err)
{
	const struct {
		const char	*name;
		struct span	*to;
	} texts[] = {
		{ "type", &f->type }, { "queue", &f->queue }, { "order_key", &f->order_key }, { "by", &f->by },
	};

	if (same(key, "state", 5))
		return set_state(f, value, err);
	if (same(key, "label", 5))
		return set_label(f, value);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (same(key, texts[i].name, strlen(texts[i].name))) {
			*texts[i].to = value;
			return 0;
		}
	}
	return rpc_fail_member(err, RPC_invalid_params, "filter", 6,
	    "filter has no member '%.*s'; it has state, type, queue, order_key, by and label",
	    (int)(key.len < 32 ? key.len : 32), key.p);
}

/* A string's text, decoded into f->text, whose room was taken beforehand so that it does not move. */
static bool
decode(struct job_filter *f, struct span raw, struct span *out)
{
	size_t	at = f->text.tail;

	if (!scan_decode(raw, &f->text))
		return false;
	*out = (struct span){ f->text.bytes + at, f->text.tail - at };
	return true;
}

static int
read_member(struct job_filter *f, struct scan *s, struct span raw_key, struct rpc_error *err)
{
	enum scan_type	type;
	struct span	raw, key, value;

	if (!scan_value(s, &type, &raw))
		return rpc_fail(err, RPC_invalid_params, "filter: %s", s->error);
	if (type != SCAN_STRING || !decode(f, (struct span){ raw.p + 1, raw.len - 2 }, &value) ||
	    !decode(f, raw_key, &key))
		return rpc_fail_member(err, RPC_invalid_params, "filter", 6,
		    "the members of filter are strings without NUL");
	return set_member(f, key, value, err);
}

int
job_filter_init(struct job_filter *f, const char *text, size_t len, struct rpc_error *err)
{
	struct scan	s;
	struct span	key;

	*f = (struct job_filter){ .state = -1 };
	if (text == NULL)
		return 0;
	buf_room(&f->text, len);
	scan_init(&s, text, len, BOUND_DEPTH, BOUND_VALUES);
	if (!scan_object(&s))
		return rpc_fail_member(err, RPC_invalid_params, "filter", 6, "filter is an object");
	while (scan_member(&s, &key))
		if (read_member(f, &s, key, err) != 0)
			return -1;
	return 0;
}

void
job_filter_fini(struct job_filter *f)
{
	buf_free(&f->text);
	buf_free(&f->scratch);
}

/* ---- matching ---- */

/* Is the raw text of a JSON string this text? */
static bool
is_text(struct job_filter *f, struct span raw, struct span text)
{
	if (memchr(raw.p, '\\', raw.len) == NULL)
		return same(raw, text.p, text.len);
	f->scratch.head = f->scratch.tail = 0;
	return scan_decode(raw, &f->scratch) && same(text, buf_data(&f->scratch), buf_len(&f->scratch));
}

static bool
match_label(struct job_filter *f, const struct job *j)
{
	struct scan	s;
	struct span	key, raw;
	enum scan_type	type;

	if (f->label.p == NULL)
		return true;
	if (j->labels_len == 0)
		return false;
	scan_init(&s, job_labels(j), j->labels_len, BOUND_DEPTH, BOUND_VALUES);
	if (!scan_object(&s))
		return false;
	while (scan_member(&s, &key)) {
		bool	named = is_text(f, key, f->label);

		if (!scan_value(&s, &type, &raw))
			return false;
		if (named && type == SCAN_STRING)
			return f->label_value.p == NULL ||
			    is_text(f, (struct span){ raw.p + 1, raw.len - 2 }, f->label_value);
	}
	return false;
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
match_name(struct span wanted, const char *name)
{
	return wanted.p == NULL || same(wanted, name, strlen(name));
}

bool
job_filter_match(struct job_filter *f, const struct job *j)
{
	return (f->state < 0 || f->state == j->state) && match_name(f->type, j->type->name) &&
	    match_name(f->queue, core_queue_name(j->queue)) && match_name(f->by, j->by->principal) &&
	    match_order_key(f, j) && match_label(f, j);
}
