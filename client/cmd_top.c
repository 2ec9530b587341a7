/* cmd_top.c - jobctl top: what the daemon does, as it does it.  Runs in: jobctl. */
#include "client/ctl.h"

#ifdef HAVE_NCURSES

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/top_keys.h"
#include "client/top_link.h"
#include "client/top_screen.h"
#include "lib/alloc.h"
#include "lib/clock.h"

static const char	help[] =
    "Panels: lanes, queues, workers, jobs; the one with the bright title has the keys.\n\n"
    "tab, left, right   another panel\n"
    "up, down, j, k     choose a row; page up, page down, home, end too\n"
    "s                  jobs of the next state: running, ready, scheduled, failed, ...\n"
    "e, enter           why the chosen job waits, runs where it runs, or ended so\n"
    "c                  cancel the chosen job, or the one that the chosen worker runs\n"
    "p                  pause the chosen queue, or the queue of the chosen job; again: resume it\n"
    "ctrl-L             draw all of it anew\n"
    "q                  quit\n\n"
    "A line of bars is the last two minutes, the newest at its right end.\n";

struct view {
	struct top	 top;
	struct top_view	 shown;
	struct top_link	 link;
	uint64_t	 to_cancel;	/* asked about; 0: nothing is */
	bool		 quit;
};

/* ---- keys ---- */

static void
ask_to_cancel(struct view *v)
{
	if ((v->to_cancel = top_chosen_job(&v->top)) == 0) {
		top_link_note(&v->link, true, "choose a job first, or a worker that runs one");
		return;
	}
	top_link_note(&v->link, false, "cancel job %llu? y or n", (unsigned long long)v->to_cancel);
	v->link.note_until_ns = 0;	/* until it is answered */
}

static void
answer_cancel(struct view *v, int key)
{
	char	name[24];

	snprintf(name, sizeof(name), "%llu", (unsigned long long)v->to_cancel);
	v->to_cancel = 0;
	if (key == 'y' || key == 'Y') {
		top_link_note(&v->link, false, "job %s is told to end", name);
		top_link_do(&v->link, TOP_D_CANCEL, name);
	} else {
		top_link_note(&v->link, false, "job %s goes on", name);
	}
}

static void
explain(struct view *v)
{
	uint64_t	id = top_chosen_job(&v->top);
	char		name[24];

	snprintf(name, sizeof(name), "%llu", (unsigned long long)id);
	if (id == 0)
		top_link_note(&v->link, true, "choose a job first, or a worker that runs one");
	else
		top_link_do(&v->link, TOP_D_EXPLAIN, name);
}

static bool
is_paused(const struct top *t, const char *name)
{
	for (size_t i = 0; i < t->lists[TOP_QUEUES].len; i++) {
		const struct top_queue	*q = top_row(t, TOP_QUEUES, i);

		if (strcmp(q->row.name, name) == 0)
			return q->paused;
	}
	return false;
}

static void
pause_or_resume(struct view *v)
{
	const char	*name = top_chosen_queue(&v->top);

	if (name == NULL)
		top_link_note(&v->link, true, "choose a queue first, or a job of it");
	else
		top_link_do(&v->link, is_paused(&v->top, name) ? TOP_D_RESUME : TOP_D_PAUSE, name);
}

static void
show_help(struct view *v)
{
	v->shown.page = mem_strdup(help);
	snprintf(v->shown.page_title, sizeof(v->shown.page_title), "jobctl top: keys");
}

static void
act(struct view *v, enum top_action action)
{
	switch (action) {
	case TOP_ASK_JOBS:	top_link_ask_jobs(&v->link); break;
	case TOP_CANCEL:	ask_to_cancel(v); break;
	case TOP_PAUSE:		pause_or_resume(v); break;
	case TOP_EXPLAIN:	explain(v); break;
	case TOP_HELP:		show_help(v); break;
	case TOP_REDRAW:	top_screen_redraw(); break;
	case TOP_QUIT:		v->quit = true; break;
	default:		break;
	}
}

