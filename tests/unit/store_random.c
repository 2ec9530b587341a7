/*
 * store_random.c - random operations against a model: results, what is there after a reopen, and
 * after kill -9.
 *
 * JOBD_STORE_SEEDS=N runs N seeds instead of a few; JOBD_STORE_SEED=S runs one.
 */
#include "tests/unit/store_model.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/alloc.h"

#define OPS		2000	/* of a seed */
#define OPEN_MAX	64	/* at once */

static uint64_t	first_seed = 1, seeds = 12;

/* ---- results and reopens ---- */

struct random_run {
	struct store_rig	*r;
	struct model		 m;
	uint64_t		 seed, random;
	struct model_op		 ops[OPEN_MAX];
	uint64_t		 put, done;	/* serials so far */
};

static void
check_done(struct random_run *run)
{
	struct store_op		*op = rig_next_done(run->r);
	struct model_op		*o = &run->ops[run->done % OPEN_MAX];
	uint64_t		 other = 0;
	enum store_result	 wanted = model_apply(&run->m, op, ++run->done, &other);

	if (op != &o->op || op->result != wanted || op->other != other)
		fail_msg("seed %u operation %u verb %u id %u: %s %u, not %s %u", (unsigned)run->seed,
		    (unsigned)run->done, op->verb, (unsigned)op->id, store_result_names[op->result],
		    (unsigned)op->other, store_result_names[wanted], (unsigned)other);
	model_op_fini(o);
}

static void
check_reopened(struct random_run *run)
{
	char	why[256];

	while (run->done < run->put)
		check_done(run);
	rig_reopen(run->r);
	if (!model_matches(&run->m, run->r, why, sizeof(why)))
		fail_msg("seed %u after %u operations: %s", (unsigned)run->seed, (unsigned)run->done, why);
}

static void
run_seed(struct random_run *run)
{
	while (run->put < OPS) {
		struct model_op	*o = &run->ops[run->put % OPEN_MAX];

		model_make(&run->random, ++run->put, o);
		store_put(run->r->s, &o->op);
		if (run->put - run->done == OPEN_MAX || model_random(&run->random, 8) == 0)
			store_publish(run->r->s);
		while (run->put - run->done == OPEN_MAX ||
		    (run->put > run->done && model_random(&run->random, 3) == 0)) {
			store_publish(run->r->s);
			check_done(run);
		}
		if (model_random(&run->random, OPS / 4) == 0) {
			store_publish(run->r->s);
			check_reopened(run);
		}
	}
	store_publish(run->r->s);
	check_reopened(run);
}

static void
test_random_operations_do_what_the_model_does(void **state)
{
	(void)state;
	for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
		struct random_run	*run = mem_zalloc(1, sizeof(*run));
		void			*rig;

		store_rig_set_up(&rig);
		run->r = rig;
		run->seed = run->random = seed;
		run_seed(run);
		store_rig_tear_down(&rig);
		free(run);
	}
}

/* ---- kill -9 ---- */

/* Shared with the child that is killed. */
struct ledger {
	_Atomic uint64_t	put, done;
};

static void
child_main(struct store_rig *r, uint64_t seed, struct ledger *l)
{
	struct model_op	*ops = mem_zalloc(OPEN_MAX, sizeof(*ops));
	uint64_t	 random = seed, put = 0, done = 0;

	rig_open(r);
	for (;;) {
		while (put - done < OPEN_MAX) {
			put++;
			model_make(&random, put, &ops[put % OPEN_MAX]);
			store_put(r->s, &ops[put % OPEN_MAX].op);
			atomic_store(&l->put, put);
		}
		store_publish(r->s);
		rig_next_done(r);
		done++;
		atomic_store(&l->done, done);
		model_op_fini(&ops[done % OPEN_MAX]);
	}
}

static void
kill_after(pid_t child, struct ledger *l, uint64_t done)
{
	int	status;

	while (atomic_load(&l->done) < done && waitpid(child, &status, WNOHANG) == 0)
		sched_yield();
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* All that came back is there, and nothing that was not put, in the order of put. */
static void
check_killed(struct store_rig *r, uint64_t seed, const struct ledger *l)
{
	uint64_t	random = seed, serial = 0, other, done = l->done;
	struct model	m = { 0 };
	char		why[256] = "";

	rig_open(r);
	for (;;) {
		struct model_op	o;

		if (serial >= done && model_matches(&m, r, why, sizeof(why)))
			return;
		if (serial == l->put)
			break;
		model_make(&random, ++serial, &o);
		model_apply(&m, &o.op, serial, &other);
		model_op_fini(&o);
	}
	fail_msg("seed %u, %u of %u had come back: %s", (unsigned)seed, (unsigned)done,
	    (unsigned)l->put, why);
}

static void
test_what_came_back_is_there_after_kill_9(void **state)
{
	struct ledger	*l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(l, MAP_FAILED);
	for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
		uint64_t		 random = ~seed;
		struct store_rig	*r;
		void			*rig;
		pid_t			 child;

		memset(l, 0, sizeof(*l));
		store_rig_set_up(&rig);
		r = rig;
		rig_close(r);
		fflush(NULL);
		if ((child = fork()) == 0)
			child_main(r, seed, l);
		assert_true(child > 0);
		kill_after(child, l, model_random(&random, 4000));
		check_killed(r, seed, l);
		store_rig_tear_down(&rig);
	}
	munmap(l, sizeof(*l));
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_random_operations_do_what_the_model_does),
		cmocka_unit_test(test_what_came_back_is_there_after_kill_9),
	};

	if (getenv("JOBD_STORE_SEEDS") != NULL)
		seeds = strtoull(getenv("JOBD_STORE_SEEDS"), NULL, 10);
	if (getenv("JOBD_STORE_SEED") != NULL) {
		first_seed = strtoull(getenv("JOBD_STORE_SEED"), NULL, 10);
		seeds = 1;
	}
	return cmocka_run_group_tests_name("store_random", tests, NULL, NULL);
}
