/* language.c - a language worker: started with a socket and two pipes, heard, recycled, lost.
 * Runs in: broker, loop thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/outlet.h"
#include "daemon/broker/lanes/pools.h"
#include "daemon/broker/lanes/talk.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "proto/bounds.h"

#define SILENT_NS	NS_PER_S	/* from the end of its wire to that of the worker */

/* ---- what it says ---- */

static void
read_outlets(struct seat *seat)
{
	for (int i = 0; i < 2; i++)
		if (seat->outlets[i] != NULL)
			outlet_read(seat->outlets[i]);
}

static void
before(void *arg)
{
	struct seat	*seat = arg;

	broker_clocks(seat->lanes->broker);
	read_outlets(seat);
}

static void
drop_wire(struct seat *seat)
{
	wire_close(seat->talk->wire);
	seat->talk->wire = NULL;
}

/* Nothing that it says after that is believed. */
static void
broken(struct seat *seat, const char *why)
{
	seat_kill(seat, why);
	drop_wire(seat);
}

static void
take_ready(struct seat *seat, const struct said *s)
{
	struct ready	r;
	char		why[200] = "it said worker.ready before";

	if (seat->state != WORKER_STARTING || ready_read(s->params, false, &r, why, sizeof(why)) != 0) {
		broken(seat, why);
		return;
	}
	if (talk_ready(seat->talk, &r, why, sizeof(why)) == 0) {
		talk_answer_ready(seat->talk, s->request);
		pools_ready(seat->language);
		seat_ready(seat);
	} else {
		broken(seat, why);
	}
	ready_free(&r);
}

/* It will be dead in a moment, or is of no use any more. */
static void
wire_ended(struct seat *seat)
{
	const struct broker	*b = seat->lanes->broker;

	drop_wire(seat);
	seat->end_by_ns = b->now.mono_ns + SILENT_NS;
	if (seat->up)
		core_worker_retire(b->core, b->now, seat->number);	/* nothing new for it */
}

static void
on_said(void *arg, const struct said *s, const char *breach)
{
	struct seat	*seat = arg;
	char		 why[160];

	if (s == NULL && breach == NULL) {
		wire_ended(seat);
		return;
	}
	if (s == NULL)
		broken(seat, breach);
	else if (s->kind == SAID_READY)
		take_ready(seat, s);
	else if (talk_said(seat->talk, s, why, sizeof(why)) != 0)
		broken(seat, why);
}

static const struct wire_owner	owner = { .before = before, .said = on_said };

/* ---- begin, end ---- */

struct ends {
	int	wire[2], out[2], err[2];	/* ours first */
};

static void
close_both(int pair[2])
{
	fd_close(&pair[0]);
	fd_close(&pair[1]);
}

static int
make_ends(struct ends *e)
{
	*e = (struct ends){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->wire) != 0 ||
	    pipe2(e->out, O_CLOEXEC) != 0 || pipe2(e->err, O_CLOEXEC) != 0)
		return -errno;
	return 0;
}

static int
begin(struct seat *seat)
{
	struct broker	*b = seat->lanes->broker;
	struct ends	 e;
	int		 rc;

	if (!pools_may_start(seat->language, b->now.mono_ns, &seat->respawn_ns))
		return -EAGAIN;
	if ((rc = make_ends(&e)) == 0)
		rc = seat_send_start(seat, (int[]){ e.wire[1], e.out[1], e.err[1] }, 3);
	if (rc == 0) {
		seat->talk = talk_new(seat, seat->language, false);
		seat->talk->wire = wire_new(&seat->lanes->wires, e.wire[0], seat->name,
		    talk_longest_line(b), &owner, seat, (struct span){ NULL, 0 });
		seat->outlets[0] = outlet_new(seat, e.out[0], LOG_STDOUT);
		seat->outlets[1] = outlet_new(seat, e.err[0], LOG_STDERR);
		e.wire[0] = e.out[0] = e.err[0] = -1;
	}
	close_both(e.wire);
	close_both(e.out);
	close_both(e.err);
	return rc;
}

static void
end(struct seat *seat)
{
	for (int i = 0; i < 2; i++) {
		outlet_free(seat->outlets[i]);
		seat->outlets[i] = NULL;
	}
	talk_free(seat->talk);
	seat->talk = NULL;
}

static void
start(struct seat *seat, struct attempt *at)
{
	talk_start(seat->talk, at);
}

static void
tell(struct seat *seat, struct attempt *at)
{
	talk_tell(seat->talk, at);
}

/* What the daemon still hears then is nobody's any more. */
static void
stop(struct seat *seat)
{
	talk_finish(seat->talk);
	if (!seat->lanes->broker->stopping || seat->talk->wire == NULL)
		return;
	wire_close_sent(seat->talk->wire);
	seat->talk->wire = NULL;
}

/* ---- to look at ---- */

static uint32_t
inflight(const struct seat *seat)
{
	return seat->talk == NULL ? 0 : seat->talk->count;
}

static const struct attempt *
oldest(const struct seat *seat)
{
	return seat->talk == NULL ? NULL : talk_oldest(seat->talk);
}

static bool
progress(const struct seat *seat, const struct attempt *at, struct channel_progress *out)
{
	return seat->talk != NULL && talk_progress(seat->talk, at, out);
}

static struct worker_offer
offer(const struct seat *seat)
{
	return talk_offer(seat->talk, seat->alone_for);
}

/* An attempt that does not end holds a slot for ever: another worker takes over. */
static void
look(struct seat *seat)
{
	const struct language_pool	*p = seat->language;
	const struct broker		*b = seat->lanes->broker;
	int64_t				 age_ns = b->now.mono_ns - seat->ready_ns;

	if (seat->outdated)
		seat_retire(seat, "the files were read again");
	else if (p->recycle_rss > 0 && seat->rss_bytes > p->recycle_rss)
		seat_retire(seat, "recycle_rss");
	else if (p->recycle_age_ms > 0 && age_ns >= p->recycle_age_ms * NS_PER_MS)
		seat_retire(seat, "recycle_age");
	else if (talk_has_stuck(seat->talk))
		seat_retire(seat, "an attempt does not end");
}

/* ---- dead ---- */

static void
take_last(struct seat *seat, const char *how)
{
	const struct outlet	*err = seat->outlets[1];

	read_outlets(seat);
	if (seat->talk->wire != NULL)
		wire_drain(seat->talk->wire);
	talk_lost(seat->talk);
	if (!seat->talk->said_ready)
		pools_failed(seat->language, seat->name, how, err == NULL ? "" : outlet_last_line(err));
}

/*
 * Of a fifo worker core knows itself.  Of many that wait side by side nobody can say who it was, and
 * SIGKILL may be the work of somebody else.
 */
static enum suspicion
suspects(const struct seat *seat, const struct attempt *at)
{
	(void)at;
	return (seat->crashed || seat->stopped) && seat->talk->count <= BOUND_TOGETHER ? SUSPECT_YES :
	    SUSPECT_AMONG;
}

const struct way	way_language = {
	.begin = begin, .start = start, .tell = tell, .stop = stop, .look = look,
	.inflight = inflight, .oldest = oldest, .progress = progress, .offer = offer,
	.take_last = take_last, .suspects = suspects, .end = end,
};
