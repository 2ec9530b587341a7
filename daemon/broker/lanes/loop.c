/* loop.c - does an io worker's loop still turn?  Runs in: broker, loop thread.
 *
 * A handler that blocks the loop blocks all that waits there, and no cancel reaches it.  So a loop
 * with attempts is asked for a sign of life: an entry that it completes at once.  One that gives
 * none within the grace is blocked, or its process is stopped; in both cases only the worker's end
 * helps its neighbours.
 */
#include "daemon/broker/lanes/lanes_internal.h"
#include "lib/clock.h"

#define PATIENCE_NS	(2 * NS_PER_S)		/* at least: the machine may be busy */

int64_t
lanes_patience_ns(const struct lanes *l)
{
	int64_t	grace_ns = l->broker->config.grace_ms * NS_PER_MS;

	return grace_ns < PATIENCE_NS ? PATIENCE_NS : grace_ns;
}

static void
ask(struct seat *seat)
{
	struct channel_submit	s = { .op = CHANNEL_OP_DROP };	/* of a result that is not kept */

	if (channel_submit(seat->channel, &s, &seat->asked_loop) == 0)
		seat->asked_loop_ns = seat->lanes->broker->now.mono_ns;
}

void
loop_look(struct seat *seat)
{
	const struct broker	*b = seat->lanes->broker;
	int64_t			 patience_ns = lanes_patience_ns(seat->lanes);

	if (seat->state == WORKER_DYING || seat->end_by_ns != 0)
		return;
	if (seat->asked_loop_ns == 0) {
		if (channel_inflight(seat->channel) > 0)
			ask(seat);
	} else if (b->now.mono_ns - seat->asked_loop_ns >= patience_ns) {
		seat->blocked = true;
		seat_kill(seat, "its event loop is blocked");
	}
}

void
loop_answered(struct seat *seat, uint64_t token)
{
	if (seat->asked_loop_ns == 0 || token != seat->asked_loop)
		return;
	seat->asked_loop_ns = 0;
	if (channel_inflight(seat->channel) == 0 && seat->state == WORKER_RUNNING)
		seat_set_state(seat, WORKER_IDLE);
}
