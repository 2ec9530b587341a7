/* schema_page.c - JSON Schema of a type's argument, for people.  Runs in: jobctl. */
#include "client/schema_page.h"

#include <stdlib.h>
#include <string.h>

#include "client/json.h"

#define DEPTH_MAX	8	/* of rows below rows; deeper ones are left out */

static void print_member(struct table *t, const char *path, struct span schema, bool required,
    int depth);

/* A list of JSON values: `"GET", "POST"`; a single one as it is. */
static void
put_list(struct buf *b, struct span list, const char *between, bool plain)
{
	struct json_walk w;
	const char	*before = "";

	if (json_type(list) != SCAN_ARRAY) {
		char	*text = plain ? json_plain(list) : strndup(list.p, list.len);

		buf_puts(b, text);
		free(text);
		return;
	}
	json_array(&w, list);
	while (json_element(&w)) {
		buf_puts(b, before);
		put_list(b, w.value, between, plain);
		before = between;
	}
}

static void
put_range(struct buf *b, struct span schema, const char *least, const char *most, const char *unit)
{
	struct span	low = { 0 }, high = { 0 };
	bool		has_low = json_member(schema, least, &low);
	bool		has_high = json_member(schema, most, &high);

	if (has_low && has_high)
		buf_printf(b, ", %.*s to %.*s%s", (int)low.len, low.p, (int)high.len, high.p, unit);
	else if (has_low)
		buf_printf(b, ", at least %.*s%s", (int)low.len, low.p, unit);
	else if (has_high)
		buf_printf(b, ", at most %.*s%s", (int)high.len, high.p, unit);
}

static void
put_rules(struct buf *b, struct span schema)
{
	struct span	value;

	if (json_member(schema, "type", &value))
		put_list(b, value, " or ", true);
	else
		buf_puts(b, json_member(schema, "anyOf", &value) || json_member(schema, "oneOf", &value) ?
		    "one of several forms" : "anything");
	if (json_member(schema, "enum", &value)) {
		buf_puts(b, ": ");
		put_list(b, value, ", ", false);
	}
	put_range(b, schema, "minimum", "maximum", "");
	put_range(b, schema, "minLength", "maxLength", " characters");
	put_range(b, schema, "minItems", "maxItems", " items");
	if (json_member(schema, "pattern", &value))
		buf_printf(b, ", matches %.*s", (int)value.len, value.p);
}

static void
put_cell(struct table *t, struct span schema, bool required)
{
	struct buf	 b = { 0 };
	struct span	 value;
	char		*text;

	put_rules(&b, schema);
	if (required)
		buf_puts(&b, ", required");
	if (json_member(schema, "default", &value))
		buf_printf(&b, ", else %.*s", (int)value.len, value.p);
	if ((text = json_text(schema, "description")) != NULL)
		buf_printf(&b, ": %s", text);
	free(text);
	table_take(t, &b);
}

static bool
is_required(struct span schema, const char *name)
{
	struct json_walk w;
	struct span	 list;
	bool		 found = false;

	if (!json_member(schema, "required", &list))
		return false;
	json_array(&w, list);
	while (!found && json_element(&w)) {
		char	*one = json_plain(w.value);

		found = strcmp(one, name) == 0;
		free(one);
	}
	return found;
}

static void
print_below(struct table *t, const char *path, const char *name, struct span schema, bool required,
    int depth)
{
	struct buf	 b = { 0 };
	char		*whole;

	buf_printf(&b, "%s%s", path, name);
	whole = buf_take_string(&b);
	print_member(t, whole, schema, required, depth + 1);
	free(whole);
}

static void
print_properties(struct table *t, const char *path, struct span schema, int depth)
{
	struct json_walk w;
	struct span	 properties;

	if (!json_member(schema, "properties", &properties))
		return;
	json_object(&w, properties);
	while (json_next_member(&w)) {
		struct buf	 b = { 0 };
		char		*name;

		buf_printf(&b, ".%.*s", (int)w.key.len, w.key.p);
		name = buf_take_string(&b);
		print_below(t, path, name, w.value, is_required(schema, name + 1), depth);
		free(name);
	}
}

static void
print_choices(struct table *t, const char *path, struct span choices, int depth)
{
	struct json_walk w;

	json_array(&w, choices);
	while (json_element(&w))
		print_below(t, path, " either", w.value, false, depth);
}

static void
print_member(struct table *t, const char *path, struct span schema, bool required, int depth)
{
	struct span	below;

	if (depth > DEPTH_MAX)
		return;
	table_puts(t, path);
	put_cell(t, schema, required);
	print_properties(t, path, schema, depth);
	if (json_member(schema, "additionalProperties", &below) && json_type(below) == SCAN_OBJECT)
		print_below(t, path, ".*", below, false, depth);
	if (json_member(schema, "items", &below))
		print_below(t, path, "[]", below, false, depth);
	if (json_member(schema, "anyOf", &below) || json_member(schema, "oneOf", &below))
		print_choices(t, path, below, depth);
}

void
schema_page(struct table *t, struct span schema)
{
	print_member(t, "args", schema, false, 0);
}
