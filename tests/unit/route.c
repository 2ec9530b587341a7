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

/* ---- what was measured ---- */

/* A verdict (enum profile_verdict), what else was found, and the mode. */
struct measured_row {
	const char	*what;
	uint32_t	 traits, lanes;
	bool		 run, start;
	int		 verdict;
	bool		 blocks, slow;
	int		 mode, pinned;
	size_t		 len;
	enum lane	 lane;
};

static const struct measured_row	measured_rows[] = {
	{ "says it waits, computes", WAITS | SAFE, A | T | P, true, true, PROFILE_COMPUTES, 0, 0,
	    ROUTE_AUTO, -1, 64, LANE_PROCESS },
	{ "the same, advice only", WAITS | SAFE, A | T | P, true, true, PROFILE_COMPUTES, 0, 0,
	    ROUTE_ADVICE, -1, 64, LANE_ASYNC },
	{ "the same, pinned", WAITS | SAFE, A | T | P, true, true, PROFILE_COMPUTES, 0, 0,
	    ROUTE_PIN, LANE_THREAD, 64, LANE_THREAD },
	{ "the same, pinned to what it declares", WAITS | SAFE, A | T | P, true, true,
	    PROFILE_COMPUTES, 0, 0, ROUTE_PIN, -1, 64, LANE_ASYNC },
	{ "the same, pinned to what is not safe", WAITS | SAFE, T | P, true, true,
	    PROFILE_COMPUTES, 0, 0, ROUTE_PIN, LANE_ASYNC, 64, LANE_THREAD },
	{ "says it waits, computes, process not safe", WAITS | SAFE, A | T, true, true,
	    PROFILE_COMPUTES, 0, 0, ROUTE_AUTO, -1, 64, LANE_THREAD },
	{ "says it waits, computes, only async", WAITS, A, false, true, PROFILE_COMPUTES, 0, 0,
	    ROUTE_AUTO, -1, 64, LANE_ASYNC },
	{ "says it computes, waits", CPU | SAFE, A | T | P, true, true, PROFILE_WAITS, 0, 0,
	    ROUTE_AUTO, -1, 64, LANE_ASYNC },
	{ "says it computes, waits, no start", CPU | SAFE, T | P, true, false, PROFILE_WAITS, 0, 0,
	    ROUTE_AUTO, -1, 64, LANE_THREAD },
	{ "says it computes, waits, not thread-safe", CPU, P, true, false, PROFILE_WAITS, 0, 0,
	    ROUTE_AUTO, -1, 64, LANE_PROCESS },
	{ "says nothing, waits", SAFE, T | P, true, false, PROFILE_WAITS, 0, 0, ROUTE_AUTO, -1, 64,
	    LANE_THREAD },
	{ "says both, waits", CPU | WAITS | SAFE, A | T | P, true, true, PROFILE_WAITS, 0, 0,
	    ROUTE_AUTO, -1, 64, LANE_ASYNC },
	{ "keeps the loop", WAITS | SAFE, A | T | P, true, true, PROFILE_WAITS, 1, 0, ROUTE_AUTO,
	    -1, 64, LANE_THREAD },
	{ "keeps the loop, before there are samples", WAITS | SAFE, A | T | P, true, true,
	    PROFILE_UNKNOWN, 1, 0, ROUTE_AUTO, -1, 64, LANE_THREAD },
	{ "keeps the loop, thread not safe", WAITS, A | P, true, true, PROFILE_WAITS, 1, 0,
	    ROUTE_AUTO, -1, 64, LANE_PROCESS },
	{ "keeps the loop, nothing else is safe", WAITS, A, false, true, PROFILE_WAITS, 1, 0,
	    ROUTE_AUTO, -1, 64, LANE_ASYNC },
	{ "keeps the loop, advice only", WAITS | SAFE, A | T | P, true, true, PROFILE_WAITS, 1, 0,
	    ROUTE_ADVICE, -1, 64, LANE_ASYNC },
	{ "slow inline", SAFE, I | T | P, true, false, PROFILE_UNKNOWN, 0, 1, ROUTE_AUTO, -1, 64,
	    LANE_PROCESS },
	{ "slow inline, and nowhere to go", SAFE, I, true, false, PROFILE_UNKNOWN, 0, 1,
	    ROUTE_AUTO, -1, 64, LANE_INLINE },
	{ "pinned to inline, small", SAFE, I | P, true, false, PROFILE_UNKNOWN, 0, 1, ROUTE_PIN,
	    LANE_INLINE, 4096, LANE_INLINE },
	{ "pinned to inline, large", SAFE, I | P, true, false, PROFILE_UNKNOWN, 0, 1, ROUTE_PIN,
	    LANE_INLINE, 4097, LANE_PROCESS },
};

