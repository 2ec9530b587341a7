/* cmd_stats.c - jobctl stats: counts and gauges of the daemon.  Runs in: jobctl. */
#include "client/ctl.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "lib/alloc.h"

#define METRICS_LINE_BYTES	((int64_t)64 << 20)

static bool
ends_in(const char *name, const char *end)
{
	size_t	len = strlen(name), n = strlen(end);

	return len >= n && strcmp(name + len - n, end) == 0;
}

/* Units are in the names. */
static void
put_value(struct table *t, const char *name, struct span value)
{
	struct buf	cell = { 0 };
	int64_t		v;
	char		*text;

	if (parse_i64(value.p, value.len, 0, INT64_MAX, &v) != 0) {
		text = json_plain(value);
		buf_puts(&cell, text);
		free(text);
	} else if (ends_in(name, "_ms")) {
		print_duration(&cell, v);
	} else if (ends_in(name, "_bytes") || ends_in(name, "bytes_in") ||
	    ends_in(name, "bytes_out")) {
		print_bytes(&cell, v);
	} else {
		buf_put_i64(&cell, v);
	}
	table_take(t, &cell);
}

/* `jobs.now.ready`; the daemon's replies are not deeper than JSON_DEPTH */
static void
put_members(struct table *t, struct span object, const char *prefix)
{
	struct json_walk w;

	json_object(&w, object);
	while (json_next_member(&w)) {
		char	*name = mem_printf("%s%.*s", prefix, (int)w.key.len, w.key.p), *deeper;

		if (json_type(w.value) == SCAN_OBJECT) {
			deeper = mem_printf("%s.", name);
			put_members(t, w.value, deeper);
			free(deeper);
		} else {
			table_puts(t, name);
			put_value(t, name, w.value);
		}
		free(name);
	}
}

/* Its length goes with the number of queues and types. */
static int
print_metrics(struct ctl *ctl)
{
	struct span	metrics, text;
	char		*plain;
	int		rc;

	if ((rc = ctl_connect(ctl, METRICS_LINE_BYTES)) != 0 ||
	    (rc = ctl_ask(ctl, "server.metrics", NULL, CTL_ANSWER_MS, &metrics)) != 0)
		return rc;
	if (ctl_wants_json(ctl)) {
		ctl_line(ctl, metrics);
		return ctl_flush(ctl);
	}
	if (!json_member(metrics, "text", &text))
		return ctl_odd(ctl, "server.metrics");
	plain = json_plain(text);
	buf_puts(&ctl->out, plain);
	free(plain);
	return ctl_flush(ctl);
}

static int
run(struct ctl *ctl)
{
	struct table	t = { 0 };
	struct span	stats;
	int		rc;

	if (option_given(&ctl->opt, OPT_prometheus))
		return print_metrics(ctl);
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0 ||
	    (rc = ctl_ask(ctl, "server.stats", NULL, CTL_ANSWER_MS, &stats)) != 0)
		return rc;
	if (ctl_wants_json(ctl)) {
		ctl_line(ctl, stats);
		return ctl_flush(ctl);
	}
	table_add(&t, NULL, false);
	table_add(&t, NULL, false);
	put_members(&t, stats, "");
	table_print(&t, &ctl->out, 0, 0, false);
	table_free(&t);
	return ctl_flush(ctl);
}

const struct verb verb_stats = {
	.name = "stats",
	.operands = "",
	.summary = "counts and gauges of the daemon",
	.about = "Prints what the daemon counts: jobs by state, attempts by lane, connections,\n"
	    "memory.  With --prometheus all of it and latencies, as monitoring systems read it.",
	.examples = "  jobctl stats\n"
	    "  jobctl stats -o json | jq .jobs.ready\n"
	    "  jobctl stats --prometheus | promtool check metrics\n",
	.options = FOR_STATS,
	.formats = FORMATS_DATA,
	.run = run,
};
