/* attempt.c - how an attempt ends: once, in room that may be small, and in words that are UTF-8. */
#include "tests/unit/unit.h"

#include <string.h>

#include "lib/alloc.h"
#include "proto/bounds.h"
#include "proto/json_scan.h"
#include "tests/unit/attempts.h"

static void	(*body)(struct jobd_attempt *at);

static void
run(struct jobd_attempt *at)
{
	body(at);
}

static const struct jobd_handler handler = { .abi = JOBD_HANDLER_ABI, .size = sizeof(handler),
    .name = "test.type", .lanes = JOBD_LANE_PROCESS, .run = run };

static enum channel_status
try_body(void (*fn)(struct jobd_attempt *at))
{
	body = fn;
	return try_run(&handler, "null");
}

static void
nothing(struct jobd_attempt *at)
{
	(void)at;
}

static void
test_a_handler_that_returns_without_a_result_fails(void **state)
{
	(void)state;
	assert_int_equal(try_body(nothing), CHANNEL_FAILED);
	assert_string_equal(try_text,
	    "{\"kind\":\"error\",\"message\":\"handler test.type returned without a result\"}");
}

static void
ends_twice(struct jobd_attempt *at)
{
	jobd_succeed(at, "1", 1);
	jobd_cancelled(at);
}

static void
fails_then_succeeds_at_length(struct jobd_attempt *at)
{
	static char	text[TRY_OUT_BYTES * 2] = "\"";

	jobd_succeed(at, text, sizeof(text));
	jobd_fail(at, "too late", NULL);
}

static void
test_a_handler_that_ends_twice_fails_and_is_named(void **state)
{
	static const char	want[] =
	    "{\"kind\":\"error\",\"message\":\"handler test.type ended its attempt twice\"}";

	(void)state;
	assert_int_equal(try_body(ends_twice), CHANNEL_FAILED);
	assert_string_equal(try_text, want);
	assert_int_equal(try_body(fails_then_succeeds_at_length), CHANNEL_FAILED);
	assert_string_equal(try_text, want);
}

static void
fails_for_good(struct jobd_attempt *at)
{
	jobd_fail_as(at, &(struct jobd_failure){ .size = sizeof(struct jobd_failure),
	    .message = "never", .data_json = "[1]", .final = true });
}

static void
fails_for_now(struct jobd_attempt *at)
{
	jobd_fail_as(at, &(struct jobd_failure){ .size = sizeof(struct jobd_failure),
	    .message = "busy", .retry_after_ms = 1500 });
}

/* As one that was compiled when there was less to say. */
static void
fails_as_of_old(struct jobd_attempt *at)
{
	jobd_fail_as(at, &(struct jobd_failure){ .size = offsetof(struct jobd_failure, final),
	    .message = "old", .final = true, .retry_after_ms = 9 });
}

static void
test_a_handler_says_whether_to_try_again_and_when(void **state)
{
	(void)state;
	assert_int_equal(try_body(fails_for_good), CHANNEL_FAILED);
	assert_string_equal(try_text,
	    "{\"kind\":\"error\",\"retryable\":false,\"message\":\"never\",\"data\":[1]}");
	assert_int_equal(try_body(fails_for_now), CHANNEL_FAILED);
	assert_string_equal(try_text,
	    "{\"kind\":\"error\",\"retry_after_ms\":1500,\"message\":\"busy\"}");
	assert_int_equal(try_body(fails_as_of_old), CHANNEL_FAILED);
	assert_string_equal(try_text, "{\"kind\":\"error\",\"message\":\"old\"}");
}

static void
long_result(struct jobd_attempt *at)
{
	char	text[TRY_OUT_BYTES + 2];

	memset(text, '5', sizeof(text));
	jobd_succeed(at, text, sizeof(text));
}

static void
test_a_result_longer_than_its_room_is_kept_whole(void **state)
{
	(void)state;
	assert_int_equal(try_body(long_result), CHANNEL_OK);
	assert_int_equal(strlen(try_text), TRY_OUT_BYTES + 2);
	assert_int_equal(strspn(try_text, "5"), TRY_OUT_BYTES + 2);
}

static void
huge_result(struct jobd_attempt *at)
{
	static char	text[(1 << 20) + 1];

	jobd_succeed(at, text, sizeof(text));
}

