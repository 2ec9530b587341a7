/* cmd_type_show.c - jobctl type show: all about a type, and its lane.  Runs in: jobctl. */
#include "client/named.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"
#include "client/schema_page.h"
#include "client/tree.h"
#include "lib/clock.h"

static void
put_text(struct table *t, const char *title, char *text)
{
	if (text != NULL && text[0] != '\0') {
		table_puts(t, title);
		table_puts(t, text);
	}
	free(text);
}

/* none: what an empty list means. */
static void
put_list(struct table *t, const char *title, struct span list, const char *none)
{
	struct json_walk w;
	struct buf	 cell = { 0 };

	json_array(&w, list);
	while (json_element(&w)) {
		char	*word = json_plain(w.value);

		buf_printf(&cell, "%s%s", buf_len(&cell) > 0 ? ", " : "", word);
		free(word);
	}
	if (buf_len(&cell) == 0)
		buf_puts(&cell, none);
	table_puts(t, title);
	table_take(t, &cell);
}

static void
put_words(struct table *t, const char *title, struct span type, const char *member)
{
	struct span	list;

	if (json_member(type, member, &list))
		put_list(t, title, list, "");
}

static void
put_duration(struct buf *cell, struct span object, const char *member, const char *title)
{
	int64_t	ms;

	if (!json_int(object, member, &ms) || ms <= 0)
		return;
	buf_printf(cell, "%s%s ", buf_len(cell) > 0 ? ", " : "", title);
	print_duration(cell, ms);
}

/* What its jobs get that do not say it: `queue images, timeout 5m00s` */
static void
put_defaults(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	struct span	defaults;
	char		*queue, *on_lost;
	int64_t		priority = 0;

	if (!json_member(type, "defaults", &defaults))
		return;
	queue = json_text(defaults, "queue");
	on_lost = json_text(defaults, "on_lost");
	json_int(defaults, "priority", &priority);
	if (queue != NULL)
		buf_printf(&cell, "queue %s", queue);
	if (priority != 0)
		buf_printf(&cell, "%spriority %lld", buf_len(&cell) > 0 ? ", " : "",
		    (long long)priority);
	put_duration(&cell, defaults, "timeout_ms", "timeout");
	put_duration(&cell, defaults, "ttl_ms", "ttl");
	put_duration(&cell, type, "grace_ms", "grace");
	if (on_lost != NULL && strcmp(on_lost, "fail") == 0)
		buf_printf(&cell, "%snot run again when lost", buf_len(&cell) > 0 ? ", " : "");
	table_puts(t, "usual");
	table_take(t, &cell);
	free(queue);
	free(on_lost);
}

/* One that is not said is null: all files. */
static void
put_paths(struct table *t, const char *title, struct span confinement, const char *member)
{
	struct span	list;

	if (json_member(confinement, member, &list) && list.len > 0 && list.p[0] == '[')
		put_list(t, title, list, "nothing of its own");
}

/* Without a word: its commands reach what their user does. */
static void
put_confinement(struct table *t, struct span type)
{
	struct span	confinement;

	if (!json_member(type, "confinement", &confinement) || confinement.len == 0 ||
	    confinement.p[0] != '{')
		return;
	put_paths(t, "reads", confinement, "read_paths");
	put_paths(t, "writes", confinement, "write_paths");
	if (!json_true(confinement, "network")) {
		table_puts(t, "network");
		table_puts(t, "none");
	}
	put_text(t, "cannot run", json_text(confinement, "missing"));
}

static void
put_running(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	int64_t		running = 0, most = 0;

	json_int(type, "running", &running);
	json_int(type, "max_running", &most);
	buf_printf(&cell, "%lld", (long long)running);
	if (most > 0)
		buf_printf(&cell, " of at most %lld", (long long)most);
	table_puts(t, "running");
	table_take(t, &cell);
}

static void
put_ended(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	int64_t		succeeded = 0, failed = 0, cancelled = 0;

	json_int(type, "succeeded", &succeeded);
	json_int(type, "failed", &failed);
	json_int(type, "cancelled", &cancelled);
	buf_printf(&cell, "%lld succeeded, %lld failed, %lld cancelled", (long long)succeeded,
	    (long long)failed, (long long)cancelled);
	table_puts(t, "ended");
	table_take(t, &cell);
}

static void
put_measured(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	struct span	measured;
	int64_t		samples, mean_us;

	if (!json_member(type, "measured", &measured) || !json_int(measured, "samples", &samples) ||
	    !json_int(measured, "mean_us", &mean_us))
		return;
	if (mean_us < 1000)
		buf_printf(&cell, "%lld us", (long long)mean_us);
	else
		print_duration(&cell, mean_us / 1000);
	buf_printf(&cell, " in the mean of %lld", (long long)samples);
	table_puts(t, "takes");
	table_take(t, &cell);
}

static char *
plain_member(struct span object, const char *name)
{
	struct span	value;

	return json_member(object, name, &value) ? json_plain(value) : NULL;
}

