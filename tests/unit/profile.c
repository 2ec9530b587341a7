/* profile.c - verdicts from sequences of samples, as tables of rows. */
#include "tests/unit/unit.h"

#include <string.h>

#include "daemon/broker/route/profile.h"

#define MS	INT64_C(1000000)
#define S	(1000 * MS)

/* So many samples of a share, one each step_ms; then this must hold. */
struct phase {
	unsigned		count;
	double			share;
	int64_t			step_ms;
	enum profile_verdict	verdict;
	unsigned		changes;	/* of the verdict, in this phase */
};

struct life {
	const char	*what;
	struct phase	 phases[5];
};

static const struct life	lives[] = {
	{ "nothing is said of 19 samples", { { 19, 1.0, 1, PROFILE_UNKNOWN, 0 } } },
	{ "the 20th decides", { { 20, 1.0, 1, PROFILE_COMPUTES, 1 } } },
	{ "the 20th decides, the other way", { { 20, 0.0, 1, PROFILE_WAITS, 1 } } },
	{ "between the thresholds nothing is said", { { 500, 0.5, 100, PROFILE_UNKNOWN, 0 } } },
	{ "at the thresholds nothing is said", {
	    { 500, 0.7, 100, PROFILE_UNKNOWN, 0 } } },
	{ "what computes and then does both still computes", {
	    { 100, 0.9, 1000, PROFILE_COMPUTES, 1 }, { 500, 0.4, 1000, PROFILE_COMPUTES, 0 } } },
	{ "what waits and then does both still waits", {
	    { 100, 0.1, 1000, PROFILE_WAITS, 1 }, { 500, 0.6, 1000, PROFILE_WAITS, 0 } } },
	{ "a new life is seen, within some samples", {
	    { 1000, 1.0, 100, PROFILE_COMPUTES, 1 }, { 36, 0.0, 1000, PROFILE_COMPUTES, 0 },
	    { 10, 0.0, 1000, PROFILE_WAITS, 1 } } },
	{ "but not sooner than its dwell time", {
	    { 20, 1.0, 1, PROFILE_COMPUTES, 1 }, { 9000, 0.0, 1, PROFILE_COMPUTES, 0 },
	    { 2000, 0.0, 1, PROFILE_WAITS, 1 } } },
	{ "one that goes to and fro moves once in its dwell time", {
	    { 100, 1.0, 1, PROFILE_COMPUTES, 1 }, { 100, 0.0, 1, PROFILE_COMPUTES, 0 },
	    { 100, 1.0, 1, PROFILE_COMPUTES, 0 }, { 100, 0.0, 1, PROFILE_COMPUTES, 0 },
	    { 11000, 0.0, 1, PROFILE_WAITS, 1 } } },
};

static void
live(const struct life *l)
{
	struct profile	p = { 0 };
	int64_t		now_ns = 1;

	for (size_t i = 0; i < COUNT(l->phases) && l->phases[i].count > 0; i++) {
		const struct phase	*phase = &l->phases[i];
		unsigned		 changes = 0;

		for (unsigned k = 0; k < phase->count; k++) {
			struct profile_sample	s = { .lane = LANE_THREAD, .ran_ns = MS,
				.share = phase->share, .queue_known = true };

			changes += profile_add(&p, &s, now_ns);
			now_ns += phase->step_ms * MS;
		}
		if (p.verdict != phase->verdict || changes != phase->changes)
			fail_msg("%s: phase %zu: verdict %u, %u changes, mean %.3f", l->what, i,
			    p.verdict, changes, p.share.mean);
	}
}

static void
test_verdicts_follow_from_the_samples_of_each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lives); i++)
		live(&lives[i]);
}

