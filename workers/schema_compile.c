/* schema_compile.c - from the text of a schema to its rules.  Runs in: workers, at start. */
#include "workers/schema_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/pattern.h"

/* Where in the schema, and what is wrong there. */
struct reading {
	const struct reading	*up;
	const char		*name;
	struct buf		*why;
	bool			 in_choice;	/* below anyOf or oneOf */
};

static struct schema *compile(const json_t *source, const struct reading *at);

static void
put_names(struct buf *b, const struct reading *at)
{
	if (at->up == NULL)
		return;
	put_names(b, at->up);
	buf_printf(b, "%s%.64s", at->up->up == NULL ? "" : ".", at->name);
}

static bool
wrong(const struct reading *at, const char *what)
{
	put_names(at->why, at);
	buf_printf(at->why, "%s%s", at->up == NULL ? "the schema " : " ", what);
	return false;
}

/* ---- keywords ---- */

static unsigned
type_bit(const json_t *name)
{
	for (unsigned bit = SCHEMA_NULL; bit <= SCHEMA_OBJECT; bit <<= 1)
		if (json_is_string(name) && strcmp(json_string_value(name), schema_type_name(bit)) == 0)
			return bit;
	return 0;
}

static bool
read_type(struct schema *s, const json_t *value, const struct reading *at)
{
	static const char	rule[] = "must be null, boolean, integer, number, string, array or "
	    "object, or a list of these";
	size_t			i;
	json_t			*one;

	if (!json_is_array(value))
		return (s->types = type_bit(value)) != 0 || wrong(at, rule);
	json_array_foreach(value, i, one) {
		if (type_bit(one) == 0)
			return wrong(at, rule);
		s->types |= type_bit(one);
	}
	return s->types != 0 || wrong(at, rule);
}

static bool
read_enum(struct schema *s, const json_t *value, const struct reading *at)
{
	s->values = value;
	return json_array_size(value) > 0 || wrong(at, "must be a list of values");
}

static bool
read_const(struct schema *s, const json_t *value, const struct reading *at)
{
	(void)at;
	s->constant = value;
	return true;
}

static bool
read_limit(const json_t **limit, const json_t *value, const struct reading *at)
{
	*limit = value;
	return json_is_number(value) || wrong(at, "must be a number");
}

static bool
read_minimum(struct schema *s, const json_t *value, const struct reading *at)
{
	return read_limit(&s->minimum, value, at);
}

static bool
read_maximum(struct schema *s, const json_t *value, const struct reading *at)
{
	return read_limit(&s->maximum, value, at);
}

static bool
read_count(uint64_t *count, const json_t *value, const struct reading *at)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong(at, "must be an integer that is not negative");
	*count = (uint64_t)json_integer_value(value);
	return true;
}

static bool
read_min_length(struct schema *s, const json_t *value, const struct reading *at)
{
	return read_count(&s->least_chars, value, at);
}

static bool
read_max_length(struct schema *s, const json_t *value, const struct reading *at)
{
	return read_count(&s->most_chars, value, at);
}

static bool
read_min_items(struct schema *s, const json_t *value, const struct reading *at)
{
	return read_count(&s->least_items, value, at);
}

static bool
read_max_items(struct schema *s, const json_t *value, const struct reading *at)
{
	return read_count(&s->most_items, value, at);
}

static bool
read_pattern(struct schema *s, const json_t *value, const struct reading *at)
{
	const char	*why;

	if ((s->pattern_text = json_string_value(value)) == NULL)
		return wrong(at, "must be a string");
	s->pattern = mem_alloc(sizeof(*s->pattern));
	if ((why = pattern_compile(s->pattern_text, s->pattern)) == NULL)
		return true;
	free(s->pattern);
	s->pattern = NULL;
	return wrong(at, why);
}

static bool
read_items(struct schema *s, const json_t *value, const struct reading *at)
{
	return (s->items = compile(value, at)) != NULL;
}

static bool
read_properties(struct schema *s, const json_t *value, const struct reading *at)
{
	const char	*name;
	json_t		*member;

	if (!json_is_object(value))
		return wrong(at, "must be an object");
	s->properties = mem_zalloc(json_object_size(value) + 1, sizeof(*s->properties));
	json_object_foreach((json_t *)value, name, member) {
		struct reading		 below = { at, name, at->why, at->in_choice };
		struct schema_property	*p = &s->properties[s->properties_count];

		if ((p->schema = compile(member, &below)) == NULL)
			return false;
		p->name = name;
		s->properties_count++;
	}
	return true;
}

/* After `properties`: a name that is none of them would be a member that nobody describes. */
static bool
read_required(struct schema *s, const json_t *value, const struct reading *at)
{
	size_t	i, p;
	json_t	*one;

	if (!json_is_array(value))
		return wrong(at, "must be a list of names");
	json_array_foreach(value, i, one) {
		for (p = 0; p < s->properties_count; p++)
			if (json_is_string(one) &&
			    strcmp(s->properties[p].name, json_string_value(one)) == 0)
				break;
		if (p == s->properties_count)
			return wrong(at, "must name members of properties");
		s->properties[p].required = true;
	}
	return true;
}

