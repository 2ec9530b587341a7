/*
 * json_scan.c - libFuzzer target: our scanner against jansson.
 *
 * Both accept or both refuse, but for what jansson cannot hold (numbers beyond its range, an
 * escaped NUL in a key) and a raw NUL, which jansson overlooks behind a number; what both accept
 * is the same value.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/parse.h"
#include "proto/json_scan.h"

#define DEPTH	500		/* below jansson's, which is 2048 */

static void same_value(struct scan *s, const json_t *tree);

static void
same_text(struct span raw, const char *text, size_t len)
{
	struct buf	out = { 0 };
	bool		nul = len > 0 && memchr(text, '\0', len) != NULL;

	require(scan_decode(raw, &out) == !nul);
	if (!nul) {
		require(buf_len(&out) == len);
		require(len == 0 || memcmp(buf_data(&out), text, len) == 0);
	}
	buf_free(&out);
}

static void
same_scalar(struct scan *s, const json_t *tree)
{
	enum scan_type	type;
	struct span	raw;
	int64_t		i;

	require(scan_value(s, &type, &raw));
	switch (type) {
	case SCAN_NULL:
		require(json_is_null(tree));
		break;
	case SCAN_TRUE:
	case SCAN_FALSE:
		require(json_is_boolean(tree) && json_is_true(tree) == (type == SCAN_TRUE));
		break;
	case SCAN_INTEGER:
		require(parse_i64(raw.p, raw.len, INT64_MIN, INT64_MAX, &i) == 0);
		require(json_is_integer(tree) && json_integer_value(tree) == i);
		break;
	case SCAN_REAL:
		require(json_is_real(tree));
		break;
	default:
		require(type == SCAN_STRING && json_is_string(tree));
		same_text((struct span){ raw.p + 1, raw.len - 2 }, json_string_value(tree),
		    json_string_length(tree));
	}
}

static void
same_array(struct scan *s, const json_t *tree)
{
	size_t	n = 0;

	require(scan_array(s));
	while (scan_element(s))
		same_value(s, json_array_get(tree, n++));
	require(n == json_array_size(tree));
}

static size_t
count_members(struct scan s)
{
	struct span	key, raw;
	enum scan_type	type;
	size_t		n = 0;

	require(scan_object(&s));
	for (; scan_member(&s, &key); n++)
		require(scan_value(&s, &type, &raw));
	return n;
}

static void
same_object(struct scan *s, json_t *tree)
{
	struct span	key, raw;
	enum scan_type	type;
	void		*at = json_object_iter(tree);

	if (count_members(*s) != json_object_size(tree)) {	/* jansson keeps one of a key */
		require(count_members(*s) > json_object_size(tree));
		require(scan_value(s, &type, &raw));
		return;
	}
	require(scan_object(s));
	for (; scan_member(s, &key); at = json_object_iter_next(tree, at)) {
		same_text(key, json_object_iter_key(at), json_object_iter_key_len(at));
		same_value(s, json_object_iter_value(at));
	}
	require(at == NULL);
}

static void
same_value(struct scan *s, const json_t *tree)
{
	enum scan_type	type;

	require(tree != NULL && scan_peek(s, &type));
	if (type == SCAN_OBJECT) {
		require(json_is_object(tree));
		same_object(s, (json_t *)(uintptr_t)tree);
	} else if (type == SCAN_ARRAY) {
		require(json_is_array(tree));
		same_array(s, tree);
	} else {
		same_scalar(s, tree);
	}
}

static bool
cannot_hold(const json_error_t *error)
{
	enum json_error_code	code = json_error_code(error);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*text = (const char *)data;	/* the sanitizer knows where it ends */
	const char	*wrong = scan_check(text, size, DEPTH);
	json_error_t	 error;
	json_t		*tree;
	struct scan	 s;

	if (size > 0 && memchr(text, '\0', size) != NULL) {
		require(wrong != NULL);
		return 0;
	}
	tree = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (wrong != NULL) {
		require(tree == NULL || wrong == scan_too_deep);
	} else if (tree == NULL) {
		require(cannot_hold(&error));
	} else {
		scan_init(&s, text, size, DEPTH, UINT32_MAX);
		same_value(&s, tree);
		require(scan_end(&s));
	}
	json_decref(tree);
	return 0;
}
