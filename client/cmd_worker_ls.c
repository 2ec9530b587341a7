/* cmd_worker_ls.c - jobctl worker ls: workers and what they do.  Runs in: jobctl. */
#include "client/list.h"

static const struct column columns[] = {
	{ "WORKER",	"name",		CELL_TEXT,	false,	NULL },
	{ "LANE",	"lane",		CELL_TEXT,	false,	NULL },
	{ "STATE",	"state",	CELL_TEXT,	false,	NULL },
	{ "FOR",	"since_ms",	CELL_AGE,	false,	NULL },
	{ "JOB",	"job",		CELL_COUNT,	false,	NULL },
	{ "TYPE",	"type",		CELL_TEXT,	false,	NULL },
	{ "RUNNING",	"inflight",	CELL_COUNT,	false,	NULL },
	{ "DONE",	"done",		CELL_COUNT,	false,	NULL },
	{ "CRASHES",	"crashes",	CELL_COUNT,	true,	NULL },
	{ "STARTS",	"generation",	CELL_COUNT,	true,	NULL },
	{ "PID",	"pid",		CELL_COUNT,	false,	NULL },
	{ "USER",	"user",		CELL_TEXT,	true,	NULL },
	{ "MEMORY",	"rss_bytes",	CELL_BYTES,	false,	NULL },
	{ "WHY",	"why",		CELL_TEXT,	false,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "worker.list", columns, "name", "no workers", true };

static int
run(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

const struct verb verb_worker_ls = {
	.name = "worker ls",
	.operands = "",
	.summary = "workers and what they do",
	.about = "Lists the worker processes: the lanes that they serve, and the oldest job of\n"
	    "each; of those of a pool that do not come up, how the last one ended.",
	.examples = "  jobctl worker ls\n"
	    "  jobctl worker ls -o ndjson | jq .name\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
