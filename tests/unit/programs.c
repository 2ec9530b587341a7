/* programs.c - what is known of programs that jobs name themselves. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/broker/route/programs.h"
#include "lib/map.h"
#include "workers/handler.h"

static struct span
text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static void
test_the_program_of_a_command_is_its_first_argument(void **state)
{
	static const struct {
		const char	*args, *name;		/* NULL: none is kept */
	} rows[] = {
		{ "{\"argv\":[\"make\",\"all\"]}", "make" },
		{ "{\"cwd\":\"/\",\"argv\":[\"/bin/true\"]}", "/bin/true" },
		{ "{\"argv\":[\"b\\u00fccher\"]}", "b\xc3\xbc" "cher" },
		{ "{\"argv\":[\"a\\nb\"]}", NULL },
		{ "{\"argv\":[\"a\\u0000b\"]}", NULL },
		{ "{\"argv\":[\"\"]}", NULL },
		{ "{\"argv\":[]}", NULL },
		{ "{\"argv\":[7]}", NULL },
		{ "{\"argv\":\"make\"}", NULL },
		{ "{}", NULL },
		{ "null", NULL },
		{ "", NULL },
	};
	struct buf	scratch = { 0 };
	struct span	name;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool	is = programs_name(text(rows[i].args), &scratch, &name);

		if (is != (rows[i].name != NULL))
			fail_msg("%s", rows[i].args);
		if (is) {
			assert_int_equal(name.len, strlen(rows[i].name));
			assert_memory_equal(name.p, rows[i].name, name.len);
		}
	}
	buf_free(&scratch);
}

static void
test_the_program_used_least_lately_makes_room(void **state)
{
	struct programs	*all = programs_new();
	char		 name[32];

	(void)state;
	for (int i = 0; i < PROGRAMS_MAX; i++) {
		assert_null(programs_oldest(all));
		snprintf(name, sizeof(name), "p%d", i);
		programs_get(all, text(name))->profile.stalls = (uint64_t)i;
	}
	programs_get(all, text("p0"));			/* used again */
	assert_memory_equal(programs_oldest(all)->name, "p1", 2);
	programs_get(all, text("new"));
	assert_null(programs_find(all, text("p1")));
	assert_non_null(programs_find(all, text("p0")));
	assert_int_equal(programs_find(all, text("p7"))->profile.stalls, 7);
	programs_free(all);
}

/* Two programs of one type go to different lanes, and a pin is for both. */
static void
test_a_program_is_routed_by_what_it_does_itself(void **state)
{
	struct type_route	 tr = { .pinned = -1 };
	struct type		 t = { .name = (char[]){ "command" }, .spec = (char[]){ PROGRAMS_FREE_SPEC "}" },
	    .lanes = JOBD_LANE_PROCESS | JOBD_LANE_ASYNC, .has_run = true, .has_start = true, .route = &tr };
	struct programs		*all = programs_new();
	struct program		*waits = programs_get(all, text("sleep"));
	struct program		*computes = programs_get(all, text("make"));
	struct program_view	 v;
	enum lane		 lane;

	(void)state;
	assert_true(programs_has(&t));
	for (int i = 0; i < PROFILE_SAMPLES; i++) {
		struct profile_sample	s = { .lane = LANE_PROCESS, .ran_ns = 1000, .share = 0.01 };

		assert_int_equal(route_lane(programs_view(&t, waits, &v), -1, 2, &lane), 0);
		assert_int_equal(lane, LANE_PROCESS);
		profile_add(&waits->profile, &s, i);
		s.share = 0.99;
		profile_add(&computes->profile, &s, i);
	}
	assert_int_equal(route_lane(programs_view(&t, waits, &v), -1, 2, &lane), 0);
	assert_int_equal(lane, LANE_ASYNC);
	assert_int_equal(route_lane(programs_view(&t, computes, &v), -1, 2, &lane), 0);
	assert_int_equal(lane, LANE_PROCESS);
	assert_int_equal(route_lane(programs_view(&t, computes, &v), LANE_ASYNC, 2, &lane), 0);
	assert_int_equal(lane, LANE_ASYNC);
	tr.mode = ROUTE_PIN;
	tr.pinned = LANE_PROCESS;
	assert_int_equal(route_lane(programs_view(&t, waits, &v), -1, 2, &lane), 0);
	assert_int_equal(lane, LANE_PROCESS);
	t.spec = NULL;
	assert_false(programs_has(&t));
	programs_free(all);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_the_program_of_a_command_is_its_first_argument),
		cmocka_unit_test(test_the_program_used_least_lately_makes_room),
		cmocka_unit_test(test_a_program_is_routed_by_what_it_does_itself),
	};

	map_seed(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
