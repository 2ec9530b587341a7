/* cmd_queue_ls.c - jobctl queue ls: queues and what they hold.  Runs in: jobctl. */
#include "client/list.h"

static const struct column columns[] = {
	{ "QUEUE",	"name",		CELL_TEXT,	false,	NULL },
	{ "SCHEDULED",	"scheduled",	CELL_COUNT,	false,	NULL },
	{ "READY",	"ready",	CELL_COUNT,	false,	NULL },
	{ "RUNNING",	"running",	CELL_COUNT,	false,	NULL },
	{ "AT MOST",	"max_running",	CELL_LIMIT,	false,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "queue.list", columns, "name", "no queues", true };

static int
run(struct ctl *ctl)
{
	int	rc = ctl_connect(ctl, CTL_LINE_BYTES);

	return rc != 0 ? rc : list_print(ctl, &view, NULL, UINT64_MAX, NULL);
}

const struct verb verb_queue_ls = {
	.name = "queue ls",
	.operands = "",
	.summary = "queues and what they hold",
	.about = "Lists the queues and how many jobs each holds in which state.",
	.examples = "  jobctl queue ls\n"
	    "  jobctl queue ls -o ndjson | jq .name\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
