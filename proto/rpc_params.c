/* rpc_params.c - members of params, checked against their rows.  Runs in: broker. */
#include "proto/rpc_params.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/parse.h"
#include "proto/rpc_rows.h"

#define OBJECT_MEMBERS	32		/* the most that a row of type OBJECT may allow */
#define WORST_ESCAPE	6		/* bytes of \uXXXX, which can stand for one */

/* Notes what is wrong with a known member; the first such word stays. */
#define wrong(m, param, ...) \
	wrong_kind(m, param, RPC_invalid_params, rpc_params[param].name, __VA_ARGS__)
#define wrong_kind(m, which, kind, name, ...) \
	do { \
		if ((m)->failed) \
			break; \
		rpc_fail_member((m)->err, kind, name, strlen(name), __VA_ARGS__); \
		(m)->failed = true; \
		(m)->about = (int)(which); \
	} while (0)

bool
rpc_members_text(struct rpc_members *m, struct span raw, struct span *out)
{
	size_t	at;

	*out = raw;
	if (!m->scan->escaped)
		return true;
	if (!m->roomy) {	/* for all that may follow, so that no string moves */
		buf_room(m->scratch, (size_t)(m->scan->end - m->scan->begin));
		m->roomy = true;
	}
	at = m->scratch->tail;
	if (!scan_decode(raw, m->scratch))
		return false;
	*out = (struct span){ m->scratch->bytes + at, m->scratch->tail - at };
	return true;
}

static struct span
between_quotes(struct span string)
{
	return (struct span){ string.p + 1, string.len - 2 };
}

struct rpc_excerpt
rpc_excerpt(enum scan_type type, struct span raw)
{
	struct rpc_excerpt	out;
	size_t			n = raw.len;

	if (type == SCAN_OBJECT || type == SCAN_ARRAY) {
		snprintf(out.text, sizeof(out.text), "%s",
		    type == SCAN_OBJECT ? "an object" : "an array");
		return out;
	}
	if (n > sizeof(out.text) - 4) {
		n = sizeof(out.text) - 4;
		while (n > 0 && ((unsigned char)raw.p[n] & 0xc0) == 0x80)
			n--;
	}
	snprintf(out.text, sizeof(out.text), "%.*s%s", (int)n, raw.p, n < raw.len ? "..." : "");
	return out;
}

int
rpc_fail_scan(struct rpc_error *e, const struct scan *s)
{
	char	limit[64] = "";

	if (s->error == scan_too_deep)
		snprintf(limit, sizeof(limit), " (%u levels at most)", s->max_depth);
	else if (s->error == scan_too_many)
		snprintf(limit, sizeof(limit), " (%u at most, outside args and lists of ids)",
		    s->max_values);
	return rpc_fail(e, RPC_parse_error, "%s%s, at byte %zu", s->error, limit, s->error_at);
}

/* ---- one value ---- */

/* A value whose inside is not counted: args, lists of ids. */
static bool
take_uncounted(struct scan *s, enum scan_type *type, struct span *out)
{
	uint32_t	values = s->values, max = s->max_values;
	bool		ok;

	s->max_values = UINT32_MAX;
	ok = scan_value(s, type, out);
	s->values = values + 1;
	s->max_values = max;
	return ok;
}

static void
set_span(struct rpc_value *v, struct span s)
{
	v->p = s.p;
	v->len = (uint32_t)s.len;
}

