/* args_schema.c - what a schema says, what it lets pass, and how it names what it does not. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "workers/handler.h"
#include "workers/schema.h"

static char	why[1024];

/* The argument with its defaults, or what is wrong with it.  The caller frees. */
static char *
read_text(const char *schema, const char *text)
{
	struct schema	*s = schema_compile(schema, why, sizeof(why));
	json_t		*tree;
	char		*out;

	if (s == NULL)
		fail_msg("%s: %s", schema, why);
	tree = schema_read(s, text, strlen(text), why, sizeof(why));
	out = tree == NULL ? strdup(why) : json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(tree);
	schema_free(s);
	return out;
}

static void
assert_reads(const char *schema, const char *text, const char *want)
{
	char	*got = read_text(schema, text);

	if (strcmp(got, want) != 0)
		fail_msg("%s as %s: expected %s, got %s", text, schema, want, got);
	free(got);
}

struct row {
	const char	*schema, *text, *want;
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_reads(rows[i].schema, rows[i].text, rows[i].want);
}

static void
test_types_are_told_apart(void **state)
{
	static const struct row	rows[] = {
		{ "{}", "[1,null]", "[1,null]" },
		{ "{\"type\":\"null\"}", "null", "null" },
		{ "{\"type\":\"null\"}", "0", "args must be null, not 0" },
		{ "{\"type\":\"boolean\"}", "false", "false" },
		{ "{\"type\":\"boolean\"}", "\"a\"", "args must be a boolean, not \"a\"" },
		{ "{\"type\":\"integer\"}", "-5", "-5" },
		{ "{\"type\":\"integer\"}", "5.0", "args must be an integer, not 5.0" },
		{ "{\"type\":\"number\"}", "5", "5" },
		{ "{\"type\":\"number\"}", "5.5", "5.5" },
		{ "{\"type\":\"string\"}", "\"\"", "\"\"" },
		{ "{\"type\":\"array\"}", "{}", "args must be an array, not {}" },
		{ "{\"type\":[\"string\",\"null\"]}", "null", "null" },
		{ "{\"type\":[\"string\",\"null\"]}", "1", "args must be null or a string, not 1" },
		{ "{\"type\":\"null\"}", "\"0123456789012345678901234567890123456789012345\"",
		    "args must be null, not \"012345678901234567890123456789012345678..." },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
test_numbers_have_limits(void **state)
{
	static const char	limits[] = "{\"type\":\"integer\",\"minimum\":-1,\"maximum\":3}";
	static const struct row	rows[] = {
		{ limits, "-1", "-1" }, { limits, "3", "3" },
		{ limits, "-2", "args must be an integer from -1 to 3, not -2" },
		{ limits, "4", "args must be an integer from -1 to 3, not 4" },
		{ "{\"type\":\"integer\",\"maximum\":9007199254740993}", "9007199254740993",
		    "9007199254740993" },
		{ "{\"type\":\"integer\",\"maximum\":9007199254740992}", "9007199254740993",
		    "args must be an integer of at most 9007199254740992, not 9007199254740993" },
		{ "{\"minimum\":0.5}", "0.25", "args must be a number of at least 0.5, not 0.25" },
		{ "{\"minimum\":0.5}", "1", "1" },
		{ "{\"minimum\":0.5}", "\"x\"", "\"x\"" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
test_strings_are_counted_in_characters(void **state)
{
	static const char	length[] = "{\"type\":\"string\",\"minLength\":1,\"maxLength\":2}";
	static const char	pattern[] = "{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}";
	static const struct row	rows[] = {
		{ length, "\"\xc3\xa4\xe2\x82\xac\"", "\"\xc3\xa4\xe2\x82\xac\"" },
		{ length, "\"abc\"", "args must be a string of 1 to 2 characters, not 3" },
		{ length, "\"\"", "args must be a string of 1 to 2 characters, not 0" },
		{ "{\"minLength\":2}", "\"a\"", "args must be a string of at least 2 characters, not 1" },
		{ "{\"maxLength\":1}", "\"ab\"", "args must be a string of at most 1 characters, not 2" },
		{ pattern, "\"abc\"", "\"abc\"" },
		{ pattern, "\"aBc\"", "args must be a string that matches ^[a-z]+$, not \"aBc\"" },
		{ "{\"type\":\"string\"}", "\"a\\u0000\"",
		    "args cannot be read: a string holds \\u0000, at byte 9" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
test_values_can_be_listed(void **state)
{
	static const struct row	rows[] = {
		{ "{\"enum\":[\"GET\",\"POST\",7]}", "\"POST\"", "\"POST\"" },
		{ "{\"enum\":[\"GET\",\"POST\",7]}", "\"get\"",
		    "args must be \"GET\", \"POST\" or 7, not \"get\"" },
		{ "{\"const\":{\"a\":[1]}}", "{\"a\":[1]}", "{\"a\":[1]}" },
		{ "{\"const\":{\"a\":[1]}}", "{\"a\":[2]}", "args must be {\"a\":[1]}, not {\"a\":[2]}" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static const char	request[] = JOBD_JSON({
	"type": "object",
	"properties": {
		"url": {"type": "string"},
		"headers": {"type": "object", "additionalProperties": {"type": "string"}},
		"tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
		"tls": {
			"type": "object",
			"properties": {"verify": {"type": "boolean", "default": true}},
			"additionalProperties": false
		},
		"retries": {"type": "integer", "default": 3}
	},
	"required": ["url"], "additionalProperties": false
});

static void
test_members_are_named_by_their_path(void **state)
{
	static const struct row	rows[] = {
		{ request, "7", "args must be an object, not 7" },
		{ request, "{}", "args.url is missing" },
		{ request, "{\"url\":\"x\",\"ulr\":1}",
		    "args.ulr is not known; known: url, headers, tags, tls, retries" },
		{ request, "{\"url\":\"x\",\"headers\":{\"A\":\"b\",\"c d\":7}}",
		    "args.headers[\"c d\"] must be a string, not 7" },
		{ request, "{\"url\":\"x\",\"tags\":[\"a\",7]}", "args.tags[1] must be a string, not 7" },
		{ request, "{\"url\":\"x\",\"tags\":[]}",
		    "args.tags must be an array of 1 to 2 items, not 0" },
		{ request, "{\"url\":\"x\",\"tls\":{\"verify\":0}}",
		    "args.tls.verify must be a boolean, not 0" },
		{ "{\"additionalProperties\":false}", "{\"a\":1}", "args.a is not known; known: nothing" },
		{ request, "{\"url\":\"x\",\"url\":\"y\"}",
		    "args cannot be read: duplicate object key near '\"url\"'" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
test_what_is_missing_gets_its_default(void **state)
{
	static const struct row	rows[] = {
		{ request, "{\"url\":\"x\"}", "{\"url\":\"x\",\"retries\":3}" },
		{ request, "{\"url\":\"x\",\"retries\":1,\"tls\":{}}",
		    "{\"url\":\"x\",\"retries\":1,\"tls\":{\"verify\":true}}" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
test_a_value_may_have_one_of_several_forms(void **state)
{
	static const char	any[] = "{\"anyOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}";
	static const char	one[] = "{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}";
	static const struct row	rows[] = {
		{ any, "1", "1" }, { any, "5", "5" }, { any, "2.5", "2.5" },
		{ any, "1.5", "args must be an integer, not 1.5; none of 1 other forms fits either" },
		{ one, "1", "1" }, { one, "2.5", "2.5" },
		{ one, "5", "args fits more than one of its forms" },
		{ "{\"anyOf\":[{\"type\":\"null\"}]}", "1", "args must be null, not 1" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void
test_a_schema_that_is_wrong_says_where(void **state)
{
	static const struct {
		const char	*schema, *part;
	} rows[] = {
		{ "", "the schema is not a JSON object: " },
		{ "[]", "the schema must be an object" },
		{ "{\"type\":\"float\"}", "type must be null, boolean, integer" },
		{ "{\"type\":[]}", "type must be null" },
		{ "{\"type\":[\"string\",5]}", "type must be null" },
		{ "{\"properties\":{\"ms\":{\"minimum\":\"5\"}}}",
		    "properties.ms.minimum must be a number" },
		{ "{\"properties\":[]}", "properties must be an object" },
		{ "{\"properties\":{\"a\":7}}", "properties.a must be an object" },
		{ "{\"properties\":{\"a\":{}},\"required\":[\"b\"]}",
		    "required must name members of properties" },
		{ "{\"required\":\"b\"}", "required must be a list of names" },
		{ "{\"items\":{\"maxLength\":-1}}", "items.maxLength must be an integer that" },
		{ "{\"enum\":[]}", "enum must be a list of values" },
		{ "{\"pattern\":\"z+*\"}", "pattern repeats what is a repetition already" },
		{ "{\"pattern\":\"((a{99}){99}){99}\"}", "pattern repeats too much" },
		{ "{\"pattern\":\"[\"}", "pattern must be a POSIX extended regular expression" },
		{ "{\"pattern\":1}", "pattern must be a string" },
		{ "{\"anyOf\":[{},{\"uniqueItems\":true}]}",
		    "anyOf.1.uniqueItems is not a keyword that is checked here" },
		{ "{\"anyOf\":[{}],\"oneOf\":[{}]}", "oneOf cannot stand beside anyOf" },
		{ "{\"oneOf\":{}}", "oneOf must be a list of schemas" },
		{ "{\"type\":\"integer\",\"default\":\"x\"}",
		    "default does not fit: its value must be an integer, not \"x\"" },
		{ "{\"anyOf\":[{\"properties\":{\"a\":{\"default\":1}}}]}",
		    "anyOf.0.properties.a.default cannot stand below anyOf or oneOf" },
		{ "{\"additionalProperties\":7}", "additionalProperties must be an object" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct schema	*s = schema_compile(rows[i].schema, why, sizeof(why));

		if (s != NULL || strncmp(why, rows[i].part, strlen(rows[i].part)) != 0)
			fail_msg("%s: expected %s, got %s", rows[i].schema, rows[i].part,
			    s == NULL ? why : "a schema");
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_types_are_told_apart),
		cmocka_unit_test(test_numbers_have_limits),
		cmocka_unit_test(test_strings_are_counted_in_characters),
		cmocka_unit_test(test_values_can_be_listed),
		cmocka_unit_test(test_members_are_named_by_their_path),
		cmocka_unit_test(test_what_is_missing_gets_its_default),
		cmocka_unit_test(test_a_value_may_have_one_of_several_forms),
		cmocka_unit_test(test_a_schema_that_is_wrong_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
