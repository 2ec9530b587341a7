/* cmd_logs.c - jobctl logs: what a job has said, and says.  Runs in: jobctl. */
#include "client/again.h"
#include "client/follow.h"
#include "client/select.h"

#include <poll.h>
#include <stdio.h>

/* Ctrl-C ends us, here too. */
static bool
pause_ms(void *arg, int ms)
{
	(void)arg;
	poll(NULL, 0, ms);
	return true;
}

/* 0: we are back, and on with it; else the exit status. */
static int
come_back(struct ctl *ctl, struct follow *f)
{
	char	why[512];

	snprintf(why, sizeof(why), "%s", jobd_broken(ctl->conn)->message);
	ctl_say(ctl, "%s; we go on when the daemon is back", why);
	if (again_connect(ctl, pause_ms, NULL, why, sizeof(why)) != 0)
		return ctl_fail(ctl, EXIT_CANNOT, "%s", why);
	return follow_resume(f);
}

/* Until it has ended; `eof` is the last thing that is told. */
static int
go_on(struct ctl *ctl, struct follow *f)
{
	struct pollfd	p[FOLLOW_POLLS];
	int		rc = 0;

	while (rc == 0 && !f->eof && f->code == 0 && f->out.error == 0) {
		if (follow_poll(f, p, FOLLOW_POLLS, -1) != 0 && !f->eof)
			rc = come_back(ctl, f);
	}
	return rc == 0 ? f->code : rc;
}

/* What there is by now, an answer at a time. */
static int
read_all(struct ctl *ctl, struct follow *f)
{
	int	rc;

	do {
		uint64_t	before = f->next;

		if ((rc = follow_start(f)) != 0)
			return rc;
		while (rc == 0 && !f->answered)
			rc = jobd_poll(ctl->conn, CTL_ANSWER_MS);
		if (rc != 0)
			return ctl_lost(ctl, rc);
		if (f->code != 0 || f->next == before)
			break;
		f->only = f->attempt;
		rc = follow_finish(f);
	} while (rc == 0 && !f->eof && f->next < f->bytes);
	return rc != 0 ? rc : f->code;
}

static int
run(struct ctl *ctl)
{
	const struct options	*o = &ctl->opt;
	struct follow		 f;
	uint64_t		 id;
	int			 rc, ended;

	if (option_given(o, OPT_offset) && o->number[OPT_offset] < 0)
		return ctl_usage(ctl, "--offset: at least 0");
	if ((rc = select_job(ctl, CTL_LINE_BYTES, &id)) != 0)
		return rc;
	follow_init(&f, ctl, id);
	f.stream = o->text[OPT_stream];
	f.only = option_given(o, OPT_attempt) ? (uint64_t)o->number[OPT_attempt] : 0;
	f.next = option_given(o, OPT_offset) ? (uint64_t)o->number[OPT_offset] : 0;
	f.raw = ctl_wants_json(ctl);
	f.follow = option_given(o, OPT_follow);
	if (!f.follow)
		rc = read_all(ctl, &f);
	else if ((rc = follow_start(&f)) == 0)
		rc = go_on(ctl, &f);
	ended = follow_finish(&f);
	follow_fini(&f);
	return rc != 0 ? rc : ended;
}

const struct verb verb_logs = {
	.name = "logs",
	.operands = "ID | @last",
	.summary = "what a job has said on stdout and stderr, and says",
	.about = "Prints what the last attempt of a job has said: its stdout here on stdout, its\n"
	    "stderr and the notes of its worker on stderr, in the order in which they were\n"
	    "said.  With -f goes on until the job has ended, also when the daemon was away for\n"
	    "up to a minute.  Who reads slower than the job\n"
	    "speaks misses what is no longer kept, and is told how much.  With -o ndjson a\n"
	    "line for each piece: {\"stream\", \"offset\", \"at_ms\", \"data\" or \"data_base64\"}.",
	.examples = "  jobctl logs -f 42\n"
	    "  jobctl logs @last --stream stderr\n"
	    "  jobctl logs 42 --attempt 1 | tail\n",
	.options = FOR_LOGS,
	.formats = FORMAT_BIT(FORMAT_TEXT) | FORMAT_BIT(FORMAT_NDJSON),
	.least = 1, .most = 1,
	.run = run,
};
