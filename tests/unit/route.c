/* route.c - the decision tree, as a table. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/route/route.h"
#include "workers/handler.h"

#define CPU	JOBD_CPU_BOUND
#define WAITS	JOBD_WAITS
#define SAFE	JOBD_THREAD_SAFE
#define I	JOBD_LANE_INLINE
#define A	JOBD_LANE_ASYNC
#define T	JOBD_LANE_THREAD
#define P	JOBD_LANE_PROCESS

struct row {
	const char	*what;
	uint32_t	 traits, lanes;
	bool		 run, start;
	int		 asked;
	size_t		 len;
	int		 rc;
	enum lane	 lane;
};

static const struct row	rows[] = {
	{ "small and in the inline table", 0, I | P, true, false, -1, 64, 0, LANE_INLINE },
	{ "at the inline bound", 0, I | P, true, false, -1, 4096, 0, LANE_INLINE },
	{ "above the inline bound", 0, I | P, true, false, -1, 4097, 0, LANE_PROCESS },
	{ "computes", CPU, T | P, true, false, -1, 64, 0, LANE_PROCESS },
	{ "computes and waits", CPU | WAITS | SAFE, A | T | P, true, true, -1, 64, 0,
	    LANE_PROCESS },
	{ "computes, process not safe", CPU | SAFE, T, true, false, -1, 64, 0, LANE_THREAD },
	{ "waits, asynchronous", WAITS, A, false, true, -1, 64, 0, LANE_ASYNC },
	{ "waits, both implementations", WAITS | SAFE, A | T | P, true, true, -1, 64, 0,
	    LANE_ASYNC },
	{ "waits, async not declared", WAITS | SAFE, T | P, true, true, -1, 64, 0, LANE_THREAD },
	{ "waits, blocking", WAITS | SAFE, T | P, true, false, -1, 64, 0, LANE_THREAD },
	{ "waits, blocking, not thread-safe", WAITS, P, true, false, -1, 64, 0, LANE_PROCESS },
	{ "waits, thread-safe, thread lane not declared", WAITS | SAFE, P, true, false, -1, 64, 0,
	    LANE_PROCESS },
	{ "neither computes nor waits", SAFE, T | P, true, false, -1, 64, 0, LANE_PROCESS },
	{ "neither, process not safe", SAFE, T, true, false, -1, 64, 0, LANE_THREAD },
	{ "neither, only async", 0, A, false, true, -1, 64, 0, LANE_ASYNC },
	{ "asked for, safe", CPU, T | P, true, false, LANE_THREAD, 64, 0, LANE_THREAD },
	{ "asked for, not safe", CPU, P, true, false, LANE_THREAD, 64, -EPERM, LANE_THREAD },
	{ "asked for, no implementation", WAITS, A | P, true, false, LANE_ASYNC, 64, -EPERM,
	    LANE_ASYNC },
	{ "asked for inline, small", 0, I | P, true, false, LANE_INLINE, 10, 0, LANE_INLINE },
	{ "asked for inline, large", 0, I | P, true, false, LANE_INLINE, 5000, -E2BIG,
	    LANE_INLINE },
	{ "asked for process, small and inline too", 0, I | P, true, false, LANE_PROCESS, 10, 0,
	    LANE_PROCESS },
};

static struct type
type_of(const struct row *r)
{
	return (struct type){ .name = (char *)(size_t)"t", .traits = r->traits, .lanes = r->lanes,
	    .has_run = r->run, .has_start = r->start };
}

static void
test_the_tree_chooses_the_lane_of_each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct type	t = type_of(&rows[i]);
		struct route	r;
		enum lane	lane;

		if (route_choose(&t, rows[i].asked, rows[i].len, &r) != rows[i].rc)
			fail_msg("%s", rows[i].what);
		assert_int_equal(route_lane(&t, rows[i].asked, rows[i].len, &lane), rows[i].rc);
		if (rows[i].rc != 0)
			continue;
		if (r.lane != rows[i].lane || lane != rows[i].lane)
			fail_msg("%s: lane %d", rows[i].what, (int)r.lane);
	}
}

static void
test_questions_come_in_order_and_end_with_the_one_that_decides(void **state)
{
	struct type	t = { .name = (char *)(size_t)"t", .traits = WAITS | SAFE, .lanes = T | P,
	    .has_run = true };
	struct route	r;
	static const char *const	questions[] = {
		"Was a lane asked for?",
		"Is it in the inline table, with a small payload?",
		"Is it CPU-bound?",
		"Does it wait, and has it an asynchronous implementation?",
		"Does it wait, blocking, and is it thread-safe?",
	};

	(void)state;
	assert_int_equal(route_choose(&t, -1, 10, &r), 0);
	assert_int_equal(r.asked, COUNT(questions));
	for (size_t i = 0; i < COUNT(questions); i++) {
		assert_string_equal(r.answers[i].question, questions[i]);
		assert_int_equal(r.answers[i].yes, i == COUNT(questions) - 1);
		assert_true(r.answers[i].evidence[0] != '\0');
	}
}

static void
test_a_refused_lane_keeps_the_answers_so_far(void **state)
{
	struct type	t = { .name = (char *)(size_t)"t", .traits = CPU, .lanes = T | P,
	    .has_run = true };
	struct route	r;

	(void)state;
	assert_int_equal(route_choose(&t, LANE_ASYNC, 10, &r), -EPERM);
	assert_int_equal(r.asked, 2);
	assert_true(r.answers[0].yes);
	assert_false(r.answers[1].yes);
	assert_string_equal(r.answers[1].evidence, "the type declares: thread, process");
}

static void
test_a_route_is_printed_with_its_evidence(void **state)
{
	struct type	t = { .name = (char *)(size_t)"t", .traits = CPU, .lanes = P,
	    .has_run = true };
	struct route	r;
	struct buf	out = { 0 };
	char		*text;

	(void)state;
	assert_int_equal(route_choose(&t, -1, 10, &r), 0);
	route_print(&r, &out);
	text = buf_take_string(&out);
	assert_string_equal(text, "{\"lane\":\"process\",\"questions\":["
	    "{\"question\":\"Was a lane asked for?\",\"answer\":\"no\","
	    "\"evidence\":\"the job names none\"},"
	    "{\"question\":\"Is it in the inline table, with a small payload?\",\"answer\":\"no\","
	    "\"evidence\":\"the type does not declare the inline lane\"},"
	    "{\"question\":\"Is it CPU-bound?\",\"answer\":\"yes\","
	    "\"evidence\":\"declared by the type\"}]}");
	free(text);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_the_tree_chooses_the_lane_of_each_row),
		cmocka_unit_test(test_questions_come_in_order_and_end_with_the_one_that_decides),
		cmocka_unit_test(test_a_refused_lane_keeps_the_answers_so_far),
		cmocka_unit_test(test_a_route_is_printed_with_its_evidence),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
