/* connection.c - a client's connection, and lines taken from it.  Runs in: broker, loop thread. */
#include "daemon/broker/net/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/access/principals.h"
#include "daemon/broker/lanes/remote.h"
#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/deadline.h"
#include "daemon/broker/net/dispatch.h"
#include "daemon/broker/net/follow.h"
#include "daemon/broker/net/output.h"
#include "daemon/broker/net/state.h"
#include "daemon/broker/net/subscribe.h"
#include "daemon/broker/net/watch.h"
#include "daemon/broker/tls/tls.h"
#include "lib/alloc.h"
#include "lib/log.h"
#include "proto/frame.h"

static void on_event(int fd, short what, void *arg);

int
connection_fd(const struct connection *c)
{
	return event_get_fd(&c->ev);
}

/* ---- beginning and end ---- */

static void
set_peer(struct connection *c, const struct sockaddr *peer)
{
	c->tcp = true;
	if (peer->sa_family == AF_INET6)
		memcpy(&c->peer.in6, peer, sizeof(c->peer.in6));
	else
		memcpy(&c->peer.in, peer, sizeof(c->peer.in));
}

static void
forget_submitter(struct connection *c)
{
	if (c->by != NULL)
		submitter_unref(c->by);
	c->by = NULL;
}

/* Of who it was before. */
static void
forget_who(struct connection *c)
{
	if (c->who == NULL)
		return;
	c->who->of->connections--;
	identity_unref(c->who);
	c->who = NULL;
	c->role = ROLE_anybody;
}

void
connection_become(struct connection *c, struct identity *who)
{
	bool	same = c->who != NULL && c->who->of == who->of;

	who->of->connections++;
	forget_who(c);
	c->who = who;
	c->role = (uint8_t)who->grant.role;
	if (same)
		return;
	/* what the one before was told of is not for this one */
	forget_submitter(c);
	subscribe_drop_all(c);
	follow_drop_all(c);
}

static struct connection *
make(struct net *n, int fd, const struct sockaddr *peer, struct identity *who)
{
	struct connection	*c = mem_zalloc(1, sizeof(*c));

	c->net = n;
	c->max_reply = BOUND_REPLY_BYTES;
	if (peer != NULL)
		set_peer(c, peer);
	list_init(&c->dirty);
	list_init(&c->more);
	list_init(&c->deadline);
	list_init(&c->watches);
	list_push_back(&n->connections, &c->link);
	n->stats.connections++;
	c->want = EV_READ;
	event_assign(&c->ev, n->broker->base, fd, EV_READ | EV_PERSIST, on_event, c);
	if (who != NULL)
		connection_become(c, who);
	else
		deadline_start(c, DEADLINE_AUTH);
	return c;
}

struct connection *
connection_new(struct net *n, int fd, const struct sockaddr *peer, struct identity *who)
{
	struct connection	*c = make(n, fd, peer, who);

	event_add(&c->ev, NULL);
	return c;
}

struct connection *
connection_new_tls(struct net *n, struct tls *tls, const struct sockaddr *peer, struct identity *who)
{
	struct connection	*c = make(n, tls_fd(tls), peer, who);

	c->tls = tls;
	tls_give(tls, on_event, c);
	tls_watch(tls, EV_READ);
	if (tls_readable(tls))
		connection_wake(c);
	return c;
}

void
connection_close(struct connection *c)
{
	struct net	*n = c->net;

	if (c->dead)
		return;
	c->dead = true;
	event_del(&c->ev);
	if (!c->handed_over) {
		if (c->tls != NULL)
			tls_close(c->tls);
		else
			close(connection_fd(c));
		n->stats.connections--;
	}
	c->tls = NULL;
	watch_drop_all(c);
	subscribe_drop_all(c);
	follow_drop_all(c);
	forget_who(c);
	deadline_stop(c);
	list_remove(&c->dirty);
	list_remove(&c->more);
	list_remove(&c->link);
	list_push_back(&n->dead, &c->link);
	n->full = false;
	n->again = true;
}

/* It counts as a connection until lanes have closed it (net_worker_closed). */
void
connection_hand_over(struct connection *c)
{
	struct span	left = { buf_data(&c->in), buf_len(&c->in) };
	char		addr[80];

	connection_addr(c, addr, sizeof(addr));
	c->handed_over = true;
	event_del(&c->ev);
	lanes_adopt(c->net->broker->lanes, connection_fd(c), c->tls, left, addr);
	lanes_adopted_by(c->net->broker->lanes, identity_ref(c->who));
	connection_close(c);
}

void
connection_free(struct connection *c)
{
	output_drop(c);
	buf_free(&c->in);
	forget_submitter(c);
	free(c->client);
	free(c);
}

void
connection_dirty(struct connection *c)
{
	if (!c->dead && !list_linked(&c->dirty))
		list_push_back(&c->net->dirty, &c->dirty);
}

void
connection_wake(struct connection *c)
{
	if (!c->dead && !list_linked(&c->more))
		list_push_back(&c->net->more, &c->more);
}