static bool
read_others(struct schema *s, const json_t *value, const struct reading *at)
{
	if (json_is_boolean(value)) {
		s->closed = json_is_false(value);
		return true;
	}
	return (s->others = compile(value, at)) != NULL;
}

static bool
read_choices(struct schema *s, const json_t *value, const struct reading *at)
{
	struct reading	 below = { at, "", at->why, true };
	char		 number[24];
	size_t		 i;
	json_t		*one;

	if (json_array_size(value) == 0)
		return wrong(at, "must be a list of schemas");
	if (s->choices != NULL)
		return wrong(at, "cannot stand beside anyOf");
	s->choices = mem_zalloc(json_array_size(value), sizeof(struct schema *));
	json_array_foreach(value, i, one) {
		snprintf(number, sizeof(number), "%zu", i);
		below.name = number;
		if ((s->choices[i] = compile(one, &below)) == NULL)
			return false;
		s->choices_count++;
	}
	return true;
}

static bool
read_one_of(struct schema *s, const json_t *value, const struct reading *at)
{
	s->one_choice = true;
	return read_choices(s, value, at);
}

/* The last keyword: a default must be what the others ask for. */
static bool
read_default(struct schema *s, const json_t *value, const struct reading *at)
{
	static const struct schema_place	root = { NULL, "its value", 0 };
	struct buf				why = { 0 };
	json_t					*copy;
	bool					 good;

	if (at->in_choice)
		return wrong(at, "cannot stand below anyOf or oneOf");
	copy = json_deep_copy(value);
	if (!(good = schema_check(s, copy, &root, &why))) {
		wrong(at, "does not fit: ");
		buf_append(at->why, buf_data(&why), buf_len(&why));
	}
	json_decref(copy);
	buf_free(&why);
	s->preset = value;
	return good;
}

static bool
read_words(struct schema *s, const json_t *value, const struct reading *at)
{
	(void)s;
	(void)value;
	(void)at;
	return true;
}

/* In the order in which they are read. */
static const struct {
	const char	*name;
	bool		(*read)(struct schema *s, const json_t *value, const struct reading *at);
} keywords[] = {
	{ "type", read_type }, { "enum", read_enum }, { "const", read_const },
	{ "minimum", read_minimum }, { "maximum", read_maximum },
	{ "minLength", read_min_length }, { "maxLength", read_max_length },
	{ "pattern", read_pattern }, { "items", read_items }, { "minItems", read_min_items },
	{ "maxItems", read_max_items }, { "properties", read_properties },
	{ "required", read_required }, { "additionalProperties", read_others },
	{ "anyOf", read_choices }, { "oneOf", read_one_of }, { "default", read_default },
	{ "title", read_words }, { "description", read_words }, { "examples", read_words },
	{ "$schema", read_words }, { "$comment", read_words },
};

#define KEYWORDS	(sizeof(keywords) / sizeof(keywords[0]))

/* ---- a schema ---- */

static bool
is_keyword(const char *name)
{
	for (size_t i = 0; i < KEYWORDS; i++)
		if (strcmp(keywords[i].name, name) == 0)
			return true;
	return false;
}

static bool
know_all(const json_t *source, const struct reading *at)
{
	const char	*name;
	json_t		*value;

	json_object_foreach((json_t *)source, name, value) {
		struct reading	below = { at, name, at->why, false };

		if (!is_keyword(name))
			return wrong(&below, "is not a keyword that is checked here");
	}
	return true;
}

static bool
read_all(struct schema *s, const json_t *source, const struct reading *at)
{
	for (size_t i = 0; i < KEYWORDS; i++) {
		struct reading	 below = { at, keywords[i].name, at->why, at->in_choice };
		const json_t	*value = json_object_get(source, keywords[i].name);

		if (value != NULL && !keywords[i].read(s, value, &below))
			return false;
	}
	return true;
}

static struct schema *
compile(const json_t *source, const struct reading *at)
{
	struct schema	*s;

	if (!json_is_object(source)) {
		wrong(at, "must be an object");
		return NULL;
	}
	s = mem_zalloc(1, sizeof(*s));
	s->most_chars = s->most_items = UINT64_MAX;
	if (know_all(source, at) && read_all(s, source, at))
		return s;
	schema_free(s);
	return NULL;
}

struct schema *
schema_compile(const char *text, char *why, size_t size)
{
	struct buf	 sentence = { 0 };
	struct reading	 root = { NULL, NULL, &sentence, false };
	json_error_t	 error;
	json_t		*source = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	struct schema	*s;

	if (source == NULL) {
		snprintf(why, size, "the schema is not a JSON object: %s", error.text);
		return NULL;
	}
	if ((s = compile(source, &root)) != NULL) {
		s->source = source;
	} else {
		schema_tell(&sentence, why, size);
		json_decref(source);
	}
	buf_free(&sentence);
	return s;
}

void
schema_free(struct schema *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->properties_count; i++)
		schema_free(s->properties[i].schema);
	for (size_t i = 0; i < s->choices_count; i++)
		schema_free(s->choices[i]);
	schema_free(s->items);
	schema_free(s->others);
	if (s->pattern != NULL)
		regfree(s->pattern);
	free(s->pattern);
	free(s->properties);
	free(s->choices);
	json_decref(s->source);
	free(s);
}
