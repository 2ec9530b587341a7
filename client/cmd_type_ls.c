/* cmd_type_ls.c - jobctl type ls: types of jobs, and their lanes.  Runs in: jobctl. */
#include "client/list.h"

static const struct column columns[] = {
	{ "TYPE",	"name",		CELL_TEXT,	false,	NULL },
	{ "RUNS IN",	"lane",		CELL_TEXT,	false,	NULL },
	{ "SAFE IN",	"lanes",	CELL_TEXT,	false,	NULL },
	{ "MODE",	"mode",		CELL_TEXT,	true,	NULL },
	{ "RUNNING",	"running",	CELL_COUNT,	false,	NULL },
	{ "AT MOST",	"max_running",	CELL_LIMIT,	true,	NULL },
	{ "SUCCEEDED",	"succeeded",	CELL_COUNT,	false,	NULL },
	{ "FAILED",	"failed",	CELL_COUNT,	false,	NULL },
	{ "CANCELLED",	"cancelled",	CELL_COUNT,	true,	NULL },
	{ "WHAT IT DOES", "summary",	CELL_TEXT,	false,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "type.list", columns, "name", "no types", true };

static int
run(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

const struct verb verb_type_ls = {
	.name = "type ls",
	.operands = "",
	.summary = "types of jobs, and their lanes",
	.about = "Lists the types, the lanes that each may run in, and how its jobs ended so\n"
	    "far.",
	.examples = "  jobctl type ls\n"
	    "  jobctl type ls -o ndjson | jq .name\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
