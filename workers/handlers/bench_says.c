/*
 * bench_says.c - types that say one thing and may do another: for benchmarks and tests of routing.
 * Runs in: the io worker, loop thread or a thread of its pool, or a cpu worker.
 *
 * All compute for cpu_us and then wait for wait_us, as their argument says.  They differ in what
 * they declare; and the asynchronous implementation of bench.blocks does it all in a callback.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"

#define SPIN_ROUNDS	2000			/* about 2 us between two looks at the clock */
#define SLICE_NS	(5 * NS_PER_MS)		/* how late it may notice that it should stop */

struct work {
	int64_t	cpu_us, wait_us;
};

static struct work
work_of(const struct jobd_attempt *at)
{
	return (struct work){ args_int(at, "cpu_us"), args_int(at, "wait_us") };
}

static void
succeed(struct jobd_attempt *at)
{
	jobd_succeed(at, "true", 4);
}

/* False when it was told to end. */
static bool
compute(const struct jobd_attempt *at, int64_t us)
{
	int64_t			since_ns = clock_thread_cpu_ns();
	volatile uint64_t	x = 88172645463325252;

	while (clock_thread_cpu_ns() - since_ns < us * 1000) {
		for (int i = 0; i < SPIN_ROUNDS; i++)
			x ^= x << 13 ^ x >> 7;
		if (jobd_should_stop(at))
			return false;
	}
	return true;
}

static bool
block(const struct jobd_attempt *at, int64_t us)
{
	int64_t	now_ns, end_ns = clock_mono_ns() + us * 1000;

	while ((now_ns = clock_mono_ns()) < end_ns) {
		int64_t		ns = end_ns - now_ns < SLICE_NS ? end_ns - now_ns : SLICE_NS;
		struct timespec	ts = { .tv_sec = 0, .tv_nsec = ns };

		if (jobd_should_stop(at))
			return false;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	}
	return true;
}

static void
run(struct jobd_attempt *at)
{
	struct work	w = work_of(at);

	if (compute(at, w.cpu_us) && block(at, w.wait_us))
		succeed(at);
	else
		jobd_cancelled(at);
}

/* ---- asynchronous ---- */

static void
closed(uv_handle_t *timer)
{
	free(timer);
}

static void
timer_over(uv_timer_t *timer)
{
	succeed(timer->data);
	uv_close((uv_handle_t *)timer, closed);
}

static void
start(struct jobd_attempt *at)
{
	struct work	 w = work_of(at);
	uv_timer_t	*timer;

	if (!compute(at, w.cpu_us)) {
		jobd_cancelled(at);
		return;
	}
	if (w.wait_us == 0) {
		succeed(at);
		return;
	}
	timer = mem_alloc(sizeof(*timer));
	uv_timer_init(jobd_loop(at), timer);
	timer->data = at;
	uv_update_time(jobd_loop(at));
	uv_timer_start(timer, timer_over, (uint64_t)((w.wait_us + 999) / 1000), 0);
	jobd_set_data(at, timer);
}

/* What no callback may do. */
static void
timer_blocks(uv_timer_t *timer)
{
	run(timer->data);
	uv_close((uv_handle_t *)timer, closed);
}

static void
start_to_block(struct jobd_attempt *at)
{
	uv_timer_t	*timer = mem_alloc(sizeof(*timer));

	uv_timer_init(jobd_loop(at), timer);
	timer->data = at;
	uv_timer_start(timer, timer_blocks, 1, 0);
	jobd_set_data(at, timer);
}

static void
cancel(struct jobd_attempt *at)
{
	uv_timer_t	*timer = jobd_data(at);

	jobd_cancelled(at);
	uv_close((uv_handle_t *)timer, closed);
}

#define SCHEMA		JOBD_JSON({							\
	"type": "object",							\
	"properties": {								\
		"cpu_us": {"type": "integer", "minimum": 0, "maximum": 86400000000},	\
		"wait_us": {"type": "integer", "minimum": 0, "maximum": 86400000000}	\
	},									\
	"additionalProperties": false						\
})
#define ALL_LANES	(JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS)

const struct jobd_handler handler_bench_says_waits = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "bench.says_waits",
	.summary = "says that it waits; computes and waits as its argument says",
	.args_schema = SCHEMA,
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = ALL_LANES,
	.run = run,
	.start = start,
	.cancel = cancel,
};

const struct jobd_handler handler_bench_says_computes = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "bench.says_computes",
	.summary = "says that it computes; computes and waits as its argument says",
	.args_schema = SCHEMA,
	.traits = JOBD_CPU_BOUND | JOBD_THREAD_SAFE,
	.lanes = ALL_LANES,
	.run = run,
	.start = start,
	.cancel = cancel,
};

const struct jobd_handler handler_bench_blocks = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "bench.blocks",
	.summary = "says that it is asynchronous, and blocks the loop",
	.args_schema = SCHEMA,
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = ALL_LANES,
	.run = run,
	.start = start_to_block,
	.cancel = cancel,
};
