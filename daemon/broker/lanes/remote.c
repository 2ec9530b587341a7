/* remote.c - workers on other machines: connections, sessions, leases.  Runs in: broker, loop thread.
 *
 * A connection is the lease of what runs behind it: when it ends nothing new is sent, and for a while the
 * same session may come back and go on.  Then all that it had is lost: it runs again, with other fences,
 * and whatever the session says of it later is refused.
 */
#include "daemon/broker/lanes/remote.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/lanes/pools.h"
#include "daemon/broker/lanes/talk.h"
#include "daemon/broker/access/access.h"
#include "daemon/broker/net/net.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"

/* A connection that has not said worker.ready yet, or that has a session. */
struct remote {
	struct list	 link;		/* lanes->remotes */
	struct lanes	*lanes;
	struct wire	*wire;
	struct seat	*seat;		/* NULL: not yet */
	int64_t		 ready_by_ns;
	int64_t		 second_ns;	/* the second in which... */
	unsigned	 refusals;	/* ...so many answers were refused and logged */
	struct identity	*who;		/* whose token it has come by */
	char		 addr[80];
};

/* ---- the end of a connection ---- */

static void
remote_free(struct remote *r)
{
	if (r->seat != NULL) {
		r->seat->talk->wire = NULL;
		r->seat->remote = NULL;
	}
	list_remove(&r->link);
	identity_unref(r->who);
	net_worker_closed(r->lanes->broker->net);
	free(r);
}

/* It hears why, and is gone.  request: raw id of what is answered, or "null". */
static void
turn_away(struct remote *r, struct span request, enum rpc_error_kind kind, const char *why)
{
	struct rpc_error	err;

	rpc_fail(&err, kind, "%s", why);
	rpc_print_error(wire_out(r->wire), request, &err);
	wire_close_sent(r->wire);
	remote_free(r);
}

static const struct span	nothing = { "null", 4 };

/* ---- sessions ---- */

static struct seat *
find_session(const struct lanes *l, const char *session)
{
	for (uint32_t i = 0; i < l->seats_len; i++) {
		struct seat	*seat = l->seats[i];

		if (seat != NULL && seat->session != NULL && strcmp(seat->session, session) == 0)
			return seat;
	}
	return NULL;
}

static void
set_credit(const struct seat *seat, uint32_t credit)
{
	core_worker_credit(seat->lanes->broker->core, seat->number, credit);
}

/* A connection that ends says little of the job; one that ends with it again and again does. */
static enum suspicion
perhaps(void *ctx, const struct job *j)
{
	(void)ctx;
	(void)j;
	return SUSPECT_AMONG;
}

/* It was ended here. */
static enum suspicion
nobody(void *ctx, const struct job *j)
{
	(void)ctx;
	(void)j;
	return SUSPECT_NO;
}

static void
session_end(struct seat *seat, const char *how,
    enum suspicion (*suspect)(void *ctx, const struct job *j))
{
	struct broker	*b = seat->lanes->broker;

	log_info("remote worker is gone worker=%s pool=%s lost=%u how=\"%s\"", seat->name, seat->pool_name,
	    seat->talk->count, how);
	talk_lost(seat->talk);
	core_worker_lost(b->core, b->now, seat->number, how, suspect, NULL);
	seat_free(seat);
}

/*
 * The session waits for its next connection; nothing is sent to it meanwhile.  A drained one that has
 * nothing left has nothing to come back for.
 */
static void
session_away(struct seat *seat)
{
	const struct config	*cfg = &seat->lanes->broker->config;

	if (seat->drained && seat->talk->count == 0) {
		session_end(seat, "it was drained, and its connection ended", nobody);
		return;
	}
	set_credit(seat, 0);
	seat->away_ns = seat->lanes->broker->now.mono_ns;
	seat_set_state(seat, WORKER_AWAY);
	log_info("remote worker is away worker=%s pool=%s inflight=%u grace_ms=%lld", seat->name,
	    seat->pool_name, seat->talk->count, (long long)cfg->remote_grace_ms);
}

static struct seat *
session_new(struct remote *r, const struct ready *ready, struct language_pool *p)
{
	struct seat	*seat = seat_new(r->lanes, CONTROL_LANE_LANGUAGE, p->name, 0);

	seat->way = &way_remote;
	seat->language = p;
	seat->session = mem_strdup(ready->session);
	seat->talk = talk_new(seat, p, true);
	seat_name(seat, ready->name);
	return seat;
}

