/*
 * store_conformance.c - what every engine does, by the header store.h.
 *
 * Each test runs against each engine.  The memory engine remembers no jobs, so with it every
 * operation is STORE_OK and nothing is found: what differs is said by `durable` in the tests.
 */
#include "tests/unit/store_rig.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/core/job.h"

#define NEVER_MS	INT64_C(4102444800000)	/* the year 2100 */

/* The result that an engine which remembers gives. */
static void
expect(struct store_rig *r, struct store_op op, enum store_result result)
{
	enum store_result	got = rig_do(r, &op), wanted = store_durable(r->s) ? result : STORE_OK;

	if (got != wanted)
		fail_msg("verb %u of %llu: %s, not %s", op.verb, (unsigned long long)op.id,
		    store_result_names[got], store_result_names[wanted]);
}

static struct store_op
verb(uint8_t v, uint64_t id)
{
	return (struct store_op){ .verb = v, .id = id };
}

static struct store_op
item(uint8_t v, struct span kind, struct span name, struct span text)
{
	return (struct store_op){ .verb = v, .kind = kind, .name = name, .text = text };
}

static bool
same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* ---- order ---- */

static void
test_operations_come_back_in_the_order_of_put(void **state)
{
	enum { N = 5000 };
	struct store_rig	*r = *state;
	struct store_op		*ops = calloc(N, sizeof(*ops));

	for (uint64_t i = 0; i < N; i++) {
		ops[i] = i % 3 == 2 ? rig_end(i, JOB_succeeded) : rig_add(i + 1);
		store_put(r->s, &ops[i]);
		if (i % 7 == 0)
			store_publish(r->s);
	}
	store_publish(r->s);
	for (uint64_t i = 0; i < N; i++) {
		assert_ptr_equal(rig_next_done(r), &ops[i]);
		assert_int_equal(ops[i].result, STORE_OK);
	}
	assert_null(store_done(r->s));
	assert_int_equal(store_load(r->s).ops, 0);
	assert_int_equal(store_load(r->s).bytes, 0);
	free(ops);
}

static void
test_nothing_is_carried_out_before_it_is_published(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 op = rig_add(1);
	struct pollfd		 p = { .fd = store_fd(r->s), .events = POLLIN };

	store_put(r->s, &op);
	assert_null(store_done(r->s));
	assert_int_equal(poll(&p, 1, 0), 0);
	store_publish(r->s);
	assert_ptr_equal(rig_next_done(r), &op);
	assert_null(store_done(r->s));
	assert_int_equal(poll(&p, 1, 0), 0);
}

static void
test_what_was_put_is_carried_out_by_close(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 published = rig_add(1), put = rig_add(2);
	uint64_t		 ids[] = { 1, 2 };
	struct store_query	 q = { .what = STORE_GET, .ids = ids, .ids_len = 2 };

	store_put(r->s, &published);
	store_publish(r->s);
	store_put(r->s, &put);
	rig_reopen(r);
	rig_ask(r, &q);
	assert_int_equal(q.result, STORE_OK);
	assert_int_equal(q.rows_len, store_durable(r->s) ? 2 : 0);
	store_query_fini(&q);
}

/* ---- jobs ---- */

static void
test_a_job_is_live_then_history_then_forgotten(void **state)
{
	struct store_rig	*r = *state;

	expect(r, rig_add(1), STORE_OK);
	expect(r, verb(STORE_FORGET, 1), STORE_STALE);
	expect(r, verb(STORE_AGAIN, 1), STORE_STALE);
	expect(r, verb(STORE_CHANGE, 1), STORE_OK);
	expect(r, rig_end(1, JOB_failed), STORE_OK);
	expect(r, rig_end(1, JOB_failed), STORE_STALE);
	expect(r, verb(STORE_CHANGE, 1), STORE_STALE);
	expect(r, verb(STORE_AGAIN, 1), STORE_OK);
	expect(r, verb(STORE_AGAIN, 1), STORE_STALE);
	expect(r, rig_end(1, JOB_succeeded), STORE_OK);
	expect(r, verb(STORE_FORGET, 1), STORE_OK);
	expect(r, verb(STORE_FORGET, 1), STORE_NOTFOUND);
}

