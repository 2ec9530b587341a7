/* frame.c - rules of proto/frame: bytes to lines. */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/frame.h"

static void
assert_line(const char *data, size_t len, size_t *at, size_t max, const char *want)
{
	struct span	line;

	assert_int_equal(frame_next(data, len, at, NULL, max, &line), 1);
	assert_int_equal(line.len, strlen(want));
	assert_memory_equal(line.p, want, line.len);
}

static void
test_lines_end_at_lf_and_empty_ones_are_skipped(void **state)
{
	static const char	data[] = "one\r\n\n\r\ntwo\nt\rhree\r\r\n\nrest";
	size_t			at = 0, len = sizeof(data) - 1;
	struct span		line;

	(void)state;
	assert_line(data, len, &at, 100, "one");
	assert_line(data, len, &at, 100, "two");
	assert_line(data, len, &at, 100, "t\rhree\r");
	assert_int_equal(frame_next(data, len, &at, NULL, 100, &line), 0);
	assert_string_equal(data + at, "rest");
}

static void
test_a_line_above_the_limit_is_refused_finished_or_not(void **state)
{
	static const struct {
		const char	*data;
		int		 rc;
	} rows[] = {
		{ "12345\n", 1 }, { "12345\r\n", 1 }, { "123456\n", -1 }, { "123456\r\n", -1 },
		{ "12345", 0 }, { "12345\r", 0 }, { "123456", -1 }, { "12345\r\r", -1 }, { "\n\n123456", -1 },
	};
	struct span	line;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t	at = 0, scanned = 0;

		assert_int_equal(frame_next(rows[i].data, strlen(rows[i].data), &at, &scanned, 5, &line),
		    rows[i].rc);
		if (rows[i].rc == 1)
			assert_int_equal(line.len, 5);
	}
}

static void
test_a_line_in_pieces_is_searched_once_and_comes_out_whole(void **state)
{
	static const char	data[] = "first line\nsecond\r\n\n\nx\n";
	static const char	*const want[] = { "first line", "second", "x" };
	size_t			at = 0, scanned = 0, n = 0;
	struct span		line;

	(void)state;
	for (size_t len = 1; len < sizeof(data); len++) {
		while (frame_next(data, len, &at, &scanned, 100, &line) == 1) {
			assert_true(n < COUNT(want));
			assert_int_equal(line.len, strlen(want[n]));
			assert_memory_equal(line.p, want[n], line.len);
			n++;
		}
		assert_int_equal(scanned, len - at);
	}
	assert_int_equal(n, COUNT(want));
}

static void
test_what_was_searched_before_is_not_searched_again(void **state)
{
	char		data[] = "abc\ndef\n";
	size_t		at = 0, scanned = 4;	/* as if the first LF had not been one */
	struct span	line;

	(void)state;
	assert_int_equal(frame_next(data, strlen(data), &at, &scanned, 100, &line), 1);
	assert_int_equal(line.len, 7);
	assert_int_equal(scanned, 0);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_lines_end_at_lf_and_empty_ones_are_skipped),
		cmocka_unit_test(test_a_line_above_the_limit_is_refused_finished_or_not),
		cmocka_unit_test(test_a_line_in_pieces_is_searched_once_and_comes_out_whole),
		cmocka_unit_test(test_what_was_searched_before_is_not_searched_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