static bool
is_name(struct span s)
{
	static const bool	allowed[256] = {
		['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true,
		['_'] = true, ['.'] = true, ['-'] = true,
	};

	for (size_t i = 0; i < s.len; i++)
		if (!allowed[(unsigned char)s.p[i]])
			return false;
	return true;
}

bool
rpc_is_name(struct span s)
{
	return s.len > 0 && s.len <= BOUND_NAME_BYTES && is_name(s);
}

static void
read_name(struct rpc_members *m, int param, struct rpc_value *v)
{
	const struct rpc_param_row	*row = &rpc_params[param];
	enum scan_type			 type;
	struct span			 raw, text;

	if (!scan_value(m->scan, &type, &raw))
		return;
	if (type == SCAN_STRING && raw.len <= (size_t)row->max * WORST_ESCAPE + 2 &&
	    rpc_members_text(m, between_quotes(raw), &text) && text.len >= (size_t)row->min &&
	    text.len <= (size_t)row->max && is_name(text)) {
		set_span(v, text);
		return;
	}
	wrong(m, param, "%s must be a string of %" PRId64 " to %" PRId64 " characters of "
	    RPC_NAME_CHARACTERS ", not %s", row->name, row->min, row->max,
	    rpc_excerpt(type, raw).text);
}

static void
read_string(struct rpc_members *m, int param, struct rpc_value *v)
{
	const struct rpc_param_row	*row = &rpc_params[param];
	enum scan_type			 type;
	struct span			 raw, text;

	if (!scan_value(m->scan, &type, &raw))
		return;
	if (type != SCAN_STRING) {
		wrong(m, param, "%s must be a string, not %s", row->name,
		    rpc_excerpt(type, raw).text);
	} else if (!rpc_members_text(m, between_quotes(raw), &text)) {
		wrong(m, param, "%s must be a string without NUL (\\u0000)", row->name);
	} else if (text.len < (size_t)row->min || text.len > (size_t)row->max) {
		wrong(m, param, "%s must have %" PRId64 " to %" PRId64 " bytes, not %zu", row->name,
		    row->min, row->max, text.len);
	} else {
		set_span(v, text);
	}
}

static void
read_int(struct rpc_members *m, int param, struct rpc_value *v)
{
	const struct rpc_param_row	*row = &rpc_params[param];
	enum scan_type			 type;
	struct span			 raw;

	if (!scan_value(m->scan, &type, &raw))
		return;
	if (type != SCAN_INTEGER || parse_i64(raw.p, raw.len, row->min, row->max, &v->i) != 0)
		wrong(m, param, "%s must be an integer from %" PRId64 " to %" PRId64 ", not %s",
		    row->name, row->min, row->max, rpc_excerpt(type, raw).text);
}

static void
read_decimal(struct rpc_members *m, int param, struct rpc_value *v)
{
	const struct rpc_param_row	*row = &rpc_params[param];
	enum scan_type			 type;
	struct span			 raw;

	if (!scan_value(m->scan, &type, &raw))
		return;
	if ((type != SCAN_INTEGER && type != SCAN_REAL) ||
	    parse_milli(raw.p, raw.len, &v->i) != 0 || v->i < row->min || v->i > row->max)
		wrong(m, param, "%s must be a number from %" PRId64 " to %" PRId64
		    " with at most three decimals, not %s", row->name, row->min / 1000,
		    row->max / 1000, rpc_excerpt(type, raw).text);
}

static void
read_bool(struct rpc_members *m, int param, struct rpc_value *v)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_value(m->scan, &type, &raw))
		return;
	v->i = type == SCAN_TRUE;
	if (type != SCAN_TRUE && type != SCAN_FALSE)
		wrong(m, param, "%s must be true or false, not %s", rpc_params[param].name,
		    rpc_excerpt(type, raw).text);
}

static void
read_any(struct rpc_members *m, int param, struct rpc_value *v)
{
	enum scan_type	type;
	struct span	raw;

	(void)param;
	if (take_uncounted(m->scan, &type, &raw))
		set_span(v, raw);
}

/* ---- values with values inside ---- */

/*
 * True when the next value is of the type wanted, to be walked into from *begin.  Otherwise it is
 * passed by, and noted as wrong.
 */
