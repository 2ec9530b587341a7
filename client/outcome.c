/* outcome.c - how a job ended, and its result in pieces.  Runs in: jobctl. */
#include "client/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "client/reasons.h"
#include "lib/alloc.h"

bool
outcome_read(struct span value, struct outcome *out)
{
	struct span	 failure;
	char		*reason;

	memset(out, 0, sizeof(*out));
	out->result_bytes = -1;
	out->state = json_text(value, "state");
	if (out->state == NULL || !json_int(value, "id", &out->id))
		return false;
	/* a result that is null is a result all the same: json_member would not show it */
	if (!json_member(value, "result", &out->result) && !json_int(value, "result_bytes", &out->result_bytes) &&
	    outcome_good(out))
		out->result = (struct span){ "null", 4 };
	if (json_member(value, "failure", &failure)) {
		out->failure = json_text(failure, "kind");
		out->message = json_text(failure, "message");
	} else {
		/* a whole job has the reason's name, an outcome its words */
		reason = json_text(value, "reason");
		out->message = reason != NULL ? mem_strdup(reason_words(reason)) : NULL;
		free(reason);
	}
	return true;
}

void
outcome_free(struct outcome *o)
{
	free(o->state);
	free(o->failure);
	free(o->message);
	memset(o, 0, sizeof(*o));
}

bool
outcome_good(const struct outcome *o)
{
	return strcmp(o->state, "succeeded") == 0;
}

int
outcome_exit(const struct ctl *ctl, const struct outcome *o)
{
	int	code = exit_of_outcome(o->state, o->failure, ctl->verb->one_job);

	if (code == EXIT_GOOD)
		return code;
	ctl_say(ctl, "job %lld %s%s%s%s%s", (long long)o->id, o->state,
	    o->failure != NULL ? " (" : "", o->failure != NULL ? o->failure : "",
	    o->failure != NULL ? "): " : o->message != NULL ? ": " : "", o->message != NULL ? o->message : "");
	return code;
}

/* ---- pieces ---- */

int64_t
piece_limit(int64_t line_bytes)
{
	int64_t	limit = (line_bytes - 256) / 2;

	return limit < 64 ? 64 : limit;
}

void
piece_put_params(int64_t id, int64_t offset, int64_t limit, struct buf *out)
{
	buf_printf(out, "{\"id\":%lld,\"offset\":%lld,\"limit\":%lld}", (long long)id, (long long)offset,
	    (long long)limit);
}

bool
piece_read(struct span value, int64_t offset, struct piece *out)
{
	struct span	data;
	int64_t		from, total, end;

	memset(out, 0, sizeof(*out));
	if (!json_member(value, "data", &data) || json_type(data) != SCAN_STRING ||
	    !json_int(value, "offset", &from) || !json_int(value, "total", &total) || from != offset)
		return false;
	data.p++;
	data.len -= 2;
	if (!scan_decode(data, &out->text))
		return false;
	end = offset + (int64_t)buf_len(&out->text);
	out->last = json_true(value, "eof");
	if (end <= total && (end == total) == out->last && (out->last || end > offset))
		return true;
	piece_fini(out);
	return false;
}

void
piece_fini(struct piece *p)
{
	buf_free(&p->text);
}

int
outcome_print_result(struct ctl *ctl, int64_t id)
{
	int64_t	offset = 0;
	bool	last = false;

	while (!last) {
		struct buf	params = { 0 };
		struct span	value;
		struct piece	piece;
		int		rc;

		piece_put_params(id, offset, piece_limit(ctl->line_bytes), &params);
		rc = ctl_ask(ctl, "job.result", &params, CTL_ANSWER_MS, &value);
		buf_free(&params);
		if (rc != 0)
			return rc;
		if (!piece_read(value, offset, &piece))
			return ctl_odd(ctl, "job.result");
		offset += (int64_t)buf_len(&piece.text);
		last = piece.last;
		buf_append(&ctl->out, buf_data(&piece.text), buf_len(&piece.text));
		piece_fini(&piece);
		if ((rc = ctl_flush(ctl)) != 0)
			return rc;
	}
	return 0;
}