/* What GET gives of the log of job 1. */
static void
expect_log(struct store_rig *r, struct span wanted)
{
	uint64_t		id = 1;
	struct store_query	q = { .what = STORE_GET, .ids = &id, .ids_len = 1 };

	rig_ask(r, &q);
	assert_int_equal(q.rows_len, store_durable(r->s));
	if (q.rows_len > 0)
		assert_true(same(q.rows[0].log, wanted));
	store_query_fini(&q);
}

static void
test_a_log_stays_with_its_job_until_another_is_put(void **state)
{
	static const char	bytes[] = "\0one\xff";
	const struct span	one = { bytes, sizeof(bytes) - 1 };
	struct store_rig	*r = *state;
	struct store_op		 change = verb(STORE_CHANGE, 1), end = rig_end(1, JOB_failed);

	expect(r, rig_add(1), STORE_OK);
	expect_log(r, SPAN(""));
	change.log = one;
	expect(r, change, STORE_OK);
	expect_log(r, one);
	expect(r, verb(STORE_CHANGE, 1), STORE_OK);
	expect_log(r, one);
	expect(r, end, STORE_OK);
	expect_log(r, one);
	expect(r, verb(STORE_AGAIN, 1), STORE_OK);
	expect_log(r, one);
	rig_reopen(r);
	expect_log(r, one);
	end.log = SPAN("two");
	expect(r, end, STORE_OK);
	expect_log(r, SPAN("two"));
	expect(r, verb(STORE_FORGET, 1), STORE_OK);
}

static void
test_a_live_jobs_log_is_recovered(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 change = verb(STORE_CHANGE, 1);
	struct store_found	 f;

	expect(r, rig_add(1), STORE_OK);
	change.log = SPAN("said");
	expect(r, change, STORE_OK);
	rig_reopen(r);
	store_recover(r->s, 100);
	if (store_durable(r->s)) {
		f = rig_next_found(r);
		assert_int_equal(f.is, STORE_JOB);
		assert_true(same(f.job.log, SPAN("said")));
	}
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
}

static void
test_what_names_no_job_is_not_found(void **state)
{
	static const uint8_t	verbs[] = {
		STORE_CHANGE, STORE_END, STORE_AGAIN, STORE_FORGET, STORE_DROP,
	};

	for (size_t i = 0; i < COUNT(verbs); i++)
		expect(*state, verb(verbs[i], 77), STORE_NOTFOUND);
}

static void
test_an_id_is_taken_while_the_job_is_known(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 again = rig_add(9);

	expect(r, rig_add(9), STORE_OK);
	expect(r, rig_add(9), STORE_DUP);
	expect(r, rig_end(9, JOB_cancelled), STORE_OK);
	rig_do(r, &again);
	if (store_durable(r->s)) {
		assert_int_equal(again.result, STORE_DUP);
		assert_int_equal(again.other, 9);
	}
	rig_reopen(r);
	expect(r, rig_add(9), STORE_DUP);
	expect(r, rig_add(8), STORE_OK);
}

static void
test_a_refused_operation_leaves_its_batch_alone(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 ops[] = { rig_add(1), rig_add(1), rig_end(5, JOB_failed), rig_add(2) };
	static const uint8_t	 results[] = { STORE_OK, STORE_DUP, STORE_NOTFOUND, STORE_OK };

	for (size_t i = 0; i < COUNT(ops); i++)
		store_put(r->s, &ops[i]);
	store_publish(r->s);
	for (size_t i = 0; i < COUNT(ops); i++) {
		assert_ptr_equal(rig_next_done(r), &ops[i]);
		assert_int_equal(ops[i].result, store_durable(r->s) ? results[i] : STORE_OK);
	}
}

/* ---- unique keys ---- */

static struct store_op
add_unique(uint64_t id, struct span key, int64_t until_ms)
{
	struct store_op	op = rig_add(id);

	op.unique_key = key;
	op.unique_until_ms = until_ms;
	op.unique_print = SPAN("as it was said");
	return op;
}

