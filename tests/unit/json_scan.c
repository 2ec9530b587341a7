/* json_scan.c - rules of proto/json_scan: what is JSON, what is wrong with what is not, and spans. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "proto/json_scan.h"

#define TEXT(s)		s, sizeof(s) - 1

struct row {
	const char	*text;
	size_t		 len;
	const char	*error;		/* NULL: accepted */
};

static const struct row	rows[] = {
	{ TEXT("null"), NULL }, { TEXT(" \t\r\n true \n"), NULL }, { TEXT("false"), NULL },
	{ TEXT("0"), NULL }, { TEXT("-0"), NULL }, { TEXT("10"), NULL }, { TEXT("1.5e+10"), NULL },
	{ TEXT("1E5"), NULL }, { TEXT("123456789012345678901234567890"), NULL },
	{ TEXT("\"\""), NULL }, { TEXT("\"plain text that is longer than eight bytes\""), NULL },
	{ TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\\u0000\""), NULL },
	{ TEXT("\"h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80\""), NULL }, { TEXT("\"\x7f\""), NULL },
	{ TEXT("[]"), NULL }, { TEXT("{}"), NULL }, { TEXT("[ 1 , [ ] , { } ]"), NULL },
	{ TEXT("{\"a\":1,\"a\":{\"b\":[true,null]}}"), NULL }, { TEXT("{ \"\" : \"\" }"), NULL },

	{ TEXT(""), "the text ends too early" }, { TEXT("  "), "the text ends too early" },
	{ TEXT("nul"), "not a JSON value" }, { TEXT("True"), "not a JSON value" },
	{ TEXT("nullx"), "something follows the value" }, { TEXT("1 2"), "something follows the value" },
	{ TEXT("{}{}"), "something follows the value" }, { TEXT("null\0"), "something follows the value" },
	{ TEXT("\0"), "not a JSON value" }, { TEXT("\xef\xbb\xbf{}"), "not a JSON value" },
	{ TEXT("'a'"), "not a JSON value" }, { TEXT("NaN"), "not a JSON value" },
	{ TEXT("\v1"), "not a JSON value" }, { TEXT("/**/1"), "not a JSON value" },
	{ TEXT("+1"), "not a JSON value" }, { TEXT(".5"), "not a JSON value" },
	{ TEXT("-"), "a digit is missing" }, { TEXT("-a"), "a digit is missing" },
	{ TEXT("1."), "a digit is missing" }, { TEXT("1.e5"), "a digit is missing" },
	{ TEXT("1e"), "a digit is missing" }, { TEXT("1e+"), "a digit is missing" },
	{ TEXT("01"), "leading zero in a number" }, { TEXT("-00"), "leading zero in a number" },
	{ TEXT("0x10"), "something follows the value" },
	{ TEXT("\""), "the text ends too early" }, { TEXT("\"abc"), "the text ends too early" },
	{ TEXT("\"abcdefgh"), "the text ends too early" }, { TEXT("\"\\"), "the text ends too early" },
	{ TEXT("\"\\\""), "the text ends too early" },
	{ TEXT("\"\\x\""), "bad escape" }, { TEXT("\"\\u12\""), "bad escape" },
	{ TEXT("\"\\u12g4\""), "bad escape" }, { TEXT("\"\\U0041\""), "bad escape" },
	{ TEXT("\"\\ud800\""), "surrogate without its partner" },
	{ TEXT("\"\\udc00\\ud800\""), "surrogate without its partner" },
	{ TEXT("\"\\ud800\\u0041\""), "surrogate without its partner" },
	{ TEXT("\"\\ud800\\"), "surrogate without its partner" },
	{ TEXT("\"a\nb\""), "control byte in a string" }, { TEXT("\"0123456\x1f\""), "control byte in a string" },
	{ TEXT("\"a\0b\""), "NUL in a string" }, { TEXT("{\"a\0\":1}"), "NUL in a string" },
	{ TEXT("\"\x80\""), "bad UTF-8" }, { TEXT("\"\xc0\xaf\""), "bad UTF-8" },
	{ TEXT("\"\xed\xa0\x80\""), "bad UTF-8" }, { TEXT("\"\xf4\x90\x80\x80\""), "bad UTF-8" },
	{ TEXT("\"\xe2\x82\""), "bad UTF-8" }, { TEXT("\"01234567\xff\""), "bad UTF-8" },
	{ TEXT("\"\xe2\x82"), "bad UTF-8" },
	{ TEXT("["), "the text ends too early" }, { TEXT("[1"), "the text ends too early" },
	{ TEXT("[1,"), "the text ends too early" }, { TEXT("[1,]"), "not a JSON value" },
	{ TEXT("[,1]"), "not a JSON value" }, { TEXT("[1 2]"), "a comma or the closing bracket is missing" },
	{ TEXT("[1}"), "a comma or the closing bracket is missing" }, { TEXT("]"), "not a JSON value" },
	{ TEXT("[}"), "not a JSON value" },
	{ TEXT("{"), "the text ends too early" }, { TEXT("{\"a\""), "the text ends too early" },
	{ TEXT("{\"a\":"), "the text ends too early" }, { TEXT("{\"a\":1"), "the text ends too early" },
	{ TEXT("{\"a\":1,}"), "a member's name is missing" }, { TEXT("{,}"), "a member's name is missing" },
	{ TEXT("{a:1}"), "a member's name is missing" }, { TEXT("{1:1}"), "a member's name is missing" },
	{ TEXT("{\"a\" 1}"), "a colon is missing" }, { TEXT("{\"a\":}"), "not a JSON value" },
	{ TEXT("{\"a\":1]"), "a comma or the closing bracket is missing" },
	{ TEXT("{\"a\":1 \"b\":2}"), "a comma or the closing bracket is missing" },
	{ TEXT("[[[[[[1]]]]]]"), "nested too deep" }, { TEXT("[[[[[{}]]]]]"), "nested too deep" },
	{ TEXT("[[[[[1]]]]]"), NULL }, { TEXT("[[[[[]]]],[[[[]]]]]"), NULL },
};

