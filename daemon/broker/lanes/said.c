/* said.c - one line of a language or remote worker, checked.  Runs in: broker, loop thread. */
#include "daemon/broker/lanes/said.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/parse.h"
#include "proto/json_scan.h"

#define NUMBER_CHARS	64		/* of a real number */
#define COUNT_MAX	(INT64_C(1) << 53)

enum member_type { M_COUNT, M_AMOUNT, M_TEXT, M_BOOL, M_OBJECT, M_ANY };

/* What an object may have; the table ends with a row without a name. */
struct member {
	const char		*name;
	enum member_type	 type;
	bool			 required;
};

struct value {
	bool		 given;
	enum scan_type	 type;
	struct span	 raw;		/* TEXT: between the quotes */
	uint64_t	 n;		/* COUNT, AMOUNT, BOOL */
};

#define MEMBERS_MAX	8

struct complaint {
	char	*text;
	size_t	 size;
};

static int __attribute__((format(printf, 2, 3)))
refuse(struct complaint *why, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(why->text, why->size, fmt, ap);
	va_end(ap);
	return -1;
}

static bool
is(struct span a, const char *text)
{
	return a.len == strlen(text) && memcmp(a.p, text, a.len) == 0;
}

/* ---- members of an object, by a table ---- */

static const char *const member_types[] = {
	[M_COUNT] = "a whole number from 0", [M_AMOUNT] = "a number from 0", [M_TEXT] = "a string",
	[M_BOOL] = "true or false", [M_OBJECT] = "an object", [M_ANY] = "a value",
};

static bool
read_count(struct value *v)
{
	int64_t	n;

	if (v->type != SCAN_INTEGER || parse_i64(v->raw.p, v->raw.len, 0, COUNT_MAX, &n) != 0)
		return false;
	v->n = (uint64_t)n;
	return true;
}

/* Progress may well be a fraction; what is behind the point is not shown. */
static bool
read_amount(struct value *v)
{
	char	text[NUMBER_CHARS];
	double	d;

	if (v->type == SCAN_INTEGER)
		return read_count(v);
	if (v->type != SCAN_REAL || v->raw.len >= sizeof(text))
		return false;
	memcpy(text, v->raw.p, v->raw.len);
	text[v->raw.len] = '\0';
	d = strtod(text, NULL);
	if (!(d >= 0 && d <= (double)COUNT_MAX))
		return false;
	v->n = (uint64_t)d;
	return true;
}

static bool
fits(enum member_type type, struct value *v)
{
	switch (type) {
	case M_COUNT:
		return read_count(v);
	case M_AMOUNT:
		return read_amount(v);
	case M_TEXT:
		if (v->type != SCAN_STRING)
			return false;
		v->raw = (struct span){ v->raw.p + 1, v->raw.len - 2 };
		return true;
	case M_BOOL:
		v->n = v->type == SCAN_TRUE;
		return v->type == SCAN_TRUE || v->type == SCAN_FALSE;
	case M_OBJECT:
		return v->type == SCAN_OBJECT;
	case M_ANY:
		return true;
	}
	return false;
}

static int
find_member(const struct member *rows, struct span key)
{
	for (int i = 0; rows[i].name != NULL; i++)
		if (is(key, rows[i].name))
			return i;
	return -1;
}

static int
scan_failed(const struct scan *s, struct complaint *why)
{
	return refuse(why, "%s at byte %zu", s->error, s->error_at);
}

/* Takes the object at s by the table; v has as many as that. */
static int
read_members(struct scan *s, const char *what, const struct member *rows, struct value *v,
    struct complaint *why)
{
	struct span	key, raw;
	enum scan_type	type;
	int		i;

