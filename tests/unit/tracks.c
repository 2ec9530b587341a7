/* tracks.c - rules of client/tracks: slices on tracks, whatever order they come in. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "client/tracks.h"

static uint32_t
place(struct tracks *t, int64_t from, int64_t to)
{
	return tracks_place(t, "w", from, to).number;
}

static void
test_what_follows_each_other_is_on_one_track(void **state)
{
	struct tracks	t = { 0 };

	(void)state;
	assert_int_equal(place(&t, 30, 40), 1);
	assert_int_equal(place(&t, 10, 20), 1);
	assert_int_equal(place(&t, 20, 30), 1);		/* touches both */
	assert_int_equal(place(&t, 50, 60), 1);
	assert_int_equal(place(&t, 40, 50), 1);
	assert_int_equal(place(&t, 5, 10), 1);
	assert_int_equal(place(&t, 60, 60), 1);
	assert_int_equal(place(&t, 5, 60), 2);
	tracks_free(&t);
}

static void
test_what_overlaps_is_on_another_one(void **state)
{
	struct tracks	t = { 0 };

	(void)state;
	assert_int_equal(place(&t, 10, 20), 1);
	assert_int_equal(place(&t, 19, 21), 2);
	assert_int_equal(place(&t, 9, 11), 2);
	assert_int_equal(place(&t, 10, 20), 3);
	assert_int_equal(place(&t, 12, 13), 2);		/* which has a gap there */
	assert_int_equal(place(&t, 15, 15), 2);
	assert_int_equal(place(&t, 14, 16), 4);		/* and now no more */
	assert_int_equal(place(&t, 0, 100), 5);
	tracks_free(&t);
}

static void
test_workers_have_tracks_of_their_own(void **state)
{
	struct tracks	t = { 0 };
	struct track	a = tracks_place(&t, "cpu-1", 1, 5), b = tracks_place(&t, "cpu-2", 1, 5),
			c = tracks_place(&t, "cpu-1", 2, 3), d = tracks_place(&t, "cpu-1", 6, 7);

	(void)state;
	assert_true(a.fresh_worker && a.fresh && b.fresh_worker && b.fresh);
	assert_int_not_equal(a.worker, b.worker);
	assert_true(!c.fresh_worker && c.fresh && c.worker == a.worker && c.number == 2);
	assert_true(!d.fresh_worker && !d.fresh && d.number == 1);
	tracks_free(&t);
}

#define SLICES	4000

struct slice {
	int64_t	from, to;
};

static int
by_start(const void *a, const void *b)
{
	const struct slice	*x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* One at a time, in disorder: a track is enough, and none overlaps. */
static void
test_a_worker_that_ran_one_at_a_time_has_one_track_in_any_order(void **state)
{
	struct tracks	t = { 0 };
	struct slice	all[SLICES];
	int64_t		now = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < SLICES; i++) {
		now += rand() % 3;
		all[i].from = now;
		now += rand() % 4;
		all[i].to = now;
	}
	for (int i = SLICES - 1; i > 0; i--) {
		int		k = rand() % (i + 1);
		struct slice	s = all[i];

		all[i] = all[k];
		all[k] = s;
	}
	for (int i = 0; i < SLICES; i++)
		assert_int_equal(place(&t, all[i].from, all[i].to), 1);
	tracks_free(&t);
}

static void
test_no_two_of_a_track_overlap_whatever_comes(void **state)
{
	static struct slice	on[64][SLICES];
	size_t			len[64] = { 0 };
	struct tracks		t = { 0 };

	(void)state;
	srand(11);
	for (int i = 0; i < SLICES; i++) {
		struct slice	s = { .from = rand() % 20000 };
		uint32_t	track;

		s.to = s.from + rand() % 60;
		track = place(&t, s.from, s.to);
		assert_in_range(track, 1, 63);
		on[track][len[track]++] = s;
	}
	for (int i = 1; i < 64; i++) {
		qsort(on[i], len[i], sizeof(on[i][0]), by_start);
		for (size_t k = 1; k < len[i]; k++)
			assert_true(on[i][k].from >= on[i][k - 1].to ||
			    (on[i][k].from == on[i][k - 1].from && on[i][k].from == on[i][k].to));
	}
	tracks_free(&t);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_what_follows_each_other_is_on_one_track),
		cmocka_unit_test(test_what_overlaps_is_on_another_one),
		cmocka_unit_test(test_workers_have_tracks_of_their_own),
		cmocka_unit_test(test_a_worker_that_ran_one_at_a_time_has_one_track_in_any_order),
		cmocka_unit_test(test_no_two_of_a_track_overlap_whatever_comes),
	};

	return cmocka_run_group_tests_name("tracks", tests, NULL, NULL);
}
