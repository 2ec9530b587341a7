/*
 * bench_run.c - the load of `jobctl bench`: one thread, all connections in one epoll.
 * Runs in: jobctl.
 */
#include "client/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "client/json.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"

#define GIVE_UP_NS	(30 * NS_PER_S)		/* without an answer, once nothing more starts */
#define EVENTS		64

struct load;

struct line {
	struct load	*load;
	struct jobd	*j;
	bool		 to_write;		/* what epoll watches it for */
	bool		 touched;		/* has something to send */
};

/* A call on its way. */
struct shot {
	struct line	*line;
	int64_t		 due_ns;
	struct shot	*next;			/* of the free ones */
	struct shot	*older;			/* of all */
};

struct load {
	const struct bench_plan	*plan;
	struct bench_result	*result;
	struct line		*lines;
	struct shot		*free_shots, *newest_shot;
	int			 epoll, timer;
	size_t			 turn;		/* the line that starts next, in an open loop */
	int64_t			 begin_ns, end_ns, last_ns;
	uint64_t		 on_their_way;
	bool			 over;		/* nothing more starts */
};

/* ---- answers ---- */

static void
count_failure(struct bench_result *r, const char *kind)
{
	size_t	i = 0;

	r->failed++;
	while (i < BENCH_KINDS - 1 && r->kinds[i].count > 0 && strcmp(r->kinds[i].kind, kind) != 0)
		i++;
	if (r->kinds[i].count++ == 0)
		snprintf(r->kinds[i].kind, sizeof(r->kinds[i].kind), "%s",
		    i < BENCH_KINDS - 1 ? kind : "others");
}

static bool
succeeded(const struct jobd_future *f)
{
	struct span	outcome, state;

	outcome.p = jobd_result(f, &outcome.len);
	return outcome.p != NULL && json_member(outcome, "state", &state) && state.len == 11 &&
	    memcmp(state.p, "\"succeeded\"", 11) == 0;
}

/* The kind of a failed job, or its state. */
static void
count_job(struct bench_result *r, const struct jobd_future *f)
{
	struct span	 outcome, failure;
	char		*kind;

	if (jobd_error(f) != NULL) {
		count_failure(r, jobd_error(f)->kind);
		return;
	}
	outcome.p = jobd_result(f, &outcome.len);
	if (json_member(outcome, "failure", &failure))
		kind = json_text(failure, "kind");
	else
		kind = json_text(outcome, "state");
	count_failure(r, kind != NULL ? kind : "error");
	free(kind);
}

static void start_call(struct line *line, int64_t due_at_ns);

static bool
may_start(struct load *l, int64_t now_ns)
{
	if (l->plan->count > 0 && l->result->started >= (uint64_t)l->plan->count)
		l->over = true;
	if (l->plan->duration_ns > 0 && now_ns >= l->end_ns)
		l->over = true;
	return !l->over;
}

static void
answered(struct jobd_future *f, void *data)
{
	struct shot	*shot = data;
	struct line	*line = shot->line;
	struct load	*l = line->load;
	int64_t		 now_ns = clock_mono_ns();

	l->on_their_way--;
	l->last_ns = now_ns;
	if (succeeded(f)) {
		l->result->succeeded++;
		histogram_record(&l->result->latency, now_ns - shot->due_ns);
	} else {
		count_job(l->result, f);
	}
	jobd_forget(f);
	shot->next = l->free_shots;
	l->free_shots = shot;
	if (l->plan->rate == 0 && may_start(l, now_ns) && jobd_broken(line->j)->code == 0)
		start_call(line, now_ns);
}

/* ---- calls ---- */

static void
start_call(struct line *line, int64_t due_at_ns)
{
	struct load		*l = line->load;
	struct shot		*shot = l->free_shots;
	struct jobd_error	 err;
	struct jobd_future	*f = jobd_start(line->j, "job.call", l->plan->params, &err);

	l->result->started++;
	if (f == NULL) {
		count_failure(l->result, err.kind);
		return;
	}
	if (shot != NULL) {
		l->free_shots = shot->next;
	} else {
		shot = mem_zalloc(1, sizeof(*shot));
		shot->older = l->newest_shot;
		l->newest_shot = shot;
	}
	shot->line = line;
	shot->due_ns = due_at_ns;
	l->on_their_way++;
	line->touched = true;
	jobd_on_done(f, answered, shot);
}

/* When call number n is due, in an open loop. */
static int64_t
due_ns(const struct load *l, uint64_t n)
{
	return l->begin_ns + (int64_t)((double)n * (double)NS_PER_S / (double)l->plan->rate);
}

