/* lag.c - how long the loop's turns take, and what in them.  Runs in: broker, loop thread. */
#include "daemon/broker/metrics/lag.h"

#include <string.h>

const char *const lag_phase_names[LAG_PHASES_COUNT] = {
#define PHASE(symbol, what) #symbol,
	LAG_PHASES
#undef PHASE
};

void
lag_woke(struct lag *l, int64_t now_ns, int64_t coarse_ns)
{
	l->woke_ns = now_ns;
	l->mark_ns = coarse_ns;
}

void
lag_mark(struct lag *l, enum lag_phase phase, int64_t coarse_ns)
{
	l->phase_ns[phase] += coarse_ns - l->mark_ns;
	l->mark_ns = coarse_ns;
}

static enum lag_phase
longest_phase(const struct lag *l)
{
	enum lag_phase	longest = LAG_events;

	for (int i = 1; i < LAG_PHASES_COUNT; i++)
		if (l->phase_ns[i] > l->phase_ns[longest])
			longest = (enum lag_phase)i;
	return longest;
}

static bool
say(struct lag *l, int64_t now_ns, struct lag_turn *out)
{
	if (l->said_ns != 0 && now_ns - l->said_ns < LAG_SAY_NS) {
		l->unsaid++;
		return false;
	}
	out->unsaid = l->unsaid;
	l->said_ns = now_ns;
	l->unsaid = 0;
	return true;
}

bool
lag_end(struct lag *l, int64_t now_ns, int64_t limit_ns, struct lag_turn *out)
{
	int64_t	took_ns = now_ns - l->woke_ns;
	bool	slow = took_ns > limit_ns, said = false;

	buckets_add(&l->turns, took_ns);
	if (took_ns > l->longest_ns)
		l->longest_ns = took_ns;
	if (slow) {
		out->phase = longest_phase(l);
		out->phase_ns = l->phase_ns[out->phase];
		out->turn_ns = took_ns;
		l->slow[out->phase]++;
		said = say(l, now_ns, out);
	}
	for (int i = 0; i < LAG_PHASES_COUNT; i++)
		l->spent_ns[i] += l->phase_ns[i];
	memset(l->phase_ns, 0, sizeof(l->phase_ns));
	l->woke_ns = 0;
	return said;
}

uint64_t
lag_slow(const struct lag *l)
{
	uint64_t	slow = 0;

	for (int i = 0; i < LAG_PHASES_COUNT; i++)
		slow += l->slow[i];
	return slow;
}
