/* sleep.c - a timer of the event loop.  Runs in: the io worker, loop thread. */
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "proto/bounds.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"

struct nap {
	uv_timer_t		 timer;
	struct jobd_attempt	*at;
	int64_t			 since_ns;
};

static void
nap_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void
nap_over(uv_timer_t *timer)
{
	struct nap	*nap = timer->data;
	char		 result[48];
	int		 len;

	len = snprintf(result, sizeof(result), "{\"slept_ms\":%lld}",
	    (long long)((clock_mono_ns() - nap->since_ns) / NS_PER_MS));
	jobd_succeed(nap->at, result, (size_t)len);
	uv_close((uv_handle_t *)timer, nap_closed);
}

static void
sleep_start(struct jobd_attempt *at)
{
	int64_t		 ms = args_int(at, "ms");
	struct nap	*nap = mem_alloc(sizeof(*nap));

	nap->at = at;
	nap->since_ns = clock_mono_ns();
	uv_timer_init(jobd_loop(at), &nap->timer);
	nap->timer.data = nap;
	/* the loop knows when its turn began, in whole ms: a sleep must not be too short */
	uv_update_time(jobd_loop(at));
	uv_timer_start(&nap->timer, nap_over, ms == 0 ? 0 : (uint64_t)ms + 1, 0);
	jobd_set_data(at, nap);
}

static void
sleep_cancel(struct jobd_attempt *at)
{
	struct nap	*nap = jobd_data(at);

	jobd_cancelled(at);
	uv_close((uv_handle_t *)&nap->timer, nap_closed);
}

_Static_assert(BOUND_DURATION_MS == 35184372088832, "the schema's number");

const struct jobd_handler handler_sleep = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "sleep",
	.summary = "waits on a timer; the result says how long it was",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"ms": {"type": "integer", "minimum": 0, "maximum": 35184372088832}
		},
		"required": ["ms"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = sleep_start,
	.cancel = sleep_cancel,
};
