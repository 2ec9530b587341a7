/* cmd_group_results.c - jobctl group results: outcomes of members, in order of submission.
 * Runs in: jobctl. */
#include "client/group.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES	(INT64_C(64) << 20)	/* so that every result comes whole */

static int
ask_page(struct ctl *ctl, const char *cursor, struct span *page)
{
	struct buf	params = { 0 };
	int		rc;

	group_put_name(ctl, &params);
	buf_printf(&params, ",\"limit\":%d", BOUND_LIST_LIMIT);
	if (cursor != NULL) {
		buf_puts(&params, ",\"cursor\":");
		json_put_text(&params, cursor);
	}
	buf_putc(&params, '}');
	rc = ctl_ask(ctl, "group.results", &params, CTL_ANSWER_MS, page);
	buf_free(&params);
	return rc;
}

static void
print_items(struct ctl *ctl, struct span page, size_t *printed)
{
	bool			 array = ctl->opt.format == FORMAT_JSON;
	struct json_walk	 w;
	struct span		 items;

	if (!json_member(page, "items", &items))
		return;
	json_array(&w, items);
	while (json_element(&w)) {
		if (array)
			buf_puts(&ctl->out, *printed == 0 ? "[" : ",\n ");
		buf_append(&ctl->out, w.value.p, w.value.len);
		if (!array)
			buf_putc(&ctl->out, '\n');
		++*printed;
	}
}

/* As far as outcomes are there; *more: the group is not done. */
static int
print_all(struct ctl *ctl, size_t *printed, bool *more)
{
	char		*cursor = NULL, *next;
	struct span	 page;
	bool		 stuck;
	int		 rc;

	do {
		if ((rc = ask_page(ctl, cursor, &page)) != 0)
			break;
		print_items(ctl, page, printed);
		next = json_text(page, "next");
		*more = next != NULL;
		stuck = next == NULL || (cursor != NULL && strcmp(next, cursor) == 0);
		free(cursor);
		cursor = next;
		rc = ctl_flush(ctl);
	} while (rc == 0 && !stuck);
	free(cursor);
	return rc;
}

static int
run(struct ctl *ctl)
{
	size_t	printed = 0;
	bool	more = false;
	int	rc;

	if ((rc = ctl_connect(ctl, LINE_BYTES)) != 0 || (rc = print_all(ctl, &printed, &more)) != 0)
		return rc;
	if (ctl->opt.format == FORMAT_JSON)
		buf_puts(&ctl->out, printed > 0 ? "]\n" : "[]\n");
	if ((rc = ctl_flush(ctl)) == 0 && more)
		ctl_say(ctl, "there will be more: the group is not closed, or a member has not ended");
	return rc;
}

const struct verb verb_group_results = {
	.name = "group results",
	.operands = "GROUP",
	.summary = "outcomes of a group's members, in order of submission",
	.about = "Prints a line of JSON for each member: {\"index\", \"id\", \"state\", \"result\" or\n"
	    "\"failure\"}, up to the first one that has not ended.",
	.examples = "  jobctl group results thumbs | jq -c .result\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run,
};
