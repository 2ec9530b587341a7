/* follow.c - what a job says, to our stdout and stderr.  Runs in: jobctl. */
#include "client/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base64.h"

void
follow_init(struct follow *f, struct ctl *ctl, uint64_t id)
{
	*f = (struct follow){ .ctl = ctl, .id = id };
	sink_init(&f->out, STDOUT_FILENO);
	sink_init(&f->err, STDERR_FILENO);
}

void
follow_fini(struct follow *f)
{
	sink_fini(&f->out);
	sink_fini(&f->err);
}

enum { POLL_DAEMON, POLL_OUT, POLL_ERR };

/* While a sink is full the connection is only written to, which reads a little too. */
static short
daemon_events(const struct follow *f)
{
	int	want = jobd_want(f->ctl->conn);
	bool	full = sink_full(&f->out) || sink_full(&f->err);

	return (short)((full ? 0 : POLLIN) | ((want & JOBD_WRITE) != 0 ? POLLOUT : 0));
}

int
follow_poll(struct follow *f, struct pollfd *p, size_t n, int timeout_ms)
{
	struct jobd	*conn = f->ctl->conn;
	short		 events = conn != NULL ? daemon_events(f) : 0;

	p[POLL_DAEMON] = (struct pollfd){ events != 0 ? jobd_fd(conn) : -1, events, 0 };
	p[POLL_OUT] = (struct pollfd){ sink_poll_fd(&f->out), POLLOUT, 0 };
	p[POLL_ERR] = (struct pollfd){ sink_poll_fd(&f->err), POLLOUT, 0 };
	if (poll(p, n, timeout_ms) < 0)		/* a signal: the caller's descriptors tell */
		for (size_t i = 0; i < n; i++)
			p[i].revents = 0;
	if (p[POLL_OUT].revents != 0)
		sink_turn(&f->out);
	if (p[POLL_ERR].revents != 0)
		sink_turn(&f->err);
	if (conn == NULL)
		return 0;
	if (p[POLL_DAEMON].revents != 0)
		jobd_turn(conn);
	return jobd_broken(conn)->code;
}

int
follow_finish(struct follow *f)
{
	int	rc = sink_finish(&f->out);

	sink_finish(&f->err);
	if (rc != 0 && rc != -EPIPE)
		return ctl_fail(f->ctl, EXIT_REFUSED, "cannot write to stdout: %s", strerror(-rc));
	return 0;
}

/* ---- pieces ---- */

/*
 * Notes are words about the attempt, of jobd or of its worker: they go where words go.  But who
 * holds the job stands for it, and its stderr is the job's alone.
 */
static void
put_bytes(struct follow *f, int stream, const char *p, size_t len)
{
	if (stream == JOBD_NOTE && f->hold)
		return;
	sink_put(stream == JOBD_STDOUT ? &f->out : &f->err, p, len);
}

static void
say_missed(struct follow *f, uint64_t gap)
{
	f->missed += gap;
	ctl_say(f->ctl, "job %llu: %llu bytes of its output are not kept", (unsigned long long)f->id,
	    (unsigned long long)gap);
}

/* Another attempt has a log of its own. */
static void
see_attempt(struct follow *f, uint64_t attempt)
{
	if (attempt == f->attempt || attempt == 0)
		return;
	if (f->attempt != 0) {
		f->next = 0;
		ctl_say(f->ctl, "job %llu: its attempt %llu begins", (unsigned long long)f->id,
		    (unsigned long long)attempt);
	}
	f->attempt = attempt;
}

static void
on_output(struct jobd *conn, const struct jobd_output *said, void *data)
{
	struct follow	*f = data;

	(void)conn;
	if (said->job != f->id)
		return;
	see_attempt(f, said->attempt);
	if (said->gap > 0)
		say_missed(f, said->gap);
	put_bytes(f, said->stream, said->bytes, said->len);
	if (said->next > 0)
		f->next = said->next;
	f->eof = said->eof;
}

/* -o ndjson: the params of each job.output as they are. */
static void
on_notice(struct jobd *conn, const char *method, const char *params, void *data)
{
	struct follow	*f = data;
	struct span	 said = { params, strlen(params) };
	int64_t		 n;

	(void)conn;
	if (strcmp(method, "job.output") != 0)
		return;
	sink_put(&f->out, said.p, said.len);
	sink_put(&f->out, "\n", 1);
	if (json_int(said, "attempt", &n) && n > 0)
		f->attempt = (uint64_t)n;
	if (json_int(said, "next", &n) && n >= 0)
		f->next = (uint64_t)n;
	f->eof = json_true(said, "eof");
}

/* ---- the answer ---- */

static int
stream_of(const char *name)
{
	if (name == NULL || strcmp(name, "stdout") == 0)
		return JOBD_STDOUT;
	return strcmp(name, "stderr") == 0 ? JOBD_STDERR : JOBD_NOTE;
}

