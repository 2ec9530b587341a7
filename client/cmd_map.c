/* cmd_map.c - jobctl map: a job for each line of stdin.  Runs in: jobctl. */
#include "client/map.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client/command.h"
#include "client/jobopts.h"
#include "client/map_bar.h"
#include "client/print.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define MOST		256		/* at once, without -j */
#define LINE_OVERHEAD	8192		/* of a request, besides its args */
#define LINE_LEAST	2048		/* of a reply */

/* ---- the loop ---- */

enum { POLL_DAEMON, POLL_SIGNAL, POLL_STDIN, POLL_STDOUT, POLLS };

static int
got_signal(struct map *m, int fd, int *which)
{
	struct signalfd_siginfo	info;

	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	*which = (int)info.ssi_signo;
	if (m->interrupted)
		return 128 + *which;		/* a second one: at once */
	m->interrupted = m->no_more = true;
	ctl_say(m->ctl, "cancelling %llu jobs; once more leaves them alone",
	    (unsigned long long)m->inflight);
	map_cancel_rest(m);
	return 0;
}

static int
wait_for_something(struct map *m, struct bar *bar, struct pollfd *p, bool want_items)
{
	bool	to_write = buf_len(&m->out.ready) > 0;
	int	timeout_ms = bar->shown ? BAR_MS : -1, rc;

	p[POLL_DAEMON] = (struct pollfd){ jobd_fd(m->ctl->conn), POLLIN, 0 };
	if ((jobd_want(m->ctl->conn) & JOBD_WRITE) != 0)
		p[POLL_DAEMON].events |= POLLOUT;
	p[POLL_SIGNAL].events = POLLIN;
	p[POLL_STDIN] = (struct pollfd){ want_items ? STDIN_FILENO : -1, POLLIN, 0 };
	p[POLL_STDOUT] = (struct pollfd){ to_write ? STDOUT_FILENO : -1, POLLOUT, 0 };
	bar_draw(bar, m);
	if (m->inflight > 0 && !m->waited)
		timeout_ms = MAP_FEEL_MS;
	if ((rc = poll(p, POLLS, timeout_ms)) < 0 && errno != EINTR)
		return ctl_fail(m->ctl, EXIT_REFUSED, "poll: %s", strerror(errno));
	m->waited |= rc == 0 && timeout_ms == MAP_FEEL_MS;
	return 0;
}

/* Every line has its outcome, and so has the group. */
static bool
is_done(struct map *m)
{
	return m->no_more && m->inflight == 0 && map_group_finish(m);
}

static int
turn(struct map *m, struct bar *bar, struct pollfd *p, int *signal_number)
{
	bool	want_items = map_take_items(m);
	int	rc;

	if (is_done(m))
		return 0;
	if ((rc = wait_for_something(m, bar, p, want_items)) != 0)
		return rc;
	if (p[POLL_SIGNAL].revents != 0)
		bar_clear(bar);
	if (p[POLL_SIGNAL].revents != 0 &&
	    (rc = got_signal(m, p[POLL_SIGNAL].fd, signal_number)) != 0)
		return rc;
	if (p[POLL_STDIN].revents != 0 && (rc = items_fill(&m->items)) != 0)
		return ctl_fail(m->ctl, EXIT_USAGE, "cannot read stdin: %s", strerror(-rc));
	if ((rc = map_take_replies(m)) != 0)
		return rc;
	if (buf_len(&m->out.ready) > 0 && bar->shares_stdout)
		bar_clear(bar);
	if ((rc = map_out_write(&m->out)) != 0)
		return ctl_fail(m->ctl, EXIT_REFUSED, "cannot write to stdout: %s", strerror(-rc));
	return 0;
}

/* ---- the end ---- */

static void
put_count(struct buf *out, uint64_t n, const char *what)
{
	if (n > 0)
		buf_printf(out, ", %llu %s", (unsigned long long)n, what);
}

static void
say_counts(struct map *m, const struct bar *bar)
{
	const struct map_counts	*c = &m->counts;
	const char		*host = m->ctl->opt.text[OPT_host];
	bool			 lost = m->inflight > 0;
	struct buf		 text = { 0 };

	buf_printf(&text, "%llu jobs: %llu succeeded", (unsigned long long)c->started,
	    (unsigned long long)c->succeeded);
	put_count(&text, c->failed, "failed");
	put_count(&text, c->cancelled, "cancelled");
	put_count(&text, c->expired, "expired");
	put_count(&text, c->refused, "refused");
	put_count(&text, m->inflight, "not known");
	buf_puts(&text, " in ");
	print_duration(&text, (clock_mono_ns() - bar->began_ns) / NS_PER_MS);
	if (c->failed > 0 || lost)
		buf_printf(&text, "; %s: jobctl%s%s ls -l map=%s%s",
		    lost ? "what became of them" : "the failed", host != NULL ? " -H " : "",
		    host != NULL ? host : "", m->label, lost ? " --all" : " --state failed");
	buf_putc(&text, '\0');
	ctl_say(m->ctl, "%s", buf_data(&text));
	buf_free(&text);
}

