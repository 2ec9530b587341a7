/* profile.c - how a type spends its time, as measured.  Runs in: broker, loop thread. */
#include "daemon/broker/route/profile.h"

/* Exact for the first samples; then the weight of a new one stays the same. */
static void
mean_add(struct profile_mean *m, double value)
{
	double	weight = 1.0 / (double)(++m->samples < PROFILE_MEMORY ? m->samples :
		    PROFILE_MEMORY);
	double	delta = value - m->mean;

	m->mean += weight * delta;
	m->variance = (1.0 - weight) * (m->variance + weight * delta * delta);
}

double
profile_deviation(const struct profile_mean *m)
{
	double	root = m->variance > 1.0 ? m->variance : 1.0;

	if (m->variance <= 0.0)
		return 0.0;
	for (int i = 0; i < 200; i++) {		/* Newton, from above: it falls until it is there */
		double	next = (root + m->variance / root) / 2;

		if (next >= root)
			break;
		root = next;
	}
	return root;
}

static enum profile_verdict
verdict_of(const struct profile *p)
{
	if (p->share.samples < PROFILE_SAMPLES)
		return PROFILE_UNKNOWN;
	if (p->share.mean > PROFILE_CPU_ABOVE)
		return PROFILE_COMPUTES;
	if (p->share.mean < PROFILE_CPU_BELOW)
		return PROFILE_WAITS;
	return (enum profile_verdict)p->verdict;
}

/* The first verdict comes as soon as it is known; one that contradicts it has to dwell. */
static bool
judge(struct profile *p, int64_t now_ns)
{
	enum profile_verdict	now = verdict_of(p);
	bool			dwells = p->verdict != PROFILE_UNKNOWN && now_ns >= p->verdict_ns &&
				    now_ns - p->verdict_ns < PROFILE_DWELL_NS;

	if (now == p->verdict || dwells)
		return false;
	p->verdict = (uint8_t)now;
	p->verdict_ns = now_ns;
	return true;
}

static bool
judge_inline(struct profile *p)
{
	const struct profile_mean	*m = &p->ran_ns[LANE_INLINE];
	bool				 was = p->slow_inline;

	if (m->samples >= PROFILE_SAMPLES)
		p->slow_inline = m->mean >= PROFILE_INLINE_NS;
	return p->slow_inline != was;
}

bool
profile_stall(struct profile *p, uint32_t ms)
{
	bool	was = p->blocks;

	p->blocks = true;
	p->stalls++;
	if (ms > p->stall_ms)
		p->stall_ms = ms;
	return !was;
}

bool
profile_add(struct profile *p, const struct profile_sample *s, int64_t now_ns)
{
	bool	changed = false;

	if (s->ran_ns > 0)
		mean_add(&p->ran_ns[s->lane], (double)s->ran_ns);
	if (s->share >= 0) {
		mean_add(&p->share, s->share);
		p->blind += !s->queue_known;
	}
	if (s->stall_ms > 0 && !s->stall_told)
		changed = profile_stall(p, s->stall_ms);
	else if (s->stall_ms > p->stall_ms)
		p->stall_ms = s->stall_ms;
	changed |= judge_inline(p);
	return judge(p, now_ns) || changed;
}
