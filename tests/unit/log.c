/* log.c - what an attempt has said: pieces, limits, places, and the text for the store. */
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/logs/log.h"
#include "tests/unit/unit.h"

#define MAX	(UINT64_C(1) << 30)

/* What a log was told, as a reader would hear it. */
struct heard {
	struct buf	text;
	unsigned	pieces;
};

static struct log		*the_log;
static struct log_attempt	*one;
static struct heard		 heard;
static int64_t			 now_ms;

static int
open_log(void **state)
{
	(void)state;
	the_log = log_new(7);
	one = log_add_attempt(the_log, 1);
	memset(&heard, 0, sizeof(heard));
	now_ms = 1000;
	return 0;
}

static int
close_log(void **state)
{
	(void)state;
	log_free(the_log);
	buf_free(&heard.text);
	return 0;
}

/* False: something of it was not kept. */
static bool
take(const struct log_piece *pieces, size_t count, bool memory, uint64_t max)
{
	bool	whole = true;

	for (size_t i = 0; i < count; i++) {
		buf_append(&heard.text, pieces[i].p, pieces[i].len);
		heard.pieces++;
		whole &= log_keep(the_log, one, &pieces[i], memory, max);
	}
	return whole;
}

static bool
say_up_to(enum log_stream s, const char *p, size_t len, bool memory, uint64_t max)
{
	struct log_piece	pieces[LOG_PIECES];
	char			scratch[8];

	return take(pieces, log_cut(one, s, now_ms, p, len, pieces, scratch), memory, max);
}

static void
say(enum log_stream s, const char *text)
{
	assert_true(say_up_to(s, text, strlen(text), true, MAX));
}

/* All that records hold of one stream, or of all. */
static size_t
gather(const struct buf *records, int stream, uint64_t from, struct buf *out)
{
	struct log_place	place = { .stream = stream, .next = from };
	struct log_piece	piece;
	size_t			at = 0, pieces = 0;

	while (log_next(buf_data(records), buf_len(records), &at, &place, &piece) > 0) {
		assert_int_equal(log_place_of(&place, &piece), place.next);
		buf_append(out, piece.p, piece.len);
		place.next += piece.len;
		pieces++;
	}
	return pieces;
}

static void
assert_holds(const struct buf *records, int stream, uint64_t from, const char *text)
{
	struct buf	out = { 0 };

	gather(records, stream, from, &out);
	assert_int_equal(buf_len(&out), strlen(text));
	assert_memory_equal(buf_len(&out) == 0 ? "" : buf_data(&out), text, strlen(text));
	buf_free(&out);
}

static void
test_streams_are_apart_and_together_in_order(void **state)
{
	(void)state;
	say(LOG_STDOUT, "one ");
	say(LOG_STDERR, "two ");
	say(LOG_STDOUT, "three");
	assert_holds(&one->head, LOG_STDOUT, 0, "one three");
	assert_holds(&one->head, LOG_STDERR, 0, "two ");
	assert_holds(&one->head, LOG_ALL, 0, "one two three");
	assert_holds(&one->head, LOG_STDOUT, 2, "e three");
	assert_holds(&one->head, LOG_ALL, 5, "wo three");
	assert_holds(&one->head, LOG_ALL, 13, "");
	assert_int_equal(one->said, 13);
}

static void
test_what_is_said_in_one_moment_is_one_piece(void **state)
{
	struct buf	out = { 0 };

	(void)state;
	say(LOG_STDOUT, "a");
	say(LOG_STDOUT, "b");
	assert_int_equal(gather(&one->head, LOG_ALL, 0, &out), 1);
	now_ms++;
	say(LOG_STDOUT, "c");
	assert_int_equal(gather(&one->head, LOG_ALL, 0, &out), 2);
	buf_free(&out);
}

static void
test_a_cut_character_waits_for_its_rest(void **state)
{
	static const char	euro[] = "\xe2\x82\xac";

	(void)state;
	for (size_t cut = 1; cut < 3; cut++) {
		uint64_t	before = one->lines[LOG_STDOUT].said;

		assert_true(say_up_to(LOG_STDOUT, euro, cut, true, MAX));
		assert_int_equal(one->lines[LOG_STDOUT].said, before);
		say(LOG_STDERR, "x");		/* another stream does not come between */
		assert_true(say_up_to(LOG_STDOUT, euro + cut, 3 - cut, true, MAX));
		assert_int_equal(one->lines[LOG_STDOUT].said, before + 3);
	}
	assert_int_equal(one->lines[LOG_STDOUT].cut_len, 0);
	assert_holds(&one->head, LOG_STDOUT, 0, "\xe2\x82\xac\xe2\x82\xac");
}

