/* named.c - verbs about one thing that has a name.  Runs in: jobctl. */
#include "client/named.h"

int
named_ask(struct ctl *ctl, const char *method, const struct buf *more, int64_t timeout_ms,
    struct span *answer)
{
	struct buf	params = { 0 };
	int		rc;

	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	buf_puts(&params, "{\"name\":");
	json_put_text(&params, ctl->opt.operands[0]);
	if (more != NULL)
		buf_append(&params, buf_data(more), buf_len(more));
	buf_putc(&params, '}');
	rc = ctl_ask(ctl, method, &params, timeout_ms, answer);
	buf_free(&params);
	return rc;
}

int
named_answered(struct ctl *ctl, struct span answer, const char *words)
{
	if (ctl_wants_json(ctl))
		ctl_line(ctl, answer);
	else
		ctl_say(ctl, "%s %s", ctl->opt.operands[0], words);
	return ctl_flush(ctl);
}

int
named_do(struct ctl *ctl, const char *method, const char *words)
{
	struct span	answer;
	int		rc = named_ask(ctl, method, NULL, CTL_ANSWER_MS, &answer);

	return rc != 0 ? rc : named_answered(ctl, answer, words);
}
