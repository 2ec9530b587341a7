/* metrics.c - all that the broker counts and holds, as text.  Runs in: broker, loop thread. */
#include "daemon/broker/metrics/metrics_internal.h"

#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/metrics/process.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/store/store.h"
#include "lib/clock.h"

bool
metrics_ready(const struct broker *b, const char **why)
{
	*why = "";
	if (b->stopping)
		*why = "jobd stops";
	else if (b->draining)
		*why = "jobd drains";
	else if (!lanes_ready(b->lanes))
		*why = "workers are not ready";
	else if (b->recovery != NULL)
		*why = "jobd recovers what it knows";
	return (*why)[0] == '\0';
}

static void
print_server(const struct broker *b, struct buf *out)
{
	struct buf	labels = { 0 };
	const char	*why;

	prometheus_label(&labels, "version", PACKAGE_VERSION);
	prometheus_label(&labels, "boot_id", b->boot_id);
	prometheus_begin(out, METRIC_INFO);
	prometheus_u64(out, METRIC_INFO, &labels, 1);
	buf_free(&labels);
	prometheus_one(out, METRIC_READY, metrics_ready(b, &why));
	prometheus_one(out, METRIC_DRAINING, b->draining);
}

/* One sample for each, told apart by one label. */
struct sample {
	const char	*label;
	uint64_t	 value;
};

static void
print_samples(struct buf *out, enum metric m, const char *key, const struct sample *samples, size_t count)
{
	prometheus_begin(out, m);
	for (size_t i = 0; i < count; i++) {
		struct buf	labels = { 0 };

		prometheus_label(&labels, key, samples[i].label);
		prometheus_u64(out, m, &labels, samples[i].value);
		buf_free(&labels);
	}
}

static void
print_store(struct store *store, struct buf *out)
{
	struct store_load	load = store_load(store);
	struct store_stats	s = store_stats(store);

	prometheus_begin(out, METRIC_STORE_COMMITS);
	prometheus_buckets(out, METRIC_STORE_COMMITS, NULL, &s.commits);
	prometheus_one(out, METRIC_STORE_OPS, s.operations);
	prometheus_one(out, METRIC_STORE_WAITING, load.ops);
	prometheus_one(out, METRIC_STORE_WAITING_BYTES, load.bytes);
	prometheus_one(out, METRIC_STORE_FULL, load.full);
	print_samples(out, METRIC_STORE_JOBS, "kind", (const struct sample[]){
	    { "live", (uint64_t)s.live }, { "ended", (uint64_t)s.kept },
	    { "failed", (uint64_t)s.failed } }, 3);
	print_samples(out, METRIC_STORE_BYTES, "kind", (const struct sample[]){
	    { "ended", (uint64_t)s.kept_bytes }, { "failed", (uint64_t)s.failed_bytes } }, 2);
}

static void
print_net(const struct net *net, struct buf *out)
{
	struct net_stats	s;

	net_stats(net, &s);
	prometheus_one(out, METRIC_CONNECTIONS, s.connections);
	prometheus_one(out, METRIC_ACCEPTED, s.accepted);
	prometheus_one(out, METRIC_REFUSED, s.refused);
	prometheus_one(out, METRIC_REQUESTS, s.requests);
	prometheus_one(out, METRIC_ERRORS, s.errors);
	prometheus_one(out, METRIC_RECEIVED, s.bytes_in);
	prometheus_one(out, METRIC_SENT, s.bytes_out);
}

static double
seconds(int64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

static void
print_loop(const struct lag *l, struct buf *out)
{
	struct sample	slow[LAG_PHASES_COUNT];

	prometheus_begin(out, METRIC_TURNS);
	prometheus_buckets(out, METRIC_TURNS, NULL, &l->turns);
	prometheus_begin(out, METRIC_PHASES);
	for (int i = 0; i < LAG_PHASES_COUNT; i++) {
		struct buf	labels = { 0 };

		prometheus_label(&labels, "phase", lag_phase_names[i]);
		prometheus_seconds(out, METRIC_PHASES, &labels, seconds(l->spent_ns[i]));
		buf_free(&labels);
		slow[i] = (struct sample){ lag_phase_names[i], l->slow[i] };
	}
	print_samples(out, METRIC_SLOW, "phase", slow, LAG_PHASES_COUNT);
	prometheus_begin(out, METRIC_LONGEST);
	prometheus_seconds(out, METRIC_LONGEST, NULL, seconds(l->longest_ns));
}

static void
print_process(const struct broker *b, struct buf *out)
{
	struct process	p;

	process_look(&p);
	prometheus_begin(out, METRIC_CPU);
	prometheus_seconds(out, METRIC_CPU, NULL, p.cpu_s);
	prometheus_one(out, METRIC_RSS, (uint64_t)p.rss_bytes);
	prometheus_one(out, METRIC_VSIZE, (uint64_t)p.virtual_bytes);
	prometheus_one(out, METRIC_FDS, p.open_files);
	prometheus_one(out, METRIC_MAX_FDS, p.max_files);
	prometheus_begin(out, METRIC_START);
	prometheus_seconds(out, METRIC_START, NULL, (double)b->started_ms * 1e-3);
}

void
metrics_print(struct broker *b, struct buf *out)
{
	print_server(b, out);
	metrics_print_jobs(b, out);
	metrics_print_workers(b, out);
	print_store(b->store, out);
	print_net(b->net, out);
	print_loop(&b->lag, out);
	print_process(b, out);
}
