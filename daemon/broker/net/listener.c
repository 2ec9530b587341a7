/* listener.c - sockets that listen.  Runs in: broker, loop thread. */
#include "daemon/broker/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/net/audit_call.h"
#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/handshake.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define ACCEPTS_PER_TURN	256
#define ACCEPT_PAUSE_MS		100
#define TLS_ACCEPTS_PER_TURN	2	/* a handshake takes about as long as a thousand calls */

struct listener {
	struct event	 ev;
	struct net	*net;
	bool		 tcp, tls;
};

/* ---- who may come in ---- */

static void
refuse_with(struct net *n, int fd, const struct rpc_error *err)
{
	struct buf	out = { 0 };
	ssize_t		rc;

	rpc_print_error(&out, (struct span){ "null", 4 }, err);
	/* A fresh socket takes a line; if not, nobody is there to read it. */
	rc = send(fd, buf_data(&out), buf_len(&out), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)rc;
	shutdown(fd, SHUT_WR);
	buf_free(&out);
	close(fd);
	n->stats.refused++;
}

static void
refuse(struct net *n, int fd, enum rpc_error_kind kind, const char *why)
{
	struct rpc_error	err;

	rpc_fail(&err, kind, "%s", why);
	refuse_with(n, fd, &err);
}

/* The last places are kept for administrators on the unix socket: they want to see what goes on. */
static bool
has_place(struct net *n, const struct listener *l, enum rpc_role role)
{
	uint64_t	max = (uint64_t)n->broker->max_connections;

	if (l->tcp || role < ROLE_admin)
		max -= BOUND_CONNECTIONS_RESERVED;
	if (n->stats.connections < max)
		return true;
	if (!n->full)
		log_warn("connections refused reason=\"all are taken\" connections=%lu",
		    (unsigned long)n->stats.connections);
	n->full = true;
	return false;
}

static void
refuse_stranger(struct net *n, int fd)
{
	struct ucred	cred = { .uid = (uid_t)-1 };
	socklen_t	len = sizeof(cred);
	char		why[200];

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (net_may_log(n))
		log_warn("connection refused uid=%u", cred.uid);
	snprintf(why, sizeof(why), "uid:%u", cred.uid);
	audit_stranger_peer(n, why, "unix", "forbidden");
	snprintf(why, sizeof(why), "uid %u may not use this socket: join the group " RULES_GROUP ", or an "
	    "administrator gives it a rule in [access] of the configuration", cred.uid);
	refuse(n, fd, RPC_forbidden, why);
}

static void
accepted_unix(struct net *n, const struct listener *l, int fd)
{
	struct access		*a = n->broker->access;
	struct identity		*who = access_of_peer(a, fd);
	struct rpc_error	 err;

	if (who == NULL) {
		refuse_stranger(n, fd);
	} else if (!has_place(n, l, who->grant.role)) {
		refuse(n, fd, RPC_too_many_connections, "all connections are taken");
	} else if (principals_check_connection(&a->principals, who, &err) != 0) {
		audit_stranger_peer(n, who->name, "unix", "quota_exceeded");
		refuse_with(n, fd, &err);
	} else {
		connection_new(n, fd, NULL, identity_ref(who));
	}
	identity_unref(who);
}

