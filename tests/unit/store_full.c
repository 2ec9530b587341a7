/* store_full.c - what follows from a refusal, with the SQLite engine on a disk that is full: a limit on
 * the size of files. */
#include "tests/unit/store_rig.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define LARGE	(256 << 10)

static char	large[LARGE];	/* more than fits into what is left */

static void
limit_files(rlim_t bytes)
{
	struct rlimit	r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void
fill_disk(const struct store_rig *r)
{
	char		path[sizeof(r->file) + 8];
	struct stat	st;

	snprintf(path, sizeof(path), "%s-wal", r->file);
	assert_int_equal(stat(path, &st), 0);
	limit_files((rlim_t)st.st_size + 4096);
}

static void
wait_for_space(const struct store_rig *r)
{
	limit_files(RLIM_INFINITY);
	for (int i = 0; store_load(r->s).full; i++) {
		assert_true(i < 1000);
		poll(NULL, 0, 10);
	}
}

static struct store_op
large_add(uint64_t id)
{
	struct store_op	op = rig_add(id);

	op.args = (struct span){ large, sizeof(large) };
	return op;
}

static void
publish(struct store_rig *r, struct store_op *op)
{
	store_put(r->s, op);
	store_publish(r->s);
}

static void
wait_for_news(struct store_rig *r)
{
	struct pollfd	p = { .fd = store_fd(r->s), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 20000), 1);
}

static void
test_what_was_built_on_a_refused_operation_is_refused_too(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 refused = large_add(1), behind = rig_add(2), later = rig_add(3);
	struct store_op		 must = { .verb = STORE_PUT, .must = true, .kind = SPAN("k"),
				     .name = SPAN("n"), .text = SPAN("{}") };

	fill_disk(r);
	publish(r, &refused);
	wait_for_news(r);			/* it is known, and nobody has heard of it */
	wait_for_space(r);
	publish(r, &behind);
	publish(r, &must);
	assert_ptr_equal(rig_next_done(r), &refused);
	assert_int_equal(refused.result, STORE_FULL);
	assert_ptr_equal(rig_next_done(r), &behind);
	assert_int_equal(behind.result, STORE_FULL);
	assert_ptr_equal(rig_next_done(r), &must);
	assert_int_equal(must.result, STORE_OK);
	assert_int_equal(rig_do(r, &later), STORE_OK);
	rig_assert_select(r, "SELECT group_concat(id) FROM job", "3");
}

static void
test_what_must_be_written_waits_for_room(void **state)
{
	struct store_rig	*r = *state;
	struct store_op		 op = large_add(1), behind = rig_add(2);

	op.must = true;
	fill_disk(r);
	publish(r, &op);
	publish(r, &behind);
	while (!store_load(r->s).full)
		poll(NULL, 0, 1);
	assert_null(store_done(r->s));
	wait_for_space(r);
	assert_ptr_equal(rig_next_done(r), &op);
	assert_int_equal(op.result, STORE_OK);
	assert_ptr_equal(rig_next_done(r), &behind);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_what_was_built_on_a_refused_operation_is_refused_too, store_rig_set_up,
		    store_rig_tear_down),
		cmocka_unit_test_setup_teardown(test_what_must_be_written_waits_for_room,
		    store_rig_set_up, store_rig_tear_down),
	};

	signal(SIGXFSZ, SIG_IGN);
	memset(large, 'x', sizeof(large));
	return cmocka_run_group_tests_name("store_full", tests, NULL, NULL);
}