void
connection_end(struct connection *c)
{
	c->pause |= PAUSE_END;
	deadline_start(c, DEADLINE_LINGER);
	connection_dirty(c);
}

/* An error that concerns no request. */
static void
say_error(struct connection *c, const struct rpc_error *err)
{
	rpc_print_error(output_begin(c), (struct span){ "null", 4 }, err);
	c->net->stats.errors++;
	output_wrote(c);
}

void
connection_refuse(struct connection *c, const struct rpc_error *err)
{
	connection_end(c);
	say_error(c, err);
}

bool
connection_done(const struct connection *c)
{
	return c->eof && !c->leftover && list_empty(&c->watches);
}

/* ---- who it is ---- */

void
connection_print_addr(const char *kind, const struct sockaddr *peer, char *out, size_t size)
{
	const struct sockaddr_in	*v4 = (const void *)peer;
	const struct sockaddr_in6	*v6 = (const void *)peer;
	char				 host[INET6_ADDRSTRLEN] = "?";

	if (peer->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
		snprintf(out, size, "%s:[%s]:%u", kind, host, ntohs(v6->sin6_port));
	} else {
		inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
		snprintf(out, size, "%s:%s:%u", kind, host, ntohs(v4->sin_port));
	}
}

void
connection_addr(const struct connection *c, char *out, size_t size)
{
	if (!c->tcp)
		snprintf(out, size, "unix");
	else
		connection_print_addr(c->tls != NULL ? "tls" : "tcp", &c->peer.any, out, size);
}

struct submitter *
connection_submitter(struct connection *c)
{
	char	addr[80];

	if (c->by == NULL) {
		connection_addr(c, addr, sizeof(addr));
		c->by = submitter_new(auth_principal(c), c->client != NULL ? c->client : "", addr);
		c->by->account = &c->who->of->account;
	}
	return c->by;
}

void
connection_set_client(struct connection *c, const char *name, size_t len)
{
	free(c->client);
	c->client = mem_strndup(name, len);
	forget_submitter(c);
}

/* ---- lines ---- */

static size_t
line_limit(const struct connection *c)
{
	return c->role == ROLE_anybody ? BOUND_LINE_UNAUTHENTICATED :
	    (size_t)c->net->broker->config.max_line_bytes;
}

static void
refuse_long_line(struct connection *c)
{
	struct rpc_error	err;

	rpc_fail(&err, RPC_line_too_long, "a line may have %zu bytes%s; the connection closes",
	    line_limit(c), c->role == ROLE_anybody ? " before authentication" : "");
	connection_refuse(c, &err);
}

static bool
may_go_on(const struct connection *c)
{
	return !c->dead && c->pause == 0 && c->net->work < NET_TURN_WORK;
}

/*
 * Serves the whole lines in data, as many as this turn allows, and returns how many bytes they
 * were.  *started: a line begins here that has no end yet.
 */
static size_t
take_lines(struct connection *c, const char *data, size_t len, bool *started)
{
	struct span	line;
	size_t		at = 0;
	int		rc = 1;

	*started = false;
	while (may_go_on(c)) {
		rc = frame_next(data, len, &at, &c->scanned, line_limit(c), &line);
		if (rc <= 0)
			break;
		*started = true;
		c->net->work++;
		dispatch_line(c, line);
	}
	if (rc < 0 && !c->dead)
		refuse_long_line(c);
	c->leftover = rc > 0 && at < len;
	return at;
}

/* A line that was begun must be finished in time, however many came whole before it. */
static void
watch_started_line(struct connection *c, bool another)
{
	if (c->dead || c->clock == DEADLINE_AUTH || c->lingering)
		return;
	if (buf_len(&c->in) == 0 || c->pause != 0 || c->leftover)
		deadline_stop(c);
	else if (another || c->clock == DEADLINE_NONE)
		deadline_start(c, DEADLINE_LINE);
}

/* What is left of the scratch buffer is kept; in may have memory from before. */
static void
keep_rest(struct connection *c, const char *rest, size_t len)
{
	if (len == 0) {
		buf_free(&c->in);
		return;
	}
	c->in.head = c->in.tail = 0;
	buf_append(&c->in, rest, len);
}

/* A long line is gone and something short is left: it moves to a buffer of its size. */
static void
shrink(struct buf *in)
{
	struct buf	small = { 0 };

	if (buf_len(in) > NET_TAIL_BYTES || in->cap <= 2 * NET_TAIL_BYTES)
		return;
	buf_append(&small, buf_data(in), buf_len(in));
	buf_free(in);
	*in = small;
}

static void
take_kept(struct connection *c)
{
	bool	another;

	if (buf_len(&c->in) == 0)
		return;
	buf_consume(&c->in, take_lines(c, buf_data(&c->in), buf_len(&c->in), &another));
	if (buf_len(&c->in) == 0)
		buf_free(&c->in);
	else
		shrink(&c->in);
	watch_started_line(c, another);
}

