/* cmd_run.c - jobctl run: a command as if it ran here.  Runs in: jobctl. */
#include "client/again.h"
#include "client/command.h"
#include "client/feed.h"
#include "client/follow.h"
#include "client/forward.h"
#include "client/outcome.h"
#include "client/submit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"

#define LATE_MS		10000	/* for output that is behind the outcome */

struct session {
	struct ctl	*ctl;
	uint64_t	 id;
	struct follow	 follow;
	struct feed	 feed;
	struct forward	 forward;
	char		*outcome;	/* job.wait's answer */
	int		 code;		/* of job.wait's error */
	bool		 told_pipe;	/* the job knows that nobody reads its stdout */
	int64_t		 ended_ns;	/* when the outcome came */
};

/* ---- what is asked for on each connection ---- */

static void
on_outcome(struct jobd_future *future, void *data)
{
	struct session	*s = data;
	struct reply	 reply;

	if (ctl_reply(future, &reply)) {
		s->ended_ns = clock_mono_ns();
		if (reply.error.len > 0)
			s->code = ctl_error(s->ctl, reply.error, NULL);
		else
			s->outcome = mem_strndup(reply.result.p, reply.result.len);
	}
	jobd_forget(future);
}

static int
attend(struct session *s)
{
	struct jobd_error	 err;
	struct jobd_future	*future;
	char			*params;
	int			 rc;

	if ((rc = follow_resume(&s->follow)) != 0)
		return rc;
	params = mem_printf("{\"id\":%llu}", (unsigned long long)s->id);
	future = jobd_start(s->ctl->conn, "job.wait", params, &err);
	free(params);
	if (future == NULL)
		return ctl_unsent(s->ctl, &err);
	jobd_on_done(future, on_outcome, s);
	return 0;
}

/* ---- a connection that is lost ---- */

static int
give_up(struct session *s, const char *why)
{
	unsigned long long	id = s->id;

	return ctl_fail(s->ctl, EXIT_CANNOT, "%s; job %llu goes on without us: its output is in "
	    "`jobctl logs -f --offset %llu %llu`, its end in `jobctl result %llu`", why, id,
	    (unsigned long long)s->follow.next, id, id);
}

/* Ctrl-C ends the waiting; the job cannot be told. */
static bool
pause_ms(void *arg, int ms)
{
	struct session	*s = arg;
	struct pollfd	 p = { s->forward.fd, POLLIN, 0 };

	if (poll(&p, 1, ms) == 1)
		forward_read(&s->forward);
	return s->forward.ends == 0;
}

/* 0: we are back, and on with it; else the exit status. */
static int
come_back(struct session *s)
{
	char	why[512];

	snprintf(why, sizeof(why), "%s", jobd_broken(s->ctl->conn)->message);
	ctl_say(s->ctl, "%s; job %llu goes on, and so do we when the daemon is back", why,
	    (unsigned long long)s->id);
	if (again_connect(s->ctl, pause_ms, s, why, sizeof(why)) != 0)
		return give_up(s, why);
	if (s->feed.unsure)
		return give_up(s, "the connection was lost while stdin was on its way, "
		    "so the job may have missed some");
	return attend(s);
}

/* ---- the loop ---- */

enum { POLL_SIGNAL = FOLLOW_POLLS, POLL_STDIN, POLLS };

/* A pipe of ours that nobody reads any more is one of the job's: yes | head. */
static void
look_at_sinks(struct session *s)
{
	if (s->follow.out.error == 0 || s->told_pipe)
		return;
	s->told_pipe = true;
	if (s->follow.out.error == -EPIPE)
		forward_send(&s->forward, "PIPE");
	else
		ctl_say(s->ctl, "cannot write to stdout: %s", strerror(-s->follow.out.error));
}

