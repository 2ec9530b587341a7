/* bench_io.c - blocks its thread.  Runs in: a thread of the io worker, or a cpu worker. */
#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"

#define SLICE_NS	(5 * NS_PER_MS)		/* how late it may notice that it should stop */

static void
block_until(int64_t ns)
{
	struct timespec	ts = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void
bench_io(struct jobd_attempt *at)
{
	int64_t	ms = args_int(at, "ms"), since_ns = clock_mono_ns(), now_ns;
	int64_t	end_ns = since_ns + ms * NS_PER_MS;
	char	result[48];
	int	len;

	while ((now_ns = clock_mono_ns()) < end_ns) {
		if (jobd_should_stop(at)) {
			jobd_cancelled(at);
			return;
		}
		jobd_progress(at, (uint64_t)((now_ns - since_ns) / NS_PER_MS), (uint64_t)ms, "blocks");
		block_until(end_ns - now_ns < SLICE_NS ? end_ns : now_ns + SLICE_NS);
	}
	len = snprintf(result, sizeof(result), "{\"blocked_ms\":%lld}",
	    (long long)((now_ns - since_ns) / NS_PER_MS));
	jobd_succeed(at, result, (size_t)len);
}

const struct jobd_handler handler_bench_io = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "bench.io",
	.summary = "blocks a thread for so long",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"ms": {"type": "integer", "minimum": 0, "maximum": 86400000}
		},
		"required": ["ms"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = bench_io,
};
