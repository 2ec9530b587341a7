/* cmd_cron.c - jobctl cron ls, set, delete and run.  Runs in: jobctl. */
#include "client/jobopts.h"
#include "client/list.h"
#include "client/named.h"

#include <stdlib.h>
#include <string.h>

/* ---- ls ---- */

static void
print_next(struct span item, int64_t now_ms, struct buf *out)
{
	list_put_until(item, "next_ms", now_ms, "due", out);
}

static void
print_type(struct span item, int64_t now_ms, struct buf *out)
{
	struct span	 job;
	char		*type = NULL;

	(void)now_ms;
	if (json_member(item, "job", &job))
		type = json_text(job, "type");
	buf_puts(out, type == NULL ? "" : type);
	free(type);
}

static const struct column columns[] = {
	{ "SCHEDULE",	"name",		CELL_TEXT,	false,	NULL },
	{ "WHEN",	"when",		CELL_TEXT,	false,	NULL },
	{ "ZONE",	"time_zone",	CELL_TEXT,	false,	NULL },
	{ "TYPE",	"job",		CELL_TEXT,	false,	print_type },
	{ "NEXT",	"next_ms",	CELL_TEXT,	false,	print_next },
	{ "LAST",	"last_ms",	CELL_AGE,	false,	NULL },
	{ "JOB",	"last_job",	CELL_TEXT,	false,	NULL },
	{ "STATE",	"last_state",	CELL_TEXT,	false,	NULL },
	{ "JOBS",	"jobs",		CELL_COUNT,	false,	NULL },
	{ "SKIPPED",	"skipped",	CELL_COUNT,	false,	NULL },
	{ "OVERLAP",	"overlap",	CELL_TEXT,	true,	NULL },
	{ "BY",		"by",		CELL_TEXT,	true,	NULL },
	{ "REFUSALS",	"refused",	CELL_COUNT,	true,	NULL },
	{ "REFUSED",	"refusal",	CELL_TEXT,	false,	NULL },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "cron.list", columns, "name", "no schedules", true };

static int
run_ls(struct ctl *ctl)
{
	return list_all(ctl, &view);
}

/* ---- set ---- */

/* `TYPE [JSON | -]` and the fields of a job, as `submit` has them, behind NAME and WHEN. */
static int
put_job(struct ctl *ctl, struct buf *params)
{
	struct buf	args = { 0 };
	int		rc;

	ctl->opt.operands += 2;
	ctl->opt.operands_len -= 2;
	if ((rc = jobopts_read_args(ctl, &args)) == 0) {
		buf_puts(params, ",\"job\":");
		jobopts_put_job(&ctl->opt, (struct span){ buf_data(&args), buf_len(&args) }, params);
		buf_putc(params, '}');
	}
	ctl->opt.operands -= 2;
	ctl->opt.operands_len += 2;
	buf_free(&args);
	return rc;
}

static int
put_params(struct ctl *ctl, struct buf *params)
{
	buf_puts(params, "{\"name\":");
	json_put_text(params, ctl->opt.operands[0]);
	buf_puts(params, ",\"when\":");
	json_put_text(params, ctl->opt.operands[1]);
	jobopts_put_text(&ctl->opt, OPT_time_zone, "time_zone", params);
	jobopts_put_text(&ctl->opt, OPT_overlap, "overlap", params);
	return put_job(ctl, params);
}

static void
say_next(const struct ctl *ctl, struct span answer)
{
	struct buf	text = { 0 };
	int64_t		next_ms;

	if (json_int(answer, "next_ms", &next_ms)) {
		print_time(&text, next_ms);
		buf_putc(&text, '\0');
		ctl_say(ctl, "%s comes next at %s", ctl->opt.operands[0], buf_data(&text));
	} else {
		ctl_say(ctl, "%s does not come for sixty years", ctl->opt.operands[0]);
	}
	buf_free(&text);
}

static int
run_set(struct ctl *ctl)
{
	struct buf	params = { 0 };
	struct span	answer;
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) == 0 && (rc = put_params(ctl, &params)) == 0) {
		buf_putc(&params, '}');
		rc = ctl_ask(ctl, "cron.set", &params, CTL_ANSWER_MS, &answer);
	}
	buf_free(&params);
	if (rc != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, answer);
	else
		say_next(ctl, answer);
	return ctl_flush(ctl);
}

/* ---- delete, run ---- */

static int
run_delete(struct ctl *ctl)
{
	return named_do(ctl, "cron.delete", "is deleted; its jobs go on");
}

static int
run_run(struct ctl *ctl)
{
	struct span	answer;
	int64_t		id;
	int		rc = named_ask(ctl, "cron.run", NULL, CTL_ANSWER_MS, &answer);

	if (rc != 0)
		return rc;
	if (!json_int(answer, "id", &id))
		return ctl_odd(ctl, "cron.run");
	if (ctl_wants_json(ctl))
		ctl_line(ctl, answer);
	else
		buf_printf(&ctl->out, "%lld\n", (long long)id);
	return ctl_flush(ctl);
}

/* ---- verbs ---- */

const struct verb verb_cron_ls = {
	.name = "cron ls",
	.operands = "",
	.summary = "schedules: when they come next, and what became of them",
	.about = "Lists the schedules.  SKIPPED counts the times at which the job before had not\n"
	    "ended; REFUSED says why the last job could not be submitted: it is tried again\n"
	    "until it can.",
	.examples = "  jobctl cron ls\n"
	    "  jobctl cron ls -o ndjson | jq 'select(.refusal)'\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.run = run_ls,
};

const struct verb verb_cron_set = {
	.name = "cron set",
	.operands = "SCHEDULE WHEN TYPE [JSON | -]",
	.summary = "submit a job again and again, by the clock",
	.about = "Makes the schedule, or changes it.  WHEN is one word of the shell: minute,\n"
	    "hour, day of month, month and day of week as for cron(8), or @hourly, @daily,\n"
	    "@weekly, @monthly, @yearly, or @every and a duration.  The job is as in `submit`.",
	.examples = "  jobctl cron set nightly '30 2 * * *' http.request \\\n"
	    "      '{\"url\": \"https://a.example/\"}' --time-zone Europe/Berlin\n"
	    "  jobctl cron set beat '@every 30s' echo --overlap queue --queue beats\n",
	.options = FOR_JOB | FOR_CRON,
	.formats = FORMATS_DATA,
	.least = 3, .most = 4,
	.run = run_set,
};

const struct verb verb_cron_delete = {
	.name = "cron delete",
	.operands = "SCHEDULE",
	.summary = "forget a schedule",
	.about = "Forgets the schedule.  The jobs that it has made go on.",
	.examples = "  jobctl cron delete nightly\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run_delete,
};

const struct verb verb_cron_run = {
	.name = "cron run",
	.operands = "SCHEDULE",
	.summary = "submit the job of a schedule now, print its id",
	.about = "Submits the job once, besides its times.  Refused (exit 8) when its last job has\n"
	    "not ended and its overlap is skip.",
	.examples = "  jobctl wait $(jobctl cron run nightly)\n",
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = 1,
	.run = run_run,
};