static void
test_a_character_that_comes_byte_by_byte_is_whole(void **state)
{
	static const char	face[] = "\xf0\x9f\x98\x80";

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_true(say_up_to(LOG_STDOUT, face + i, 1, true, MAX));
	assert_int_equal(heard.pieces, 1);
	assert_holds(&one->head, LOG_STDOUT, 0, face);
}

static void
test_a_cut_that_is_none_is_told_as_it_is(void **state)
{
	(void)state;
	assert_true(say_up_to(LOG_STDOUT, "a\xe2\x82", 3, true, MAX));
	assert_true(say_up_to(LOG_STDOUT, "b", 1, true, MAX));
	assert_true(say_up_to(LOG_STDOUT, "\xc3", 1, true, MAX));
	assert_true(say_up_to(LOG_STDOUT, "\xc3\xa4", 2, true, MAX));
	assert_holds(&one->head, LOG_STDOUT, 0, "a\xe2\x82" "b\xc3\xc3\xa4");
}

static void
test_the_end_brings_what_was_cut(void **state)
{
	struct log_piece	pieces[LOG_PIECES];
	char			scratch[8];

	(void)state;
	assert_true(say_up_to(LOG_STDERR, "\xf0\x9f", 2, true, MAX));
	assert_int_equal(one->said, 0);
	assert_int_equal(log_cut_end(one, LOG_STDOUT, now_ms, pieces, scratch), 0);
	assert_true(take(pieces, log_cut_end(one, LOG_STDERR, now_ms, pieces, scratch), true, MAX));
	assert_holds(&one->head, LOG_STDERR, 0, "\xf0\x9f");
}

/* Whatever pieces bytes come in, they are told in order, each once, no character in two pieces. */
static void
test_any_bytes_in_any_pieces_are_the_same_bytes(void **state)
{
	static const char	bytes[] = "ab\xc3\xa4\xe2\x82\xac\xff\xf0\x9f\x98\x80\xe2\x82z\0\xc3";
	const size_t		len = sizeof(bytes) - 1;

	(void)state;
	for (unsigned cuts = 0; cuts < 1u << (len - 1); cuts += 7) {
		struct log_piece	pieces[LOG_PIECES];
		char			scratch[8];
		size_t			from = 0;

		for (size_t at = 1; at <= len; at++) {
			if (at < len && (cuts >> (at - 1) & 1) == 0)
				continue;
			take(pieces, log_cut(one, LOG_STDOUT, 1, bytes + from, at - from, pieces,
			    scratch), false, 0);
			from = at;
		}
		take(pieces, log_cut_end(one, LOG_STDOUT, 1, pieces, scratch), false, 0);
		assert_int_equal(buf_len(&heard.text), len);
		assert_memory_equal(buf_data(&heard.text), bytes, len);
		buf_consume(&heard.text, len);
	}
}

static void
test_the_head_ends_and_the_rest_goes_to_the_file(void **state)
{
	enum { LONG = 3 * LOG_HEAD_BYTES };
	char		*text = malloc(LONG);
	struct buf	 out = { 0 };

	(void)state;
	for (size_t i = 0; i < LONG; i++)
		text[i] = (char)('a' + i % 23);
	assert_true(say_up_to(LOG_STDOUT, text, LOG_HEAD_BYTES + 5, true, MAX));
	say(LOG_STDERR, "still in memory");
	assert_true(say_up_to(LOG_STDOUT, text + LOG_HEAD_BYTES + 5, LONG - LOG_HEAD_BYTES - 5, true, MAX));
	assert_int_equal(one->lines[LOG_STDOUT].here, LOG_HEAD_BYTES);
	assert_int_equal(one->lines[LOG_STDOUT].kept, LONG);
	gather(&one->head, LOG_STDOUT, 0, &out);
	gather(&one->spill, LOG_STDOUT, LOG_HEAD_BYTES, &out);
	assert_int_equal(buf_len(&out), LONG);
	assert_memory_equal(buf_data(&out), text, LONG);
	assert_holds(&one->head, LOG_STDERR, 0, "still in memory");
	buf_free(&out);
	free(text);
}

