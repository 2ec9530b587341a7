/* net.c - the connections as a whole: start, turn, end.  Runs in: broker, loop thread. */
#include "daemon/broker/net/net.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/net/audit_call.h"
#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/deadline.h"
#include "daemon/broker/net/follow.h"
#include "daemon/broker/net/handshake.h"
#include "daemon/broker/net/listener.h"
#include "daemon/broker/net/output.h"
#include "daemon/broker/net/purge.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/room.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/subscribe.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/tls/tls.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"

static void
name_user(struct net *n)
{
	const struct passwd	*pw = getpwuid(geteuid());

	if (pw != NULL)
		snprintf(n->user, sizeof(n->user), "%s", pw->pw_name);
	else
		snprintf(n->user, sizeof(n->user), "%u", geteuid());
}

int
net_new(struct broker *b, const int *listeners, size_t count, struct net **out)
{
	struct net	*n = mem_zalloc(1, sizeof(*n));
	int		 rc;

	n->broker = b;
	list_init(&n->connections);
	list_init(&n->handshakes);
	list_init(&n->dead);
	list_init(&n->dirty);
	list_init(&n->more);
	for (int i = 0; i < DEADLINES; i++)
		list_init(&n->deadlines[i]);
	list_init(&n->drains);
	list_init(&n->reloads);
	list_init(&n->reads);
	list_init(&n->subscriptions);
	list_init(&n->follows);
	list_init(&n->behind);
	list_init(&n->lines);
	list_init(&n->purges);
	list_init(&n->recalls);
	list_init(&n->marks);
	list_init(&n->spare_watches);
	n->scratch = mem_alloc(NET_TAIL_BYTES + NET_READ_BYTES);
	name_user(n);
	if ((rc = listener_open(n, listeners, count)) != 0) {
		net_free(n);
		return rc;
	}
	*out = n;
	return 0;
}

void
net_serve(struct net *n)
{
	listener_start(n);
}

static void
free_dead(struct net *n)
{
	struct list	*node;

	while ((node = list_pop(&n->dead)) != NULL)
		connection_free(list_entry(node, struct connection, link));
}

void
net_free(struct net *n)
{
	if (n == NULL)
		return;
	listener_close(n);
	audit_sums_run(n, true);
	handshake_end_all(n);
	while (!list_empty(&n->connections))
		connection_close(list_entry(n->connections.next, struct connection, link));
	free_dead(n);
	output_spare_free(n);
	room_free(n);
	purge_free(n);
	recall_close(n);
	watch_spare_free(n);
	heap_free(&n->timers);
	buf_free(&n->nowhere);
	tls_context_free(n->tls);
	free(n->scratch);
	free(n);
}

#define REFUSALS_LOGGED	10	/* a second */

bool
net_may_log(struct net *n)
{
	if (n->broker->now.mono_ns - n->said_since_ns >= NS_PER_S) {
		n->said_since_ns = n->broker->now.mono_ns;
		n->said = 0;
	}
	return n->said++ < REFUSALS_LOGGED;
}

/* ---- what core says ---- */

void
net_job_finished(struct net *n, struct job *j)
{
	watch_job_finished(n, j);
}

void
net_job_refused(struct net *n, struct job *j, const struct rpc_error *err)
{
	(void)n;
	watch_job_refused(j, err);
}

void
net_job_forgotten(struct net *n, struct job *j)
{
	watch_job_forgotten(n, j);
}

void
net_queue_less(struct net *n, const struct queue *q)
{
	room_queue_less(n, q);
}

void
net_drained(struct net *n)
{
	watch_drained(n);
}

void
net_worker_closed(struct net *n)
{
	n->stats.connections--;
	n->full = false;
	n->again = true;
}

void
net_access_changed(struct net *n)
{
	n->access_changed = true;
	n->again = true;
}

/* ---- the turn ---- */