	memset(v, 0, MEMBERS_MAX * sizeof(*v));
	if (!scan_object(s))
		return s->error != NULL ? scan_failed(s, why) : refuse(why, "%s is no object", what);
	while (scan_member(s, &key)) {
		if ((i = find_member(rows, key)) < 0)
			return refuse(why, "%s has a member '%.*s'", what,
			    (int)(key.len < 64 ? key.len : 64), key.p);
		if (v[i].given)
			return refuse(why, "%s has the member '%s' twice", what, rows[i].name);
		if (!scan_value(s, &type, &raw))
			break;
		v[i] = (struct value){ .given = true, .type = type, .raw = raw };
		if (!fits(rows[i].type, &v[i]))
			return refuse(why, "%s of %s is not %s", rows[i].name, what,
			    member_types[rows[i].type]);
	}
	if (s->error != NULL)
		return scan_failed(s, why);
	for (i = 0; rows[i].name != NULL; i++)
		if (rows[i].required && !v[i].given)
			return refuse(why, "%s has no member '%s'", what, rows[i].name);
	return 0;
}

static int
read_object(struct span text, const char *what, const struct member *rows, struct value *v,
    struct complaint *why)
{
	struct scan	s;

	scan_init(&s, text.p, text.len, BOUND_DEPTH + 1, UINT32_MAX);
	return read_members(&s, what, rows, v, why);
}

/* ---- methods ---- */

enum { OF_JOB, OF_ATTEMPT, OF_FENCE, OF_DONE, OF_TOTAL, OF_TEXT };
static const struct member	progress_members[] = {
	[OF_JOB] = { "job", M_COUNT, true }, [OF_ATTEMPT] = { "attempt", M_COUNT, true },
	[OF_FENCE] = { "fence", M_COUNT, true }, [OF_DONE] = { "done", M_AMOUNT, false },
	[OF_TOTAL] = { "total", M_AMOUNT, false }, [OF_TEXT] = { "text", M_TEXT, false },
	{ NULL, M_ANY, false },
};
enum { OF_LEVEL = OF_DONE, OF_LINE };
static const struct member	log_members[] = {
	[OF_JOB] = { "job", M_COUNT, true }, [OF_ATTEMPT] = { "attempt", M_COUNT, true },
	[OF_FENCE] = { "fence", M_COUNT, true }, [OF_LEVEL] = { "level", M_TEXT, true },
	[OF_LINE] = { "text", M_TEXT, true },
	{ NULL, M_ANY, false },
};
static const struct member	credit_members[] = { { "n", M_COUNT, true }, { NULL, M_ANY, false } };

static void
take_whose(const struct value *v, struct said *out)
{
	out->job = v[OF_JOB].n;
	out->attempt = (uint32_t)v[OF_ATTEMPT].n;
	out->fence = v[OF_FENCE].n;
}

static int
read_progress(struct span params, struct said *out, struct complaint *why)
{
	struct value	v[MEMBERS_MAX];

	if (read_object(params, "attempt.progress", progress_members, v, why) != 0)
		return -1;
	take_whose(v, out);
	out->kind = SAID_PROGRESS;
	out->done = v[OF_DONE].n;
	out->total = v[OF_TOTAL].n;
	out->text = v[OF_TEXT].raw;
	return 0;
}

static int
read_log(struct span params, struct said *out, struct complaint *why)
{
	static const char *const	levels[] = { "debug", "info", "warn", "error" };
	struct value			v[MEMBERS_MAX];

	if (read_object(params, "attempt.log", log_members, v, why) != 0)
		return -1;
	take_whose(v, out);
	out->kind = SAID_LOG;
	out->level = v[OF_LEVEL].raw;
	out->text = v[OF_LINE].raw;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (is(out->level, levels[i]))
			return 0;
	return refuse(why, "level of attempt.log is not debug, info, warn or error");
}

static int
read_credit(struct span params, struct said *out, struct complaint *why)
{
	struct value	v[MEMBERS_MAX];

	if (read_object(params, "worker.credit", credit_members, v, why) != 0)
		return -1;
	if (v[0].n < 1 || v[0].n > SAID_CREDIT_MAX)
		return refuse(why, "n of worker.credit is not 1 to %d", SAID_CREDIT_MAX);
	out->kind = SAID_CREDIT;
	out->credit = (uint32_t)v[0].n;
	return 0;
}