/* `0.93 of its time in the mean of 214 (deviation 0.05): computes` */
static void
put_cpu(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	struct span	measured, cpu;
	char		*share, *deviation, *verdict;
	int64_t		samples;

	if (!json_member(type, "measured", &measured) || !json_member(measured, "cpu", &cpu) ||
	    !json_int(cpu, "samples", &samples))
		return;
	share = plain_member(cpu, "share");
	deviation = plain_member(cpu, "deviation");
	verdict = json_text(cpu, "verdict");
	buf_printf(&cell, "%.4s of its time in the mean of %lld (deviation %.4s)%s%s",
	    share == NULL ? "?" : share, (long long)samples, deviation == NULL ? "?" : deviation,
	    verdict == NULL ? "" : ": ", verdict == NULL ? "" : verdict);
	table_puts(t, "cpu");
	table_take(t, &cell);
	free(share);
	free(deviation);
	free(verdict);
}

static void
put_stalls(struct table *t, struct span type)
{
	struct buf	cell = { 0 };
	struct span	measured, stalls;
	int64_t		count = 0, longest_ms = 0;

	if (!json_member(type, "measured", &measured) ||
	    !json_member(measured, "stalls", &stalls) || !json_int(stalls, "count", &count) ||
	    count == 0)
		return;
	json_int(stalls, "longest_ms", &longest_ms);
	buf_printf(&cell, "kept the event loop %lld times, up to %lld ms", (long long)count,
	    (long long)longest_ms);
	table_puts(t, "stalls");
	table_take(t, &cell);
}

/* `auto`, `pin to thread, by uid:0` */
static void
put_mode(struct table *t, struct span routing)
{
	struct buf	cell = { 0 };
	char		*mode = json_text(routing, "mode"), *pinned = json_text(routing, "pinned");
	char		*by = json_text(routing, "by");

	buf_printf(&cell, "%s%s%s%s%s", mode == NULL ? "?" : mode, pinned == NULL ? "" : " to ",
	    pinned == NULL ? "" : pinned, by == NULL ? "" : ", by ", by == NULL ? "" : by);
	table_puts(t, "mode");
	table_take(t, &cell);
	free(mode);
	free(pinned);
	free(by);
}

/* `12s ago: async to process: measured: ...`, newest first */
static void
put_changes(struct table *t, struct span routing)
{
	struct json_walk w;
	struct span	 changes;
	int64_t		 now_ms = clock_real_ms();

	if (!json_member(routing, "changes", &changes))
		return;
	json_array(&w, changes);
	while (json_element(&w)) {
		struct buf	 cell = { 0 };
		char		*from = json_text(w.value, "from"), *to = json_text(w.value, "to");
		char		*why = json_text(w.value, "why");
		int64_t		 at_ms = now_ms;

		json_int(w.value, "at_ms", &at_ms);
		print_duration(&cell, now_ms > at_ms ? now_ms - at_ms : 0);
		buf_printf(&cell, " ago, %s to %s: %s", from == NULL ? "?" : from,
		    to == NULL ? "?" : to, why == NULL ? "?" : why);
		table_puts(t, "moved");
		table_take(t, &cell);
		free(from);
		free(to);
		free(why);
	}
}

static void
print_type(struct ctl *ctl, struct span type)
{
	struct table	t = { 0 };
	struct span	route, routing, schema;

	table_add(&t, NULL, false);
	table_add(&t, NULL, false);
	put_text(&t, "type", json_text(type, "name"));
	put_text(&t, "does", json_text(type, "summary"));
	put_text(&t, "file", json_text(type, "file"));
	put_text(&t, "no worker", json_text(type, "why"));
	put_text(&t, "plugin", json_text(type, "plugin"));
	put_text(&t, "pool", json_text(type, "pool"));
	put_text(&t, "role", json_text(type, "role"));
	put_defaults(&t, type);
	put_words(&t, "lanes", type, "lanes");
	put_words(&t, "traits", type, "traits");
	put_confinement(&t, type);
	put_running(&t, type);
	put_ended(&t, type);
	put_measured(&t, type);
	put_cpu(&t, type);
	put_stalls(&t, type);
	if (json_member(type, "routing", &routing)) {
		put_mode(&t, routing);
		put_changes(&t, routing);
	}
	if (json_member(type, "args_schema", &schema))
		schema_page(&t, schema);
	table_print(&t, &ctl->out, 0, 0, false);
	table_free(&t);
	if (json_member(type, "route", &route))
		tree_print(route, &ctl->out);
}

static int
run(struct ctl *ctl)
{
	struct span	type;
	int		rc = named_ask(ctl, "type.show", NULL, CTL_ANSWER_MS, &type);

	if (rc != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, type);
	else
		print_type(ctl, type);
	return ctl_flush(ctl);
}

const struct verb verb_type_show = {
	.name = "type show",
	.operands = "TYPE",
	.summary = "all about a type, and where its jobs run",
	.about = "Prints what a type does and takes, the file or plugin that it comes from, the pool\n"
	    "of workers that runs it, who may submit its jobs, what they get that they do\n"
	    "not say, what it declares, and every question that the decision tree asks for a\n"
	    "job of it.",
	.examples = "  jobctl type show file.digest\n"
	    "  jobctl type show command\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run,
};
