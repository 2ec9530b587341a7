/* rpc.c - request lines to checked calls, and replies printed without a tree.  Runs in: broker. */
#include "proto/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/utf8.h"
#include "proto/json_scan.h"
#include "proto/rpc_params.h"
#include "proto/rpc_rows.h"

#define MEMBER_SHOWN	32	/* bytes of a member's name in error.data; escaped they still fit */

static const struct span	null_id = { "null", 4 };

/* ---- errors ---- */

/* Takes off a character that the end of the message has cut through. */
static void
trim_utf8(char *text)
{
	size_t	len = strlen(text), lead = len;

	while (lead > 0 && len - lead < 3 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead > 0 && (unsigned char)text[lead - 1] >= 0xc0 &&
	    utf8_sequence(text + lead - 1, len - lead + 1) == 0)
		text[lead - 1] = '\0';
}

__attribute__((format(printf, 3, 0))) static int
fail_with(struct rpc_error *e, enum rpc_error_kind kind, const char *fmt, va_list ap)
{
	int	n = vsnprintf(e->message, sizeof(e->message), fmt, ap);

	if (n >= (int)sizeof(e->message))
		trim_utf8(e->message);
	e->kind = kind;
	e->data[0] = '\0';
	return -1;
}

int
rpc_fail(struct rpc_error *e, enum rpc_error_kind kind, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	fail_with(e, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int
rpc_fail_member(struct rpc_error *e, enum rpc_error_kind kind, const char *member, size_t len,
    const char *fmt, ...)
{
	struct buf	data = { 0 };
	char		shown[MEMBER_SHOWN + 1];
	va_list		ap;

	va_start(ap, fmt);
	fail_with(e, kind, fmt, ap);
	va_end(ap);
	len = len < MEMBER_SHOWN ? len : MEMBER_SHOWN;
	snprintf(shown, sizeof(shown), "%.*s", (int)len, member);
	trim_utf8(shown);
	buf_puts(&data, "\"member\":");
	buf_put_json(&data, shown, strlen(shown));
	memcpy(e->data, buf_data(&data), buf_len(&data));
	e->data[buf_len(&data)] = '\0';
	buf_free(&data);
	return -1;
}

/* ---- a request ---- */

enum { SEEN_JSONRPC = 1, SEEN_ID = 2, SEEN_METHOD = 4, SEEN_PARAMS = 8 };

struct request {
	struct scan		 scan;
	struct rpc_call		*call;
	struct rpc_error	*err;
	struct rpc_members	 members;
	struct span		 method;
	unsigned		 seen;
	bool			 bad;		/* *err says why this is no request */
	bool			 positional;	/* params are an array: a request, but none of ours */
};

#define bad_request(r, ...) \
	do { \
		if (!(r)->bad) \
			rpc_fail((r)->err, RPC_invalid_request, __VA_ARGS__); \
		(r)->bad = true; \
	} while (0)

static void
read_jsonrpc(struct request *r)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_value(&r->scan, &type, &raw))
		return;
	if (raw.len != 5 || memcmp(raw.p, "\"2.0\"", 5) != 0)
		bad_request(r, "jsonrpc must be \"2.0\", not %s", rpc_excerpt(type, raw).text);
}

static void
read_id(struct request *r)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_value(&r->scan, &type, &raw))
		return;
	if (type != SCAN_NULL && type != SCAN_INTEGER && type != SCAN_REAL && type != SCAN_STRING)
		bad_request(r, "id must be a string, a number or null, not %s",
		    rpc_excerpt(type, raw).text);
	else if (raw.len > BOUND_RPC_ID_BYTES)
		bad_request(r, "id must have at most %d bytes, not %zu", BOUND_RPC_ID_BYTES,
		    raw.len);
	else
		r->call->id = raw;
}

static void
read_method(struct request *r)
{
	enum scan_type	type;
	struct span	raw, inside;

	if (!scan_value(&r->scan, &type, &raw))
		return;
	inside = (struct span){ raw.p + 1, raw.len - 2 };
	if (type != SCAN_STRING)
		bad_request(r, "method must be a string, not %s", rpc_excerpt(type, raw).text);
	else if (!rpc_members_text(&r->members, inside, &r->method))
		bad_request(r, "method must be a string without NUL (\\u0000)");
}