static bool
begin_walk(struct rpc_members *m, int param, enum scan_type wanted, const char *what,
    const char **begin)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_peek(m->scan, &type))
		return false;
	*begin = m->scan->at;
	if (type == wanted)
		return true;
	if (scan_value(m->scan, &type, &raw))
		wrong(m, param, "%s must be %s, not %s", rpc_params[param].name, what,
		    rpc_excerpt(type, raw).text);
	return false;
}

static void
end_walk(struct rpc_members *m, int param, struct rpc_value *v, const char *begin, int64_t count)
{
	const struct rpc_param_row	*row = &rpc_params[param];

	if (m->scan->error != NULL)
		return;
	set_span(v, (struct span){ begin, (size_t)(m->scan->at - begin) });
	v->i = count;
	if (count < row->min || count > row->max)
		wrong(m, param, "%s must have %" PRId64 " to %" PRId64 " %s, not %" PRId64,
		    row->name, row->min, row->max,
		    row->type == TYPE_OBJECT ? "members" : "elements", count);
}

static void
read_ids(struct rpc_members *m, int param, struct rpc_value *v)
{
	struct scan	*s = m->scan;
	uint32_t	 values, max = s->max_values;
	enum scan_type	 type;
	struct span	 raw;
	const char	*begin;
	int64_t		 n = 0, id;

	if (!begin_walk(m, param, SCAN_ARRAY, "an array of job ids", &begin))
		return;
	scan_array(s);
	values = s->values;
	s->max_values = UINT32_MAX;
	for (; scan_element(s) && scan_value(s, &type, &raw); n++)
		if (type != SCAN_INTEGER || parse_i64(raw.p, raw.len, 1, BOUND_JOB_ID, &id) != 0)
			wrong(m, param, "%s[%" PRId64 "] must be a job id, an integer from 1, "
			    "not %s", rpc_params[param].name, n, rpc_excerpt(type, raw).text);
	s->values = values;
	s->max_values = max;
	end_walk(m, param, v, begin, n);
}

static bool
is_uncounted(int param)
{
	return param >= 0 && param < RPC_PARAMS &&
	    (rpc_params[param].type == TYPE_ANY || rpc_params[param].type == TYPE_IDS);
}

/* The member that a key names, as rpc_param_find has it.  Once a key: scratch has no more room. */
static int
member_of(struct rpc_members *m, struct span key, struct span *name)
{
	*name = key;
	return rpc_members_text(m, key, name) ? rpc_param_find(name->p, name->len) : -1;
}

/* Past the value of a member that is not looked at here. */
static bool
pass_by(struct rpc_members *m, int which)
{
	enum scan_type	type;
	struct span	raw;

	if (is_uncounted(which))
		return take_uncounted(m->scan, &type, &raw);
	return scan_value(m->scan, &type, &raw);
}

/* An element of `jobs`: what is wrong in it is for rpc_parse_members to say, job by job. */
static bool
pass_by_element(struct rpc_members *m)
{
	enum scan_type	type;
	struct span	key, name;

	if (!scan_peek(m->scan, &type))
		return false;
	if (type != SCAN_OBJECT)
		return scan_value(m->scan, &type, &key);
	if (!scan_object(m->scan))
		return false;
	while (scan_member(m->scan, &key))
		if (!pass_by(m, member_of(m, key, &name)))
			return false;
	return m->scan->error == NULL;
}

static void
read_array(struct rpc_members *m, int param, struct rpc_value *v)
{
	const char	*begin;
	int64_t		 n = 0;

	if (!begin_walk(m, param, SCAN_ARRAY, "an array", &begin))
		return;
	scan_array(m->scan);
	while (scan_element(m->scan) && pass_by_element(m))
		n++;
	end_walk(m, param, v, begin, n);
}

static bool
has_name(const struct span *names, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].len == name.len && memcmp(names[i].p, name.p, name.len) == 0)
			return true;
	return false;
}