static struct store_op
end_unique(uint64_t id, struct span key, int64_t until_ms)
{
	struct store_op	op = rig_end(id, JOB_succeeded);

	op.unique_key = key;
	op.unique_until_ms = until_ms;
	return op;
}

static void
test_a_unique_key_names_the_job_that_has_it(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 second = add_unique(2, SPAN("k"), 0);

	expect(r, add_unique(1, SPAN("k"), 0), STORE_OK);
	rig_do(r, &second);
	if (store_durable(r->s)) {
		assert_int_equal(second.result, STORE_DUP);
		assert_int_equal(second.other, 1);
	}
	expect(r, add_unique(3, SPAN("l"), 0), STORE_OK);
	expect(r, rig_end(2, JOB_succeeded), STORE_NOTFOUND);
}

static void
test_a_unique_key_is_free_when_its_job_ends(void **state)
{
	struct store_rig	*r = *state;

	expect(r, add_unique(1, SPAN("k"), 0), STORE_OK);
	rig_reopen(r);
	expect(r, add_unique(2, SPAN("k"), 0), STORE_DUP);
	expect(r, end_unique(1, SPAN("k"), 0), STORE_OK);
	expect(r, add_unique(2, SPAN("k"), 0), STORE_OK);
	expect(r, end_unique(2, SPAN("k"), 0), STORE_OK);
	rig_reopen(r);
	expect(r, add_unique(3, SPAN("k"), 0), STORE_OK);
}

static void
test_a_unique_key_with_a_time_is_held_beyond_the_end(void **state)
{
	struct store_rig	*r = *state;

	expect(r, add_unique(1, SPAN("k"), NEVER_MS), STORE_OK);
	expect(r, end_unique(1, SPAN("k"), NEVER_MS), STORE_OK);
	expect(r, add_unique(2, SPAN("k"), 0), STORE_DUP);
	rig_reopen(r);
	expect(r, add_unique(3, SPAN("k"), 0), STORE_DUP);
}

static void
test_a_unique_key_whose_time_is_over_is_free_though_its_job_lives(void **state)
{
	struct store_rig	*r = *state;

	expect(r, add_unique(1, SPAN("k"), 1000), STORE_OK);
	expect(r, add_unique(2, SPAN("k"), 0), STORE_OK);
	expect(r, end_unique(1, SPAN("k"), 1000), STORE_OK);	/* it is not the first's any more */
	expect(r, add_unique(3, SPAN("k"), 0), STORE_DUP);
}

static void
test_a_unique_key_whose_time_the_caller_counts_is_free_when_he_says_so(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 second = add_unique(2, SPAN("k"), 0), third = add_unique(3, SPAN("k"), 0);

	expect(r, add_unique(1, SPAN("k"), NEVER_MS), STORE_OK);
	second.unique_over = third.unique_over = true;
	expect(r, second, STORE_OK);
	expect(r, third, STORE_DUP);	/* it is held until the second one ends: that is no matter of time */
}

static void
test_a_job_that_is_live_again_may_take_its_key_again(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 again = verb(STORE_AGAIN, 1);

	again.unique_key = SPAN("k");
	expect(r, add_unique(1, SPAN("k"), 0), STORE_OK);
	expect(r, end_unique(1, SPAN("k"), 0), STORE_OK);
	expect(r, add_unique(2, SPAN("k"), 0), STORE_OK);
	expect(r, again, STORE_DUP);
	expect(r, end_unique(2, SPAN("k"), 0), STORE_OK);
	expect(r, again, STORE_OK);
	expect(r, add_unique(3, SPAN("k"), 0), STORE_DUP);
}

/* ---- items ---- */

