/* metrics_jobs.c - jobs and attempts, as core has counted them.  Runs in: broker, loop thread. */
#include "daemon/broker/metrics/metrics_internal.h"

#include <string.h>

#include "daemon/broker/core/tally.h"
#include "lib/map.h"

/* ---- queues ---- */

/* Queues that have a tally by name, and what all others hold together. */
struct named {
	struct namemap	 queues;
	struct queue_view other;
};

static struct queue_view
view_of(const struct broker *b, const char *name)
{
	struct queue_view	v = { 0 };

	(void)core_queue_view(b->core, (struct span){ name, strlen(name) }, &v);
	return v;	/* without jobs: all 0 */
}

static void
gather_queues(const struct broker *b, const struct core_stats *stats, struct named *n)
{
	const struct tally	*t;

	n->other.scheduled = stats->states[JOB_scheduled];
	n->other.ready = stats->states[JOB_ready];
	n->other.running = stats->states[JOB_running];
	n->other.waiting_bytes = stats->waiting_bytes;
	for (size_t at = 0; (t = core_tally_next(b->core, &at)) != NULL; ) {
		struct queue_view	v;

		if (strcmp(t->queue, TALLY_OTHER) == 0 ||
		    namemap_get(&n->queues, t->queue, strlen(t->queue)) != NULL)
			continue;
		namemap_put(&n->queues, t->queue, strlen(t->queue), (void *)(size_t)t);
		v = view_of(b, t->queue);
		n->other.scheduled -= v.scheduled;
		n->other.ready -= v.ready;
		n->other.running -= v.running;
		n->other.waiting_bytes -= v.waiting_bytes;
	}
}

static void
print_states(struct buf *out, const char *queue, const struct queue_view *v)
{
	const struct {
		const char	*state;
		uint64_t	 jobs;
	} rows[] = { { "scheduled", v->scheduled }, { "ready", v->ready }, { "running", v->running } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf	labels = { 0 };

		prometheus_label(&labels, "queue", queue);
		prometheus_label(&labels, "state", rows[i].state);
		prometheus_u64(out, METRIC_QUEUE_JOBS, &labels, rows[i].jobs);
		buf_free(&labels);
	}
}

static void
print_of_queue(struct buf *out, enum metric m, const char *queue, uint64_t value)
{
	struct buf	labels = { 0 };

	prometheus_label(&labels, "queue", queue);
	prometheus_u64(out, m, &labels, value);
	buf_free(&labels);
}

static void
print_queues(const struct broker *b, const struct core_stats *stats, struct buf *out)
{
	struct named		 n = { 0 };
	struct queue_view	 v;
	const struct tally	*t;

	gather_queues(b, stats, &n);
	prometheus_begin(out, METRIC_QUEUE_JOBS);
	for (size_t at = 0; (t = namemap_next(&n.queues, &at)) != NULL; ) {
		v = view_of(b, t->queue);
		print_states(out, t->queue, &v);
	}
	print_states(out, TALLY_OTHER, &n.other);
	prometheus_begin(out, METRIC_QUEUE_BYTES);
	for (size_t at = 0; (t = namemap_next(&n.queues, &at)) != NULL; )
		print_of_queue(out, METRIC_QUEUE_BYTES, t->queue, view_of(b, t->queue).waiting_bytes);
	print_of_queue(out, METRIC_QUEUE_BYTES, TALLY_OTHER, n.other.waiting_bytes);
	prometheus_begin(out, METRIC_QUEUE_PAUSED);
	for (size_t at = 0; (t = namemap_next(&n.queues, &at)) != NULL; )
		print_of_queue(out, METRIC_QUEUE_PAUSED, t->queue, view_of(b, t->queue).paused);
	namemap_free(&n.queues);
}

/* ---- by queue and type ---- */

typedef void print_lane(struct buf *out, struct buf *labels, const struct tally_lane *l);

static void
label_pair(struct buf *labels, const struct tally *t)
{
	prometheus_label(labels, "queue", t->queue);
	prometheus_label(labels, "type", t->type);
}