/* The job has ended, and so has what it said; or that does not come. */
static bool
is_done(const struct session *s)
{
	if (s->outcome == NULL && s->code == 0)
		return false;
	return s->follow.eof || s->follow.code != 0 || s->code != 0 ||
	    (sink_poll_fd(&s->follow.out) < 0 &&
	    clock_mono_ns() > clock_after_ms(s->ended_ns, LATE_MS));
}

static int
turn(struct session *s)
{
	struct pollfd	p[POLLS];
	int		timeout_ms = s->outcome != NULL ? LATE_MS / 4 : -1, rc;

	feed_turn(&s->feed, &timeout_ms);
	p[POLL_SIGNAL] = (struct pollfd){ s->forward.fd, POLLIN, 0 };
	p[POLL_STDIN] = (struct pollfd){ feed_poll_fd(&s->feed), POLLIN, 0 };
	if ((rc = follow_poll(&s->follow, p, POLLS, timeout_ms)) != 0)
		return is_done(s) ? 0 : come_back(s);
	if (p[POLL_SIGNAL].revents != 0)
		forward_read(&s->forward);
	if (p[POLL_STDIN].revents != 0)
		feed_read(&s->feed);
	look_at_sinks(s);
	return 0;
}

static int
loop(struct session *s)
{
	int	rc = attend(s);

	while (rc == 0 && !is_done(s) && !s->forward.leave)
		rc = turn(s);
	return rc;
}

/* ---- the end ---- */

static int
exit_as_job(struct session *s)
{
	struct span	value;
	struct outcome	o;
	int		code;

	if (s->outcome == NULL)
		return s->code;
	value = (struct span){ s->outcome, strlen(s->outcome) };
	if (!outcome_read(value, &o)) {
		outcome_free(&o);
		return ctl_odd(s->ctl, "job.wait");
	}
	code = outcome_exit_command(s->ctl, &o);
	if (o.state != NULL && strcmp(o.state, "cancelled") == 0 && s->forward.ends > 0)
		code = -s->forward.ended_by;
	outcome_free(&o);
	return code;
}

/* What waits for a slow reader is written yet; a signal ends that. */
static int
finish(struct session *s, int rc)
{
	int	written;

	forward_end(&s->forward);
	written = follow_finish(&s->follow);
	if (rc == 0)
		rc = exit_as_job(s);
	if (rc == 0)
		rc = s->follow.code != 0 ? s->follow.code : written;
	return rc;
}

/* Minus a signal: that ends us too. */
static int
attend_job(struct session *s, bool with_stdin)
{
	int	rc;

	signal(SIGPIPE, SIG_IGN);
	follow_init(&s->follow, s->ctl, s->id);
	s->follow.follow = s->follow.hold = true;
	feed_init(&s->feed, s->ctl, s->id, with_stdin ? STDIN_FILENO : -1, true, true);
	s->forward.id = s->id;
	if ((rc = loop(s)) == 0 && s->forward.leave)
		rc = -s->forward.ended_by;
	else
		rc = finish(s, rc);
	feed_fini(&s->feed);
	follow_fini(&s->follow);
	free(s->outcome);
	return rc;
}

/* ---- the beginning ---- */

/* Nothing can come from /dev/null, nor from a descriptor that is closed. */
static bool
wants_stdin(const struct options *o)
{
	struct stat	st;

	if (option_given(o, OPT_no_stdin) || fstat(STDIN_FILENO, &st) < 0)
		return false;
	return !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3);
}

/*
 * What was sent to one attempt is not there for another: with a stdin it is run once, and not again
 * when its worker or the daemon dies.
 */
static int
put_job(struct ctl *ctl, bool with_stdin, struct buf *params)
{
	const struct options	*o = &ctl->opt;
	int			 rc;

	if (with_stdin && option_given(o, OPT_max_attempts) && o->number[OPT_max_attempts] > 1)
		return ctl_usage(ctl, "another attempt would have no stdin: give -n with "
		    "--max-attempts");
	if ((rc = command_put_job(ctl, with_stdin ? ",\"stdin_stream\":true" : "", params)) != 0)
		return rc;
	if (with_stdin && !option_given(o, OPT_on_lost))
		buf_puts(params, ",\"on_lost\":\"fail\"");
	if (!option_given(o, OPT_timeout))
		buf_puts(params, ",\"timeout_ms\":0");
	buf_putc(params, '}');
	return 0;
}