static void
test_items_are_put_replaced_and_deleted(void **state)
{
	struct store_rig	*r = *state;

	expect(r, item(STORE_DELETE, SPAN("queue"), SPAN("a"), SPAN("")), STORE_NOTFOUND);
	expect(r, item(STORE_PUT, SPAN("queue"), SPAN("a"), SPAN("{}")), STORE_OK);
	expect(r, item(STORE_PUT, SPAN("queue"), SPAN("a"), SPAN("{\"x\":1}")), STORE_OK);
	expect(r, item(STORE_PUT, SPAN("type"), SPAN("a"), SPAN("")), STORE_OK);
	expect(r, item(STORE_PUT, SPAN("type"), SPAN(""), SPAN("{}")), STORE_OK);
	expect(r, item(STORE_DELETE, SPAN("queue"), SPAN("a"), SPAN("")), STORE_OK);
	expect(r, item(STORE_DELETE, SPAN("queue"), SPAN("a"), SPAN("")), STORE_NOTFOUND);
	expect(r, item(STORE_DELETE, SPAN("type"), SPAN(""), SPAN("")), STORE_OK);
}

/* ---- recovery ---- */

static void
test_nothing_is_found_in_a_new_store(void **state)
{
	struct store_rig	*r = *state;
	struct store_found	 f;
	char			 why[64];

	assert_int_equal(store_next_found(r->s, &f, why, sizeof(why)), 0);
	store_recover(r->s, 1000);
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
	assert_int_equal(store_next_found(r->s, &f, why, sizeof(why)), 0);
}

static void
test_operations_go_on_after_recovery(void **state)
{
	struct store_rig	*r = *state;

	store_recover(r->s, 1000);
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
	expect(r, rig_add(1), STORE_OK);
	expect(r, rig_end(1, JOB_succeeded), STORE_OK);
}

static void
assert_found_item(struct store_found f, struct span kind, struct span name, struct span text)
{
	assert_int_equal(f.is, STORE_ITEM);
	assert_true(same(f.kind, kind) && same(f.name, name) && same(f.text, text));
}

static void
put_what_is_recovered(struct store_rig *r)
{
	struct store_op	blocking = rig_end(2, JOB_failed), member = rig_end(4, JOB_succeeded);
	struct store_op	change = verb(STORE_CHANGE, 3);

	blocking.end.blocks = true;
	member.end.group = 50;
	member.end.index = 0;
	change.past = SPAN("{\"held\":true}");
	expect(r, item(STORE_PUT, SPAN("type"), SPAN("x"), SPAN("{}")), STORE_OK);
	expect(r, item(STORE_PUT, SPAN("queue"), SPAN("b"), SPAN("{\"n\":2}")), STORE_OK);
	expect(r, item(STORE_PUT, SPAN("queue"), SPAN("a"), SPAN("{\"n\":1}")), STORE_OK);
	for (uint64_t id = 1; id <= 4; id++)
		expect(r, rig_add(id), STORE_OK);
	expect(r, add_unique(5, SPAN("k"), NEVER_MS), STORE_OK);
	expect(r, add_unique(6, SPAN("l"), NEVER_MS), STORE_OK);
	expect(r, blocking, STORE_OK);
	expect(r, change, STORE_OK);
	expect(r, member, STORE_OK);
	expect(r, end_unique(5, SPAN("k"), NEVER_MS), STORE_OK);
}

static void
assert_live(struct store_found f, uint64_t id, struct span past)
{
	struct store_op	as_added = rig_add(id);

	assert_int_equal(f.is, STORE_JOB);
	assert_true(f.job.live);
	assert_int_equal(f.job.id, id);
	assert_int_equal(f.of, 4);
	assert_true(same(f.job.spec, as_added.spec));
	assert_true(same(f.job.labels, as_added.labels));
	assert_true(same(f.job.past, past));
}

static void
assert_blocking(struct store_found f)
{
	struct store_op	as_ended = rig_end(2, JOB_failed);

	assert_int_equal(f.is, STORE_JOB);
	assert_false(f.job.live);
	assert_int_equal(f.job.id, 2);
	assert_true(f.job.end.blocks);
	assert_int_equal(f.job.end.state, JOB_failed);
	assert_int_equal(f.job.end.created_ms, 1000);
	assert_int_equal(f.job.end.ended_ms, 2000);
	assert_true(same(f.job.past, as_ended.past));
	assert_true(same(f.job.end.text, as_ended.end.text));
	assert_true(same(f.job.end.failure, as_ended.end.failure));
	assert_true(same(f.job.end.type, as_ended.end.type));
	assert_true(same(f.job.end.queue, as_ended.end.queue));
}