/* It becomes a tree later, which takes much more memory than its text: so it is counted first. */
static int
read_ready(struct span params, struct said *out, struct complaint *why)
{
	struct scan	s;
	enum scan_type	type;
	struct span	raw;

	if (params.len > SAID_READY_BYTES)
		return refuse(why, "worker.ready has more than %d bytes", SAID_READY_BYTES);
	scan_init(&s, params.p, params.len, BOUND_DEPTH + 1, SAID_READY_VALUES);
	if (!scan_value(&s, &type, &raw))
		return scan_failed(&s, why);
	out->kind = SAID_READY;
	out->params = params;
	return 0;
}

struct method {
	const char	*name;
	int		(*read)(struct span params, struct said *out, struct complaint *why);
	bool		 answered;	/* it may have an id */
};

static const struct method	methods[] = {
	{ "attempt.progress", read_progress, false },
	{ "attempt.log", read_log, false },
	{ "worker.credit", read_credit, false },
	{ "worker.ready", read_ready, true },
};

/* ---- answers ---- */

enum { ERR_CODE, ERR_MESSAGE, ERR_DATA };
static const struct member	error_members[] = {
	[ERR_CODE] = { "code", M_ANY, false }, [ERR_MESSAGE] = { "message", M_TEXT, false },
	[ERR_DATA] = { "data", M_ANY, false }, { NULL, M_ANY, false },
};

/* Members of error.data that mean something; those that are of another type do not. */
static void
take_hint(struct span key, enum scan_type type, struct span raw, struct said *out)
{
	int64_t	n;

	if (is(key, "retryable")) {
		out->final = type == SCAN_FALSE;
	} else if (is(key, "cancelled")) {
		out->cancelled = type == SCAN_TRUE;
	} else if (is(key, "kind")) {
		out->is_bad_result = is(raw, "\"bad_result\"");
	} else if (is(key, "retry_after_ms") && type == SCAN_INTEGER) {
		if (raw.p[0] != '-')		/* what is too large is the bound */
			out->retry_after_ms = parse_i64(raw.p, raw.len, 0, BOUND_DURATION_MS, &n) == 0 ?
			    n : BOUND_DURATION_MS;
	}
}

static void
read_hints(struct span data, struct said *out)
{
	struct scan	s;
	struct span	key, raw;
	enum scan_type	type;

	scan_init(&s, data.p, data.len, BOUND_DEPTH + 1, UINT32_MAX);
	if (!scan_object(&s))
		return;
	while (scan_member(&s, &key) && scan_value(&s, &type, &raw))
		take_hint(key, type, raw, out);
}

static int
read_error(struct span error, struct said *out, struct complaint *why)
{
	struct value	v[MEMBERS_MAX];

	if (read_object(error, "error", error_members, v, why) != 0)
		return -1;
	out->kind = SAID_ERROR;
	out->message = v[ERR_MESSAGE].raw;
	if (v[ERR_DATA].given && v[ERR_DATA].type != SCAN_NULL) {
		out->data = v[ERR_DATA].raw;
		read_hints(out->data, out);
	}
	return 0;
}

/* ---- the line ---- */

enum { LINE_VERSION, LINE_ID, LINE_METHOD, LINE_PARAMS, LINE_RESULT, LINE_ERROR };
static const struct member	line_members[] = {
	[LINE_VERSION] = { "jsonrpc", M_TEXT, false }, [LINE_ID] = { "id", M_ANY, false },
	[LINE_METHOD] = { "method", M_TEXT, false }, [LINE_PARAMS] = { "params", M_OBJECT, false },
	[LINE_RESULT] = { "result", M_ANY, false }, [LINE_ERROR] = { "error", M_OBJECT, false },
	{ NULL, M_ANY, false },
};