static void
print_submitted(const struct core *c, struct buf *out)
{
	const struct tally	*t;

	prometheus_begin(out, METRIC_SUBMITTED);
	for (size_t at = 0; (t = core_tally_next(c, &at)) != NULL; ) {
		struct buf	labels = { 0 };

		label_pair(&labels, t);
		prometheus_u64(out, METRIC_SUBMITTED, &labels, t->submitted);
		buf_free(&labels);
	}
}

static void
print_lanes(const struct core *c, struct buf *out, enum metric m, print_lane *print)
{
	const struct tally	*t;

	prometheus_begin(out, m);
	for (size_t at = 0; (t = core_tally_next(c, &at)) != NULL; ) {
		for (int lane = 0; lane < LANES; lane++) {
			struct buf	labels = { 0 };

			if (t->lanes[lane] == NULL)
				continue;
			label_pair(&labels, t);
			prometheus_label(&labels, "lane", lane_names[lane]);
			print(out, &labels, t->lanes[lane]);
			buf_free(&labels);
		}
	}
}

/* The same labels and one more, which is taken off again. */
static size_t
label_outcome(struct buf *labels, const char *outcome)
{
	size_t	before = labels->tail;

	prometheus_label(labels, "outcome", outcome);
	return before;
}

static void
print_finished(struct buf *out, struct buf *labels, const struct tally_lane *l)
{
	for (int state = JOB_succeeded; state < JOB_STATES; state++) {
		size_t	before = label_outcome(labels, job_state_names[state]);

		prometheus_u64(out, METRIC_FINISHED, labels, l->finished[state]);
		labels->tail = before;
	}
}

static void
print_waited(struct buf *out, struct buf *labels, const struct tally_lane *l)
{
	prometheus_buckets(out, METRIC_WAIT, labels, &l->waited);
}

/* Of outcomes that there were. */
static void
print_ran(struct buf *out, struct buf *labels, const struct tally_lane *l)
{
	for (int end = 0; end < TALLY_ENDS; end++) {
		size_t	before;

		if (l->ran[end] == NULL)
			continue;
		before = label_outcome(labels, tally_end_names[end]);
		prometheus_buckets(out, METRIC_RUN, labels, l->ran[end]);
		labels->tail = before;
	}
}

/* ---- in all ---- */

static void
print_by_name(struct buf *out, enum metric m, const char *key, const char *const *names,
    const uint64_t *values, int count)
{
	prometheus_begin(out, m);
	for (int i = 0; i < count; i++) {
		struct buf	labels = { 0 };

		prometheus_label(&labels, key, names[i]);
		prometheus_u64(out, m, &labels, values[i]);
		buf_free(&labels);
	}
}

void
metrics_print_jobs(const struct broker *b, struct buf *out)
{
	struct core_stats	s;

	core_stats(b->core, &s);
	print_by_name(out, METRIC_JOBS, "state", job_state_names, s.states, JOB_STATES);
	print_queues(b, &s, out);
	print_submitted(b->core, out);
	print_lanes(b->core, out, METRIC_FINISHED, print_finished);
	print_lanes(b->core, out, METRIC_WAIT, print_waited);
	print_lanes(b->core, out, METRIC_RUN, print_ran);
	print_by_name(out, METRIC_STARTED, "lane", lane_names, s.lane_started, LANES);
	print_by_name(out, METRIC_FAILURES, "kind", failure_names, s.failures, FAILURES);
	prometheus_one(out, METRIC_RETRIES, s.retries);
	prometheus_one(out, METRIC_CRASHES, s.crashes);
	prometheus_one(out, METRIC_STUCK, s.stuck);
	prometheus_one(out, METRIC_WAITING_BYTES, s.waiting_bytes);
	prometheus_one(out, METRIC_KEPT_BYTES, s.kept_bytes);
	prometheus_one(out, METRIC_UNIQUE_KEYS, s.unique_keys);
}