static void
test_recovery_finds_items_then_jobs_by_id_then_keys_and_counts(void **state)
{
	struct store_rig	*r = *state;
	struct store_found	 f;

	put_what_is_recovered(r);
	rig_reopen(r);
	store_recover(r->s, 10);	/* room for the args of two */
	if (!store_durable(r->s)) {
		assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
		return;
	}
	assert_found_item(rig_next_found(r), SPAN("queue"), SPAN("a"), SPAN("{\"n\":1}"));
	assert_found_item(rig_next_found(r), SPAN("queue"), SPAN("b"), SPAN("{\"n\":2}"));
	assert_found_item(rig_next_found(r), SPAN("type"), SPAN("x"), SPAN("{}"));
	f = rig_next_found(r);
	assert_live(f, 1, SPAN(""));
	assert_true(same(f.job.args, SPAN("[1,2]")));
	assert_blocking(rig_next_found(r));
	f = rig_next_found(r);
	assert_live(f, 3, SPAN("{\"held\":true}"));
	assert_true(same(f.job.args, SPAN("[1,2]")));
	f = rig_next_found(r);
	assert_live(f, 6, SPAN(""));
	assert_null(f.job.args.p);
	assert_int_equal(f.job.args.len, 5);
	f = rig_next_found(r);
	assert_int_equal(f.is, STORE_UNIQUE);
	assert_true(same(f.name, SPAN("k")));
	assert_int_equal(f.job.id, 5);
	assert_int_equal(f.until_ms, NEVER_MS);
	assert_int_equal(f.state, JOB_succeeded);
	assert_true(same(f.text, SPAN("as it was said")));
	f = rig_next_found(r);
	assert_int_equal(f.is, STORE_GROUP_COUNT);
	assert_int_equal(f.group, 50);
	assert_int_equal(f.state, JOB_succeeded);
	assert_int_equal(f.count, 1);
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
}

static void
test_what_no_longer_blocks_is_not_recovered(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 blocking = rig_end(1, JOB_failed), released = verb(STORE_CHANGE, 1);

	blocking.end.blocks = true;
	expect(r, rig_add(1), STORE_OK);
	expect(r, blocking, STORE_OK);
	expect(r, released, STORE_OK);
	expect(r, released, STORE_STALE);
	rig_reopen(r);
	store_recover(r->s, 0);
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
}

static void
test_a_dropped_group_is_not_counted(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 member = rig_end(1, JOB_failed);

	member.end.group = 7;
	expect(r, rig_add(1), STORE_OK);
	expect(r, member, STORE_OK);
	expect(r, verb(STORE_DROP, 7), STORE_OK);
	rig_reopen(r);
	store_recover(r->s, 0);
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
}

static void
test_many_jobs_are_found_in_order_with_long_args(void **state)
{
	enum { N = 3000 };
	struct store_rig	*r = *state;
	struct store_op		*ops = calloc(N, sizeof(*ops));
	char			*args = malloc(20000);

	memset(args, 'x', 20000);
	for (uint64_t i = 0; i < N; i++) {
		ops[i] = rig_add(N - i);
		if (i % 100 == 0)
			ops[i].args = (struct span){ args, 20000 };
		store_put(r->s, &ops[i]);
	}
	rig_reopen(r);
	store_recover(r->s, SIZE_MAX);
	for (uint64_t i = 1; store_durable(r->s) && i <= N; i++) {
		struct store_found	f = rig_next_found(r);

		assert_int_equal(f.is, STORE_JOB);
		assert_int_equal(f.job.id, i);
		assert_int_equal(f.at, i - 1);
		assert_true(same(f.job.args, ops[N - i].args));
	}
	assert_int_equal(rig_next_found(r).is, STORE_RECOVERED);
	free(args);
	free(ops);
}