static int
conclude(struct map *m, struct bar *bar, int rc)
{
	int	written;

	bar_clear(bar);
	written = map_out_finish(&m->out);
	if (written != 0 && rc == 0)
		rc = ctl_fail(m->ctl, EXIT_REFUSED, "cannot write to stdout: %s",
		    strerror(-written));
	say_counts(m, bar);
	if (rc == 0)
		rc = m->code;
	if (rc == 0 && (m->group_failed || m->counts.succeeded != m->counts.started))
		rc = EXIT_NOT_ALL;
	return rc;
}

/* ---- the beginning ---- */

/* The label that names this map: what the user gave as map=..., or one of our own. */
static char *
map_label(const struct options *o)
{
	for (size_t i = 0; i < o->pairs_len; i++)
		if (strncmp(o->pairs[i], "map=", 4) == 0)
			return mem_strdup(o->pairs[i] + 4);
	return mem_printf("%llx-%x", (unsigned long long)clock_real_ms(), (unsigned)getpid());
}

static void
map_init(struct map *m, struct ctl *ctl)
{
	const struct options	*o = &ctl->opt;
	char			*label = map_label(o);
	bool			 given = false;

	memset(m, 0, sizeof(*m));
	m->ctl = ctl;
	m->label = label;
	m->command = command_given(o);
	m->type = m->command ? COMMAND_TYPE : o->operands[0];
	m->most = option_given(o, OPT_jobs) ? (uint64_t)o->number[OPT_jobs] : MOST;
	m->items.fd = STDIN_FILENO;
	m->items.end = option_given(o, OPT_null) ? '\0' : '\n';
	list_init(&m->fetches);
	map_out_init(&m->out, o->format, option_given(o, OPT_gather), STDOUT_FILENO);
	for (size_t i = 0; i < o->pairs_len; i++)
		given |= strncmp(o->pairs[i], "map=", 4) == 0;
	jobopts_put_with_label(o, given ? NULL : "map", label, &m->fields);
}

static void
map_fini(struct map *m)
{
	struct request	*r;
	size_t		 at = 0;

	while ((r = idmap_next(&m->requests, &at)) != NULL) {
		if (r->kind == REQUEST_CALL)
			free(r->flight);
		free(r);
	}
	for (struct list *l; (l = list_pop(&m->fetches)) != NULL;) {
		struct flight	*f = list_entry(l, struct flight, link);

		buf_free(&f->text);
		free(f);
	}
	idmap_free(&m->requests);
	items_fini(&m->items);
	map_out_fini(&m->out);
	buf_free(&m->place);
	buf_free(&m->fields);
	free(m->label);
	free(m->group);
	free(m->reduce);
}

/* A type that nobody has is said before a line is read. */
static int
check_type(struct ctl *ctl, const char *type)
{
	struct buf	params = { 0 };
	struct span	shown;
	int		rc;

	buf_puts(&params, "{\"name\":");
	json_put_text(&params, type);
	buf_putc(&params, '}');
	ctl->asks_for_type = true;
	rc = ctl_ask(ctl, "type.show", &params, CTL_ANSWER_MS, &shown);
	ctl->asks_for_type = false;
	buf_free(&params);
	return rc == EXIT_NOT_FOUND ? EXIT_REFUSED : rc;	/* as submit would have it */
}

/* A command that has no place for the line would run again and again as it is. */
static int
check_command(struct map *m)
{
	struct ctl	*ctl = m->ctl;
	bool		 hole = false;
	int		 rc;

	if (option_given(&ctl->opt, OPT_lines))
		return ctl_usage(ctl, "--lines is of types: in a command {} is the line");
	for (int i = 0; i < ctl->opt.operands_len; i++)
		hole |= strstr(ctl->opt.operands[i], "{}") != NULL;
	if (!hole)
		return ctl_usage(ctl, "the command has no {}, where the line goes");
	if ((rc = command_check(ctl)) != 0)
		return rc;
	return command_put_place(ctl, &m->place);
}

