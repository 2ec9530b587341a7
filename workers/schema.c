/* schema.c - is an argument what its type's schema says?  Runs in: workers, any thread. */
#include "workers/schema_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"

#define SHOWN_BYTES	40		/* of a value in a message */

static const struct {
	unsigned	 bit;
	const char	*name, *article;
} types[] = {
	{ SCHEMA_NULL, "null", "" }, { SCHEMA_BOOLEAN, "boolean", "a " },
	{ SCHEMA_INTEGER, "integer", "an " }, { SCHEMA_NUMBER, "number", "a " },
	{ SCHEMA_STRING, "string", "a " }, { SCHEMA_ARRAY, "array", "an " },
	{ SCHEMA_OBJECT, "object", "an " },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

const char *
schema_type_name(unsigned bit)
{
	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].bit == bit)
			return types[i].name;
	return NULL;
}

/* ---- saying what is wrong ---- */

static void
put_place(struct buf *b, const struct schema_place *at)
{
	static const char	plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_-";

	if (at->up != NULL)
		put_place(b, at->up);
	if (at->name == NULL) {
		buf_printf(b, "[%zu]", at->index);
	} else if (at->up == NULL || at->name[strspn(at->name, plain)] == '\0') {
		buf_printf(b, "%s%.64s", at->up == NULL ? "" : ".", at->name);
	} else {
		buf_putc(b, '[');
		buf_put_json(b, at->name, strlen(at->name));
		buf_putc(b, ']');
	}
}

static void
put_value(struct buf *b, const json_t *value)
{
	char	*text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	size_t	 len = text == NULL ? 0 : strlen(text), cut = len;

	if (len > SHOWN_BYTES)
		for (cut = SHOWN_BYTES; cut > 0 && (text[cut] & 0xc0) == 0x80; cut--)
			continue;
	buf_append(b, text, cut);
	if (cut < len)
		buf_puts(b, "...");
	free(text);
}

static void
put_types(struct buf *b, unsigned bits)
{
	const char	*before = "";

	for (size_t i = 0; i < COUNT(types); i++) {
		if ((bits & types[i].bit) == 0)
			continue;
		buf_printf(b, "%s%s%s", before, types[i].article, types[i].name);
		before = " or ";
	}
}

/* "args.ms must be ": the rule follows. */
static void
must_be(struct buf *why, const struct schema_place *at)
{
	put_place(why, at);
	buf_puts(why, " must be ");
}

static bool
but_is(struct buf *why, const json_t *value)
{
	buf_puts(why, ", not ");
	put_value(why, value);
	return false;
}

void
schema_tell(const struct buf *sentence, char *why, size_t size)
{
	snprintf(why, size, "%.*s", (int)buf_len(sentence), buf_data(sentence));
}

/* ---- rules for every value ---- */

static unsigned
type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return SCHEMA_NULL;
	case JSON_TRUE:
	case JSON_FALSE:
		return SCHEMA_BOOLEAN;
	case JSON_INTEGER:
		return SCHEMA_INTEGER | SCHEMA_NUMBER;
	case JSON_REAL:
		return SCHEMA_NUMBER;
	case JSON_STRING:
		return SCHEMA_STRING;
	case JSON_ARRAY:
		return SCHEMA_ARRAY;
	default:
		return SCHEMA_OBJECT;
	}
}

static bool
check_values(const struct schema *s, const json_t *value, const struct schema_place *at,
    struct buf *why)
{
	size_t	i;
	json_t	*one;

	json_array_foreach(s->values, i, one)
		if (json_equal(one, value))
			return true;
	must_be(why, at);
	json_array_foreach(s->values, i, one) {
		if (i > 0)
			buf_puts(why, i + 1 == json_array_size(s->values) ? " or " : ", ");
		put_value(why, one);
	}
	return but_is(why, value);
}

static bool
check_constant(const struct schema *s, const json_t *value, const struct schema_place *at,
    struct buf *why)
{
	if (json_equal(s->constant, value))
		return true;
	must_be(why, at);
	put_value(why, s->constant);
	return but_is(why, value);
}