static void
test_a_recovery_that_nobody_fetches_does_not_hold_up_the_end(void **state)
{
	enum { N = 3000 };
	struct store_rig	*r = *state;
	struct store_op		*ops = calloc(N, sizeof(*ops));

	for (uint64_t i = 0; i < N; i++) {
		ops[i] = rig_add(i + 1);
		store_put(r->s, &ops[i]);
	}
	rig_reopen(r);
	store_recover(r->s, SIZE_MAX);
	rig_next_found(r);
	rig_close(r);
	free(ops);
}

/* ---- queries ---- */

static void
test_a_query_sees_what_has_come_back(void **state)
{
	struct store_rig	*r = *state;
	uint64_t		 ids[] = { 1, 2, 3 };
	struct store_query	 q = { .what = STORE_GET, .ids = ids, .ids_len = 3 };

	expect(r, rig_add(1), STORE_OK);
	expect(r, rig_add(3), STORE_OK);
	expect(r, rig_end(3, JOB_succeeded), STORE_OK);
	rig_ask(r, &q);
	assert_int_equal(q.result, STORE_OK);
	assert_int_equal(q.rows_len, store_durable(r->s) ? 2 : 0);
	if (q.rows_len == 2) {
		assert_true(q.rows[0].live);
		assert_true(same(q.rows[0].args, SPAN("[1,2]")));
		assert_false(q.rows[1].live);
		assert_true(same(q.rows[1].end.text, SPAN("\"done\"")));
		assert_true(same(q.rows[1].args, SPAN("[1,2]")));
		assert_true(same(q.rows[1].labels, SPAN("{\"a\":\"b\"}")));
	}
	store_query_fini(&q);
}

/* ---- ids ---- */

static void
test_ids_and_boots_go_on_after_a_reopen(void **state)
{
	struct store_rig	*r = *state;
	uint64_t		 last = 0;

	for (uint32_t boot = 1; boot <= 3; boot++) {
		assert_int_equal(store_boot(r->s), boot);
		for (int i = 0; i < 10; i++) {
			uint64_t	id = store_next_id(r->s);

			assert_true(id > last);
			last = id;
		}
		rig_reopen(r);
	}
}

#define BOTH(name) \
	{ "memory: " #name, name, store_rig_set_up_memory, store_rig_tear_down, NULL }, \
	{ "sqlite: " #name, name, store_rig_set_up, store_rig_tear_down, NULL }

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		BOTH(test_operations_come_back_in_the_order_of_put),
		BOTH(test_nothing_is_carried_out_before_it_is_published),
		BOTH(test_what_was_put_is_carried_out_by_close),
		BOTH(test_a_job_is_live_then_history_then_forgotten),
		BOTH(test_a_log_stays_with_its_job_until_another_is_put),
		BOTH(test_a_live_jobs_log_is_recovered),
		BOTH(test_what_names_no_job_is_not_found),
		BOTH(test_an_id_is_taken_while_the_job_is_known),
		BOTH(test_a_refused_operation_leaves_its_batch_alone),
		BOTH(test_a_unique_key_names_the_job_that_has_it),
		BOTH(test_a_unique_key_is_free_when_its_job_ends),
		BOTH(test_a_unique_key_with_a_time_is_held_beyond_the_end),
		BOTH(test_a_unique_key_whose_time_is_over_is_free_though_its_job_lives),
		BOTH(test_a_unique_key_whose_time_the_caller_counts_is_free_when_he_says_so),
		BOTH(test_a_job_that_is_live_again_may_take_its_key_again),
		BOTH(test_items_are_put_replaced_and_deleted),
		BOTH(test_nothing_is_found_in_a_new_store),
		BOTH(test_operations_go_on_after_recovery),
		BOTH(test_recovery_finds_items_then_jobs_by_id_then_keys_and_counts),
		BOTH(test_what_no_longer_blocks_is_not_recovered),
		BOTH(test_a_dropped_group_is_not_counted),
		BOTH(test_many_jobs_are_found_in_order_with_long_args),
		BOTH(test_a_recovery_that_nobody_fetches_does_not_hold_up_the_end),
		BOTH(test_a_query_sees_what_has_come_back),
		BOTH(test_ids_and_boots_go_on_after_a_reopen),
	};

	return cmocka_run_group_tests_name("store_conformance", tests, NULL, NULL);
}