static void
make_measured(const struct measured_row *m, struct type *t, struct type_route *tr)
{
	*t = (struct type){ .name = (char *)(size_t)"t", .traits = m->traits, .lanes = m->lanes,
	    .has_run = m->run, .has_start = m->start, .route = tr };
	*tr = (struct type_route){ .mode = (uint8_t)m->mode, .pinned = (int8_t)m->pinned,
	    .by = "uid:0" };
	tr->profile = (struct profile){
		.share = { 214, m->verdict == PROFILE_COMPUTES ? 0.93 : 0.02, 0.001 },
		.verdict = (uint8_t)m->verdict, .blocks = m->blocks, .stalls = m->blocks,
		.stall_ms = m->blocks ? 120 : 0, .slow_inline = m->slow,
		.ran_ns[LANE_INLINE] = { 100, m->slow ? 80000 : 3000, 0 },
	};
	if (m->verdict == PROFILE_UNKNOWN)
		tr->profile.share.samples = 3;
}

static void
test_what_was_measured_moves_a_type_within_its_safe_lanes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(measured_rows); i++) {
		struct type_route	tr;
		struct type		t;
		struct route		r;
		enum lane		lane;

		make_measured(&measured_rows[i], &t, &tr);
		assert_int_equal(route_choose(&t, -1, measured_rows[i].len, &r), 0);
		assert_int_equal(route_lane(&t, -1, measured_rows[i].len, &lane), 0);
		if (r.lane != measured_rows[i].lane || lane != measured_rows[i].lane)
			fail_msg("%s: lane %s", measured_rows[i].what, lane_names[r.lane]);
		assert_true(r.asked <= ROUTE_QUESTIONS);
	}
}

/* Whatever a profile says: 4 verdicts and findings, all traits, all declarations. */
static void
test_no_profile_chooses_a_lane_that_is_not_safe(void **state)
{
	(void)state;
	for (uint32_t bits = 0; bits < 1u << 12; bits++) {
		struct measured_row	row = { "any", bits & 7, bits >> 3 & 15, bits >> 7 & 1,
			bits >> 8 & 1, bits >> 9 & 1 ? PROFILE_COMPUTES : PROFILE_WAITS,
			bits >> 10 & 1, bits >> 11 & 1, ROUTE_AUTO, -1, 64, LANE_PROCESS };
		struct type_route	tr;
		struct type		t;
		struct route		r;
		bool			any = false;

		make_measured(&row, &t, &tr);
		route_choose(&t, -1, 64, &r);
		for (int lane = 0; lane < LANES; lane++)
			any |= route_is_safe(&t, (enum lane)lane);
		if (any && !route_is_safe(&t, r.lane))
			fail_msg("bits %x: lane %s", bits, lane_names[r.lane]);
	}
}

/* ---- a job's own wish comes first ---- */

static void
test_a_job_that_names_a_lane_gets_it_although_its_type_is_pinned(void **state)
{
	const struct measured_row	row = { "pinned", WAITS | SAFE, A | T | P, true, true,
		PROFILE_COMPUTES, 0, 0, ROUTE_PIN, LANE_PROCESS, 64, LANE_PROCESS };
	struct type_route		tr;
	struct type			t;
	enum lane			lane;

	(void)state;
	make_measured(&row, &t, &tr);
	assert_int_equal(route_lane(&t, LANE_THREAD, 64, &lane), 0);
	assert_int_equal(lane, LANE_THREAD);
}

static const char *
evidence_of(const struct measured_row *row, const char *question)
{
	static struct route	r;
	struct type_route	tr;
	struct type		t;

	make_measured(row, &t, &tr);
	route_choose(&t, -1, row->len, &r);
	for (unsigned i = 0; i < r.asked; i++)
		if (strncmp(r.answers[i].question, question, strlen(question)) == 0)
			return r.answers[i].evidence;
	return "";
}

static void
test_evidence_names_figures_and_what_is_declared(void **state)
{
	(void)state;
	assert_string_equal(evidence_of(&measured_rows[0], "Is it CPU-bound?"),
	    "measured: 0.93 cpu over 214 samples (declared: waits)");
	assert_string_equal(evidence_of(&measured_rows[2], "Is the type pinned"),
	    "to thread, by uid:0");
	assert_string_equal(evidence_of(&measured_rows[7], "Does it wait, and"),
	    "it waits: measured: 0.02 cpu over 214 samples (declared: computes); asynchronous: "
	    "declared by the type");
	assert_string_equal(evidence_of(&measured_rows[13], "Does it wait, and"),
	    "it waits: declared by the type; measured: 0.02 cpu over 3 of 20 samples; but it kept "
	    "the event loop for up to 120 ms (1 in all)");
	assert_string_equal(evidence_of(&measured_rows[17], "Is it in the inline table"),
	    "declared by the type; 64 bytes, inline takes at most 4096; measured: 80.0 us over 100 "
	    "runs, limit 50");
}

/* ---- moves ---- */

