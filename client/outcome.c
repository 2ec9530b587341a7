/* outcome.c - how a job ended, and its result in pieces.  Runs in: jobctl. */
#include "client/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "client/reasons.h"
#include "lib/alloc.h"

/* As a shell has it: the status of its own, 128 and the signal, 126, 127. */
static int
command_status(const char *kind, struct span failure)
{
	struct span	data;
	int64_t		n;

	if (kind == NULL || !json_member(failure, "data", &data))
		return 0;
	if (json_int(data, "exit_code", &n) && n > 0 && n < 256)
		return (int)n;
	if (strcmp(kind, "exit") != 0 && json_int(data, "signal", &n) && n > 0 && n < 128)
		return 128 + (int)n;
	return 0;
}

bool
outcome_read(struct span value, struct outcome *out)
{
	enum { ID, STATE, RESULT, RESULT_BYTES, FAILURE, REASON, MEMBERS };
	static const char *const names[MEMBERS] = {
		"id", "state", "result", "result_bytes", "failure", "reason"
	};
	struct span	 m[MEMBERS];
	char		*reason;

	memset(out, 0, sizeof(*out));
	json_members(value, names, m, MEMBERS);
	out->state = json_value_text(m[STATE]);
	out->result = m[RESULT];
	if (!json_value_int(m[RESULT_BYTES], &out->result_bytes))
		out->result_bytes = -1;
	if (m[FAILURE].len > 0) {
		out->failure = json_text(m[FAILURE], "kind");
		out->message = json_text(m[FAILURE], "message");
		out->status = command_status(out->failure, m[FAILURE]);
	} else if ((reason = json_value_text(m[REASON])) != NULL) {
		/* a whole job has the reason's name, an outcome its words */
		out->message = mem_strdup(reason_words(reason));
		free(reason);
	}
	return out->state != NULL && json_value_int(m[ID], &out->id);
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
	int		 code = exit_of_outcome(o->state, o->failure, ctl->verb->one_job);
	const char	*message = o->message != NULL ? o->message : "the daemon does not say why";

	if (code == EXIT_GOOD)
		return code;
	if (code != EXIT_JOB_TIMEOUT && ctl->verb->one_job && o->status != 0)
		code = o->status;
	if (o->failure != NULL)
		ctl_say(ctl, "job %lld %s (%s): %s", (long long)o->id, o->state, o->failure,
		    message);
	else if (strncmp(message, o->state, strlen(o->state)) == 0)
		ctl_say(ctl, "job %lld %s", (long long)o->id, message);	/* "cancelled on request" */
	else
		ctl_say(ctl, "job %lld %s: %s", (long long)o->id, o->state, message);
	return code;
}

int
outcome_exit_command(const struct ctl *ctl, const struct outcome *o)
{
	int64_t	status;

	if (outcome_good(o) && o->result.len > 0 && json_int(o->result, "exit_code", &status) &&
	    status >= 0 && status < 256)
		return (int)status;
	return outcome_exit(ctl, o);
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
	buf_printf(out, "{\"id\":%lld,\"offset\":%lld,\"limit\":%lld}", (long long)id,
	    (long long)offset, (long long)limit);
}

/* Does the piece lead on: to the end, or at least further? */
static bool
leads_on(const struct piece *p, int64_t offset, int64_t total)
{
	int64_t	end = offset + (int64_t)buf_len(&p->text);

	return end <= total && (end == total) == p->last && (p->last || end > offset);
}

bool
piece_read(struct span value, int64_t offset, struct piece *out)
{
	enum { DATA, OFFSET, TOTAL, EOF_, MEMBERS };
	static const char *const names[MEMBERS] = { "data", "offset", "total", "eof" };
	struct span	m[MEMBERS];
	int64_t		from, total;

	memset(out, 0, sizeof(*out));
	json_members(value, names, m, MEMBERS);
	if (json_type(m[DATA]) != SCAN_STRING || !json_value_int(m[OFFSET], &from) ||
	    !json_value_int(m[TOTAL], &total) || from != offset)
		return false;
	out->last = json_type(m[EOF_]) == SCAN_TRUE;
	if (scan_decode((struct span){ m[DATA].p + 1, m[DATA].len - 2 }, &out->text) &&
	    leads_on(out, offset, total))
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