static void
test_a_result_above_the_limit_is_a_bad_result(void **state)
{
	(void)state;
	assert_int_equal(try_body(huge_result), CHANNEL_FAILED);
	assert_string_equal(try_text,
	    "{\"kind\":\"bad_result\",\"message\":\"the result has 1048577 bytes; "
	    "jobs.max_result_bytes allows 1048576\"}");
}

static void
fails_with_data(struct jobd_attempt *at)
{
	jobd_fail(at, "not \"now\"\n", "{\"errno\":2}");
}

static void
fails_with_bad_data(struct jobd_attempt *at)
{
	jobd_fail(at, "no", "{\"errno\":2");
}

static void
test_a_failure_carries_data_that_is_json(void **state)
{
	(void)state;
	assert_int_equal(try_body(fails_with_data), CHANNEL_FAILED);
	assert_string_equal(try_text,
	    "{\"kind\":\"error\",\"message\":\"not \\\"now\\\"\\n\",\"data\":{\"errno\":2}}");
	assert_int_equal(try_body(fails_with_bad_data), CHANNEL_FAILED);
	assert_string_equal(try_text, "{\"kind\":\"error\",\"message\":\"no\"}");
}

static void
fails_in_bytes(struct jobd_attempt *at)
{
	jobd_failf(at, "a%cb\xc3\xa9%s", 0xff, "\xe2\x82");
}

static void
fails_at_length(struct jobd_attempt *at)
{
	char	text[4 * BOUND_FAILURE_MESSAGE + 1];

	for (size_t i = 0; i < sizeof(text) - 1; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[sizeof(text) - 1] = '\0';
	jobd_fail(at, text, "[1,2,3]");
}

static void
test_a_failure_is_utf8_and_fits_whatever_its_room(void **state)
{
	(void)state;
	assert_int_equal(try_body(fails_in_bytes), CHANNEL_FAILED);
	assert_string_equal(try_text, "{\"kind\":\"error\",\"message\":\"a?b\xc3\xa9??\"}");
	for (uint32_t cap = 0; cap <= 1200; cap += cap < 100 ? 1 : 37) {
		try_out_cap = cap;
		assert_int_equal(try_body(fails_at_length), CHANNEL_FAILED);
		assert_true(strlen(try_text) <= cap);
		if (cap >= 30)
			assert_null(scan_check(try_text, strlen(try_text), BOUND_DEPTH));
	}
	assert_true(strlen(try_text) > BOUND_FAILURE_MESSAGE);
	try_out_cap = TRY_OUT_BYTES;
}

static void
tells_progress(struct jobd_attempt *at)
{
	jobd_progress(at, 3, 10, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9");
	jobd_succeed(at, "null", 4);
}

static void
test_progress_text_is_cut_between_characters(void **state)
{
	(void)state;
	assert_int_equal(try_body(tells_progress), CHANNEL_OK);
	assert_int_equal(try_progress.done, 3);
	assert_int_equal(try_progress.total, 10);
	assert_int_equal(strlen(try_progress.text), 46);
}

static void
says_a_long_line(struct jobd_attempt *at)
{
	jobd_log(at, "%0*d\xff and %s", CHANNEL_LINE_BYTES - 6, 7, "\xc3\xa9\xc3\xa9");
	jobd_succeed(at, "null", 4);
}

static void
test_a_line_is_made_good_text_and_cut_between_characters(void **state)
{
	(void)state;
	assert_int_equal(try_body(says_a_long_line), CHANNEL_OK);
	assert_int_equal(strlen(try_line), CHANNEL_LINE_BYTES);
	assert_string_equal(try_line + CHANNEL_LINE_BYTES - 7, "7? and ");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_a_line_is_made_good_text_and_cut_between_characters),
		cmocka_unit_test(test_a_handler_says_whether_to_try_again_and_when),
		cmocka_unit_test(test_a_handler_that_returns_without_a_result_fails),
		cmocka_unit_test(test_a_handler_that_ends_twice_fails_and_is_named),
		cmocka_unit_test(test_a_result_longer_than_its_room_is_kept_whole),
		cmocka_unit_test(test_a_result_above_the_limit_is_a_bad_result),
		cmocka_unit_test(test_a_failure_carries_data_that_is_json),
		cmocka_unit_test(test_a_failure_is_utf8_and_fits_whatever_its_room),
		cmocka_unit_test(test_progress_text_is_cut_between_characters),
	};
	int	rc = cmocka_run_group_tests(tests, NULL, NULL);

	try_fini();
	return rc;
}
