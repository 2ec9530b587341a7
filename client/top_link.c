/* top_link.c - `jobctl top` and the daemon.  Runs in: jobctl. */
#include "client/top_link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/explain_page.h"
#include "lib/clock.h"

#define EVERY_NS	NS_PER_S
#define SILENT_NS	(3 * NS_PER_S)	/* so long a question may take before that is told */
#define NOTE_NS		(6 * NS_PER_S)
#define JOBS		200		/* at most so many are listed */

void
top_link_init(struct top_link *l, struct ctl *ctl, struct top *top, struct top_view *view)
{
	*l = (struct top_link){ .ctl = ctl, .top = top, .view = view };
	for (int q = 0; q < TOP_QUESTIONS; q++)
		l->asked[q] = (struct top_asked){ .link = l, .question = (enum top_question)q };
}

void
top_link_fini(struct top_link *l)
{
	for (int q = 0; q < TOP_QUESTIONS; q++)
		jobd_forget(l->asked[q].f);
	jobd_forget(l->deed_f);
}

void
top_link_note(struct top_link *l, bool bad, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(l->view->note, sizeof(l->view->note), fmt, ap);
	va_end(ap);
	l->view->bad = bad;
	l->note_until_ns = clock_mono_ns() + NOTE_NS;
}

/* ---- questions ---- */

static void
take(struct top_link *l, const struct top_asked *a, struct span reply)
{
	int64_t	now_ns = clock_mono_ns();

	switch (a->question) {
	case TOP_Q_STATS:	top_take_stats(l->top, reply, now_ns); break;
	case TOP_Q_QUEUES:	top_take_queues(l->top, reply); break;
	case TOP_Q_WORKERS:	top_take_workers(l->top, reply, now_ns); break;
	default:		top_take_jobs(l->top, reply, a->state); break;
	}
}

static void
answered(struct jobd_future *f, void *data)
{
	struct top_asked	*a = data;
	const struct jobd_error	*err = jobd_error(f);
	struct span		 reply = { NULL, 0 };

	a->f = NULL;
	reply.p = jobd_result(f, &reply.len);
	if (reply.p != NULL)
		take(a->link, a, reply);
	else if (err != NULL && err->code < 0)		/* the daemon's; what is lost is found by the turn */
		top_link_note(a->link, true, "%s (%s)", err->message, err->kind);
	jobd_forget(f);
}

static void
ask(struct top_link *l, enum top_question q)
{
	static const char *const	methods[TOP_QUESTIONS] = {
		[TOP_Q_STATS] = "server.stats", [TOP_Q_QUEUES] = "queue.list",
		[TOP_Q_WORKERS] = "worker.list", [TOP_Q_JOBS] = "job.list",
	};
	struct top_asked		*a = &l->asked[q];
	char				 params[128] = "{}";

	if (a->f != NULL)
		return;
	if (q == TOP_Q_JOBS)
		snprintf(params, sizeof(params), "{\"limit\":%d,\"attempts\":true,\"filter\":{\"state\":\"%s\"}}",
		    JOBS, top_states[l->top->shown]);
	a->state = l->top->shown;
	a->since_ns = clock_mono_ns();
	if ((a->f = jobd_start(l->ctl->conn, methods[q], params, NULL)) != NULL)
		jobd_on_done(a->f, answered, a);
}

void
top_link_ask_jobs(struct top_link *l)
{
	jobd_forget(l->asked[TOP_Q_JOBS].f);	/* it asks for others */
	l->asked[TOP_Q_JOBS].f = NULL;
	if (l->ctl->conn != NULL)
		ask(l, TOP_Q_JOBS);
}

/* ---- deeds ---- */

static void
show_explanation(struct top_link *l, struct span reply)
{
	struct buf	text = { 0 };

	explain_page_print(reply, &text);
	free(l->view->page);
	l->view->page = buf_take_string(&text);
	snprintf(l->view->page_title, sizeof(l->view->page_title), "job %.32s", l->deed_name);
	l->view->note[0] = '\0';
}

static void
tell(struct top_link *l, struct span reply)
{
	char	*state;

	switch (l->deed) {
	case TOP_D_EXPLAIN:
		show_explanation(l, reply);
		break;
	case TOP_D_CANCEL:
		state = json_text(reply, "state");
		top_link_note(l, false, "job %s: %s", l->deed_name, state == NULL ? "ended" : state);
		free(state);
		break;
	case TOP_D_PAUSE:
		top_link_note(l, false, "queue %s is paused", l->deed_name);
		break;
	default:
		top_link_note(l, false, "queue %s goes on", l->deed_name);
		break;
	}
}