/* ---- rules for one type of value ---- */

static int
compare(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t	x = json_integer_value(a), y = json_integer_value(b);

		return (x > y) - (x < y);
	}
	return (json_number_value(a) > json_number_value(b)) -
	    (json_number_value(a) < json_number_value(b));
}

static bool
check_number(const struct schema *s, const json_t *value, const struct schema_place *at,
    struct buf *why)
{
	if ((s->minimum == NULL || compare(value, s->minimum) >= 0) &&
	    (s->maximum == NULL || compare(value, s->maximum) <= 0))
		return true;
	must_be(why, at);
	put_types(why, s->types & SCHEMA_INTEGER ? SCHEMA_INTEGER : SCHEMA_NUMBER);
	if (s->minimum != NULL) {
		buf_puts(why, s->maximum != NULL ? " from " : " of at least ");
		put_value(why, s->minimum);
	}
	if (s->maximum != NULL) {
		buf_puts(why, s->minimum != NULL ? " to " : " of at most ");
		put_value(why, s->maximum);
	}
	return but_is(why, value);
}

/* " of 1 to 64 characters" */
static void
put_range(struct buf *why, uint64_t least, uint64_t most, const char *unit)
{
	if (most == UINT64_MAX)
		buf_printf(why, "at least %llu %ss", (unsigned long long)least, unit);
	else if (least == 0)
		buf_printf(why, "at most %llu %ss", (unsigned long long)most, unit);
	else
		buf_printf(why, "%llu to %llu %ss", (unsigned long long)least,
		    (unsigned long long)most, unit);
}

static uint64_t
count_chars(const char *text, size_t len)
{
	uint64_t	n = 0;

	for (size_t i = 0; i < len; i++)
		n += (text[i] & 0xc0) != 0x80;
	return n;
}

static bool
check_string(const struct schema *s, const json_t *value, const struct schema_place *at,
    struct buf *why)
{
	const char	*text = json_string_value(value);
	uint64_t	 chars;

	if (s->least_chars > 0 || s->most_chars < UINT64_MAX) {
		chars = count_chars(text, json_string_length(value));
		if (chars < s->least_chars || chars > s->most_chars) {
			must_be(why, at);
			buf_puts(why, "a string of ");
			put_range(why, s->least_chars, s->most_chars, "character");
			buf_printf(why, ", not %llu", (unsigned long long)chars);
			return false;
		}
	}
	if (s->pattern == NULL || regexec(s->pattern, text, 0, NULL, 0) == 0)
		return true;
	must_be(why, at);
	buf_printf(why, "a string that matches %s", s->pattern_text);
	return but_is(why, value);
}

static bool
check_array(const struct schema *s, json_t *value, const struct schema_place *at, struct buf *why)
{
	size_t	 count = json_array_size(value);

	if (count < s->least_items || count > s->most_items) {
		must_be(why, at);
		buf_puts(why, "an array of ");
		put_range(why, s->least_items, s->most_items, "item");
		buf_printf(why, ", not %zu", count);
		return false;
	}
	for (size_t i = 0; s->items != NULL && i < count; i++) {
		struct schema_place	item = { at, NULL, i };

		if (!schema_check(s->items, json_array_get(value, i), &item, why))
			return false;
	}
	return true;
}

/* ---- objects ---- */

static bool
is_property(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->properties_count; i++)
		if (strcmp(s->properties[i].name, name) == 0)
			return true;
	return false;
}

static bool
refuse_unknown(const struct schema *s, const struct schema_place *at, struct buf *why)
{
	put_place(why, at);
	buf_puts(why, " is not known; known: ");
	for (size_t i = 0; i < s->properties_count; i++)
		buf_printf(why, "%s%s", i == 0 ? "" : ", ", s->properties[i].name);
	if (s->properties_count == 0)
		buf_puts(why, "nothing");
	return false;
}