/* A client that vanished without a word is noticed by keep-alive. */
static void
set_tcp_options(int fd)
{
	static const struct {
		int	level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static void
accepted_tcp(struct net *n, const struct listener *l, int fd, const struct sockaddr *peer)
{
	if (!has_place(n, l, ROLE_anybody)) {
		refuse(n, fd, RPC_too_many_connections, "all connections are taken");
		return;
	}
	set_tcp_options(fd);
	connection_new(n, fd, peer, NULL);
}

/* Before its handshake nothing can be said to it. */
static void
accepted_tls(struct net *n, const struct listener *l, int fd, const struct sockaddr *peer)
{
	if (n->tls == NULL || !has_place(n, l, ROLE_anybody)) {
		n->stats.refused++;
		close(fd);
		return;
	}
	set_tcp_options(fd);
	handshake_begin(n, fd, peer);
}

/* ---- accept ---- */

/* Without descriptors or memory accept fails at once, again and again: others need time to end. */
static void
pause_accepting(struct net *n, int error)
{
	log_warn("accepting pauses ms=%d error=%d", ACCEPT_PAUSE_MS, error);
	for (size_t i = 0; i < n->listener_count; i++)
		event_del(&n->listeners[i].ev);
	n->accept_again_ns = n->broker->now.mono_ns + ACCEPT_PAUSE_MS * NS_PER_MS;
}

static bool
out_of_something(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* One connection; false: none is there, or accepting paused. */
static bool
accept_one(struct listener *l, int listen_fd)
{
	struct sockaddr_storage	peer = { 0 };
	socklen_t		len = sizeof(peer);
	int			fd;

	fd = accept4(listen_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (out_of_something(errno))
			pause_accepting(l->net, errno);
		/* Others (ECONNABORTED ...) concern one peer that has gone already. */
		return errno == EINTR || errno == ECONNABORTED;
	}
	l->net->stats.accepted++;
	if (l->tls)
		accepted_tls(l->net, l, fd, (struct sockaddr *)&peer);
	else if (l->tcp)
		accepted_tcp(l->net, l, fd, (struct sockaddr *)&peer);
	else
		accepted_unix(l->net, l, fd);
	return true;
}

/* Who comes while no more handshakes may begin waits in the backlog. */
static bool
may_accept(struct listener *l)
{
	if (!l->tls || handshake_room(l->net))
		return true;
	l->net->handshakes_full = true;
	event_del(&l->ev);
	return false;
}

static void
on_acceptable(int fd, short what, void *arg)
{
	struct listener	*l = arg;
	unsigned	 most = l->tls ? TLS_ACCEPTS_PER_TURN : ACCEPTS_PER_TURN;

	(void)what;
	broker_clocks(l->net->broker);	/* after a sleep */
	for (unsigned i = 0; i < most && may_accept(l) && accept_one(l, fd); i++)
		;
}

/* ---- the listeners ---- */

int
listener_open(struct net *n, const int *listeners, size_t count)
{
	struct sockaddr_storage	addr;
	socklen_t		len;
	int			rc;

	n->listeners = mem_zalloc(count, sizeof(struct listener));
	for (size_t i = 0; i < count; i++) {
		struct listener	*l = &n->listeners[i];

		len = sizeof(addr);
		if (getsockname(listeners[i], (struct sockaddr *)&addr, &len) != 0)
			return -errno;
		if ((rc = fd_set_nonblock(listeners[i])) != 0)
			return rc;
		l->net = n;
		l->tcp = addr.ss_family != AF_UNIX;
		l->tls = (n->broker->tls_listeners >> i & 1) != 0;
		event_assign(&l->ev, n->broker->base, listeners[i], EV_READ | EV_PERSIST,
		    on_acceptable, l);
		n->listener_count++;
	}
	return 0;
}

void
listener_start(struct net *n)
{
	for (size_t i = 0; i < n->listener_count; i++)
		event_add(&n->listeners[i].ev, NULL);
}

void
listener_stop(struct net *n)
{
	for (size_t i = 0; i < n->listener_count; i++)
		event_del(&n->listeners[i].ev);
	n->accept_again_ns = 0;
}

void
listener_close(struct net *n)
{
	listener_stop(n);
	free(n->listeners);
	n->listeners = NULL;
	n->listener_count = 0;
}

/* Some of those that wait in the backlog have their turn. */
static void
resume_tls(struct net *n)
{
	n->handshakes_full = false;
	for (size_t i = 0; i < n->listener_count; i++)
		if (n->listeners[i].tls)
			event_add(&n->listeners[i].ev, NULL);
}

int64_t
listener_run(struct net *n, int64_t now_ns)
{
	if (n->handshakes_full && n->accept_again_ns == 0 && !n->finishing && handshake_room(n))
		resume_tls(n);
	if (n->accept_again_ns == 0)
		return INT64_MAX;
	if (n->accept_again_ns > now_ns)
		return n->accept_again_ns;
	n->accept_again_ns = 0;
	listener_start(n);
	return INT64_MAX;
}