static void
test_a_mean_forgets_and_knows_its_deviation(void **state)
{
	struct profile	p = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct profile_sample	s = { .lane = LANE_PROCESS, .ran_ns = 5 * MS,
			.share = i % 2 == 0 ? 0.4 : 0.6 };

		profile_add(&p, &s, i);
	}
	assert_true(p.share.mean > 0.49 && p.share.mean < 0.51);
	assert_true(profile_deviation(&p.share) > 0.09 && profile_deviation(&p.share) < 0.11);
	assert_true(p.ran_ns[LANE_PROCESS].mean == 5.0 * MS);
	assert_true(profile_deviation(&p.ran_ns[LANE_PROCESS]) == 0.0);
	assert_int_equal(p.ran_ns[LANE_THREAD].samples, 0);
	assert_int_equal(p.share.samples, 1000);
	assert_int_equal(p.blind, 1000);
}

static void
test_the_first_samples_all_count_the_same(void **state)
{
	struct profile	p = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct profile_sample	s = { .lane = LANE_THREAD, .share = i < 5 ? 0.0 : 1.0 };

		profile_add(&p, &s, i);
	}
	assert_true(p.share.mean > 0.4999 && p.share.mean < 0.5001);
	assert_true(profile_deviation(&p.share) > 0.499 && profile_deviation(&p.share) < 0.501);
}

static void
test_a_sample_without_a_share_leaves_the_verdict_alone(void **state)
{
	struct profile	p = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct profile_sample	s = { .lane = LANE_ASYNC, .ran_ns = MS, .share = -1 };

		assert_false(profile_add(&p, &s, i));
	}
	assert_int_equal(p.share.samples, 0);
	assert_int_equal(p.ran_ns[LANE_ASYNC].samples, 1000);
}

static void
test_slow_inline_runs_are_found_with_the_20th(void **state)
{
	static const struct {
		int64_t	ran_ns;
		bool	slow;
	} rows[] = { { 3000, false }, { 49999, false }, { 50000, true }, { 9 * MS, true } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct profile	p = { 0 };

		for (int k = 1; k <= 100; k++) {
			struct profile_sample	s = { .lane = LANE_INLINE,
				.ran_ns = rows[i].ran_ns, .share = -1 };

			assert_int_equal(profile_add(&p, &s, k),
			    rows[i].slow && k == PROFILE_SAMPLES);
		}
		assert_int_equal(p.slow_inline, rows[i].slow);
	}
}

static void
test_slow_runs_elsewhere_say_nothing_of_the_inline_lane(void **state)
{
	struct profile	p = { 0 };

	(void)state;
	for (int k = 0; k < 100; k++) {
		struct profile_sample	s = { .lane = LANE_PROCESS, .ran_ns = 9 * MS, .share = -1 };

		profile_add(&p, &s, k);
	}
	assert_false(p.slow_inline);
}

static void
test_one_stall_is_enough_and_is_counted_once(void **state)
{
	struct profile		p = { 0 };
	struct profile_sample	s = { .lane = LANE_ASYNC, .share = -1, .stall_ms = 60 };

	(void)state;
	assert_true(profile_add(&p, &s, 1));
	assert_true(p.blocks);
	assert_int_equal(p.stalls, 1);
	assert_false(profile_stall(&p, 70));	/* another one, told while it lasts */
	assert_int_equal(p.stalls, 2);
	s.stall_told = true;			/* and its end: it was longer */
	s.stall_ms = 300;
	assert_false(profile_add(&p, &s, 2));
	assert_int_equal(p.stalls, 2);
	assert_int_equal(p.stall_ms, 300);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_verdicts_follow_from_the_samples_of_each_row),
		cmocka_unit_test(test_a_mean_forgets_and_knows_its_deviation),
		cmocka_unit_test(test_the_first_samples_all_count_the_same),
		cmocka_unit_test(test_a_sample_without_a_share_leaves_the_verdict_alone),
		cmocka_unit_test(test_slow_inline_runs_are_found_with_the_20th),
		cmocka_unit_test(test_slow_runs_elsewhere_say_nothing_of_the_inline_lane),
		cmocka_unit_test(test_one_stall_is_enough_and_is_counted_once),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