static void
done(struct jobd_future *f, void *data)
{
	struct top_link		*l = data;
	const struct jobd_error	*err = jobd_error(f);
	struct span		 reply = { NULL, 0 };

	l->deed_f = NULL;
	reply.p = jobd_result(f, &reply.len);
	if (reply.p != NULL)
		tell(l, reply);
	else if (err != NULL)
		top_link_note(l, true, "%s: %s (%s)", l->deed_name, err->message, err->kind);
	jobd_forget(f);
	l->next_ns = 0;		/* it looks different now */
}

void
top_link_do(struct top_link *l, enum top_deed deed, const char *name)
{
	static const char *const	methods[] = {
		[TOP_D_CANCEL] = "job.cancel", [TOP_D_PAUSE] = "queue.pause",
		[TOP_D_RESUME] = "queue.resume", [TOP_D_EXPLAIN] = "job.explain",
	};
	struct buf			 params = { 0 };
	char				*text;

	if (l->ctl->conn == NULL || l->deed_f != NULL) {
		top_link_note(l, true, l->ctl->conn == NULL ? "the daemon does not answer" :
		    "%s is not done yet", l->deed_name);
		return;
	}
	buf_puts(&params, deed == TOP_D_PAUSE || deed == TOP_D_RESUME ? "{\"name\":" : "{\"id\":");
	if (deed == TOP_D_PAUSE || deed == TOP_D_RESUME)
		json_put_text(&params, name);
	else
		buf_puts(&params, name);
	buf_putc(&params, '}');
	text = buf_take_string(&params);
	l->deed = deed;
	snprintf(l->deed_name, sizeof(l->deed_name), "%s", name);
	if ((l->deed_f = jobd_start(l->ctl->conn, methods[deed], text, NULL)) != NULL)
		jobd_on_done(l->deed_f, done, l);
	free(text);
}

/* ---- the connection ---- */

static void
lose(struct top_link *l, int64_t now_ns)
{
	snprintf(l->lost, sizeof(l->lost), "%s", jobd_broken(l->ctl->conn)->message);
	top_lost(l->top, l->lost);
	for (int q = 0; q < TOP_QUESTIONS; q++)
		l->asked[q].f = NULL;
	l->deed_f = NULL;
	jobd_close(l->ctl->conn);		/* and all its futures */
	l->ctl->conn = NULL;
	l->next_ns = now_ns + EVERY_NS;
}

static bool
is_done(const struct top_finder *f)
{
	struct pollfd	p = { .fd = top_finder_fd(f), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* What went wrong the last time, and how long it has been trying now. */
static void
say_looks(struct top_link *l, int64_t now_ns)
{
	char		text[256];
	long long	seconds = (now_ns - l->finder_ns) / NS_PER_S;

	if (seconds < 1)
		return;
	snprintf(text, sizeof(text), "connecting for %lld s; before: %.200s", seconds,
	    l->lost);
	top_lost(l->top, text);
}

/* Begins to look for the daemon, or goes on, or takes what was found. */
static void
look_for_it(struct top_link *l, int64_t now_ns)
{
	l->next_ns = now_ns + EVERY_NS;
	if (l->finder == NULL) {
		if ((l->finder = top_finder_start(l->ctl)) == NULL)
			top_lost(l->top, strerror(errno));
		l->finder_ns = now_ns;
	} else if (!is_done(l->finder)) {
		say_looks(l, now_ns);
	} else if (top_finder_take(l->finder, l->ctl, l->lost, sizeof(l->lost))) {
		l->finder = NULL;
		l->next_ns = 0;
	} else {
		l->finder = NULL;
		top_lost(l->top, l->lost);
	}
}

/* A daemon that is there and does not answer looks like one that has nothing to do. */
static void
ask_all(struct top_link *l, int64_t now_ns)
{
	const struct top_asked	*stats = &l->asked[TOP_Q_STATS];
	char			 text[64];

	l->next_ns = now_ns + EVERY_NS;
	if (stats->f != NULL && now_ns - stats->since_ns >= SILENT_NS) {
		snprintf(text, sizeof(text), "has not answered for %lld s",
		    (long long)((now_ns - stats->since_ns) / NS_PER_S));
		top_lost(l->top, text);
	}
	for (int q = 0; q < TOP_QUESTIONS; q++)
		ask(l, (enum top_question)q);
}

void
top_link_tick(struct top_link *l, int64_t now_ns)
{
	if (l->note_until_ns != 0 && now_ns >= l->note_until_ns) {
		l->view->note[0] = '\0';
		l->note_until_ns = 0;
	}
	if (l->ctl->conn == NULL && (now_ns >= l->next_ns || (l->finder != NULL && is_done(l->finder))))
		look_for_it(l, now_ns);
	if (l->ctl->conn != NULL && now_ns >= l->next_ns)
		ask_all(l, now_ns);
}

void
top_link_turn(struct top_link *l, int64_t now_ns)
{
	if (l->ctl->conn != NULL && jobd_turn(l->ctl->conn) != 0)
		lose(l, now_ns);
}