static void
flush_dirty(struct net *n)
{
	struct list	*node;

	while ((node = list_pop(&n->dirty)) != NULL)
		output_flush(list_entry(node, struct connection, dirty));
}

/* Connections with lines left take part in the next turn as if something had come for them. */
static void
wake_more(struct net *n)
{
	list_for(node, &n->more) {
		struct connection	*c = list_entry(node, struct connection, more);

		event_active(&c->ev, EV_READ, 0);
		n->again = true;
	}
}

static int64_t
earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Wall clocks are set; so tokens that seem far from their end are looked at again after a while. */
#define EXPIRY_LOOK_MS	60000

static void
access_run(struct net *n)
{
	int64_t	now_ms = n->broker->now.real_ms;

	if (!n->access_changed && now_ms < n->expiry_ms)
		return;
	n->access_changed = false;
	auth_look_again(n);
	n->expiry_ms = access_next_expiry(n->broker->access, now_ms);
}

static int64_t
expiry_ns(const struct net *n)
{
	int64_t	left_ms = n->expiry_ms - n->broker->now.real_ms;

	if (n->expiry_ms == INT64_MAX)
		return INT64_MAX;
	return clock_after_ms(n->broker->now.mono_ns, left_ms < EXPIRY_LOOK_MS ? left_ms : EXPIRY_LOOK_MS);
}

int64_t
net_flush(struct net *n)
{
	int64_t	now_ns = n->broker->now.mono_ns, next_ns;

	n->again = false;
	access_run(n);
	room_run(n);
	purge_run(n);
	next_ns = watch_run(n, now_ns);
	next_ns = earliest(next_ns, deadline_run(n, now_ns));
	next_ns = earliest(next_ns, expiry_ns(n));
	next_ns = earliest(next_ns, handshake_run(n, now_ns));
	next_ns = earliest(next_ns, listener_run(n, now_ns));
	n->again |= subscribe_run(n);
	follow_run(n);
	flush_dirty(n);
	n->again |= follow_sent(n);
	free_dead(n);
	wake_more(n);
	next_ns = earliest(next_ns, audit_sums_run(n, false));
	next_ns = earliest(next_ns, audit_publish(&n->broker->access->audit, n->broker->now.real_ms, now_ns,
	    false));
	return n->again ? now_ns : next_ns;
}

bool
net_finish(struct net *n)
{
	if (!n->finishing) {
		listener_stop(n);
		handshake_end_all(n);
	}
	n->finishing = true;
	list_for(node, &n->connections) {
		struct connection	*c = list_entry(node, struct connection, link);

		c->pause |= PAUSE_END;
		connection_dirty(c);
	}
	flush_dirty(n);
	free_dead(n);
	return list_empty(&n->connections);
}

#define EXPIRES_SOON_MS	(INT64_C(14) * 86400 * 1000)

static void
log_certificate(const struct net *n)
{
	int64_t	left_ms = tls_context_expires_ms(n->tls) - n->broker->now.real_ms;

	log_at(left_ms < EXPIRES_SOON_MS ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
	    "certificate is in force expires_in_days=%lld%s", (long long)(left_ms / 86400000),
	    left_ms < 0 ? " reason=\"its time is over: clients will not take it\"" : "");
}

int
net_tls(struct net *n, int fd)
{
	struct tls_files	 files = { 0 };
	struct tls_context	*fresh;
	char			 why[256] = "what the supervisor sent cannot be read";

	if (tls_files_take(fd, &files) != 0 ||
	    tls_context_new(&files, &fresh, why, sizeof(why)) != 0) {
		tls_files_free(&files);
		log_error("certificate not taken reason=\"%s\"", why);
		return -1;
	}
	tls_files_free(&files);
	tls_context_free(n->tls);
	n->tls = fresh;
	log_certificate(n);
	return 0;
}

void
net_stats(const struct net *n, struct net_stats *out)
{
	*out = n->stats;
}