static void
put_piece(struct follow *f, struct span piece, const char *stream)
{
	struct span	text;
	struct buf	bytes = { 0 };

	if (f->raw) {
		sink_put(&f->out, piece.p, piece.len);
		sink_put(&f->out, "\n", 1);
		return;
	}
	if (json_member(piece, "data", &text) && json_type(text) == SCAN_STRING)
		scan_decode((struct span){ text.p + 1, text.len - 2 }, &bytes);
	else if (json_member(piece, "data_base64", &text) && json_type(text) == SCAN_STRING)
		base64_take(&bytes, text.p + 1, text.len - 2);
	if (buf_len(&bytes) > 0)
		put_bytes(f, stream_of(stream), buf_data(&bytes), buf_len(&bytes));
	buf_free(&bytes);
}

static void
put_pieces(struct follow *f, struct span log)
{
	struct json_walk w;
	struct span	 pieces;

	if (!json_member(log, "pieces", &pieces)) {
		put_piece(f, log, f->stream);
		return;
	}
	json_array(&w, pieces);
	while (json_element(&w)) {
		char	*stream = json_text(w.value, "stream");

		put_piece(f, w.value, stream);
		free(stream);
	}
}

static void
take_log(struct follow *f, struct span log)
{
	int64_t	n;

	if (json_int(log, "attempt", &n))
		see_attempt(f, (uint64_t)n);
	if (json_int(log, "offset", &n) && n > 0 && (uint64_t)n > f->next)
		say_missed(f, (uint64_t)n - f->next);
	put_pieces(f, log);
	if (json_int(log, "next", &n) && n >= 0)
		f->next = (uint64_t)n;
	if (json_int(log, "bytes", &n) && n >= 0)
		f->bytes = (uint64_t)n;
	if (!f->follow)			/* of this attempt alone; who follows is told when all is */
		f->eof = json_true(log, "eof");
}

static void
on_answer(struct jobd_future *future, void *data)
{
	struct follow	*f = data;
	struct reply	 reply;

	if (ctl_reply(future, &reply)) {
		f->answered = f->heard = true;
		if (reply.error.len > 0)
			f->code = ctl_error(f->ctl, reply.error, NULL);
		else
			take_log(f, reply.result);
	}
	jobd_forget(future);
}

static void
put_params(const struct follow *f, struct buf *out)
{
	buf_printf(out, "{\"id\":%llu", (unsigned long long)f->id);
	if (f->stream != NULL) {
		buf_puts(out, ",\"stream\":");
		json_put_text(out, f->stream);
	}
	if (f->resumes)
		buf_printf(out, ",\"attempt\":%llu,\"onwards\":true", (unsigned long long)f->attempt);
	else if (f->only > 0)
		buf_printf(out, ",\"attempt\":%llu", (unsigned long long)f->only);
	if (f->next > 0)
		buf_printf(out, ",\"offset\":%llu", (unsigned long long)f->next);
	if (f->follow)
		buf_puts(out, ",\"follow\":true");
	if (f->hold)
		buf_puts(out, ",\"hold\":true");
	buf_putc(out, '}');
}

int
follow_start(struct follow *f)
{
	struct buf		 params = { 0 };
	struct jobd_error	 err;
	struct jobd_future	*future;
	char			*text;

	put_params(f, &params);
	text = buf_take_string(&params);
	if (f->raw)
		jobd_on_notice(f->ctl->conn, on_notice, f);
	else
		jobd_on_output(f->ctl->conn, on_output, f);
	f->answered = false;
	future = jobd_start(f->ctl->conn, "job.log", text, &err);
	free(text);
	if (future == NULL)
		return ctl_unsent(f->ctl, &err);
	jobd_on_done(future, on_answer, f);
	return 0;
}

/* ---- on another connection ---- */

/* Which attempt is the job's last, and how much has it said?  0 or the exit status. */
static int
ask_last(struct follow *f, uint64_t *attempt, uint64_t *bytes)
{
	struct buf	params = { 0 };
	struct span	log;
	int64_t		n = 0, said = 0;
	int		rc;

	buf_printf(&params, "{\"id\":%llu,\"limit\":1}", (unsigned long long)f->id);
	rc = ctl_ask(f->ctl, "job.log", &params, CTL_ANSWER_MS, &log);
	buf_free(&params);
	if (rc == 0) {
		json_int(log, "attempt", &n);
		json_int(log, "bytes", &said);
	}
	*attempt = (uint64_t)n;
	*bytes = (uint64_t)said;
	return rc;
}

int
follow_resume(struct follow *f)
{
	uint64_t	attempt, bytes;
	int		rc;

	if (f->only != 0 || (!f->heard && !f->hold))
		return follow_start(f);
	if (f->heard && (rc = ask_last(f, &attempt, &bytes)) != 0)
		return rc;
	/* what we heard is history: the daemon has lost it */
	if (f->heard && attempt < f->attempt)
		f->attempt = f->next = 0;
	else if (f->heard && attempt == f->attempt && bytes < f->next)
		f->next = 0;
	f->resumes = true;
	f->eof = false;
	return follow_start(f);
}
