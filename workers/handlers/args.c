/* args.c - the argument of a built-in handler.  Runs in: workers, any thread. */
#include "workers/handlers/args.h"

#include <jansson.h>
#include <string.h>

#include "lib/buf.h"

static const struct args_row *
find(const struct args_row *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void
fail_unknown(struct jobd_attempt *at, const struct args_row *rows, size_t count, const char *name)
{
	struct buf	 known = { 0 };

	for (size_t i = 0; i < count; i++)
		buf_printf(&known, "%s%s", i == 0 ? "" : ", ", rows[i].name);
	buf_putc(&known, '\0');
	jobd_failf(at, "args.%.64s is not known; known: %s", name, buf_data(&known));
	buf_free(&known);
}

static bool
read_integer(struct jobd_attempt *at, const struct args_row *row, const json_t *value, void *out)
{
	int64_t	n = json_integer_value(value);

	if (!json_is_integer(value) || n < row->min || n > row->max) {
		jobd_failf(at, "args.%s must be an integer from %lld to %lld", row->name,
		    (long long)row->min, (long long)row->max);
		return false;
	}
	memcpy((char *)out + row->offset, &n, sizeof(n));
	return true;
}

static bool
read_text(struct jobd_attempt *at, const struct args_row *row, const json_t *value, void *out)
{
	const char	*text = json_string_value(value);
	size_t		 len = json_string_length(value);

	if (text == NULL || len < (size_t)row->min || len > (size_t)row->max ||
	    strlen(text) != len) {
		jobd_failf(at, "args.%s must be a string of %lld to %lld bytes without NUL",
		    row->name, (long long)row->min, (long long)row->max);
		return false;
	}
	memcpy((char *)out + row->offset, &text, sizeof(text));
	return true;
}

static bool
read_members(struct jobd_attempt *at, json_t *tree, const struct args_row *rows, size_t count,
    void *out)
{
	const char	*name;
	json_t		*value;

	json_object_foreach(tree, name, value) {
		const struct args_row	*row = find(rows, count, name);
		bool			 good;

		if (row == NULL) {
			fail_unknown(at, rows, count, name);
			return false;
		}
		good = row->type == ARGS_INTEGER ? read_integer(at, row, value, out) :
		    read_text(at, row, value, out);
		if (!good)
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (rows[i].required && json_object_get(tree, rows[i].name) == NULL) {
			jobd_failf(at, "args.%s is missing", rows[i].name);
			return false;
		}
	}
	return true;
}

json_t *
args_read(struct jobd_attempt *at, const struct args_row *rows, size_t count, void *out)
{
	size_t		 len;
	const char	*text = jobd_args(at, &len);
	json_error_t	 error;
	json_t		*tree;

	tree = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
	    &error);
	if (tree == NULL) {
		jobd_failf(at, "args cannot be read: %s", error.text);
		return NULL;
	}
	if (!json_is_object(tree))
		jobd_fail(at, "args must be an object", NULL);
	else if (read_members(at, tree, rows, count, out))
		return tree;
	json_decref(tree);
	return NULL;
}

void
args_free(json_t *tree)
{
	json_decref(tree);
}