static void
read_params(struct request *r)
{
	enum scan_type	type;
	struct span	raw;

	if (!scan_peek(&r->scan, &type))
		return;
	if (type == SCAN_OBJECT) {
		r->members.failed = r->bad;	/* the first error stays */
		rpc_members_read(&r->members);
		return;
	}
	if (!scan_value(&r->scan, &type, &raw))
		return;
	if (type == SCAN_ARRAY)
		r->positional = true;
	else if (type != SCAN_NULL)
		bad_request(r, "params must be an object, not %s", rpc_excerpt(type, raw).text);
}

static const struct top_member {
	const char	*name;
	size_t		 len;
	unsigned	 bit;
	void		(*read)(struct request *r);
} top_members[] = {
	{ "id", 2, SEEN_ID, read_id },
	{ "method", 6, SEEN_METHOD, read_method },
	{ "params", 6, SEEN_PARAMS, read_params },
	{ "jsonrpc", 7, SEEN_JSONRPC, read_jsonrpc },
};

/* The row of a name; NULL when a request has no such member. */
static const struct top_member *
top_find(struct span name)
{
	for (size_t i = 0; i < sizeof(top_members) / sizeof(top_members[0]); i++) {
		const struct top_member	*t = &top_members[i];

		if (t->len == name.len && memcmp(t->name, name.p, name.len) == 0)
			return t;
	}
	return NULL;
}

static void
read_top(struct request *r, struct span key)
{
	const struct top_member	*t = NULL;
	enum scan_type		 type;
	struct span		 name = key, raw;

	if (rpc_members_text(&r->members, key, &name))
		t = top_find(name);
	if (t != NULL && (r->seen & t->bit) == 0) {
		r->seen |= t->bit;
		t->read(r);
		return;
	}
	if (t != NULL)
		bad_request(r, "a request has '%s' twice", t->name);
	else
		bad_request(r, "a request has no member '%s', only jsonrpc, id, method and params",
		    rpc_excerpt(SCAN_STRING, name).text);
	scan_value(&r->scan, &type, &raw);
}

static void
read_request(struct request *r)
{
	enum scan_type	type;
	struct span	key, raw;

	if (!scan_peek(&r->scan, &type))
		return;
	if (type != SCAN_OBJECT) {
		if (scan_value(&r->scan, &type, &raw))
			bad_request(r, "a request must be an object, not %s",
			    rpc_excerpt(type, raw).text);
	} else if (scan_object(&r->scan)) {
		while (scan_member(&r->scan, &key))
			read_top(r, key);
	}
	scan_end(&r->scan);
}

/* In this order: is it JSON, is it a request, is there such a method, are its params right. */
static int
request_verdict(struct request *r)
{
	const struct rpc_method_row	*row;
	int				 method;

	if (r->scan.error != NULL)
		return rpc_fail_scan(r->err, &r->scan);
	if (!r->bad && (r->seen & SEEN_METHOD) == 0)
		bad_request(r, "a request needs 'method'");
	if (r->bad)
		return -1;
	r->call->notification = (r->seen & (SEEN_ID | SEEN_JSONRPC)) == SEEN_JSONRPC;
	if ((method = rpc_method_find(r->method.p, r->method.len)) < 0)
		return rpc_fail(r->err, RPC_method_not_found, "there is no method '%s'",
		    rpc_excerpt(SCAN_STRING, r->method).text);
	r->call->method = (enum rpc_method)method;
	if (r->positional)
		return rpc_fail(r->err, RPC_invalid_params, "params must be an object");
	row = &rpc_methods[method];
	return rpc_members_verdict(&r->members, row->params, row->required);
}

static void
members_init(struct rpc_members *m, struct scan *scan, struct rpc_value *values,
    struct buf *scratch, struct rpc_error *err)
{
	memset(values, 0, sizeof(*values) * RPC_PARAMS);
	*m = (struct rpc_members){ .scan = scan, .values = values, .scratch = scratch, .err = err };
}

int
rpc_parse(const char *line, size_t len, const struct rpc_limits *limits, struct rpc_call *call,
    struct rpc_error *err)
{
	struct request	r;

	r.call = call;
	r.err = err;
	r.seen = 0;
	r.bad = r.positional = false;
	call->id = null_id;
	call->notification = false;
	call->method = RPC_METHODS;
	call->scratch = (struct buf){ 0 };
	scan_init(&r.scan, line, len, limits->depth, limits->values);
	members_init(&r.members, &r.scan, call->params, &call->scratch, err);
	read_request(&r);
	return request_verdict(&r);
}

