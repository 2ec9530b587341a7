/* bench.c - what a job costs in core alone.  Runs in: by hand. */
#include "tests/sim/bench.h"
#include "tests/unit/offers.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/core/core.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define LIVES		1000000
#define IN_FLIGHT	64
#define ARGS		"[\"sixty-four bytes of arguments, as the benchmarks of jobd send\"]"

struct bench {
	struct core		*c;
	struct submitter	*by;
	struct type		*type;
	struct core_time	 now;
	uint64_t		 next_id;
};

static struct bench
bench_open(int64_t spec_memory)
{
	struct core_config	cfg = {
		.keep_finished_ms = 60000, .keep_finished = 10000, .keep_finished_bytes = 64 << 20,
		.keep_failed_ms = 60000, .max_waiting = 1 << 30,
		.max_waiting_bytes = INT64_C(1) << 40,
		.grace_ms = 1000, .spec_memory = spec_memory,
	};
	struct type	declared = { .name = (char *)(size_t)"noop" };
	struct bench	b = { .c = core_new(&cfg), .by = submitter_new("uid:0", "bench", "unix"),
	    .now = { 1000000000, 1700000000000 }, .next_id = 1 };

	b.type = core_type_define(b.c, &declared);
	return b;
}

static void
bench_close(struct bench *b)
{
	core_free(b->c);
	submitter_unref(b->by);
}

static void
submit_as(struct bench *b, enum durability durability)
{
	static const struct jobspec	specs[] = {
		[DURABILITY_MEMORY] = { .queue = { "default", 7 }, .lane = -1,
		    .args = { ARGS, sizeof(ARGS) - 1 }, .durability = DURABILITY_MEMORY },
		[DURABILITY_COMMIT] = { .queue = { "default", 7 }, .lane = -1,
		    .args = { ARGS, sizeof(ARGS) - 1 }, .durability = DURABILITY_COMMIT },
	};
	struct job	*j;

	if (core_submit(b->c, b->now, b->next_id++, &specs[durability], b->type, LANE_PROCESS,
	    b->by, &j) != 0)
		abort();
	if (durability == DURABILITY_COMMIT)
		core_stored(b->c, b->now, j);
}

static void
submit(struct bench *b)
{
	submit_as(b, DURABILITY_MEMORY);
}

static void
workers_up(struct bench *b)
{
	uint32_t	slots[LANES] = { [LANE_PROCESS] = IN_FLIGHT };

	offer_up(b->c, b->now, 0, slots, 0);
	offer_up(b->c, b->now, 1, slots, 0);
}

/* Takes all effects; ends what started, in order. */
static unsigned
turn(struct bench *b)
{
	struct attempt	*started[2 * IN_FLIGHT + 1];
	unsigned	 count = 0;
	struct effect	 e;

	while (core_next_effect(b->c, b->now, &e))
		if (e.kind == EFFECT_START)
			started[count++] = e.attempt;
	b->now.mono_ns += 1000 * count;
	for (unsigned i = 0; i < count; i++) {
		struct outcome	o = { .text = mem_strdup(ARGS), .len = sizeof(ARGS) - 1 };

		started[i]->ran_ns = 1000;
		core_attempt_done(b->c, b->now, started[i], ATTEMPT_OK, &o);
	}
	return count;
}

/* Lives one after the other, with `waiting` others always in line. */
static double
life_ns(unsigned waiting)
{
	struct bench	b = bench_open(0);
	int64_t		before, after;

	for (unsigned i = 0; i < waiting; i++)
		submit(&b);
	workers_up(&b);
	for (int i = 0; i < 1000; i++)		/* until the type is known to be short */
		for (unsigned n = turn(&b); n > 0; n--)
			submit(&b);
	before = clock_thread_cpu_ns();
	for (unsigned lives = 0; lives < LIVES; ) {
		unsigned	n = turn(&b);

		lives += n;
		for (; n > 0; n--)
			submit(&b);
	}
	after = clock_thread_cpu_ns();
	bench_close(&b);
	return (double)(after - before) / LIVES;
}

static long
resident_bytes(void)
{
	FILE	*f = fopen("/proc/self/statm", "r");
	long	 size = 0, resident = 0;

	if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
		abort();
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

/* Of memory, for each of so many jobs that wait: all that the process grew by. */
static double
waiting_bytes(unsigned count, enum durability durability, int64_t spec_memory)
{
	struct bench	b = bench_open(spec_memory);
	long		before, after;

	malloc_trim(0);
	before = resident_bytes();
	for (unsigned i = 0; i < count; i++)
		submit_as(&b, durability);
	after = resident_bytes();
	bench_close(&b);
	return (double)(after - before) / count;
}

int
bench_run(void)
{
	static const unsigned	waiting[] = { 200, 10000, 1000000 };

	for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++)
		printf("%8u waiting: %6.0f ns of CPU for a life\n", waiting[i],
		    life_ns(waiting[i]));
	printf("a waiting job of %zu bytes, of 1,000,000: %.0f bytes (struct job %zu)\n",
	    sizeof(ARGS) - 1, waiting_bytes(1000000, DURABILITY_MEMORY, 0), JOB_BYTES);
	printf("a durable one with its arguments in the store: %.0f bytes\n",
	    waiting_bytes(1000000, DURABILITY_COMMIT, 1));
	return 0;
}