/* ---- worker.ready ---- */

static bool
is_listed(const struct ready *ready, const struct attempt *at)
{
	for (size_t i = 0; i < ready->running_len; i++)
		if (ready->running[i].fence == at->fence && ready->running[i].job == at->job_id &&
		    ready->running[i].attempt == at->number)
			return true;
	return false;
}

/* What the worker does not know of any more is lost. */
static void
lose_unlisted(struct seat *seat, const struct ready *ready)
{
	struct broker	*b = seat->lanes->broker;
	struct attempt	*at;

	while ((at = talk_take_unlisted(seat->talk, ready, is_listed)) != NULL) {
		log_info("attempt is lost job=%llu attempt=%u worker=%s why=\"the worker has it no more\"",
		    (unsigned long long)at->job_id, at->number, seat->name);
		core_attempt_lost(b->core, b->now, at, "it came back without the attempt");
	}
}

static void
print_attempt(struct buf *out, const struct ready_attempt *a)
{
	buf_puts(out, "{\"job\":");
	buf_put_u64(out, a->job);
	buf_puts(out, ",\"attempt\":");
	buf_put_u64(out, a->attempt);
	buf_puts(out, ",\"fence\":");
	buf_put_u64(out, a->fence);
	buf_putc(out, '}');
}

/* Those of the list that go on, or (stale) those that do not. */
static void
print_attempts(struct buf *out, const struct talk *t, const struct ready *ready, bool stale)
{
	bool	first = true;

	buf_puts(out, stale ? ",\"stale\":[" : ",\"running\":[");
	for (size_t i = 0; i < ready->running_len; i++) {
		if ((talk_find(t, &ready->running[i]) == NULL) != stale)
			continue;
		if (!first)
			buf_putc(out, ',');
		print_attempt(out, &ready->running[i]);
		first = false;
	}
	buf_putc(out, ']');
}

static void
answer_ready(struct remote *r, struct span request, const struct ready *ready)
{
	struct buf	*out = wire_out(r->wire);

	if (request.len == 0)
		return;
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_append(out, request.p, request.len);
	buf_puts(out, ",\"result\":{");
	talk_print_ready(r->seat->talk, out);
	print_attempts(out, r->seat->talk, ready, false);
	print_attempts(out, r->seat->talk, ready, true);
	buf_puts(out, "}}\n");
	wire_wrote(r->wire);
}

/* Of the two connections of a session the later one counts: the first may be dead without knowing. */
static void
take_over(struct seat *seat)
{
	struct remote	*before = seat->remote;

	if (before == NULL)
		return;
	log_warn("session is taken over worker=%s pool=%s from=%s", seat->name, seat->pool_name, before->addr);
	turn_away(before, nothing, RPC_conflict, "another connection has this session now");
}

static void
join(struct remote *r, struct seat *seat)
{
	r->seat = seat;
	seat->remote = r;
	seat->talk->wire = r->wire;
	seat->away_ns = 0;
}

static struct language_pool *
pool_of(struct remote *r, struct span request, const char *name)
{
	struct language_pool	*p = pools_find(r->lanes, name);
	char			 why[160];

	if (p != NULL && p->listed && p->remote)
		return p;
	snprintf(why, sizeof(why), "there is no pool '%.64s' of remote workers", name);
	turn_away(r, request, RPC_not_found, why);
	return NULL;
}

static void
come_up(struct seat *seat)
{
	struct broker		*b = seat->lanes->broker;
	struct worker_offer	 o = talk_offer(seat->talk, 0);

	o.name = (struct span){ seat->name, strlen(seat->name) };
	seat_set_state(seat, WORKER_IDLE);
	seat->up = true;
	core_worker_up(b->core, b->now, seat->number, &o);
}

static void
come_back(struct seat *seat, const struct ready *ready)
{
	lose_unlisted(seat, ready);
	seat_set_state(seat, seat->drained ? WORKER_DRAINING :
	    seat->talk->count > 0 ? WORKER_RUNNING : WORKER_IDLE);
	talk_tell_again(seat->talk);
}