static int
check_typed(struct ctl *ctl)
{
	if (ctl->opt.operands_len != 1)
		return ctl_usage(ctl, "usage: jobctl map %s", ctl->verb->operands);
	return command_check_options(ctl);
}

static int
work(struct map *m, struct bar *bar, int signals, int *signal_number)
{
	struct pollfd	p[POLLS] = { [POLL_SIGNAL] = { .fd = signals } };
	int		rc;

	do
		rc = turn(m, bar, p, signal_number);
	while (rc == 0 && !is_done(m));
	return rc;
}

static int
prepare(struct map *m)
{
	int64_t	line_bytes = BOUND_OUTPUT_CLOSE / (int64_t)m->most, daemon_line;
	int	rc;

	if (m->most > BOUND_OPEN_CALLS)
		return ctl_usage(m->ctl, "-j: at most %d at once", BOUND_OPEN_CALLS);
	if (line_bytes < LINE_LEAST)
		line_bytes = LINE_LEAST;
	if (line_bytes > CTL_LINE_BYTES)
		line_bytes = CTL_LINE_BYTES;
	if ((rc = m->command ? check_command(m) : check_typed(m->ctl)) != 0)
		return rc;
	if ((rc = ctl_connect(m->ctl, line_bytes)) != 0 ||
	    (rc = check_type(m->ctl, m->type)) != 0 || (rc = map_group_make(m)) != 0)
		return rc;
	buf_putc(&m->fields, '}');
	daemon_line = m->ctl->daemon_line;
	if (daemon_line < 2 * LINE_OVERHEAD)
		daemon_line = 2 * LINE_OVERHEAD;
	m->items.max = (size_t)(daemon_line - LINE_OVERHEAD);
	return 0;
}

/* Whoever started us sees that a signal ended us. */
static void
end_by_signal(int number, const sigset_t *blocked)
{
	signal(number, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, blocked, NULL);
	raise(number);
}

static int
map_stdin(struct map *m, const sigset_t *signals, int *signal_number)
{
	struct bar	bar;
	int		rc, fd;

	sigprocmask(SIG_BLOCK, signals, NULL);
	fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	bar_init(&bar);
	rc = conclude(m, &bar, work(m, &bar, fd, signal_number));
	fd_close(&fd);
	return rc;
}

static int
run(struct ctl *ctl)
{
	struct map	m;
	sigset_t	signals;
	int		rc, signal_number = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	map_init(&m, ctl);
	if ((rc = prepare(&m)) == 0)
		rc = map_stdin(&m, &signals, &signal_number);
	map_fini(&m);
	if (signal_number != 0)
		end_by_signal(signal_number, &signals);
	return rc;
}

const struct verb verb_map = {
	.name = "map",
	.operands = "TYPE | -- CMD...",
	.summary = "a job or a command for each line of stdin",
	.about = "Runs a job of TYPE for each line of stdin, at most -j at once, and prints a\n"
	    "line of JSON for each as it ends: {\"index\", \"id\", \"state\", \"result\" or\n"
	    "\"failure\"}.  A line is the job's argument in JSON, or with --lines KEY plain\n"
	    "text.  Behind -- a command runs for each line, which replaces every {} in its\n"
	    "arguments as it is: no shell, no splitting; write -- {} where the command could\n"
	    "take a line that begins with - for an option.  The last line on stderr gives\n"
	    "the counts and the command that lists the failed.  Ctrl-C cancels what runs and\n"
	    "reads no more.  Exits 0 when all succeeded, 1 when one did not.\n"
	    "\n"
	    "--reduce TYPE runs one more job when all have ended, whose argument is\n"
	    "{\"group\", \"count\", \"path\"}, or the JSON behind TYPE= with \"{path}\" and the\n"
	    "others replaced: path is a file of all outcomes, a line of JSON each, in the\n"
	    "order of the input.  Its line is the last one: {\"reduce\", \"id\", \"state\",\n"
	    "\"result\" or \"failure\"}.  --max-fails N cancels the rest when more have failed.",
	.examples = "  find /data -name '*.iso' | jobctl map file.digest --lines path -j 8\n"
	    "  find /data -name '*.wav' -print0 | jobctl map -0 -j 4 -- flac --best -- {}\n"
	    "  seq 100 | jobctl map echo --gather | jq .result\n"
	    "  seq 100 | jobctl map echo --reduce 'file.digest={\"path\":\"{path}\"}'\n",
	.options = FOR_JOB | FOR_MAP | FOR_COMMAND,
	.formats = FORMATS_DATA | FORMAT_BIT(FORMAT_ID),
	.least = 1, .most = INT32_MAX,
	.run = run,
};
