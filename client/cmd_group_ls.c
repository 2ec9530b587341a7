/* cmd_group_ls.c - jobctl group ls: groups and what they hold.  Runs in: jobctl. */
#include "client/list.h"

static const struct column columns[] = {
	{ "GROUP",	"group",	CELL_TEXT,	false,	NULL },
	{ "STATE",	"state",	CELL_TEXT,	false,	NULL },
	{ "MEMBERS",	"count",	CELL_COUNT,	false,	NULL },
	{ "RUNNING",	"running",	CELL_COUNT,	false,	NULL },
	{ "SUCCEEDED",	"succeeded",	CELL_COUNT,	false,	NULL },
	{ "FAILED",	"failed",	CELL_COUNT,	false,	NULL },
	{ "AT MOST",	"max_running",	CELL_LIMIT,	true,	NULL },
	{ "AGE",	"created_ms",	CELL_AGE,	false,	NULL },
	{ "WAITS",	"text",		CELL_TEXT,	true,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "group.list", columns, "group", "no groups", false };

static int
run(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

const struct verb verb_group_ls = {
	.name = "group ls",
	.operands = "",
	.summary = "groups of jobs, newest first",
	.about = "Lists the groups, what each holds and how far it is.  Finished ones are\n"
	    "forgotten in time, as jobs are.",
	.examples = "  jobctl group ls\n"
	    "  jobctl group ls -o ndjson | jq .text\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
