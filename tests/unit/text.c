/* text.c - bytes as UTF-8, JSON strings and base64, against what each does a byte at a time. */
#include <stdlib.h>

#include "lib/base64.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include "tests/unit/unit.h"

#define ROUNDS	20000
#define LENGTH	300

static unsigned	state_of_chance = 12345;

static unsigned
chance(unsigned below)
{
	state_of_chance = state_of_chance * 1103515245u + 12345u;
	return (state_of_chance >> 16) % below;
}

/* Mostly plain text, with what is special here and there. */
static size_t
make_text(char *p)
{
	static const char *const	rare[] = { "\n", "\"", "\\", "\x7f", "\x01", "\x1f", "\t", "\r",
	    "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "\xc3", "\xed\xa0\x80", "\x80" };
	size_t				len = 0, want = chance(LENGTH);
	unsigned			often = 1 + chance(60);

	while (len < want) {
		const char	*s = rare[chance(sizeof(rare) / sizeof(rare[0]))];

		if (chance(often) == 0) {
			memcpy(p + len, s, strlen(s));
			len += strlen(s);
		} else {
			p[len++] = (char)(' ' + chance(95));
		}
	}
	return len;
}

static void
test_json_strings_are_those_of_a_loop_over_bytes(void **state)
{
	static const char	hex[] = "0123456789abcdef";
	char			text[LENGTH + 8], want[6 * sizeof(text) + 2];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t		len = make_text(text), n = 0;
		struct buf	got = { 0 };

		want[n++] = '"';
		for (size_t i = 0; i < len; i++) {
			unsigned char	c = (unsigned char)text[i];
			const char	*special = memchr("\"\\\n\t\r", c, 5);

			if (special != NULL) {
				want[n++] = '\\';
				want[n++] = "\"\\ntr"[special - (char *)memchr("\"\\\n\t\r", '"', 5)];
			} else if (c < 0x20 || c == 0x7f) {
				memcpy(want + n, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
				n += 6;
			} else {
				want[n++] = text[i];
			}
		}
		want[n++] = '"';
		buf_put_json(&got, text, len);
		assert_int_equal(buf_len(&got), n);
		assert_memory_equal(buf_data(&got), want, n);
		buf_free(&got);
	}
}

static void
test_a_long_json_string_is_whole(void **state)
{
	enum { LONG = 1 << 20 };
	char		*text = malloc(LONG);
	struct buf	 got = { 0 };

	(void)state;
	memset(text, '\n', LONG);
	buf_put_json(&got, text, LONG);
	assert_int_equal(buf_len(&got), 2 * LONG + 2);
	for (size_t i = 0; i < LONG; i++)
		assert_memory_equal(buf_data(&got) + 1 + 2 * i, "\\n", 2);
	buf_free(&got);
	free(text);
}

static void
test_utf8_ends_where_a_character_is_wrong(void **state)
{
	char	text[LENGTH + 8];

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t	len = make_text(text), at = 0, step;

		while (at < len && (step = utf8_sequence(text + at, len - at)) != 0)
			at += step;
		assert_int_equal(utf8_prefix(text, len), at);
	}
}

static void
test_a_cut_character_is_told_from_a_wrong_one(void **state)
{
	static const struct {
		const char	*text;
		bool		 cut;
	} rows[] = {
		{ "\xc3", true }, { "\xe2", true }, { "\xe2\x82", true }, { "\xf0\x9f\x98", true },
		{ "\xe0", true }, { "\xe0\xa0", true }, { "\xed\x9f", true }, { "\xf4\x8f", true },
		{ "\xf0", true }, { "\xf4", true }, { "\xed", true },
		{ "\xe0\x9f", false }, { "\xed\xa0", false }, { "\xf4\x90", false }, { "\xf0\x8f", false },
		{ "\xc1", false }, { "\xf5", false }, { "\x80", false }, { "a", false }, { "", false },
		{ "\xe2\x41", false }, { "\xc3\xa4", false }, { "\xe2\x28\xa1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(utf8_is_cut(rows[i].text, strlen(rows[i].text)), rows[i].cut);
}

static void
test_base64_is_that_of_the_rfc(void **state)
{
	static const char *const	rows[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" },
	};
	char				got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t		len = strlen(rows[i][0]), text_len = strlen(rows[i][1]);
		struct buf	text = { 0 };

		base64_put(&text, rows[i][0], len);
		assert_int_equal(buf_len(&text), text_len);
		if (len > 0)
			assert_memory_equal(buf_data(&text), rows[i][1], text_len);
		assert_int_equal(base64_decode(got, rows[i][1], text_len), len);
		assert_memory_equal(got, rows[i][0], len);
		buf_free(&text);
	}
}

static void
test_what_is_no_base64_is_refused(void **state)
{
	static const char *const	rows[] = { "Z", "Zg", "Zg=", "Zg=a", "=g==", "Z===", "Zm9v\n", "Zm9*Zm9v",
	    "Zh==", "Zm9=", "Zg==Zg==", "====", "Zm\x80v" };
	char				got[16];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(base64_decode(got, rows[i], strlen(rows[i])), -1);
}

static void
test_base64_comes_back_in_place(void **state)
{
	char		bytes[LENGTH];
	struct buf	text = { 0 };

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t	len = 1 + chance(LENGTH - 1);

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)chance(256);
		base64_put(&text, bytes, len);
		assert_int_equal(base64_decode(buf_data(&text), buf_data(&text), buf_len(&text)), len);
		assert_memory_equal(buf_data(&text), bytes, len);
		buf_consume(&text, buf_len(&text));
	}
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_json_strings_are_those_of_a_loop_over_bytes),
		cmocka_unit_test(test_a_long_json_string_is_whole),
		cmocka_unit_test(test_utf8_ends_where_a_character_is_wrong),
		cmocka_unit_test(test_a_cut_character_is_told_from_a_wrong_one),
		cmocka_unit_test(test_base64_is_that_of_the_rfc),
		cmocka_unit_test(test_what_is_no_base64_is_refused),
		cmocka_unit_test(test_base64_comes_back_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
