/*
 * cmd_type_advice.c - jobctl type advice: what was measured, what to declare.  Runs in: jobctl.
 */
#include "client/list.h"

static void
put_share(struct span item, int64_t now_ms, struct buf *out)
{
	struct span	measured, cpu, share;

	(void)now_ms;
	if (json_member(item, "measured", &measured) && json_member(measured, "cpu", &cpu) &&
	    json_member(cpu, "share", &share))
		buf_append(out, share.p, share.len < 4 ? share.len : 4);	/* 0.93 of 0.934 */
	else
		buf_putc(out, '-');
}

static void
put_samples(struct span item, int64_t now_ms, struct buf *out)
{
	struct span	measured, cpu;
	int64_t		samples = 0;

	(void)now_ms;
	if (json_member(item, "measured", &measured) && json_member(measured, "cpu", &cpu))
		json_int(cpu, "samples", &samples);
	buf_printf(out, "%lld", (long long)samples);
}

static const struct column columns[] = {
	{ "TYPE",	"name",		CELL_TEXT,	false,	NULL },
	{ "MODE",	"mode",		CELL_TEXT,	false,	NULL },
	{ "DECLARES",	"traits",	CELL_TEXT,	true,	NULL },
	{ "SAFE IN",	"lanes",	CELL_TEXT,	true,	NULL },
	{ "CPU",	"measured",	CELL_TEXT,	false,	put_share },
	{ "SAMPLES",	"measured",	CELL_TEXT,	false,	put_samples },
	{ "RUNS IN",	"lane",		CELL_TEXT,	false,	NULL },
	{ "WOULD RUN IN", "would_run_in", CELL_TEXT,	false,	NULL },
	{ "BECAUSE",	"reason",	CELL_TEXT,	false,	NULL },
	{ "ADVICE",	"change",	CELL_TEXT,	false,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "type.advice", columns, "name", "no types", true };

static int
run(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

const struct verb verb_type_advice = {
	.name = "type advice",
	.operands = "",
	.summary = "what was measured of each type, and what to declare",
	.about = "Lists for each type how much of its time it computes, the lane in which it\n"
	    "runs and the one in which it would run if what is measured decided, why, and\n"
	    "what its author could declare instead.",
	.examples = "  jobctl type advice\n"
	    "  jobctl type advice -o ndjson | jq 'select(.change)'\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run,
};
