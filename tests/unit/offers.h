/* offers.h - workers of the built-in pool, for tests of what runs above core. */
#ifndef UNIT_OFFERS_H
#define UNIT_OFFERS_H

#include <stdio.h>
#include <string.h>

#include "daemon/broker/core/core.h"

/* A cpu worker if it has slots in the process lane, else an io worker. */
static inline void
offer_up(struct core *c, struct core_time now, uint32_t number, const uint32_t slots[LANES],
    uint64_t alone_for)
{
	bool			cpu = slots[LANE_PROCESS] > 0;
	struct worker_offer	o = { .fifo = cpu, .killable = cpu, .alone_for = alone_for };
	char			name[16];

	snprintf(name, sizeof(name), "worker-%u", number);
	o.name = (struct span){ name, strlen(name) };

	memcpy(o.slots, slots, sizeof(o.slots));
	core_worker_up(c, now, number, &o);
}

#endif