static bool
check_others(const struct schema *s, json_t *value, const struct schema_place *at, struct buf *why)
{
	const char	*name;
	json_t		*member;

	json_object_foreach(value, name, member) {
		struct schema_place	below = { at, name, 0 };

		if (is_property(s, name))
			continue;
		if (s->closed)
			return refuse_unknown(s, &below, why);
		if (s->others != NULL && !schema_check(s->others, member, &below, why))
			return false;
	}
	return true;
}

static bool
check_property(const struct schema_property *p, json_t *object, const struct schema_place *at,
    struct buf *why)
{
	struct schema_place	below = { at, p->name, 0 };
	json_t			*member = json_object_get(object, p->name);

	if (member != NULL)
		return schema_check(p->schema, member, &below, why);
	if (p->required) {
		put_place(why, &below);
		buf_puts(why, " is missing");
		return false;
	}
	if (p->schema->preset != NULL)
		json_object_set_new(object, p->name, json_deep_copy(p->schema->preset));
	return true;
}

static bool
check_object(const struct schema *s, json_t *value, const struct schema_place *at, struct buf *why)
{
	if ((s->closed || s->others != NULL) && !check_others(s, value, at, why))
		return false;
	for (size_t i = 0; i < s->properties_count; i++)
		if (!check_property(&s->properties[i], value, at, why))
			return false;
	return true;
}

/* ---- all of it ---- */

/* With one choice, its own words are the best; with more, nobody can know which was meant. */
static bool
check_choices(const struct schema *s, json_t *value, const struct schema_place *at,
    struct buf *why)
{
	struct buf	first = { 0 };
	size_t		fit = 0;

	for (size_t i = 0; i < s->choices_count && (fit == 0 || s->one_choice); i++) {
		struct buf	words = { 0 };

		fit += schema_check(s->choices[i], value, at, &words);
		if (i == 0) {
			first = words;
			words = (struct buf){ 0 };
		}
		buf_free(&words);
	}
	if (fit == 0) {
		buf_append(why, buf_data(&first), buf_len(&first));
		if (s->choices_count > 1)
			buf_printf(why, "; none of %zu other forms fits either",
			    s->choices_count - 1);
	} else if (fit > 1 && s->one_choice) {
		put_place(why, at);
		buf_puts(why, " fits more than one of its forms");
	}
	buf_free(&first);
	return fit == 1 || (fit > 1 && !s->one_choice);
}

bool
schema_check(const struct schema *s, json_t *value, const struct schema_place *at, struct buf *why)
{
	unsigned	type = type_of(value);

	if (s->types != 0 && (s->types & type) == 0) {
		must_be(why, at);
		put_types(why, s->types);
		return but_is(why, value);
	}
	if (s->constant != NULL && !check_constant(s, value, at, why))
		return false;
	if (s->values != NULL && !check_values(s, value, at, why))
		return false;
	if ((type & SCHEMA_NUMBER) && !check_number(s, value, at, why))
		return false;
	if ((type & SCHEMA_STRING) && !check_string(s, value, at, why))
		return false;
	if ((type & SCHEMA_ARRAY) && !check_array(s, value, at, why))
		return false;
	if ((type & SCHEMA_OBJECT) && !check_object(s, value, at, why))
		return false;
	return s->choices_count == 0 || check_choices(s, value, at, why);
}

struct json_t *
schema_read(const struct schema *s, const char *text, size_t len, char *why, size_t size)
{
	static const struct schema_place	root = { NULL, "args", 0 };
	struct buf				sentence = { 0 };
	json_error_t				error;
	json_t					*tree;

	tree = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (tree == NULL) {
		if (json_error_code(&error) == json_error_null_character)
			snprintf(why, size, "args cannot be read: a string holds \\u0000, at byte %d",
			    error.position);
		else
			snprintf(why, size, "args cannot be read: %s", error.text);
		return NULL;
	}
	if (!schema_check(s, tree, &root, &sentence)) {
		schema_tell(&sentence, why, size);
		json_decref(tree);
		tree = NULL;
	}
	buf_free(&sentence);
	return tree;
}
