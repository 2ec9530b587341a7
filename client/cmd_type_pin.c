/* cmd_type_pin.c - jobctl type pin: which lane a type runs in, or who decides.  Runs in: jobctl. */
#include "client/named.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"

/* What is no mode is a lane, and the daemon says if it is neither. */
static void
put_wish(struct buf *params, const char *word)
{
	bool	is_mode = strcmp(word, "auto") == 0 || strcmp(word, "advice") == 0 ||
		    strcmp(word, "pin") == 0;

	buf_puts(params, is_mode ? ",\"mode\":" : ",\"lane\":");
	json_put_text(params, word);
}

static void
print_pinned(struct ctl *ctl, struct span reply)
{
	char		*name = json_text(reply, "name"), *lane = json_text(reply, "lane"), *mode;
	struct span	 routing;

	if (name == NULL || lane == NULL || !json_member(reply, "routing", &routing) ||
	    (mode = json_text(routing, "mode")) == NULL)
		ctl_line(ctl, reply);
	else {
		buf_printf(&ctl->out, "%s runs in %s (%s)\n", name, lane, mode);
		free(mode);
	}
	free(name);
	free(lane);
}

static int
run(struct ctl *ctl)
{
	struct buf	wish = { 0 };
	struct span	reply;
	int		rc;

	put_wish(&wish, ctl->opt.operands[1]);
	rc = named_ask(ctl, "type.pin", &wish, CTL_ANSWER_MS, &reply);
	buf_free(&wish);
	if (rc != 0)
		return rc;
	if (ctl_wants_json(ctl))
		ctl_line(ctl, reply);
	else
		print_pinned(ctl, reply);
	return ctl_flush(ctl);
}

const struct verb verb_type_pin = {
	.name = "type pin",
	.operands = "TYPE LANE | auto | advice | pin",
	.summary = "keep a type in one lane, or let what is measured decide",
	.about = "LANE (inline, async, thread or process, if the type declares it as safe) keeps\n"
	    "the type there.  auto lets what is measured move it; advice only tells what it\n"
	    "would do; pin keeps it in the lane that its declaration leads to.  It lasts\n"
	    "until jobd ends; [type NAME] mode= and lane= in its configuration last longer.",
	.examples = "  jobctl type pin thumbnail process\n"
	    "  jobctl type pin thumbnail auto\n",
	.formats = FORMATS_DATA,
	.least = 2, .most = 2,
	.run = run,
};
