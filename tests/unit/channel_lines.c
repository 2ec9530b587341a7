/* channel_lines.c - what attempts say, through a channel. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/channel_layout.h"

#define DEPTH		8
#define ARENA_BYTES	8192

struct ends {
	struct channel		*ch;
	struct channel_worker	*w;
	struct shm_layout	 at;
	struct shm_b		*b;
	struct channel_entry	 running[DEPTH];
};

/* Both ends, and so many attempts that the worker has taken; the tag of each is its entry. */
static void
ends_init(struct ends *e, uint32_t first, unsigned runs)
{
	const struct channel_config	cfg = { .kick = CHANNEL_KICK_SOCKET, .depth = DEPTH, .runs = 1,
		.in_bytes = ARENA_BYTES, .out_bytes = ARENA_BYTES };
	struct channel_fds		fds;
	uint64_t			token;

	assert_int_equal(channel_new_at(&cfg, 3, first, &e->ch, &fds), 0);
	assert_int_equal(shm_layout(DEPTH, 1, ARENA_BYTES, ARENA_BYTES, &e->at), 0);
	e->b = mmap(NULL, e->at.b_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds.b, 0);
	assert_true(e->b != MAP_FAILED);
	assert_int_equal(channel_attach(&fds, &e->w), 0);
	for (unsigned i = 0; i < runs; i++) {
		struct channel_submit	s = { .op = CHANNEL_OP_RUN, .tag = &e->running[i], .out_cap = 16 };

		assert_int_equal(channel_submit(e->ch, &s, &token), 0);
		channel_publish(e->ch);
		assert_true(channel_take(e->w, &e->running[i]));
	}
}

static void
ends_free(struct ends *e)
{
	munmap(e->b, e->at.b_bytes);
	channel_detach(e->w);
	channel_free(e->ch);
}

static bool
say(struct ends *e, unsigned who, const char *text)
{
	return channel_say(e->w, e->running[who].token, 1234, text, strlen(text), 0);
}

/* Nothing has ended; what was said can be taken. */
static void
look(struct ends *e)
{
	struct channel_completion	 c;
	const char			*why;

	assert_int_equal(channel_harvest(e->ch, &c, &why), 0);
}

static void
hear(struct ends *e, unsigned who, const char *text)
{
	struct channel_line	 line;
	const char		*why;

	assert_int_equal(channel_line_next(e->ch, &line, &why), 1);
	assert_ptr_equal(line.tag, &e->running[who]);
	assert_int_equal(line.at_ms, 1234);
	assert_int_equal(line.len, strlen(text));
	assert_memory_equal(line.text, text, line.len);
}

static bool
nothing_said(struct ends *e)
{
	struct channel_line	 line;
	const char		*why;

	return channel_line_next(e->ch, &line, &why) == 0;
}

static bool
readable(int fd)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
test_lines_come_in_order_with_who_said_them(void **state)
{
	struct ends	e;

	(void)state;
	ends_init(&e, 0, 2);
	assert_true(say(&e, 1, "one") && say(&e, 0, "two") && say(&e, 1, "a line of 24 bytes ......"));
	assert_true(nothing_said(&e));			/* not looked yet */
	look(&e);
	hear(&e, 1, "one");
	hear(&e, 0, "two");
	hear(&e, 1, "a line of 24 bytes ......");
	assert_true(nothing_said(&e));
	ends_free(&e);
}

static void
test_a_line_comes_before_the_end_of_its_attempt_and_never_after(void **state)
{
	struct channel_completion	 c;
	struct ends			 e;
	const char			*why;

	(void)state;
	ends_init(&e, 0, 2);
	say(&e, 0, "last words");
	channel_complete(e.w, &e.running[0], CHANNEL_OK, 0, 0);
	say(&e, 1, "goes on");
	channel_complete(e.w, &e.running[1], CHANNEL_OK, 0, 0);
	assert_int_equal(channel_harvest(e.ch, &c, &why), 1);
	hear(&e, 0, "last words");
	hear(&e, 1, "goes on");
	channel_release(e.ch, c.token);
	assert_int_equal(channel_harvest(e.ch, &c, &why), 1);
	assert_true(nothing_said(&e));
	channel_release(e.ch, c.token);
	ends_free(&e);
}

static void
test_the_ring_goes_round_and_so_do_its_positions(void **state)
{
	static const uint32_t	firsts[] = { 0, 0xfffffffc, 0xfffffff0 - SHM_LINES_BYTES };
	char			text[CHANNEL_LINE_BYTES + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		struct ends	e;

		ends_init(&e, firsts[i], 1);
		for (unsigned n = 0; n < 3 * SHM_LINES_BYTES / CHANNEL_LINE_BYTES; n++) {
			snprintf(text, sizeof(text), "%0*u", (int)(1 + n * 7 % CHANNEL_LINE_BYTES), n);
			assert_true(say(&e, 0, text));
			look(&e);
			hear(&e, 0, text);
		}
		ends_free(&e);
	}
}