static void
take_ready(struct remote *r, struct span request, const struct ready *ready)
{
	struct language_pool	*p = pool_of(r, request, ready->pool);
	struct seat		*seat;
	bool			 fresh;
	char			 why[200];

	if (p == NULL)
		return;
	if ((seat = find_session(r->lanes, ready->session)) != NULL && seat->language != p) {
		turn_away(r, request, RPC_conflict, "the session belongs to another pool");
		return;
	}
	fresh = seat == NULL;
	if (fresh)
		seat = session_new(r, ready, p);
	if (talk_ready(seat->talk, ready, why, sizeof(why)) != 0) {
		if (fresh)
			seat_free(seat);
		turn_away(r, request, RPC_invalid_params, why);
		return;
	}
	take_over(seat);
	join(r, seat);
	if (fresh)
		come_up(seat);
	else
		come_back(seat, ready);
	set_credit(seat, ready->credit);
	answer_ready(r, request, ready);
	if (seat->drained)
		talk_finish(seat->talk);
	log_info("remote worker is ready worker=%s pool=%s addr=%s inflight=%u", seat->name, seat->pool_name,
	    r->addr, seat->talk->count);
}

static void
on_ready(struct remote *r, const struct said *s)
{
	struct span	request = s->request.len > 0 ? s->request : nothing;
	struct ready	ready;
	char		why[200];

	if (r->seat != NULL) {
		turn_away(r, request, RPC_invalid_request, "it said worker.ready before");
	} else if (ready_read(s->params, true, &ready, why, sizeof(why)) != 0) {
		turn_away(r, request, RPC_invalid_params, why);
	} else {
		take_ready(r, s->request, &ready);
		ready_free(&ready);
	}
}

/* ---- everything else ---- */

static bool
may_log(struct remote *r)
{
	int64_t	now_ns = r->lanes->broker->now.mono_ns;

	if (now_ns - r->second_ns >= NS_PER_S) {
		r->second_ns = now_ns;
		r->refusals = 0;
	}
	return r->refusals++ < REMOTE_REFUSALS_LOGGED;
}

/* An answer to what was given up: the fence is what tells. */
static void
refuse_answer(struct remote *r, const struct said *s)
{
	struct buf	*out = wire_out(r->wire);

	if (may_log(r))
		log_warn("late answer is refused: its attempt was given up worker=%s fence=%llu",
		    r->seat->name, (unsigned long long)s->id);
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"method\":\"attempt.refused\",\"params\":{\"id\":");
	buf_put_u64(out, s->id);
	buf_puts(out, ",\"error\":{\"code\":-32016,\"message\":\"the attempt was given up\","
	    "\"data\":{\"kind\":\"conflict\"}}}}\n");
	wire_wrote(r->wire);
}

/* It may also stand for an attempt that is still here, and whose job has its outcome already. */
static bool
is_late(const struct talk *t, const struct said *s)
{
	const struct attempt	*at;

	if (s->kind != SAID_RESULT && s->kind != SAID_ERROR)
		return false;
	return (at = talk_find_fence(t, s->id)) == NULL || at->job == NULL;
}

static void
take_said(struct remote *r, const struct said *s)
{
	struct talk	*t = r->seat->talk;
	char		 why[160];

	if (s->kind == SAID_CREDIT) {
		core_worker_credit_more(r->lanes->broker->core, r->seat->number, s->credit);
		return;
	}
	if (is_late(t, s)) {
		refuse_answer(r, s);
		if (talk_find_fence(t, s->id) == NULL)
			return;
	}
	if (talk_said(t, s, why, sizeof(why)) != 0)
		turn_away(r, nothing, RPC_invalid_request, why);
}

static void
before(void *arg)
{
	struct remote	*r = arg;

	broker_clocks(r->lanes->broker);
}

static void
on_said(void *arg, const struct said *s, const char *breach)
{
	struct remote	*r = arg;
	struct seat	*seat = r->seat;

	if (s == NULL && breach == NULL) {
		wire_close(r->wire);
		remote_free(r);
	} else if (s == NULL) {
		turn_away(r, nothing, RPC_invalid_request, breach);
	} else if (s->kind == SAID_READY) {
		on_ready(r, s);
		return;
	} else if (seat == NULL) {
		turn_away(r, nothing, RPC_invalid_request, "it has not said worker.ready");
	} else {
		take_said(r, s);
	}
	if (seat != NULL && seat->remote == NULL)
		session_away(seat);
}

static const struct wire_owner	owner = { .before = before, .said = on_said };

