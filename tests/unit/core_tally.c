/* core_tally.c - what is counted of jobs by queue and type, and that there is an end to names. */
#include "tests/unit/core_rig.h"
#include "tests/unit/offers.h"

#include <string.h>

#include "daemon/broker/core/core.h"
#include "daemon/broker/core/tally.h"

static struct job *
submit(struct world *w, struct type *type, const char *queue, enum lane lane)
{
	return world_submit(w, type, lane, (struct jobspec){ .queue = span(queue), .lane = -1,
	    .on_lost = ON_LOST_REQUEUE });
}

/* The attempt that starts next; ends of jobs are told on the way.  NULL: none starts. */
static struct attempt *
start(struct world *w)
{
	struct effect	e;

	while (core_next_effect(w->c, w->now, &e)) {
		core_check(w->c);
		if (e.kind == EFFECT_START)
			return e.attempt;
	}
	return NULL;
}

static const struct tally *
tally_of(const struct world *w, const char *queue, const char *type)
{
	const struct tally	*t;

	for (size_t at = 0; (t = core_tally_next(w->c, &at)) != NULL; )
		if (strcmp(t->queue, queue) == 0 && strcmp(t->type, type) == 0)
			return t;
	return NULL;
}

static size_t
tallies(const struct world *w)
{
	size_t	count = 0;

	for (size_t at = 0; core_tally_next(w->c, &at) != NULL; )
		count++;
	return count;
}

static void
test_an_attempt_counts_by_how_long_it_waited_and_ran(void **state)
{
	struct world			*w = *state;
	const uint32_t			 slots[LANES] = { [LANE_THREAD] = 1 };
	const struct tally_lane		*l;
	struct attempt			*at;

	submit(w, w->type, "mail", LANE_THREAD);
	world_pass(w, 30);
	offer_up(w->c, w->now, 7, slots, 0);
	assert_non_null(at = start(w));
	world_pass(w, 400);
	world_done(w, at, ATTEMPT_OK);
	assert_int_equal(tally_of(w, "mail", "work")->submitted, 1);
	assert_non_null(l = tally_of(w, "mail", "work")->lanes[LANE_THREAD]);
	assert_int_equal(l->finished[JOB_succeeded], 1);
	assert_int_equal(l->waited.count, 1);
	assert_int_equal(l->waited.counts[buckets_index(30 * MS)], 1);
	assert_int_equal(l->ran[TALLY_SUCCEEDED]->counts[buckets_index(400 * MS)], 1);
	assert_true(l->ran[TALLY_SUCCEEDED]->sum_s > 0.3999 && l->ran[TALLY_SUCCEEDED]->sum_s < 0.4001);
	assert_null(l->ran[TALLY_FAILED]);
}

static void
test_what_its_worker_says_is_how_long_it_ran(void **state)
{
	struct world	*w = *state;
	const uint32_t	 slots[LANES] = { [LANE_THREAD] = 1 };
	struct attempt	*at;

	offer_up(w->c, w->now, 7, slots, 0);
	submit(w, w->type, "mail", LANE_THREAD);
	assert_non_null(at = start(w));
	world_pass(w, 400);
	at->ran_ns = 3 * MS;
	world_done(w, at, ATTEMPT_FAILED);
	assert_int_equal(tally_of(w, "mail", "work")->lanes[LANE_THREAD]->ran[TALLY_FAILED]->counts[
	    buckets_index(3 * MS)], 1);
}

/* One that stands behind another in its worker waits still. */
static void
test_waiting_behind_another_attempt_is_waiting(void **state)
{
	struct world		*w = *state;
	struct worker_offer	 offer = { .fifo = true, .killable = true };
	const struct tally_lane	*l;
	struct attempt		*first, *second;

	offer.slots[LANE_PROCESS] = 4;
	core_worker_up(w->c, w->now, 3, &offer);
	w->type->mean_ns = 1;
	w->type->samples = 100;
	submit(w, w->type, "mail", LANE_PROCESS);
	submit(w, w->type, "mail", LANE_PROCESS);
	assert_non_null(first = start(w));
	assert_non_null(second = start(w));
	assert_non_null(l = tally_of(w, "mail", "work")->lanes[LANE_PROCESS]);
	assert_int_equal(l->waited.count, 1);
	world_pass(w, 600);
	world_done(w, first, ATTEMPT_OK);
	assert_int_equal(l->waited.count, 2);
	assert_int_equal(l->waited.counts[buckets_index(600 * MS)], 1);
	world_pass(w, 20);
	world_done(w, second, ATTEMPT_OK);
	assert_int_equal(l->ran[TALLY_SUCCEEDED]->counts[buckets_index(20 * MS)], 1);
}

static void
test_an_attempt_without_room_was_none(void **state)
{
	struct world	*w = *state;
	const uint32_t	 slots[LANES] = { [LANE_THREAD] = 1 };

	offer_up(w->c, w->now, 7, slots, 0);
	submit(w, w->type, "mail", LANE_THREAD);
	core_attempt_refused(w->c, w->now, start(w));
	assert_int_equal(tally_of(w, "mail", "work")->lanes[LANE_THREAD]->waited.count, 0);
}