/*
 * A signal between the request and its answer is for the job: it waits until there is one.  But
 * whoever waits for room is ended by it, and the daemon takes no job of a connection that is gone.
 */
static int
ask_submit(struct session *s, const struct buf *params)
{
	struct ctl	*ctl = s->ctl;
	bool		 for_room = option_given(&ctl->opt, OPT_room_wait);
	struct span	 submitted;
	int64_t		 id;
	int		 rc;

	if (!for_room)
		forward_begin(&s->forward, ctl);
	rc = ctl_ask(ctl, "job.submit", params, for_room ? CONN_FOREVER : CTL_ANSWER_MS, &submitted);
	if (rc == 0 && (!json_int(submitted, "id", &id) || id <= 0))
		rc = ctl_odd(ctl, "job.submit");
	if (rc != 0) {
		if (!for_room)
			forward_end(&s->forward);
		return rc;
	}
	if (for_room)
		forward_begin(&s->forward, ctl);
	s->id = (uint64_t)id;
	return 0;
}

static int
submit(struct session *s, bool with_stdin)
{
	struct buf	params = { 0 };
	int		rc;

	if ((rc = ctl_connect(s->ctl, CTL_LINE_BYTES)) == 0 &&
	    (rc = put_job(s->ctl, with_stdin, &params)) == 0)
		rc = ask_submit(s, &params);
	buf_free(&params);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct session	s = { .ctl = ctl };
	bool		with_stdin = wants_stdin(&ctl->opt);
	int		rc;

	if (option_given(&ctl->opt, OPT_detach))
		return submit_job(ctl, true);
	if (option_given(&ctl->opt, OPT_stdin_open))
		return ctl_usage(ctl, "--stdin is of --detach: without that yours is sent");
	if ((rc = submit(&s, with_stdin)) != 0)
		return rc;
	rc = attend_job(&s, with_stdin);
	if (rc >= 0)
		return rc;
	forward_die(&s.forward, -rc);
	return 128 - rc;
}

const struct verb verb_run = {
	.name = "run",
	.operands = "[--] CMD [ARG...]",
	.summary = "run a command as if it ran here, exit as it did",
	.about = "Runs a command as a job, in your directory, without a shell and without a\n"
	    "terminal.  What it says on stdout and stderr comes out here as it is said, and\n"
	    "waits when you read slowly; your stdin is its stdin; Ctrl-C or SIGTERM cancels\n"
	    "it, a second one kills it, a third one leaves it; Ctrl-Z stops it, and other\n"
	    "signals are handed on.  It has no timeout unless you give one, and no more of\n"
	    "your environment than -e names.  When the connection breaks or the daemon is\n"
	    "restarted, jobctl comes back to the job.\n"
	    "\n"
	    "Exits as the command: its own status, 128+N when signal N killed it, 124 when\n"
	    "its --timeout was over, 126 it cannot be executed or you may not, 127 there is\n"
	    "no such command, 1 it failed otherwise, 125 jobctl could not do it.  Options of\n"
	    "jobctl stand before the command.",
	.examples = "  jobctl run -- make -j4\n"
	    "  jobctl run -e LANG -t 1h -- ./report --month 11 > report.txt\n"
	    "  tar c photos | jobctl run -q slow -- zstd -19 > photos.tar.zst\n"
	    "  id=$(jobctl run --detach -- rsync -a /data/ backup:/data/)\n",
	.options = FOR_JOB | FOR_ONE_JOB | FOR_COMMAND | FOR_RUN | FOR_STDIN,
	.formats = FORMAT_BIT(FORMAT_TEXT) | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = INT32_MAX,
	.one_job = true, .first_ends = true,
	.run = run,
};