/* Starts what is due; sets the timer for what comes next. */
static void
start_due(struct load *l)
{
	struct itimerspec	at = { 0 };
	int64_t			now_ns = clock_mono_ns(), due = due_ns(l, l->result->started);

	while (may_start(l, due) && due <= now_ns) {
		start_call(&l->lines[l->turn], due);
		l->turn = (l->turn + 1) % (size_t)l->plan->connections;
		due = due_ns(l, l->result->started);
	}
	if (l->over)
		return;
	at.it_value.tv_sec = due / NS_PER_S;
	at.it_value.tv_nsec = due % NS_PER_S;
	timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void
start_first(struct load *l)
{
	if (l->plan->rate > 0) {
		start_due(l);
		return;
	}
	for (int64_t d = 0; d < l->plan->depth; d++)
		for (int64_t i = 0; i < l->plan->connections; i++)
			if (may_start(l, l->begin_ns))
				start_call(&l->lines[i], clock_mono_ns());
}

/* ---- the loop ---- */

static void
watch(struct load *l, struct line *line, int op)
{
	struct epoll_event	ev = { .events = EPOLLIN, .data.ptr = line };

	line->to_write = (jobd_want(line->j) & JOBD_WRITE) != 0;
	if (line->to_write)
		ev.events |= EPOLLOUT;
	epoll_ctl(l->epoll, op, jobd_fd(line->j), &ev);
}

static int
turn(struct load *l, struct line *line, struct jobd_error *err)
{
	line->touched = false;
	if (jobd_turn(line->j) != 0) {
		*err = *jobd_broken(line->j);
		return err->code;
	}
	line->touched = false;		/* the turn has sent what its callbacks started */
	if (line->to_write != ((jobd_want(line->j) & JOBD_WRITE) != 0))
		watch(l, line, EPOLL_CTL_MOD);
	return 0;
}

static int
wait_time(const struct load *l)
{
	int64_t	left_ns;

	if (l->over)
		left_ns = l->last_ns + GIVE_UP_NS - clock_mono_ns();
	else if (l->plan->duration_ns > 0)
		left_ns = l->end_ns - clock_mono_ns();
	else
		return -1;
	return left_ns <= 0 ? 0 : (int)(left_ns / NS_PER_MS) + 1;
}

static int
handle(struct load *l, const struct epoll_event *ev, struct jobd_error *err)
{
	uint64_t	expired;

	if (ev->data.ptr != NULL)
		return turn(l, ev->data.ptr, err);
	if (read(l->timer, &expired, sizeof(expired)) == sizeof(expired))
		start_due(l);
	return 0;
}

static int
loop(struct load *l, struct jobd_error *err)
{
	struct epoll_event	events[EVENTS];
	int			n, rc = 0;

	while (rc == 0 && (!l->over || l->on_their_way > 0)) {
		for (int64_t i = 0; rc == 0 && i < l->plan->connections; i++)
			if (l->lines[i].touched)
				rc = turn(l, &l->lines[i], err);
		if (rc != 0 || (n = epoll_wait(l->epoll, events, EVENTS, wait_time(l))) < 0)
			continue;
		if (n == 0 && l->over)
			break;
		may_start(l, clock_mono_ns());
		for (int i = 0; rc == 0 && i < n; i++)
			rc = handle(l, &events[i], err);
	}
	return rc;
}

static void
set_up(struct load *l, const struct bench_plan *plan, struct jobd **connections)
{
	struct epoll_event	ev = { .events = EPOLLIN };

	l->plan = plan;
	l->lines = mem_zalloc((size_t)plan->connections, sizeof(*l->lines));
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->timer, &ev);
	for (int64_t i = 0; i < plan->connections; i++) {
		l->lines[i] = (struct line){ .load = l, .j = connections[i] };
		watch(l, &l->lines[i], EPOLL_CTL_ADD);
	}
}

static void
tear_down(struct load *l, struct jobd **connections)
{
	struct shot	*shot;

	/* what was not answered ends with its connection, and calls nobody */
	for (int64_t i = 0; i < l->plan->connections; i++) {
		jobd_close(l->lines[i].j);
		connections[i] = NULL;
	}
	while ((shot = l->newest_shot) != NULL) {
		l->newest_shot = shot->older;
		free(shot);
	}
	fd_close(&l->epoll);
	fd_close(&l->timer);
	free(l->lines);
}

int
bench_run(const struct bench_plan *plan, struct jobd **connections, struct bench_result *out,
    struct jobd_error *err)
{
	struct load	l = { .result = out };
	int		rc;

	memset(out, 0, sizeof(*out));
	set_up(&l, plan, connections);
	l.begin_ns = l.last_ns = clock_mono_ns();
	l.end_ns = plan->duration_ns > 0 ? l.begin_ns + plan->duration_ns : INT64_MAX;
	start_first(&l);
	rc = loop(&l, err);
	out->unanswered = l.on_their_way;
	out->elapsed_ns = l.last_ns - l.begin_ns;
	tear_down(&l, connections);
	return rc;
}

void
bench_result_free(struct bench_result *r)
{
	histogram_free(&r->latency);
}