static enum suspicion
nobody(void *ctx, const struct job *j)
{
	(void)ctx;
	(void)j;
	return SUSPECT_NO;
}

static void
test_an_attempt_that_is_lost_or_cancelled_counts_as_such(void **state)
{
	struct world		*w = *state;
	const uint32_t		 slots[LANES] = { [LANE_THREAD] = 1 };
	const struct tally_lane	*l;
	struct attempt		*at;

	offer_up(w->c, w->now, 7, slots, 0);
	submit(w, w->type, "mail", LANE_THREAD);
	assert_non_null(start(w));
	core_worker_lost(w->c, w->now, 7, "killed", nobody, NULL);
	assert_non_null(l = tally_of(w, "mail", "work")->lanes[LANE_THREAD]);
	assert_int_equal(l->ran[TALLY_LOST]->count, 1);
	offer_up(w->c, w->now, 8, slots, 0);
	assert_non_null(at = start(w));
	assert_int_equal(core_cancel(w->c, w->now, at->job), 0);
	world_done(w, at, ATTEMPT_CANCELLED);
	assert_int_equal(l->ran[TALLY_CANCELLED]->count, 1);
	assert_int_equal(l->finished[JOB_cancelled], 1);
	assert_int_equal(l->waited.count, 2);
}

static void
test_a_clock_that_is_set_back_makes_no_negative_wait(void **state)
{
	struct world	*w = *state;
	const uint32_t	 slots[LANES] = { [LANE_THREAD] = 1 };

	submit(w, w->type, "mail", LANE_THREAD);
	w->now.real_ms -= 3600000;
	offer_up(w->c, w->now, 7, slots, 0);
	assert_non_null(start(w));
	assert_int_equal(tally_of(w, "mail", "work")->lanes[LANE_THREAD]->waited.counts[0], 1);
	assert_true(tally_of(w, "mail", "work")->lanes[LANE_THREAD]->waited.sum_s >= 0);
}

/* Names come from clients: beyond the table first the queue is not told, then nothing. */
static void
test_more_queues_than_the_table_has_are_counted_together(void **state)
{
	struct world	*w = *state;
	char		 queue[24];
	uint64_t	 sum = 0;
	const struct tally *t;

	for (int i = 0; i < 3 * TALLY_PAIRS; i++) {
		snprintf(queue, sizeof(queue), "q%d", i);
		submit(w, w->type, queue, LANE_THREAD);
	}
	assert_int_equal(tallies(w), TALLY_PAIRS + 1);
	assert_int_equal(tally_of(w, "q0", "work")->submitted, 1);
	assert_int_equal(tally_of(w, TALLY_OTHER, "work")->submitted, 2 * TALLY_PAIRS);
	submit(w, w->type, "q0", LANE_THREAD);
	assert_int_equal(tally_of(w, "q0", "work")->submitted, 2);
	for (int i = 0; i < 2 * TALLY_TYPES; i++) {
		struct type	 declared = { .name = queue };

		snprintf(queue, sizeof(queue), "type%d", i);
		submit(w, core_type_define(w->c, &declared), "q0", LANE_THREAD);
	}
	assert_int_equal(tallies(w), TALLY_PAIRS + TALLY_TYPES + 1);
	assert_int_equal(tally_of(w, TALLY_OTHER, TALLY_OTHER)->submitted, TALLY_TYPES + 1);
	for (size_t at = 0; (t = core_tally_next(w->c, &at)) != NULL; )
		sum += t->submitted;
	assert_int_equal(sum, 3 * TALLY_PAIRS + 1 + 2 * TALLY_TYPES);
}

/* A queue is forgotten when it is empty; what was counted of it is not. */
static void
test_counts_outlive_their_queue(void **state)
{
	struct world	*w = *state;
	struct job	*j = submit(w, w->type, "once", LANE_THREAD);

	assert_int_equal(core_cancel(w->c, w->now, j), 0);
	start(w);
	assert_int_equal(core_forget(w->c, w->now, j), 0);
	start(w);
	start(w);
	assert_null(core_find(w->c, 1));
	assert_int_equal(tally_of(w, "once", "work")->submitted, 1);
	submit(w, w->type, "once", LANE_THREAD);
	assert_int_equal(tally_of(w, "once", "work")->submitted, 2);
}

int
main(void)
{
#define test(name)	cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
	const struct CMUnitTest	tests[] = {
		test(test_an_attempt_counts_by_how_long_it_waited_and_ran),
		test(test_what_its_worker_says_is_how_long_it_ran),
		test(test_waiting_behind_another_attempt_is_waiting),
		test(test_an_attempt_without_room_was_none),
		test(test_an_attempt_that_is_lost_or_cancelled_counts_as_such),
		test(test_a_clock_that_is_set_back_makes_no_negative_wait),
		test(test_more_queues_than_the_table_has_are_counted_together),
		test(test_counts_outlive_their_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