static int
read_request(const struct value *v, struct said *out, struct complaint *why)
{
	static const struct span	nothing = { "{}", 2 };
	struct span			name = v[LINE_METHOD].raw;
	const struct method		*m = NULL;

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && m == NULL; i++)
		if (is(name, methods[i].name))
			m = &methods[i];
	if (m == NULL)
		return refuse(why, "no worker says '%.*s'", (int)(name.len < 64 ? name.len : 64),
		    name.p);
	if (v[LINE_RESULT].given || v[LINE_ERROR].given)
		return refuse(why, "it has a method, and answers too");
	if (v[LINE_ID].given && !m->answered)
		return refuse(why, "%s has an id, and is not answered", m->name);
	if (v[LINE_ID].raw.len > BOUND_RPC_ID_BYTES || v[LINE_ID].type == SCAN_OBJECT ||
	    v[LINE_ID].type == SCAN_ARRAY)
		return refuse(why, "the id is no number or string, or is too long");
	out->request = v[LINE_ID].raw;
	return m->read(v[LINE_PARAMS].given ? v[LINE_PARAMS].raw : nothing, out, why);
}

static int
read_answer(struct value *v, struct said *out, struct complaint *why)
{
	if (v[LINE_RESULT].given == v[LINE_ERROR].given)
		return refuse(why, "it has neither a method nor one of result and error");
	if (v[LINE_PARAMS].given)
		return refuse(why, "it has params and no method");
	if (!v[LINE_ID].given || !read_count(&v[LINE_ID]))
		return refuse(why, "it answers nothing: its id is no id of an attempt.run");
	out->id = v[LINE_ID].n;
	if (v[LINE_ERROR].given)
		return read_error(v[LINE_ERROR].raw, out, why);
	out->kind = SAID_RESULT;
	out->result = v[LINE_RESULT].raw;
	return 0;
}

static int
read_line(struct scan *s, struct said *out, struct complaint *why)
{
	struct value	v[MEMBERS_MAX];

	memset(out, 0, sizeof(*out));
	if (read_members(s, "the line", line_members, v, why) != 0)
		return -1;
	if (!scan_end(s))
		return scan_failed(s, why);
	if (v[LINE_VERSION].given && !is(v[LINE_VERSION].raw, "2.0"))
		return refuse(why, "jsonrpc is not \"2.0\"");
	return v[LINE_METHOD].given ? read_request(v, out, why) : read_answer(v, out, why);
}

/* A result that is too deep is the handler's mistake, not its worker's: whose is it? */
static int
read_deep(struct span line, struct said *out, struct complaint *why)
{
	char			text[80];
	struct complaint	again = { text, sizeof(text) };
	struct scan		s;

	scan_init(&s, line.p, line.len, SCAN_DEPTH_MAX, UINT32_MAX);
	if (read_line(&s, out, &again) != 0 || out->kind != SAID_RESULT)
		return refuse(why, "it has values in values in values, deeper than is allowed");
	out->bad_result = scan_too_deep;
	return 0;
}

int
said_read(struct span line, struct said *out, char *why, size_t size)
{
	struct complaint	complaint = { why, size };
	struct scan		s;

	scan_init(&s, line.p, line.len, BOUND_DEPTH + 1, UINT32_MAX);
	if (read_line(&s, out, &complaint) == 0)
		return 0;
	return s.error == scan_too_deep ? read_deep(line, out, &complaint) : -1;
}

/* ---- texts ---- */

/* Not into the middle of a character, and not behind an escape that was begun. */
static size_t
cut_at(const struct buf *b, size_t from, size_t max)
{
	const char	*p = buf_data(b) + from;
	size_t		 len = buf_len(b) - from;

	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)p[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void
said_text(struct span raw, size_t max, struct buf *out)
{
	size_t	from = buf_len(out);

	if (!scan_decode(raw, out))		/* it has \u0000: shown as it was written */
		buf_append(out, raw.p, raw.len);
	out->tail = out->head + from + (buf_len(out) == from ? 0 : cut_at(out, from, max));
}