/* A machine that is gone without a word is found out in half a minute. */
static void
keep_alive(int fd)
{
	static const struct {
		int	level, option, value;
	}	options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, 10 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 5 }, { IPPROTO_TCP, TCP_KEEPCNT, 4 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 }, { IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)	/* not of a unix socket */
		(void)setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof(int));
}

void
lanes_adopt(struct lanes *l, int fd, struct tls *tls, struct span left, const char *addr)
{
	struct remote	*r = mem_zalloc(1, sizeof(*r));

	keep_alive(fd);
	r->lanes = l;
	snprintf(r->addr, sizeof(r->addr), "%s", addr);
	r->ready_by_ns = l->broker->now.mono_ns + REMOTE_READY_MS * NS_PER_MS;
	list_push_back(&l->remotes, &r->link);
	r->wire = wire_new_tls(&l->wires, fd, tls, r->addr, talk_longest_line(l->broker), &owner, r, left);
}

void
lanes_adopted_by(struct lanes *l, struct identity *who)
{
	list_entry(l->remotes.prev, struct remote, link)->who = who;
}

static bool
is_welcome(const struct remote *r)
{
	struct broker	*b = r->lanes->broker;
	struct identity	*who = access_again(b->access, r->who, -1, b->now.real_ms);
	bool		 welcome = who != NULL && who->grant.role == ROLE_worker;

	identity_unref(who);
	return welcome;
}

void
lanes_look_again(struct lanes *l)
{
	list_for_safe(node, after, &l->remotes) {
		struct remote	*r = list_entry(node, struct remote, link);
		struct seat	*seat = r->seat;

		if (is_welcome(r))
			continue;
		turn_away(r, nothing, RPC_unauthenticated, "its token was revoked, or has expired");
		if (seat != NULL)
			session_away(seat);
	}
}

void
remote_tick(struct lanes *l)
{
	list_for_safe(node, after, &l->remotes) {
		struct remote	*r = list_entry(node, struct remote, link);

		if (r->seat == NULL && l->broker->now.mono_ns >= r->ready_by_ns)
			turn_away(r, nothing, RPC_too_slow, "worker.ready took too long");
	}
}

void
remote_close(struct lanes *l)
{
	list_for_safe(node, after, &l->remotes) {
		struct remote	*r = list_entry(node, struct remote, link);

		wire_close(r->wire);
		remote_free(r);
	}
}

/* ---- as a seat ---- */

static int
begin(struct seat *seat)
{
	(void)seat;
	return -EAGAIN;			/* nobody here can start it */
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

/* Nobody here can kill it when it does not end: it is shown until its connection ends. */
static void
stop(struct seat *seat)
{
	seat->end_by_ns = 0;
	talk_finish(seat->talk);
}

static uint32_t
inflight(const struct seat *seat)
{
	return seat->talk->count;
}

static const struct attempt *
oldest(const struct seat *seat)
{
	return talk_oldest(seat->talk);
}

static bool
progress(const struct seat *seat, const struct attempt *at, struct channel_progress *out)
{
	return talk_progress(seat->talk, at, out);
}

static struct worker_offer
offer(const struct seat *seat)
{
	return talk_offer(seat->talk, 0);
}

static void
look(struct seat *seat)
{
	const struct broker	*b = seat->lanes->broker;

	if (!seat->language->listed || !seat->language->remote) {
		if (seat->remote != NULL)
			turn_away(seat->remote, nothing, RPC_not_found, "its pool is not there any more");
		session_end(seat, "its pool is not there any more", nobody);
	} else if (seat->away_ns != 0 &&
	    b->now.mono_ns - seat->away_ns >= b->config.remote_grace_ms * NS_PER_MS)
		session_end(seat, "its connection ended, and it did not come back", perhaps);
}

static void
take_last(struct seat *seat, const char *how)
{
	(void)seat;
	(void)how;
}

static enum suspicion
suspects(const struct seat *seat, const struct attempt *at)
{
	(void)seat;
	(void)at;
	return SUSPECT_NO;
}

static void
end(struct seat *seat)
{
	talk_free(seat->talk);
	seat->talk = NULL;
	free(seat->session);
	seat->session = NULL;
}

const struct way	way_remote = {
	.begin = begin, .start = start, .tell = tell, .stop = stop, .look = look,
	.inflight = inflight, .oldest = oldest, .progress = progress, .offer = offer,
	.take_last = take_last, .suspects = suspects, .end = end,
};