static void
test_moves_are_kept_with_their_reasons(void **state)
{
	struct type_route	tr;
	struct type		t;
	struct route_change	change;

	(void)state;
	make_measured(&measured_rows[0], &t, &tr);
	tr.profile.verdict = PROFILE_UNKNOWN;
	assert_false(route_settle(&t, 1, &change));	/* where it is: no move */
	assert_int_equal(change.small.from, LANE_ASYNC);
	assert_int_equal(change.small.to, LANE_ASYNC);
	tr.profile.verdict = PROFILE_COMPUTES;
	assert_true(route_settle(&t, 1000, &change));
	assert_false(route_settle(&t, 1001, &change));
	assert_int_equal(tr.moves, 1);
	assert_int_equal(tr.last[0].at_ms, 1000);
	assert_int_equal(tr.last[0].from, LANE_ASYNC);
	assert_int_equal(tr.last[0].to, LANE_PROCESS);
	assert_string_equal(tr.last[0].why,
	    "measured: 0.93 cpu over 214 samples (declared: waits)");
	for (int i = 0; i < 20; i++) {
		tr.profile.verdict = i % 2 == 0 ? PROFILE_WAITS : PROFILE_COMPUTES;
		assert_true(route_settle(&t, 2000 + i, &change));
	}
	assert_int_equal(tr.moves, 21);
	assert_int_equal(tr.last[20 % ROUTE_MOVES_KEPT].at_ms, 2019);
}

static void
test_large_payloads_of_an_inline_type_move_on_their_own(void **state)
{
	struct type_route	tr;
	struct type		t;
	struct route_change	change;
	struct measured_row	row = { "inline", CPU | SAFE, I | T | P, true, false,
		PROFILE_UNKNOWN, 0, 0, ROUTE_AUTO, -1, 64, LANE_INLINE };

	(void)state;
	make_measured(&row, &t, &tr);
	assert_false(route_settle(&t, 1, &change));
	tr.profile.verdict = PROFILE_WAITS;
	tr.profile.share.samples = 100;
	assert_false(route_settle(&t, 2, &change));
	assert_int_equal(change.small.to, LANE_INLINE);
	assert_int_equal(change.large.from, LANE_PROCESS);
	assert_int_equal(change.large.to, LANE_THREAD);
}

/* ---- advice ---- */

static void
test_advice_says_what_would_be_and_what_to_declare(void **state)
{
	static const struct {
		size_t		 row;		/* of measured_rows */
		enum lane	 lane, would;
		const char	*reason, *change;
	} cases[] = {
		{ 0, LANE_PROCESS, LANE_PROCESS, "measured: 0.93 cpu over 214 samples: it computes",
		    "declare cpu_bound, not waits" },
		{ 1, LANE_ASYNC, LANE_PROCESS, "measured: 0.93 cpu over 214 samples: it computes",
		    "declare cpu_bound, not waits" },
		{ 2, LANE_THREAD, LANE_PROCESS, "measured: 0.93 cpu over 214 samples: it computes",
		    "declare cpu_bound, not waits" },
		{ 5, LANE_THREAD, LANE_THREAD, "measured: 0.93 cpu over 214 samples: it computes",
		    "declare the process lane as safe" },
		{ 8, LANE_THREAD, LANE_THREAD, "measured: 0.02 cpu over 214 samples: it waits",
		    "declare waits, not cpu_bound" },
		{ 9, LANE_PROCESS, LANE_PROCESS, "measured: 0.02 cpu over 214 samples: it waits",
		    "declare thread_safe and the thread lane" },
		{ 12, LANE_THREAD, LANE_THREAD, "it kept the event loop for up to 120 ms (1 in all)",
		    "do not declare the async lane" },
		{ 15, LANE_ASYNC, LANE_ASYNC, "it kept the event loop for up to 120 ms (1 in all)",
		    "make start and its callbacks not block" },
		{ 17, LANE_PROCESS, LANE_PROCESS, "measured: 80.0 us inline, and the limit is 50",
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct type_route	tr;
		struct type		t;
		struct route_advice	a;

		make_measured(&measured_rows[cases[i].row], &t, &tr);
		route_advise(&t, &a);
		assert_int_equal(a.lane, cases[i].lane);
		assert_int_equal(a.would, cases[i].would);
		assert_string_equal(a.reason, cases[i].reason);
		if (strncmp(a.change, cases[i].change, strlen(cases[i].change)) != 0 ||
		    (cases[i].change[0] == '\0') != (a.change[0] == '\0'))
			fail_msg("%s: %s", measured_rows[cases[i].row].what, a.change);
	}
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_the_tree_chooses_the_lane_of_each_row),
		cmocka_unit_test(test_questions_come_in_order_and_end_with_the_one_that_decides),
		cmocka_unit_test(test_a_refused_lane_keeps_the_answers_so_far),
		cmocka_unit_test(test_a_route_is_printed_with_its_evidence),
		cmocka_unit_test(test_what_was_measured_moves_a_type_within_its_safe_lanes),
		cmocka_unit_test(test_no_profile_chooses_a_lane_that_is_not_safe),
		cmocka_unit_test(test_a_job_that_names_a_lane_gets_it_although_its_type_is_pinned),
		cmocka_unit_test(test_evidence_names_figures_and_what_is_declared),
		cmocka_unit_test(test_moves_are_kept_with_their_reasons),
		cmocka_unit_test(test_large_payloads_of_an_inline_type_move_on_their_own),
		cmocka_unit_test(test_advice_says_what_would_be_and_what_to_declare),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
