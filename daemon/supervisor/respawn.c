/* respawn.c - when does a broker that died get a successor?  Runs in: supervisor. */
#include "daemon/supervisor/respawn.h"

#include "lib/clock.h"

#define HEALTHY_NS	(30 * NS_PER_S)

void
respawn_ready(struct respawn *r, int64_t now_ns)
{
	r->ready = r->ever_ready = true;
	r->ready_ns = now_ns;
}

int64_t
respawn_delay_ns(struct respawn *r, int64_t now_ns)
{
	static const int64_t	delays_ms[] = { 0, 10, 50, 250, 1250, 5000 };
	unsigned		last = sizeof(delays_ms) / sizeof(delays_ms[0]) - 1;

	if (r->ready && now_ns - r->ready_ns >= HEALTHY_NS)
		r->deaths = 0;
	r->ready = false;
	r->deaths++;
	if (!r->ever_ready && r->deaths >= RESPAWN_STARTS_MAX)
		return -1;
	return delays_ms[r->deaths - 1 < last ? r->deaths - 1 : last] * NS_PER_MS;
}
