/* item.c - members of the JSON texts that are remembered.  Runs in: broker, loop thread. */
#include "daemon/broker/items/item.h"

#include <inttypes.h>
#include <string.h>

json_t *
item_parse(struct span text, struct rpc_error *err)
{
	json_error_t	 error;
	json_t		*o = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, &error);

	if (json_is_object(o))
		return o;
	rpc_fail(err, RPC_internal, "it is no JSON object%s%s", o == NULL ? ": " : "",
	    o == NULL ? error.text : "");
	json_decref(o);
	return NULL;
}

static int
wrong(const char *name, const char *wanted, struct rpc_error *err)
{
	return rpc_fail(err, RPC_internal, "%s is not %s", name, wanted);
}

int
item_int(const json_t *o, const char *name, int64_t min, int64_t max, int64_t *out,
    struct rpc_error *err)
{
	const json_t	*v = json_object_get(o, name);
	int64_t		 i = json_integer_value(v);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || i < min || i > max)
		return rpc_fail(err, RPC_internal, "%s is not an integer from %" PRId64 " to %"
		    PRId64, name, min, max);
	*out = i;
	return 0;
}

int
item_u32(const json_t *o, const char *name, uint32_t max, uint32_t *out, struct rpc_error *err)
{
	int64_t	i = *out;

	if (item_int(o, name, 0, max, &i, err) != 0)
		return -1;
	*out = (uint32_t)i;
	return 0;
}

int
item_bool(const json_t *o, const char *name, bool *out, struct rpc_error *err)
{
	const json_t	*v = json_object_get(o, name);

	if (v == NULL)
		return 0;
	if (!json_is_boolean(v))
		return wrong(name, "true or false", err);
	*out = json_is_true(v);
	return 0;
}

int
item_real(const json_t *o, const char *name, double min, double max, double *out,
    struct rpc_error *err)
{
	const json_t	*v = json_object_get(o, name);
	double		 d = json_number_value(v);

	if (v == NULL)
		return 0;
	if (!json_is_number(v) || !(d >= min && d <= max))
		return rpc_fail(err, RPC_internal, "%s is not a number from %g to %g", name, min,
		    max);
	*out = d;
	return 0;
}

int
item_text(const json_t *o, const char *name, size_t max, struct span *out, struct rpc_error *err)
{
	const json_t	*v = json_object_get(o, name);

	if (v == NULL)
		return 0;
	if (!json_is_string(v) || json_string_length(v) > max)
		return rpc_fail(err, RPC_internal, "%s is not a string of at most %zu bytes", name,
		    max);
	*out = (struct span){ json_string_value(v), json_string_length(v) };
	return 0;
}

int
item_word(const json_t *o, const char *name, const char *const *words, int count, int *out,
    struct rpc_error *err)
{
	const char	*word = json_string_value(json_object_get(o, name));

	if (json_object_get(o, name) == NULL)
		return 0;
	for (int i = 0; word != NULL && i < count; i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		*out = i;
		return 0;
	}
	return wrong(name, "one of the words that there are for it", err);
}

/* ---- printing ---- */

void
item_name(struct buf *out, const char *name)
{
	if (buf_len(out) > 0 && buf_data(out)[buf_len(out) - 1] != '{')
		buf_putc(out, ',');
	buf_put_json(out, name, strlen(name));
	buf_putc(out, ':');
}

void
item_put_int(struct buf *out, const char *name, int64_t value)
{
	item_name(out, name);
	buf_put_i64(out, value);
}

void
item_put_true(struct buf *out, const char *name)
{
	item_name(out, name);
	buf_puts(out, "true");
}

void
item_put_text(struct buf *out, const char *name, const char *text, size_t len)
{
	item_name(out, name);
	buf_put_json(out, text, len);
}

void
item_put_real(struct buf *out, const char *name, double value)
{
	item_name(out, name);
	buf_printf(out, "%.17g", value);
}