/* len bytes came, behind those that in holds. */
static void
take_received(struct connection *c, bool in_scratch, size_t len)
{
	size_t	have = buf_len(&c->in), used;
	bool	another;

	if (!in_scratch) {
		buf_added(&c->in, len);
		take_kept(c);
		return;
	}
	if (have > 0)
		memcpy(c->net->scratch, buf_data(&c->in), have);
	used = take_lines(c, c->net->scratch, have + len, &another);
	keep_rest(c, c->net->scratch + used, have + len - used);
	watch_started_line(c, another);
}

static void
take_end(struct connection *c)
{
	c->eof = true;
	watch_cancel_disconnected(c);
	connection_dirty(c);
}

static ssize_t
take_bytes(struct connection *c, void *to, size_t len)
{
	return c->tls != NULL ? tls_recv(c->tls, to, len) :
	    recv(connection_fd(c), to, len, MSG_DONTWAIT);
}

/* What a TLS stream has ready is told once; a socket's is told again and again. */
static bool
holds_more(const struct connection *c)
{
	return c->tls != NULL && !c->eof && tls_readable(c->tls);
}

/* One recv and what it brought.  Returns bytes; 0: nothing more for now. */
static size_t
receive(struct connection *c)
{
	size_t	have = buf_len(&c->in);
	bool	in_scratch = have <= NET_TAIL_BYTES;
	char	*at = in_scratch ? c->net->scratch + have : buf_room(&c->in, NET_READ_BYTES);
	ssize_t	got = take_bytes(c, at, NET_READ_BYTES);

	if (got > 0) {
		c->net->stats.bytes_in += (uint64_t)got;
		take_received(c, in_scratch, (size_t)got);
		return (size_t)got;
	}
	if (got == 0)
		take_end(c);
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		connection_close(c);
	return 0;
}

/* After end-of-file: bytes without a line feed are not a line, and never served as one. */
static void
refuse_unfinished(struct connection *c)
{
	struct rpc_error	err;

	if (!c->eof || c->leftover || c->dead || c->pause != 0 || buf_len(&c->in) == 0)
		return;
	buf_free(&c->in);
	rpc_fail(&err, RPC_parse_error, "the last line does not end with a line feed");
	say_error(c, &err);
}

static void
read_turn(struct connection *c)
{
	size_t	bytes = 0, got;

	c->net->work = 0;
	if (c->leftover || list_linked(&c->more)) {
		list_remove(&c->more);
		take_kept(c);
	}
	while (may_go_on(c) && !c->eof && !c->leftover && bytes < NET_TURN_BYTES) {
		got = receive(c);
		bytes += got;
		if (got < NET_READ_BYTES)
			break;
	}
	refuse_unfinished(c);
	if ((c->leftover || holds_more(c)) && c->pause == 0)
		connection_wake(c);
}

void
connection_resume(struct connection *c, enum connection_pause why)
{
	if ((c->pause & why) == 0)
		return;
	c->pause &= (uint8_t)~why;
	if (c->pause == 0 && (buf_len(&c->in) > 0 || holds_more(c)))
		connection_wake(c);
	connection_dirty(c);
}

/* ---- what libevent says ---- */

static void
discard(struct connection *c)
{
	ssize_t	got = take_bytes(c, c->net->scratch, NET_READ_BYTES);

	list_remove(&c->more);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		connection_close(c);
	else if (holds_more(c))
		connection_wake(c);
}

static bool
peer_gone(const struct connection *c)
{
	struct pollfd	p = { .fd = connection_fd(c) };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void
on_event(int fd, short what, void *arg)
{
	struct connection	*c = arg;

	(void)fd;
	if (c->dead)
		return;
	broker_clocks(c->net->broker);	/* after a sleep */
	if ((what & EV_READ) != 0) {
		if (c->lingering)
			discard(c);
		else
			read_turn(c);
	}
	if ((what & EV_WRITE) != 0) {
		c->blocked = false;
		connection_dirty(c);
	}
	if (c->eof && !c->dead && peer_gone(c))
		connection_close(c);
}

static short
wanted(const struct connection *c)
{
	short	want = 0;

	if (c->lingering)
		return EV_READ;
	if (!c->eof && c->pause == 0)
		want |= EV_READ;
	if (c->blocked)
		want |= EV_WRITE;
	/*
	 * Half closed and waiting for answers: only the other half matters, and edges of it.  A
	 * reset comes as EPOLLERR, which libevent gives to readers and writers only.
	 */
	if (want == 0 && c->eof)
		want = EV_CLOSED | EV_WRITE | EV_ET;
	return want;
}

void
connection_interest(struct connection *c)
{
	short	want = wanted(c);

	if (want == c->want)
		return;
	if (c->tls != NULL) {
		c->want = want;
		tls_watch(c->tls, want);
		if ((want & EV_READ) != 0 && holds_more(c))
			connection_wake(c);
		return;
	}
	event_del(&c->ev);
	c->want = want;
	if (want == 0)
		return;
	event_assign(&c->ev, c->net->broker->base, connection_fd(c), want | EV_PERSIST, on_event,
	    c);
	event_add(&c->ev, NULL);
}
