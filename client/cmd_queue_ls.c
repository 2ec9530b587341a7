/* cmd_queue_ls.c - jobctl queue ls: queues and what they hold.  Runs in: jobctl. */
#include "client/list.h"
#include "lib/parse.h"

static bool
is_true(struct span item, const char *member)
{
	struct span	value;

	return json_member(item, member, &value) && value.len == 4;
}

static void
print_state(struct span item, int64_t now_ms, struct buf *out)
{
	bool	paused = is_true(item, "paused"), draining = is_true(item, "draining");

	(void)now_ms;
	buf_puts(out, paused && draining ? "paused, draining" : paused ? "paused" :
	    draining ? "draining" : "-");
}

static void
print_rate(struct span item, int64_t now_ms, struct buf *out)
{
	struct span	rate;
	int64_t		burst = 1, milli = 0;

	(void)now_ms;
	json_int(item, "burst", &burst);
	if (!json_member(item, "rate", &rate) || parse_milli(rate.p, rate.len, &milli) != 0 ||
	    milli == 0)
		buf_puts(out, "-");
	else
		buf_printf(out, "%g/s, %lld at once", (double)milli / 1000, (long long)burst);
}

static const struct column columns[] = {
	{ "QUEUE",	"name",		CELL_TEXT,	false,	NULL },
	{ "SCHEDULED",	"scheduled",	CELL_COUNT,	false,	NULL },
	{ "READY",	"ready",	CELL_COUNT,	false,	NULL },
	{ "RUNNING",	"running",	CELL_COUNT,	false,	NULL },
	{ "AT MOST",	"max_running",	CELL_LIMIT,	false,	NULL },
	{ "STATE",	"paused",	CELL_TEXT,	false,	print_state },
	{ "PER TENANT",	"max_running_per_tenant", CELL_LIMIT, true, NULL },
	{ "PER KEY",	"max_running_per_key", CELL_LIMIT, true, NULL },
	{ "RATE",	"rate",		CELL_TEXT,	true,	print_rate },
	{ "MAX JOBS",	"max_jobs",	CELL_LIMIT,	true,	NULL },
	{ "MAX BYTES",	"max_bytes",	CELL_LIMIT,	true,	NULL },
	{ "BYTES",	"waiting_bytes", CELL_BYTES,	true,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "queue.list", columns, "name", "no queues", true };

static int
run(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

const struct verb verb_queue_ls = {
	.name = "queue ls",
	.operands = "",
	.summary = "queues and what they hold",
	.about = "Lists the queues and how many jobs each holds in which state; -o wide with\n"
	    "all their limits.",
	.examples = "  jobctl queue ls\n"
	    "  jobctl queue ls -o ndjson | jq .name\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