static void
read_object(struct rpc_members *m, int param, struct rpc_value *v)
{
	struct span	 names[OBJECT_MEMBERS], key, name, raw;
	enum scan_type	 type;
	const char	*begin;
	size_t		 n = 0;

	if (!begin_walk(m, param, SCAN_OBJECT, "an object", &begin))
		return;
	scan_object(m->scan);
	for (; scan_member(m->scan, &key); n++) {
		if (n < OBJECT_MEMBERS && !m->failed) {
			if (!rpc_members_text(m, key, &name))
				wrong(m, param, "%s has a name with NUL (\\u0000)",
				    rpc_params[param].name);
			else if (has_name(names, n, name))
				wrong(m, param, "%s has '%s' twice", rpc_params[param].name,
				    rpc_excerpt(SCAN_STRING, name).text);
			names[n] = name;
		}
		if (!scan_value(m->scan, &type, &raw))
			return;
	}
	end_walk(m, param, v, begin, (int64_t)n);
}

static void (*const readers[])(struct rpc_members *m, int param, struct rpc_value *v) = {
	[TYPE_NAME] = read_name,
	[TYPE_STRING] = read_string,
	[TYPE_INT] = read_int,
	[TYPE_DECIMAL] = read_decimal,
	[TYPE_BOOL] = read_bool,
	[TYPE_IDS] = read_ids,
	[TYPE_OBJECT] = read_object,
	[TYPE_ARRAY] = read_array,
	[TYPE_ANY] = read_any,
};

/* ---- members ---- */

static void
fail_unknown(struct rpc_members *m, struct span name)
{
	if (!m->failed)
		rpc_fail_member(m->err, RPC_invalid_params, name.p, name.len,
		    "params has no member '%s'", rpc_excerpt(SCAN_STRING, name).text);
	m->failed = true;
	m->about = -1;
}

static void
read_known(struct rpc_members *m, int param)
{
	struct rpc_value	*v = &m->values[param];
	enum scan_type		 type;
	struct span		 raw;

	if ((m->seen & RPC_BIT(param)) != 0)
		wrong(m, param, "params has '%s' twice", rpc_params[param].name);
	m->seen |= RPC_BIT(param);
	if (!scan_peek(m->scan, &type))
		return;
	if (type == SCAN_NULL && rpc_params[param].type != TYPE_ANY) {
		scan_value(m->scan, &type, &raw);
		return;
	}
	readers[rpc_params[param].type](m, param, v);
	if (m->failed || m->scan->error != NULL)
		return;
	v->given = true;
	m->given |= RPC_BIT(param);
}

void
rpc_members_read(struct rpc_members *m)
{
	struct span	key, name;
	int		which;

	if (!scan_object(m->scan))
		return;
	while (scan_member(m->scan, &key)) {
		which = member_of(m, key, &name);
		if (which < 0)
			fail_unknown(m, name);
		if (m->failed)
			pass_by(m, which);
		else
			read_known(m, which);
	}
}

/* Is what err is about a member of this method at all?  If not, that is the first thing to say. */
static bool
is_stranger(const struct rpc_members *m, rpc_set allowed)
{
	return m->failed && m->about >= 0 && (allowed & RPC_BIT(m->about)) == 0;
}

static int
fail_stranger(struct rpc_members *m, int which)
{
	const char	*name = rpc_params[which].name;

	m->failed = false;
	fail_unknown(m, (struct span){ name, strlen(name) });
	return -1;
}

int
rpc_members_verdict(struct rpc_members *m, rpc_set allowed, rpc_set required)
{
	rpc_set		 missing = required & ~m->given;
	const char	*name;

	if (is_stranger(m, allowed))
		return fail_stranger(m, m->about);
	if (m->failed)
		return -1;
	if ((m->seen & ~allowed) != 0)
		return fail_stranger(m, rpc_set_first(m->seen & ~allowed));
	if (missing == 0)
		return 0;
	name = rpc_params[rpc_set_first(missing)].name;
	return rpc_fail_member(m->err, RPC_invalid_params, name, strlen(name), "params needs '%s'",
	    name);
}
