/* bench_cpu.c - burns CPU time.  Runs in: a cpu worker, or a thread of the io worker. */
#include <stdio.h>

#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"

#define BURN_ROUNDS	20000		/* about 20 us between two looks at the clock */

static uint64_t
burn(uint64_t x)
{
	for (int i = 0; i < BURN_ROUNDS; i++) {		/* xorshift64: nothing to skip ahead in */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static void
bench_cpu(struct jobd_attempt *at)
{
	int64_t			ms = args_int(at, "ms"), since_ns = clock_thread_cpu_ns(), burned_ms;
	volatile uint64_t	x = 88172645463325252;
	char			result[48];
	int			len;

	while ((burned_ms = (clock_thread_cpu_ns() - since_ns) / NS_PER_MS) < ms) {
		jobd_progress(at, (uint64_t)burned_ms, (uint64_t)ms, "burns");
		x = burn(x);
		if (jobd_should_stop(at)) {
			jobd_cancelled(at);
			return;
		}
	}
	len = snprintf(result, sizeof(result), "{\"burned_ms\":%lld}",
	    (long long)((clock_thread_cpu_ns() - since_ns) / NS_PER_MS));
	jobd_succeed(at, result, (size_t)len);
}

const struct jobd_handler handler_bench_cpu = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "bench.cpu",
	.summary = "burns so much CPU time",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"ms": {"type": "integer", "minimum": 0, "maximum": 86400000}
		},
		"required": ["ms"], "additionalProperties": false
	}),
	.traits = JOBD_CPU_BOUND | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = bench_cpu,
};