static void
test_a_full_ring_takes_no_line_and_keeps_a_little_for_the_lost_ones(void **state)
{
	struct channel_line	 line;
	struct ends		 e;
	const char		*why;
	unsigned		 said = 0;

	(void)state;
	ends_init(&e, 0, 1);
	while (say(&e, 0, "eight by"))
		said++;
	assert_int_equal(said, (SHM_LINES_BYTES - SHM_LINES_SPARE) / 32);
	assert_true(channel_say(e.w, e.running[0].token, 1234, "", 0, 5));
	look(&e);
	while (said-- > 0)
		hear(&e, 0, "eight by");
	assert_int_equal(channel_line_next(e.ch, &line, &why), 1);
	assert_int_equal(line.lost, 5);
	assert_int_equal(line.len, 0);
	assert_true(say(&e, 0, "there is room again"));
	look(&e);
	hear(&e, 0, "there is room again");
	ends_free(&e);
}

static void
test_a_line_wakes_the_broker_once_per_sleep_and_is_no_idle_wake(void **state)
{
	struct ends	 e;
	const char	*why;
	uint64_t	 events;

	(void)state;
	ends_init(&e, 0, 1);
	say(&e, 0, "it does not sleep");
	assert_false(readable(channel_event_fd(e.ch)));
	assert_true(channel_pending(e.ch));
	look(&e);
	hear(&e, 0, "it does not sleep");
	assert_false(channel_pending(e.ch));
	for (unsigned i = 0; i < 3000; i++) {
		channel_arm(e.ch);
		channel_fence();
		assert_false(channel_pending(e.ch));
		assert_true(say(&e, 0, "wake up") && say(&e, 0, "once"));
		assert_true(readable(channel_event_fd(e.ch)));
		assert_int_equal(read(channel_event_fd(e.ch), &events, sizeof(events)), sizeof(events));
		assert_int_equal(events, 1);
		channel_disarm(e.ch);
		assert_int_equal(channel_woken(e.ch, &why), 0);
		look(&e);
		hear(&e, 0, "wake up");
		hear(&e, 0, "once");
	}
	ends_free(&e);
}

/* ---- lies ---- */

static struct shm_line *
record(struct ends *e)
{
	return (struct shm_line *)(void *)((char *)e->b + e->at.lines);
}

static void wrong_token(struct ends *e) { record(e)->token ^= 1; }
static void no_token(struct ends *e) { record(e)->token = 0; }
static void long_line(struct ends *e) { record(e)->len = CHANNEL_LINE_BYTES + 1; }
static void longer_than_there_is(struct ends *e) { record(e)->len = 17; }
static void half_a_head(struct ends *e) { atomic_store(&e->b->lines_tail, 16); }
static void too_many(struct ends *e) { atomic_store(&e->b->lines_tail, SHM_LINES_BYTES + 8); }
static void backwards(struct ends *e) { atomic_store(&e->b->lines_tail, 0u - 8); }

static void
test_a_lie_breaks_the_channel(void **state)
{
	static const struct {
		void		(*lie)(struct ends *e);
		const char	*why;
	} rows[] = {
		{ wrong_token, "a line of an attempt that is not in flight" },
		{ no_token, "a line of an attempt that is not in flight" },
		{ long_line, "a line that is not all there" },
		{ longer_than_there_is, "a line that is not all there" },
		{ half_a_head, "a line that is not all there" },
		{ too_many, "more lines than there is room for" },
		{ backwards, "more lines than there is room for" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct channel_completion	 c;
		struct channel_line		 line;
		const char			*why = "";
		struct ends			 e;

		ends_init(&e, 0, 1);
		assert_true(say(&e, 0, "sixteen bytes ok"));
		rows[i].lie(&e);
		look(&e);
		assert_int_equal(channel_line_next(e.ch, &line, &why), -EPROTO);
		assert_string_equal(why, rows[i].why);
		assert_int_equal(channel_harvest(e.ch, &c, &why), -EPROTO);
		assert_string_equal(why, rows[i].why);
		assert_false(channel_pending(e.ch));
		ends_free(&e);
	}
}

static void
test_only_a_run_has_lines(void **state)
{
	struct channel_submit	 s = { .op = CHANNEL_OP_DROP };
	struct channel_line	 line;
	const char		*why;
	struct ends		 e;
	uint64_t		 token;

	(void)state;
	ends_init(&e, 0, 0);
	assert_int_equal(channel_submit(e.ch, &s, &token), 0);
	assert_true(channel_say(e.w, token, 1234, "x", 1, 0));
	look(&e);
	assert_int_equal(channel_line_next(e.ch, &line, &why), -EPROTO);
	ends_free(&e);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_lines_come_in_order_with_who_said_them),
		cmocka_unit_test(test_a_line_comes_before_the_end_of_its_attempt_and_never_after),
		cmocka_unit_test(test_the_ring_goes_round_and_so_do_its_positions),
		cmocka_unit_test(test_a_full_ring_takes_no_line_and_keeps_a_little_for_the_lost_ones),
		cmocka_unit_test(test_a_line_wakes_the_broker_once_per_sleep_and_is_no_idle_wake),
		cmocka_unit_test(test_a_lie_breaks_the_channel),
		cmocka_unit_test(test_only_a_run_has_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