static void
test_json_is_accepted_and_what_is_not_has_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char	*error = scan_check(rows[i].text, rows[i].len, 5);

		if ((error == NULL) != (rows[i].error == NULL) ||
		    (error != NULL && strcmp(error, rows[i].error) != 0))
			fail_msg("row %zu, `%s`: %s, not %s", i, rows[i].text, error, rows[i].error);
	}
}

/* Whatever follows the text in memory must not be looked at. */
static void
test_no_text_is_read_beyond_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t len = 0; len < rows[i].len; len++) {
			char		*copy = memcpy(malloc(len + 1), rows[i].text, len);
			const char	*first, *second;

			copy[len] = '"';
			first = scan_check(copy, len, 5);
			copy[len] = '1';
			second = scan_check(copy, len, 5);
			assert_ptr_equal(first, second);
			free(copy);
		}
	}
}

static void
test_a_special_byte_is_found_at_any_place_in_a_word(void **state)
{
	char	text[40];

	(void)state;
	for (size_t at = 0; at < 24; at++) {
		for (int c = 0; c < 256; c++) {
			bool	bad = c < 0x20 || c >= 0x80;

			memset(text, 'a', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[1 + at] = (char)c;
			if (c == '\\' || c == '"')
				continue;
			assert_int_equal(scan_check(text, sizeof(text), 1) != NULL, bad);
		}
	}
}

static void
test_spans_are_the_raw_text_of_values(void **state)
{
	static const struct {
		const char	*text, *span;
		enum scan_type	 type;
	} table[] = {
		{ " [1, {\"a\" : 2} ] ", "[1, {\"a\" : 2} ]", SCAN_ARRAY },
		{ "{\"k\": \"\\u0041\"}", "{\"k\": \"\\u0041\"}", SCAN_OBJECT },
		{ "  \"x\\n\" ", "\"x\\n\"", SCAN_STRING }, { "-12 ", "-12", SCAN_INTEGER },
		{ "1.0", "1.0", SCAN_REAL }, { "1e2", "1e2", SCAN_REAL },
		{ "true", "true", SCAN_TRUE }, { "false", "false", SCAN_FALSE }, { "null", "null", SCAN_NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		struct scan	s;
		enum scan_type	type;
		struct span	out;

		scan_init(&s, table[i].text, strlen(table[i].text), 32, 100);
		assert_true(scan_value(&s, &type, &out));
		assert_true(scan_end(&s));
		assert_int_equal(type, table[i].type);
		assert_int_equal(out.len, strlen(table[i].span));
		assert_memory_equal(out.p, table[i].span, out.len);
	}
}

static void
test_walking_visits_members_and_elements_in_order(void **state)
{
	static const char	text[] = " { \"a\" : 1 , \"b\\n\":[ true , [ ] , \"x\" ], \"c\":{} } ";
	static const char	*const keys[] = { "a", "b\\n", "c" };
	struct scan		s;
	struct span		key, out;
	enum scan_type		type;
	size_t			n = 0, elements = 0;

	(void)state;
	scan_init(&s, text, strlen(text), 32, 100);
	assert_true(scan_object(&s));
	for (; scan_member(&s, &key); n++) {
		assert_int_equal(s.escaped, n == 1);
		assert_int_equal(key.len, strlen(keys[n]));
		assert_memory_equal(key.p, keys[n], key.len);
		if (n != 1) {
			assert_true(scan_value(&s, &type, &out));
			continue;
		}
		assert_true(scan_array(&s));
		for (; scan_element(&s); elements++)
			assert_true(scan_value(&s, &type, &out));
	}
	assert_null(s.error);
	assert_true(scan_end(&s));
	assert_int_equal(n, 3);
	assert_int_equal(elements, 3);
	assert_int_equal(s.values, 7);
	assert_int_equal(s.depth, 0);
}

static void
test_values_are_counted_up_to_their_limit(void **state)
{
	static const char	text[] = "[1,[2],{\"a\":3}]";	/* six values */
	struct scan		s;
	struct span		out;
	enum scan_type		type;

	(void)state;
	scan_init(&s, text, strlen(text), 32, 6);
	assert_true(scan_value(&s, &type, &out));
	scan_init(&s, text, strlen(text), 32, 5);
	assert_false(scan_value(&s, &type, &out));
	assert_string_equal(s.error, "too many values");
	assert_int_equal(s.error_at, 12);
}

static void
test_after_an_error_everything_fails_and_the_error_stays(void **state)
{
	static const char	text[] = "[1,x,[],{}]";
	struct scan		s;
	struct span		out;
	enum scan_type		type;

	(void)state;
	scan_init(&s, text, strlen(text), 32, 100);
	assert_true(scan_array(&s));
	assert_true(scan_element(&s));
	assert_true(scan_value(&s, &type, &out));
	assert_true(scan_element(&s));
	assert_false(scan_value(&s, &type, &out));
	assert_false(scan_value(&s, &type, &out));
	assert_false(scan_peek(&s, &type));
	assert_false(scan_object(&s));
	assert_false(scan_array(&s));
	assert_false(scan_element(&s));
	assert_false(scan_member(&s, &out));
	assert_false(scan_end(&s));
	assert_string_equal(s.error, "not a JSON value");
	assert_int_equal(s.error_at, 3);
}

static void
test_depth_is_bounded_whatever_is_asked_for(void **state)
{
	static char	text[2 * (SCAN_DEPTH_MAX + 1)];

	(void)state;
	memset(text, '[', sizeof(text) / 2);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	assert_string_equal(scan_check(text, sizeof(text), UINT32_MAX), "nested too deep");
	assert_null(scan_check(text + 1, sizeof(text) - 2, UINT32_MAX));
}

static void
test_strings_are_decoded(void **state)
{
	static const struct {
		const char	*raw, *text;	/* NULL: refused */
	} table[] = {
		{ "plain", "plain" }, { "", "" }, { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
		{ "a\\u0041z", "aAz" }, { "\\u00e9\\u20AC", "\xc3\xa9\xe2\x82\xac" },
		{ "\\ud83d\\uDE00!", "\xf0\x9f\x98\x80!" }, { "\\udbff\\udfff", "\xf4\x8f\xbf\xbf" },
		{ "x\\u0000y", NULL }, { "\xc3\xa9", "\xc3\xa9" },
	};
	struct buf	out = { 0 };

	(void)state;
	buf_puts(&out, "before");
	for (size_t i = 0; i < COUNT(table); i++) {
		size_t	before = buf_len(&out);
		bool	ok = scan_decode((struct span){ table[i].raw, strlen(table[i].raw) }, &out);

		assert_int_equal(ok, table[i].text != NULL);
		if (!ok) {
			assert_int_equal(buf_len(&out), before);
			continue;
		}
		assert_int_equal(buf_len(&out) - before, strlen(table[i].text));
		assert_memory_equal(buf_data(&out) + before, table[i].text, strlen(table[i].text));
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_json_is_accepted_and_what_is_not_has_a_reason),
		cmocka_unit_test(test_no_text_is_read_beyond_its_end),
		cmocka_unit_test(test_a_special_byte_is_found_at_any_place_in_a_word),
		cmocka_unit_test(test_spans_are_the_raw_text_of_values),
		cmocka_unit_test(test_walking_visits_members_and_elements_in_order),
		cmocka_unit_test(test_values_are_counted_up_to_their_limit),
		cmocka_unit_test(test_after_an_error_everything_fails_and_the_error_stays),
		cmocka_unit_test(test_depth_is_bounded_whatever_is_asked_for),
		cmocka_unit_test(test_strings_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