void
rpc_call_fini(struct rpc_call *call)
{
	if (call->scratch.bytes != NULL)
		buf_free(&call->scratch);
}

int
rpc_parse_members(const char *text, size_t len, rpc_set allowed, rpc_set required,
    const struct rpc_limits *limits, struct rpc_value params[RPC_PARAMS], struct buf *scratch,
    struct rpc_error *err)
{
	struct rpc_members	m;
	struct scan		s;
	enum scan_type		type;
	struct span		raw;

	scan_init(&s, text, len, limits->depth, limits->values);
	members_init(&m, &s, params, scratch, err);
	if (scan_peek(&s, &type) && type != SCAN_OBJECT && scan_value(&s, &type, &raw) &&
	    scan_end(&s))
		return rpc_fail(err, RPC_invalid_params, "an object is wanted, not %s",
		    rpc_excerpt(type, raw).text);
	rpc_members_read(&m);
	scan_end(&s);
	if (s.error != NULL)
		return rpc_fail_scan(err, &s);
	return rpc_members_verdict(&m, allowed, required);
}

/* ---- arrays ---- */

/* The whole text is one array; *at comes to stand behind its bracket. */
static int
array_begin(const char *text, size_t len, size_t *at, const struct rpc_limits *limits,
    struct rpc_error *err)
{
	struct scan	s;
	enum scan_type	type;
	struct span	raw;

	scan_init(&s, text, len, limits->depth, UINT32_MAX);
	if (!scan_value(&s, &type, &raw) || !scan_end(&s))
		return rpc_fail_scan(err, &s);
	if (type != SCAN_ARRAY)
		return rpc_fail(err, RPC_invalid_request, "an array is wanted, not %s",
		    rpc_excerpt(type, raw).text);
	*at = (size_t)(raw.p - text) + 1;
	return 0;
}

int
rpc_array_next(const char *text, size_t len, size_t *at, const struct rpc_limits *limits,
    struct span *out, struct rpc_error *err)
{
	bool		first = *at == 0;
	struct scan	s;
	enum scan_type	type;

	if (first && array_begin(text, len, at, limits, err) != 0)
		return -1;
	scan_init(&s, text, len, limits->depth, UINT32_MAX);
	s.at += *at;
	s.depth = 1;
	s.first = first;
	if (!scan_element(&s))
		return s.error == NULL ? 0 : rpc_fail_scan(err, &s);
	if (!scan_value(&s, &type, out))
		return rpc_fail_scan(err, &s);
	*at = (size_t)(s.at - text);
	return 1;
}

void
rpc_ids(const struct rpc_value *value, uint64_t *out)
{
	const char	*p = value->p, *end = p + value->len;
	bool		 inside = false;
	uint64_t	 id = 0;

	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9') {
			id = id * 10 + (uint64_t)(*p - '0');
			inside = true;
		} else if (inside) {
			*out++ = id;
			id = 0;
			inside = false;
		}
	}
}

/* ---- replies ---- */

static void
put_head(struct buf *out, struct span id, const char *member, size_t member_len)
{
	static const char	head[] = "{\"jsonrpc\":\"2.0\",\"id\":";

	buf_room(out, sizeof(head) + id.len + member_len);
	buf_append(out, head, sizeof(head) - 1);
	buf_append(out, id.p, id.len);
	buf_append(out, member, member_len);
}

#define PUT_HEAD(out, id, member)	put_head(out, id, member, sizeof(member) - 1)

void
rpc_reply_begin(struct buf *out, struct span id)
{
	PUT_HEAD(out, id, ",\"result\":");
}

void
rpc_reply_end(struct buf *out)
{
	buf_append(out, "}\n", 2);
}

void
rpc_print_error(struct buf *out, struct span id, const struct rpc_error *err)
{
	const struct rpc_error_row	*row = &rpc_errors[err->kind];

	PUT_HEAD(out, id, ",\"error\":{\"code\":");
	buf_put_i64(out, row->code);
	buf_puts(out, ",\"message\":");
	buf_put_json(out, err->message, strlen(err->message));
	buf_puts(out, ",\"data\":{\"kind\":\"");
	buf_puts(out, row->kind);
	buf_puts(out, row->retryable ? "\",\"retryable\":true" : "\"");
	if (err->data[0] != '\0') {
		buf_putc(out, ',');
		buf_puts(out, err->data);
	}
	buf_puts(out, "}}}\n");
}
