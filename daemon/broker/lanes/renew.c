/* renew.c - a reload: workers go by the new configuration.  Runs in: broker, loop thread.
 *
 * What a worker goes by it was told when it was started, so one whose settings have changed is replaced
 * as one that has served its time: it finishes what it has.
 */
#include <string.h>

#include "daemon/broker/lanes/catalog.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/lanes/lanes_internal.h"

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The kinds of workers, as bits, that would be started in another way now. */
static unsigned
kinds_changed(const struct config *a, const struct config *b)
{
	unsigned	built_in = 1u << CONTROL_LANE_CPU | 1u << CONTROL_LANE_IO | 1u << CONTROL_LANE_PLUGIN;
	unsigned	changed = 0;

	if (a->max_result_bytes != b->max_result_bytes || !same(a->files_roots, b->files_roots) ||
	    !same(a->sql_services, b->sql_services))
		changed |= built_in;
	if (a->cpu_nice != b->cpu_nice)
		changed |= 1u << CONTROL_LANE_CPU;
	if (a->io_threads != b->io_threads)
		changed |= 1u << CONTROL_LANE_IO | 1u << CONTROL_LANE_PLUGIN;
	if (a->commands_per_worker != b->commands_per_worker)
		changed |= 1u << CONTROL_LANE_EXEC;
	if (way_channel_arena(a) != way_channel_arena(b))
		changed |= built_in | 1u << CONTROL_LANE_EXEC;
	return changed;
}

static bool
is_place(const struct seat *seat)
{
	return seat != NULL && seat->lane == CONTROL_LANE_CPU && seat->alone_for == 0 && !seat->leaving;
}

/* The last one that can go now; one that is starting or ending waits for the next look. */
static bool
give_up_one(struct lanes *l)
{
	for (uint32_t i = l->seats_len; i-- > 0; ) {
		struct seat	*seat = l->seats[i];

		if (!is_place(seat))
			continue;
		if (seat->state == WORKER_GONE) {
			seat_free(seat);
			return true;
		}
		if (seat->state == WORKER_IDLE || seat->state == WORKER_RUNNING) {
			seat_give_up(seat, "workers.cpu");
			return true;
		}
	}
	return false;
}

void
lanes_fit(struct lanes *l)
{
	int64_t	wanted = lanes_cpus(&l->broker->config), are = 0;

	for (uint32_t i = 0; i < l->seats_len; i++)
		are += is_place(l->seats[i]);
	for (; are < wanted; are++)
		seat_request(seat_new(l, CONTROL_LANE_CPU, "", 0));
	while (are > wanted && give_up_one(l))
		are--;
	for (uint32_t i = 0; i < l->seats_len; i++) {
		if (l->seats[i] != NULL && l->seats[i]->stale)
			seat_retire(l->seats[i], "its settings have changed");
	}
}

void
lanes_reload(struct broker *b, const struct config *old)
{
	struct lanes	*l = b->lanes;
	unsigned	 changed = kinds_changed(old, &b->config);

	core_budgets(b->core, (uint32_t)lanes_cpus(&b->config), (uint32_t)b->config.commands_waiting);
	if (old->grace_ms != b->config.grace_ms)
		catalog_builtin(l);
	for (uint32_t i = 0; i < l->seats_len; i++) {
		if (l->seats[i] == NULL)
			continue;
		way_channel_log(l->seats[i]);
		if ((changed & 1u << l->seats[i]->lane) != 0)
			l->seats[i]->stale = true;
	}
	lanes_fit(l);
}
