/* cmd_ls.c - jobctl ls: jobs, newest first.  Runs in: jobctl. */
#include "client/each.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/list.h"
#include "client/reasons.h"

#define LIMIT	50

static void
print_reason(struct span item, int64_t now_ms, struct buf *out)
{
	char	*name = json_text(item, "reason");

	(void)now_ms;
	if (name != NULL)
		buf_puts(out, reason_words(name));
	free(name);
}

static void
print_labels(struct span item, int64_t now_ms, struct buf *out)
{
	struct json_walk w;
	struct span	 labels;
	char		*value;

	(void)now_ms;
	if (!json_member(item, "labels", &labels))
		return;
	json_object(&w, labels);
	for (const char *comma = ""; json_next_member(&w); comma = ",") {
		value = json_plain(w.value);
		buf_printf(out, "%s%.*s=%s", comma, (int)w.key.len, w.key.p, value);
		free(value);
	}
}

static const struct column columns[] = {
	{ "ID",		"id",		CELL_COUNT,	false,	NULL },
	{ "STATE",	"state",	CELL_TEXT,	false,	NULL },
	{ "TYPE",	"type",		CELL_TEXT,	false,	NULL },
	{ "QUEUE",	"queue",	CELL_TEXT,	false,	NULL },
	{ "PRIO",	"priority",	CELL_COUNT,	true,	NULL },
	{ "LANE",	"lane",		CELL_TEXT,	false,	NULL },
	{ "AGE",	"created_ms",	CELL_AGE,	false,	NULL },
	{ "IN STATE",	"changed_ms",	CELL_AGE,	true,	NULL },
	{ "TRIES",	"attempts_total", CELL_COUNT,	true,	NULL },
	{ "ARGS",	"args_bytes",	CELL_BYTES,	true,	NULL },
	{ "BY",		"by",		CELL_TEXT,	true,	NULL },
	{ "ORDER KEY",	"order_key",	CELL_TEXT,	true,	NULL },
	{ "LABELS",	"labels",	CELL_TEXT,	true,	print_labels },
	{ "WHY",	"reason",	CELL_TEXT,	false,	print_reason },
	{ NULL,		NULL,		CELL_TEXT,	false,	NULL }
};

static const struct list_view view = { "job.list", columns, "id", "no jobs", false };

static int
list_filtered(struct ctl *ctl)
{
	struct buf	filter = { 0 };
	uint64_t	most = LIMIT;
	bool		more;
	int		rc;

	if (option_given(&ctl->opt, OPT_all))
		most = UINT64_MAX;
	else if (option_given(&ctl->opt, OPT_limit))
		most = (uint64_t)ctl->opt.number[OPT_limit];
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	select_put_filter(&ctl->opt, ctl->principal, NULL, &filter);
	rc = list_print(ctl, &view, &filter, most, &more);
	buf_free(&filter);
	if (rc == 0 && more && !option_given(&ctl->opt, OPT_limit))
		ctl_say(ctl, "the newest %d; there may be more: --limit N, or --all", LIMIT);
	return rc;
}

/* ---- ls IDS: each from job.get, which says the same and more ---- */

struct listing {
	struct list_printer	p;
	int			code;
};

static int
got(struct ctl *ctl, uint64_t id, const struct reply *reply, int *exit_code, void *ctx)
{
	struct listing	*l = ctx;
	char		 about[40];
	int		 code;

	if (reply->error.len == 0) {
		*exit_code = list_item(&l->p, reply->result);
		return *exit_code != 0 ? -1 : 0;
	}
	snprintf(about, sizeof(about), "job %llu", (unsigned long long)id);
	code = ctl_error(ctl, reply->error, about);
	if (l->code == 0)
		l->code = code;
	return 0;
}

static int
list_given(struct ctl *ctl)
{
	struct listing		l = { .code = 0 };
	struct each		each = { "job.get", 1, each_put_id, got, &l };
	struct selection	jobs;
	int			rc, ended;

	if ((rc = select_jobs(ctl, CTL_LINE_BYTES, &jobs)) != 0)
		return rc;
	list_begin(&l.p, ctl, &view);
	rc = each_job(ctl, &jobs, &each, CTL_ANSWER_MS);
	l.p.broken = rc != 0 || l.code != 0;
	ended = list_end(&l.p);
	selection_free(&jobs);
	return rc != 0 ? rc : ended != 0 ? ended : l.code;
}

static int
run(struct ctl *ctl)
{
	return ctl->opt.operands_len > 0 ? list_given(ctl) : list_filtered(ctl);
}

const struct verb verb_ls = {
	.name = "ls",
	.operands = "[IDS]",
	.summary = "jobs, newest first; also jobctl alone",
	.about = "Lists jobs, newest first: the last 50, or those that filters choose, or the\n"
	    "ones given.",
	.examples = "  jobctl ls --state failed\n"
	    "  jobctl ls --by me --queue mail -n 10 -o wide\n"
	    "  jobctl ls --tenant anna --since 2h\n"
	    "  jobctl ls @last:3\n"
	    "  jobctl ls --all -o ndjson | jq -r .type | sort | uniq -c\n",
	.options = FOR_SELECT | FOR_LIST,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID) | FORMAT_BIT(FORMAT_WIDE),
	.least = 0, .most = INT32_MAX,
	.run = run,
};