static void
test_without_memory_all_goes_to_the_file(void **state)
{
	(void)state;
	assert_true(say_up_to(LOG_STDOUT, "far", 3, false, MAX));
	say(LOG_STDOUT, "away");	/* memory is back, and its beginning is not there */
	assert_int_equal(buf_len(&one->head), 0);
	assert_holds(&one->spill, LOG_STDOUT, 0, "faraway");
}

static void
test_small_pieces_do_not_fill_memory_with_their_records(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * LOG_HEAD_BYTES; i++, now_ms++)
		assert_true(say_up_to(LOG_STDOUT, "x", 1, true, MAX));
	assert_in_range(buf_len(&one->head), LOG_RECORDS_BYTES / 2, LOG_RECORDS_BYTES + 64);
	assert_true(buf_len(&one->spill) > 0);
}

static void
test_a_stream_ends_at_its_limit_and_others_go_on(void **state)
{
	(void)state;
	assert_true(say_up_to(LOG_STDOUT, "12345678", 8, true, 10));
	assert_false(log_truncated(one, LOG_ALL));
	assert_false(say_up_to(LOG_STDOUT, "90ab", 4, true, 10));
	assert_true(say_up_to(LOG_STDOUT, "more", 4, true, 10));	/* said once, not each time */
	assert_true(say_up_to(LOG_STDERR, "fine", 4, true, 10));
	assert_holds(&one->head, LOG_STDOUT, 0, "1234567890");
	assert_holds(&one->head, LOG_STDERR, 0, "fine");
	assert_int_equal(one->lines[LOG_STDOUT].said, 16);
	assert_true(log_truncated(one, LOG_STDOUT));
	assert_false(log_truncated(one, LOG_STDERR));
	assert_true(log_truncated(one, LOG_ALL));
	assert_memory_equal(buf_data(&heard.text), "1234567890abmorefine", 20);
}

static void
test_what_the_file_did_not_take_is_not_kept(void **state)
{
	uint64_t	kept[LOG_STREAMS];

	(void)state;
	assert_true(say_up_to(LOG_STDOUT, "written", 7, false, MAX));
	for (int s = 0; s < LOG_STREAMS; s++)
		kept[s] = one->lines[s].kept;
	assert_true(say_up_to(LOG_STDOUT, "not written", 11, false, MAX));
	log_lost(one, kept);
	assert_true(log_truncated(one, LOG_STDOUT));
	assert_int_equal(one->lines[LOG_STDOUT].kept, 7);
	assert_true(say_up_to(LOG_STDOUT, "nor this", 8, false, MAX));
	assert_int_equal(buf_len(&one->spill), 0);
	assert_int_equal(one->lines[LOG_STDOUT].kept, 7);
}

static void
test_the_last_attempts_are_kept(void **state)
{
	struct log_attempt	*a;

	(void)state;
	for (uint32_t n = 2; n <= LOG_ATTEMPTS + 3; n++)
		log_add_attempt(the_log, n);
	for (uint32_t n = 1; n <= 3; n++) {
		a = log_drop_oldest(the_log);
		assert_int_equal(a->number, n);
		log_attempt_free(a);
	}
	assert_null(log_drop_oldest(the_log));
	assert_int_equal(the_log->dropped, 3);
	assert_null(log_find(the_log, 3));
	assert_non_null(log_find(the_log, 4));
	assert_int_equal(log_last(the_log)->number, LOG_ATTEMPTS + 3);
}

/* ---- the store ---- */

static void
make_two_attempts(void)
{
	say(LOG_STDOUT, "first");
	say_up_to(LOG_STDOUT, " and more", 9, true, 10);
	one->ended = true;
	one = log_add_attempt(the_log, 2);
	now_ms = 5000;
	say(LOG_STDERR, "second");
	say_up_to(LOG_STDERR, "in a file", 9, false, MAX);
	buf_free(&heard.text);
	log_take_spill(one, &heard.text);
}

