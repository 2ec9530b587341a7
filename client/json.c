/* json.c - looking into the raw text of a reply.  Runs in: jobctl. */
#include "client/json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/parse.h"

static void
start(struct json_walk *w, struct span text)
{
	memset(w, 0, sizeof(*w));
	scan_init(&w->scan, text.p, text.len, JSON_DEPTH, UINT32_MAX);
}

enum scan_type
json_type(struct span value)
{
	struct json_walk w;
	enum scan_type	 type = SCAN_NULL;

	if (value.len == 0)
		return SCAN_NULL;
	start(&w, value);
	return scan_peek(&w.scan, &type) ? type : SCAN_NULL;
}

void
json_array(struct json_walk *w, struct span array)
{
	start(w, array);
	if (json_type(array) == SCAN_ARRAY)
		scan_array(&w->scan);
	else
		w->scan.error = "not an array";
}

bool
json_element(struct json_walk *w)
{
	enum scan_type	type;

	return w->scan.error == NULL && scan_element(&w->scan) &&
	    scan_value(&w->scan, &type, &w->value);
}

void
json_object(struct json_walk *w, struct span object)
{
	start(w, object);
	if (json_type(object) == SCAN_OBJECT)
		scan_object(&w->scan);
	else
		w->scan.error = "not an object";
}

bool
json_next_member(struct json_walk *w)
{
	enum scan_type	type;

	return w->scan.error == NULL && scan_member(&w->scan, &w->key) &&
	    scan_value(&w->scan, &type, &w->value);
}

static bool
is_key(const struct json_walk *w, const char *name)
{
	return strlen(name) == w->key.len && memcmp(name, w->key.p, w->key.len) == 0;
}

bool
json_member(struct span object, const char *name, struct span *out)
{
	struct json_walk w;

	json_object(&w, object);
	while (json_next_member(&w)) {
		if (!is_key(&w, name))
			continue;
		if (json_type(w.value) == SCAN_NULL)
			return false;
		*out = w.value;
		return true;
	}
	return false;
}

void
json_members(struct span object, const char *const *names, struct span *out, size_t n)
{
	struct json_walk w;

	memset(out, 0, n * sizeof(*out));
	json_object(&w, object);
	while (json_next_member(&w)) {
		for (size_t i = 0; i < n; i++)
			if (is_key(&w, names[i]))
				out[i] = w.value;
	}
}

bool
json_value_int(struct span value, int64_t *out)
{
	return parse_i64(value.p, value.len, INT64_MIN, INT64_MAX, out) == 0;
}

bool
json_int(struct span object, const char *name, int64_t *out)
{
	struct span	v;

	return json_member(object, name, &v) && json_value_int(v, out);
}

bool
json_true(struct span object, const char *name)
{
	struct span	v;

	return json_member(object, name, &v) && json_type(v) == SCAN_TRUE;
}

char *
json_plain(struct span value)
{
	struct buf	text = { 0 };

	if (json_type(value) != SCAN_STRING)
		return mem_strndup(value.p, value.len);
	value.p++;
	value.len -= 2;
	if (scan_decode(value, &text))
		return buf_take_string(&text);
	buf_free(&text);		/* an escaped NUL: show it as it is spelt */
	return mem_strndup(value.p, value.len);
}

char *
json_value_text(struct span value)
{
	return json_type(value) == SCAN_STRING ? json_plain(value) : NULL;
}

char *
json_text(struct span object, const char *name)
{
	struct span	v;

	return json_member(object, name, &v) ? json_value_text(v) : NULL;
}

void
json_put_text(struct buf *b, const char *text)
{
	buf_put_json(b, text, strlen(text));
}
