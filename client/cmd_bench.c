/* cmd_bench.c - jobctl bench: how many jobs, and how soon.  Runs in: jobctl. */
#include "client/bench.h"

#include <stdlib.h>
#include <string.h>

#include "client/jobopts.h"
#include "lib/alloc.h"
#include "lib/clock.h"

#define DURATION_MS	10000
#define LINE_BYTES	((size_t)4 << 20)
#define UNSENT_BYTES	((size_t)1 << 30)
#define MOST		10000		/* connections */

static const struct { const char *name; double q; } quantiles[] = {
	{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "p99.99", 0.9999 }
};
#define QUANTILES	(sizeof(quantiles) / sizeof(quantiles[0]))

/* ---- what was measured ---- */

/* Three significant digits of a time, with its unit. */
static void
put_time(struct buf *out, double ns)
{
	static const struct { double ns; const char *name; } units[] = {
		{ 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" }
	};
	size_t	u = 0;
	double	n;

	while (u < 3 && ns < units[u].ns)
		u++;
	n = ns / units[u].ns;
	buf_printf(out, "%.*f %s", n >= 100 ? 0 : n >= 10 ? 1 : 2, n, units[u].name);
}

static double
per_second(const struct bench_result *r)
{
	return r->elapsed_ns > 0 ? (double)r->succeeded * 1e9 / (double)r->elapsed_ns : 0;
}

static void
print_text(struct ctl *ctl, const struct bench_plan *p, const struct bench_result *r)
{
	struct buf	*out = &ctl->out;

	buf_printf(out, "%-11s ", ctl->opt.operands[0]);
	if (p->rate > 0)
		buf_printf(out, "open loop, %lld calls/s", (long long)p->rate);
	else
		buf_printf(out, "closed loop, %lld at once", (long long)(p->connections * p->depth));
	buf_printf(out, ", %lld connection%s\n", (long long)p->connections,
	    p->connections == 1 ? "" : "s");
	buf_printf(out, "%-11s %llu succeeded, %llu failed in ", "jobs",
	    (unsigned long long)r->succeeded, (unsigned long long)r->failed);
	put_time(out, (double)r->elapsed_ns);
	if (r->unanswered > 0)
		buf_printf(out, "; %llu never answered", (unsigned long long)r->unanswered);
	buf_printf(out, "\n%-11s %.0f jobs/s\n", "throughput", per_second(r));
	if (r->succeeded > 0) {
		buf_printf(out, "%-11s ", "latency");
		put_time(out, (double)r->latency.min);
		buf_puts(out, " min, ");
		put_time(out, histogram_mean(&r->latency));
		buf_puts(out, " mean, ");
		put_time(out, (double)r->latency.max);
		buf_puts(out, " max\n");
	}
	for (size_t i = 0; r->succeeded > 0 && i < QUANTILES; i++) {
		buf_printf(out, "  %-9s ", quantiles[i].name);
		put_time(out, (double)histogram_quantile(&r->latency, quantiles[i].q));
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < BENCH_KINDS && r->kinds[i].count > 0; i++)
		buf_printf(out, "%-11s %s: %llu\n", i == 0 ? "failures" : "", r->kinds[i].kind,
		    (unsigned long long)r->kinds[i].count);
}

static void
print_json(struct ctl *ctl, const struct bench_plan *p, const struct bench_result *r)
{
	struct buf	*out = &ctl->out;

	buf_puts(out, "{\"type\":");
	json_put_text(out, ctl->opt.operands[0]);
	buf_printf(out, ",\"loop\":\"%s\",\"connections\":%lld", p->rate > 0 ? "open" : "closed",
	    (long long)p->connections);
	if (p->rate > 0)
		buf_printf(out, ",\"rate\":%lld", (long long)p->rate);
	else
		buf_printf(out, ",\"depth\":%lld", (long long)p->depth);
	buf_printf(out, ",\"elapsed_ms\":%.3f,\"started\":%llu,\"succeeded\":%llu,\"failed\":%llu,"
	    "\"unanswered\":%llu,\"jobs_per_second\":%.1f,\"latency_us\":{\"min\":%.3f,"
	    "\"mean\":%.3f,\"max\":%.3f", (double)r->elapsed_ns / 1e6,
	    (unsigned long long)r->started, (unsigned long long)r->succeeded,
	    (unsigned long long)r->failed, (unsigned long long)r->unanswered, per_second(r),
	    (double)r->latency.min / 1e3, histogram_mean(&r->latency) / 1e3,
	    (double)r->latency.max / 1e3);
	for (size_t i = 0; i < QUANTILES; i++)
		buf_printf(out, ",\"%s\":%.3f", quantiles[i].name,
		    (double)histogram_quantile(&r->latency, quantiles[i].q) / 1e3);
	buf_puts(out, "},\"failures\":{");
	for (size_t i = 0; i < BENCH_KINDS && r->kinds[i].count > 0; i++) {
		buf_puts(out, i > 0 ? "," : "");
		json_put_text(out, r->kinds[i].kind);
		buf_printf(out, ":%llu", (unsigned long long)r->kinds[i].count);
	}
	buf_puts(out, "}}\n");
}

/* ---- measuring ---- */

static void
close_all(struct jobd **connections, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		jobd_close(connections[i]);
	free(connections);
}

static struct jobd **
open_all(struct ctl *ctl, int64_t n)
{
	struct jobd_options	options = {
		.address = jobd_address(ctl->conn),
		.client = "jobctl/" PACKAGE_VERSION,
		.max_line_bytes = LINE_BYTES,
		.max_unsent_bytes = UNSENT_BYTES,
	};
	struct jobd_error	err;
	struct jobd		**out = mem_zalloc((size_t)n, sizeof(struct jobd *));

	for (int64_t i = 0; i < n; i++) {
		if (jobd_open(&options, &out[i], &err) == 0)
			continue;
		ctl_say(ctl, "connection %lld: %s (%s)", (long long)i + 1, err.message, err.kind);
		close_all(out, i);
		return NULL;
	}
	return out;
}

/* One job that does not count: what would be wrong with all of them is said once. */
static int
try_one(struct ctl *ctl, const struct buf *params)
{
	struct span	 outcome, failure;
	char		*state, *message = NULL;
	int		 rc = ctl_ask(ctl, "job.call", params, JOBD_FOREVER, &outcome);

	if (rc != 0)
		return rc;
	state = json_text(outcome, "state");
	if (json_member(outcome, "failure", &failure))
		message = json_text(failure, "message");
	if (state == NULL || strcmp(state, "succeeded") != 0)
		ctl_say(ctl, "the first job %s: %s", state != NULL ? state : "ended oddly",
		    message != NULL ? message : "the daemon does not say why");
	free(state);
	free(message);
	return 0;
}

static int
measure(struct ctl *ctl, const struct bench_plan *plan)
{
	struct jobd		**connections = open_all(ctl, plan->connections);
	struct bench_result	 r;
	struct jobd_error	 err;
	int			 rc;

	if (connections == NULL)
		return EXIT_UNREACHABLE;
	rc = bench_run(plan, connections, &r, &err);
	if (ctl_wants_json(ctl))
		print_json(ctl, plan, &r);
	else
		print_text(ctl, plan, &r);
	if (rc != 0)
		rc = ctl_fail(ctl, EXIT_UNREACHABLE, "%s", err.message);
	else if (r.failed > 0 || r.unanswered > 0)
		rc = EXIT_NOT_ALL;
	bench_result_free(&r);
	close_all(connections, plan->connections);
	return ctl_flush(ctl) != 0 ? EXIT_REFUSED : rc;
}

static int64_t
number(const struct options *o, enum option opt, int64_t otherwise)
{
	return option_given(o, opt) ? o->number[opt] : otherwise;
}

static int
make_plan(struct ctl *ctl, struct bench_plan *p)
{
	const struct options	*o = &ctl->opt;

	p->connections = number(o, OPT_connections, 1);
	p->depth = number(o, OPT_depth, 1);
	p->rate = number(o, OPT_rate, 0);
	p->count = number(o, OPT_count, 0);
	p->duration_ns = number(o, OPT_duration, p->count > 0 ? 0 : DURATION_MS) * NS_PER_MS;
	if (p->rate > 0 && option_given(o, OPT_depth))
		return ctl_usage(ctl, "--rate starts calls by the clock: --depth is of no use");
	if (p->connections > MOST || p->depth > BOUND_OPEN_CALLS)
		return ctl_usage(ctl, "at most %d connections, with %d calls each", MOST,
		    BOUND_OPEN_CALLS);
	if (option_given(o, OPT_size) && o->operands_len > 1)
		return ctl_usage(ctl, "--size makes the argument: '%s' is too much", o->operands[1]);
	if (option_given(o, OPT_size) && (o->number[OPT_size] < 2 ||
	    o->number[OPT_size] > BOUND_LINE_BYTES_MAX))
		return ctl_usage(ctl, "--size: 2 bytes to 64 MiB");
	return 0;
}

/* "xxx" */
static void
put_string(struct buf *out, int64_t bytes)
{
	size_t	n = (size_t)bytes;
	char	*text = buf_room(out, n);

	memset(text, 'x', n);
	text[0] = text[n - 1] = '"';
	buf_added(out, n);
}

static int
run(struct ctl *ctl)
{
	struct bench_plan	 plan = { 0 };
	struct buf		 args = { 0 }, params = { 0 };
	char			*text;
	int			 rc;

	if ((rc = make_plan(ctl, &plan)) != 0 || (rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if (option_given(&ctl->opt, OPT_size))
		put_string(&args, ctl->opt.number[OPT_size]);
	else
		rc = jobopts_read_args(ctl, &args);
	if (rc == 0) {
		jobopts_put_job(&ctl->opt, (struct span){ buf_data(&args), buf_len(&args) },
		    &params);
		buf_putc(&params, '}');
		rc = try_one(ctl, &params);
	}
	text = buf_take_string(&params);
	plan.params = text;
	if (rc == 0)
		rc = measure(ctl, &plan);
	free(text);
	buf_free(&args);
	return rc;
}

const struct verb verb_bench = {
	.name = "bench",
	.operands = "TYPE [JSON | -]",
	.summary = "how many jobs of a type, and how soon",
	.about = "Runs jobs of TYPE as `call` does, again and again, and prints how many ended in\n"
	    "a second and how long each took.  Without --rate there are always --depth calls\n"
	    "on their way on every connection.  With --rate calls start by the clock, and a\n"
	    "latency counts from the moment at which its call was due, so that a daemon that\n"
	    "stalls is not spared the calls it held up.  One job first does not count.\n"
	    "Exits 0 when all succeeded, 1 when one did not.",
	.examples = "  jobctl bench echo --size 64 -c 4 -d 100 --lane process\n"
	    "  jobctl bench sleep '{\"ms\": 1}' --rate 2000 --duration 30s -o json\n",
	.options = FOR_JOB | FOR_BENCH,
	.formats = FORMATS_DATA,
	.least = 1, .most = 2,
	.run = run,
};