static void
take_key(struct view *v, int key)
{
	if (key == 0)
		return;
	if (v->to_cancel != 0) {
		answer_cancel(v, key);
	} else if (v->shown.page != NULL) {
		free(v->shown.page);
		v->shown.page = NULL;
	} else {
		act(v, top_key(&v->top, key, top_screen_page(&v->top)));
	}
}

/* ---- the loop ---- */

static int
left_ms(const struct view *v, int64_t now_ns)
{
	int64_t	until_ns = v->link.next_ns;

	if (v->link.note_until_ns != 0 && v->link.note_until_ns < until_ns)
		until_ns = v->link.note_until_ns;
	return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns) / NS_PER_MS) + 1;
}

/* Until something comes, or it is time.  False: the terminal is gone. */
static bool
wait_for_something(const struct view *v)
{
	struct jobd	*conn = v->link.ctl->conn;
	struct pollfd	 p[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = -1 } };

	if (conn != NULL)
		p[1] = (struct pollfd){ .fd = jobd_fd(conn), .events = POLLIN |
		    ((jobd_want(conn) & JOBD_WRITE) != 0 ? POLLOUT : 0) };
	else if (v->link.finder != NULL)
		p[1] = (struct pollfd){ .fd = top_finder_fd(v->link.finder), .events = POLLIN };
	if (poll(p, 2, left_ms(v, clock_mono_ns())) < 0)
		return errno == EINTR;		/* the terminal has another size, say */
	return (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

static void
loop(struct view *v)
{
	int	key;

	while (!v->quit) {
		top_link_tick(&v->link, clock_mono_ns());
		top_link_turn(&v->link, clock_mono_ns());
		top_screen_draw(&v->top, &v->shown, clock_real_ms());
		if (!wait_for_something(v))
			break;
		while (!v->quit && (key = top_screen_key()) >= 0)
			take_key(v, key);
		top_link_turn(&v->link, clock_mono_ns());
	}
}

static int
run(struct ctl *ctl)
{
	struct view	v = { .quit = false };
	char		why[256];
	int		rc;

	if (!ctl_is_terminal(STDIN_FILENO) || !ctl_is_terminal(STDOUT_FILENO))
		return ctl_usage(ctl, "this is for a terminal; `jobctl stats -o json` and `worker ls -o json` are "
		    "for programs");
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) != 0)
		return rc;
	if (top_screen_open(ctl_colour(STDOUT_FILENO), why, sizeof(why)) != 0)
		return ctl_usage(ctl, "%s", why);
	top_init(&v.top);
	snprintf(v.top.why, sizeof(v.top.why), "asks ...");
	v.shown.address = mem_strdup(jobd_address(ctl->conn));
	top_link_init(&v.link, ctl, &v.top, &v.shown);
	loop(&v);
	top_screen_close();
	if (v.link.finder != NULL)
		_exit(EXIT_GOOD);	/* its thread is in libraries, which exit would tear down under it */
	top_link_fini(&v.link);
	free(v.shown.page);
	free((char *)(uintptr_t)v.shown.address);
	top_free(&v.top);
	return EXIT_GOOD;
}

#else

static int
run(struct ctl *ctl)
{
	return ctl_fail(ctl, EXIT_REFUSED, "this jobctl was built without ncurses: there is no top; `jobctl stats` and "
	    "`jobctl worker ls` tell the same once");
}

#endif

const struct verb verb_top = {
	.name = "top",
	.operands = "",
	.summary = "what the daemon does, on the terminal, as it does it",
	.about = "Shows lanes, queues, workers and jobs with their states and rates, once a second.\n"
	    "Keys choose a row, cancel or explain a job, pause and resume a queue; ? lists them.\n"
	    "A daemon that goes away is looked for until it is back; keys work meanwhile.",
	.examples = "  jobctl top\n"
	    "  jobctl top -H tcp:build-server:7750\n",
	.formats = FORMAT_BIT(FORMAT_TEXT),
	.run = run,
};
