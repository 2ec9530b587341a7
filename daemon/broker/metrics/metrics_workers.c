/* metrics_workers.c - workers and channels.  Runs in: broker, loop thread. */
#include "daemon/broker/metrics/metrics_internal.h"

#include <string.h>

#include "daemon/broker/lanes/lanes.h"

#define STATES		(WORKER_DRAINING + 1)	/* one that dies has the name of one that drains */
#define LANES_MAX	8	/* process, async+thread, and what language workers may say */

/* Workers of one lane. */
struct sum {
	const char	*lane;
	uint64_t	 states[STATES];
	uint64_t	 attempts, rss_bytes;
};

struct sums {
	struct sum	 by_lane[LANES_MAX];
	size_t		 len;
};

static struct sum *
sum_of(struct sums *s, const char *lane)
{
	for (size_t i = 0; i < s->len; i++)
		if (strcmp(s->by_lane[i].lane, lane) == 0)
			return &s->by_lane[i];
	if (s->len == LANES_MAX)
		return &s->by_lane[LANES_MAX - 1];
	s->by_lane[s->len].lane = lane;
	return &s->by_lane[s->len++];
}

static void
sum_up(const struct lanes *l, struct sums *s)
{
	struct worker_view	v;

	for (size_t at = 0; lanes_worker_next(l, &at, &v); ) {
		struct sum	*sum = sum_of(s, v.lane);

		sum->states[v.state == WORKER_DYING ? WORKER_DRAINING : v.state]++;
		sum->attempts += v.inflight;
		sum->rss_bytes += (uint64_t)v.rss_bytes;
	}
}

static void
print_states(struct buf *out, const struct sums *s)
{
	prometheus_begin(out, METRIC_WORKERS);
	for (size_t i = 0; i < s->len; i++) {
		for (int state = 0; state < STATES; state++) {
			struct buf	labels = { 0 };

			prometheus_label(&labels, "lane", s->by_lane[i].lane);
			prometheus_label(&labels, "state", worker_state_names[state]);
			prometheus_u64(out, METRIC_WORKERS, &labels, s->by_lane[i].states[state]);
			buf_free(&labels);
		}
	}
}

static void
print_of_lane(struct buf *out, enum metric m, const struct sum *s, uint64_t value)
{
	struct buf	labels = { 0 };

	prometheus_label(&labels, "lane", s->lane);
	prometheus_u64(out, m, &labels, value);
	buf_free(&labels);
}

void
metrics_print_workers(const struct broker *b, struct buf *out)
{
	struct sums		s = { 0 };
	struct lanes_stats	l;

	sum_up(b->lanes, &s);
	lanes_stats(b->lanes, &l);
	print_states(out, &s);
	prometheus_begin(out, METRIC_WORKER_ATTEMPTS);
	for (size_t i = 0; i < s.len; i++)
		print_of_lane(out, METRIC_WORKER_ATTEMPTS, &s.by_lane[i], s.by_lane[i].attempts);
	prometheus_begin(out, METRIC_WORKER_RSS);
	for (size_t i = 0; i < s.len; i++)
		print_of_lane(out, METRIC_WORKER_RSS, &s.by_lane[i], s.by_lane[i].rss_bytes);
	prometheus_one(out, METRIC_WORKER_STARTS, l.starts);
	prometheus_one(out, METRIC_WORKER_DEATHS, l.deaths);
	prometheus_one(out, METRIC_MOVES, b->lane_moves);
	prometheus_one(out, METRIC_STALLS, b->loop_stalls);
	prometheus_one(out, METRIC_CHANNEL_RUNS, l.runs);
	prometheus_one(out, METRIC_CHANNEL_REFUSED, l.refused);
	prometheus_one(out, METRIC_CHANNEL_BACK, l.completions);
	prometheus_one(out, METRIC_CHANNEL_WAKES, l.woke_workers);
	prometheus_one(out, METRIC_CHANNEL_WOKEN, l.woken);
}
