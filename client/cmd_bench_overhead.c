/*
 * cmd_bench_overhead.c - jobctl bench overhead: threads, processes and the channel on this machine.
 * Runs in: jobctl.
 */
#include "client/overhead.h"

#include <stdlib.h>
#include <string.h>

#include "client/ctl.h"
#include "client/histogram.h"
#include "client/print.h"
#include "lib/clock.h"

#define CALLS	2000

enum unit { NS, BYTES };

/* classic: the figures that lectures and books give, for comparison. */
struct figure {
	const char	*name, *member, *classic;
	enum unit	 unit;
	double		(*measure)(void);
};

static const struct figure figures[] = {
	{ "thread, created and joined", "thread_create_ns", "microseconds", NS,
	    overhead_thread_create },
	{ "thread, switch", "thread_switch_ns", "1 to 10 us", NS, overhead_thread_switch },
	{ "thread, memory", "thread_bytes", "about 1 KB", BYTES, overhead_thread_memory },
	{ "process, forked and reaped", "process_fork_ns", "milliseconds", NS,
	    overhead_process_fork },
	{ "process, spawned and reaped", "process_spawn_ns", "milliseconds", NS,
	    overhead_process_spawn },
	{ "process, switch", "process_switch_ns", "10 to 100 us", NS, overhead_process_switch },
	{ "process, memory of a fork", "process_fork_bytes", "about 10 MB", BYTES,
	    overhead_process_memory },
	{ "process, memory of /bin/cat", "process_program_bytes", "about 10 MB", BYTES,
	    overhead_program_pss },
	{ "process, RSS of /bin/cat", "process_program_rss_bytes", "about 10 MB", BYTES,
	    overhead_program_rss },
	{ "coroutine, created", "coroutine_create_ns", "nanoseconds", NS,
	    overhead_coroutine_create },
	{ "coroutine, switch", "coroutine_switch_ns", "about 100 ns", NS,
	    overhead_coroutine_switch },
	{ "coroutine, memory", "coroutine_bytes", "about 1 KB", BYTES, overhead_coroutine_memory },
	{ "channel, round trip", "channel_round_trip_ns", NULL, NS, overhead_channel_round_trip },
};
#define FIGURES	(sizeof(figures) / sizeof(figures[0]))

/* ---- printing ---- */

struct report {
	struct ctl	*ctl;
	struct table	 table;
	bool		 json;
	unsigned	 rows;
	int		 code;
};

static void
put_value(struct buf *out, enum unit unit, double v)
{
	if (unit == BYTES)
		print_bytes(out, (int64_t)v);
	else if (v < 1e3)
		buf_printf(out, "%.0f ns", v);
	else if (v < 1e6)
		buf_printf(out, "%.1f us", v / 1e3);
	else
		buf_printf(out, "%.2f ms", v / 1e6);
}

static void
add(struct report *r, const struct figure *f, double v)
{
	struct buf	cell = { 0 };

	if (v < 0) {
		r->code = ctl_fail(r->ctl, EXIT_REFUSED, "%s: %s", f->name, strerror((int)-v));
		return;
	}
	if (r->json) {
		buf_printf(&r->ctl->out, "%s\"%s\":%.0f", r->rows++ > 0 ? "," : "{", f->member, v);
		return;
	}
	put_value(&cell, f->unit, v);
	table_puts(&r->table, f->name);
	table_take(&r->table, &cell);
	table_puts(&r->table, f->classic);
}

/* ---- jobd, when one answers ---- */

/* The median of one synchronous call after the other; negative: no. */
static double
call_time(struct jobd *j, const char *lane)
{
	struct jobd_job		 job = { .type = "echo", .args = "[1]", .lane = lane };
	struct histogram	 h = { 0 };
	double			 median = -1;
	int			 rc = 0;

	for (int i = 0; i < CALLS && rc == 0; i++) {
		int64_t	begin = clock_mono_ns();

		rc = jobd_call(j, &job, CTL_ANSWER_MS, NULL, NULL);
		histogram_record(&h, clock_mono_ns() - begin);
	}
	if (rc == 0)
		median = (double)histogram_quantile(&h, 0.5);
	histogram_free(&h);
	return median;
}

/* Mean of the workers of the process lane. */
static double
worker_memory(struct ctl *ctl)
{
	struct json_walk w;
	struct span	 list, items;
	double		 sum = 0;
	int64_t		 n = 0, rss;
	char		*lane;

	if (ctl_ask(ctl, "worker.list", NULL, CTL_ANSWER_MS, &list) != 0 ||
	    !json_member(list, "items", &items))
		return -1;
	json_array(&w, items);
	while (json_element(&w)) {
		lane = json_text(w.value, "lane");
		if (lane != NULL && strcmp(lane, "process") == 0 &&
		    json_int(w.value, "rss_bytes", &rss)) {
			sum += (double)rss;
			n++;
		}
		free(lane);
	}
	return n > 0 ? sum / (double)n : -1;
}

static void
add_daemon(struct report *r)
{
	static const struct figure	rows[] = {
		{ "jobd, call in the inline lane", "jobd_inline_ns", NULL, NS, NULL },
		{ "jobd, call in the process lane", "jobd_process_ns", NULL, NS, NULL },
		{ "jobd, RSS of a process worker", "jobd_worker_bytes", NULL, BYTES, NULL },
	};
	double	values[] = {
		call_time(r->ctl->conn, "inline"), call_time(r->ctl->conn, "process"),
		worker_memory(r->ctl),
	};

	for (size_t i = 0; i < 3; i++)
		if (values[i] >= 0)
			add(r, &rows[i], values[i]);
}

static int
run(struct ctl *ctl)
{
	struct report	r = { .ctl = ctl, .json = ctl_wants_json(ctl) };
	char		why[512];

	table_add(&r.table, "WHAT", false);
	table_add(&r.table, "HERE", true);
	table_add(&r.table, "CLASSIC", false);
	for (size_t i = 0; i < FIGURES; i++)
		add(&r, &figures[i], figures[i].measure());
	if (ctl_try_connect(ctl, CTL_LINE_BYTES, why, sizeof(why)) == 0)
		add_daemon(&r);
	else if (option_given(&ctl->opt, OPT_host))
		r.code = ctl_fail(ctl, EXIT_UNREACHABLE, "%s", why);
	if (r.json)
		buf_puts(&ctl->out, r.rows > 0 ? "}\n" : "{}\n");
	else
		table_print(&r.table, &ctl->out, 0, 0, false);
	table_free(&r.table);
	return ctl_flush(ctl) != 0 ? EXIT_REFUSED : r.code;
}

const struct verb verb_bench_overhead = {
	.name = "bench overhead",
	.operands = "",
	.summary = "threads, processes, the channel: what they cost here",
	.about = "Measures on this machine, in a few seconds, how long it takes to make a thread,\n"
	    "a process and a coroutine, and to switch between two of them on one CPU, how\n"
	    "much memory each takes, and the round trip of the channel by which jobd talks to\n"
	    "its workers; beside the classic figures.  Where a daemon answers, also a call of\n"
	    "its inline and process lanes.  Medians; jobctl(1) says what each figure is.",
	.examples = "  jobctl bench overhead\n"
	    "  jobctl bench overhead -o json | jq .thread_switch_ns\n",
	.options = 0,
	.formats = FORMATS_DATA,
	.least = 0, .most = 0,
	.run = run,
};