static void
test_a_log_comes_back_from_its_text(void **state)
{
	struct buf	text = { 0 };
	struct log	*log;

	(void)state;
	make_two_attempts();
	log_print(the_log, &text);
	log = log_parse(7, (struct span){ buf_data(&text), buf_len(&text) });
	assert_non_null(log);
	assert_int_equal(log->bytes, the_log->bytes);
	assert_holds(&log_find(log, 1)->head, LOG_STDOUT, 0, "first and ");
	assert_true(log_truncated(log_find(log, 1), LOG_ALL));
	assert_int_equal(log_find(log, 1)->said, 14);
	assert_holds(&log_find(log, 2)->head, LOG_STDERR, 0, "second");
	assert_int_equal(log_find(log, 2)->filed, buf_len(&heard.text));
	assert_int_equal(log_find(log, 1)->filed, 0);
	assert_int_equal(log_find(log, 2)->lines[LOG_STDERR].kept, 15);
	log_free(log);
	buf_free(&text);
}

/* A store that was tampered with, or a bit that fell over: none of it is read beyond its end. */
static void
test_a_text_that_is_damaged_is_refused_or_read_within_bounds(void **state)
{
	struct buf	text = { 0 };
	unsigned	refused = 0;
	struct log	*log;
	struct buf	out = { 0 };

	(void)state;
	make_two_attempts();
	log_print(the_log, &text);
	for (size_t cut = 1; cut < buf_len(&text); cut++) {
		char	*copy = malloc(cut);

		memcpy(copy, buf_data(&text), cut);
		log = log_parse(7, (struct span){ copy, cut });
		refused += log == NULL;
		log_free(log);
		free(copy);
	}
	assert_in_range(refused, buf_len(&text) - 3, buf_len(&text));
	for (size_t i = 0; i < buf_len(&text) * 8; i++) {
		buf_data(&text)[i / 8] ^= (char)(1 << i % 8);
		if ((log = log_parse(7, (struct span){ buf_data(&text), buf_len(&text) })) != NULL)
			log_print(log, &out);
		log_free(log);
		buf_data(&text)[i / 8] ^= (char)(1 << i % 8);
	}
	buf_free(&out);
	buf_free(&text);
}

static void
test_records_of_a_file_that_was_cut_off_are_not_read(void **state)
{
	struct log_place	all = { .stream = LOG_ALL };
	struct log_piece	piece;
	size_t			at = 0;

	(void)state;
	assert_true(say_up_to(LOG_STDOUT, "whole", 5, false, MAX));
	now_ms++;
	assert_true(say_up_to(LOG_STDOUT, "cut off", 7, false, MAX));
	assert_int_equal(log_next(buf_data(&one->spill), buf_len(&one->spill) - 1, &at, &all, &piece), 1);
	all.next = 5;
	assert_int_equal(log_next(buf_data(&one->spill), buf_len(&one->spill) - 1, &at, &all, &piece), -1);
}

#define LOG_TEST(name)	cmocka_unit_test_setup_teardown(name, open_log, close_log)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		LOG_TEST(test_streams_are_apart_and_together_in_order),
		LOG_TEST(test_what_is_said_in_one_moment_is_one_piece),
		LOG_TEST(test_a_cut_character_waits_for_its_rest),
		LOG_TEST(test_a_character_that_comes_byte_by_byte_is_whole),
		LOG_TEST(test_a_cut_that_is_none_is_told_as_it_is),
		LOG_TEST(test_the_end_brings_what_was_cut),
		LOG_TEST(test_any_bytes_in_any_pieces_are_the_same_bytes),
		LOG_TEST(test_the_head_ends_and_the_rest_goes_to_the_file),
		LOG_TEST(test_without_memory_all_goes_to_the_file),
		LOG_TEST(test_small_pieces_do_not_fill_memory_with_their_records),
		LOG_TEST(test_a_stream_ends_at_its_limit_and_others_go_on),
		LOG_TEST(test_what_the_file_did_not_take_is_not_kept),
		LOG_TEST(test_the_last_attempts_are_kept),
		LOG_TEST(test_a_log_comes_back_from_its_text),
		LOG_TEST(test_a_text_that_is_damaged_is_refused_or_read_within_bounds),
		LOG_TEST(test_records_of_a_file_that_was_cut_off_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
