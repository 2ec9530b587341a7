/* cmd_plugin_ls.c - jobctl plugin ls: plugins, loaded or refused.  Runs in: jobctl. */
#include "client/list.h"

static const struct column columns[] = {
	{ "FILE",	"file",		CELL_TEXT,	false,	NULL },
	{ "PLUGIN",	"name",		CELL_TEXT,	false,	NULL },
	{ "VERSION",	"version",	CELL_TEXT,	false,	NULL },
	{ "TYPES",	"types",	CELL_TEXT,	false,	NULL },
	{ "REFUSED",	"error",	CELL_TEXT,	false,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "plugin.list", columns, "file", "no plugins", true };

static int
run(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

const struct verb verb_plugin_ls = {
	.name = "plugin ls",
	.operands = "",
	.summary = "plugins, loaded or refused",
	.about = "Lists what is in the directory of plugins: the types that each one brings, or\n"
	    "why it was refused.",
	.examples = "  jobctl plugin ls\n"
	    "  jobctl plugin ls -o ndjson | jq 'select(.error)'\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
