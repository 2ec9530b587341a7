/* handshake.c - connections of TLS listeners until their handshake is over.  Runs in: broker, loop thread. */
#include "daemon/broker/net/handshake.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/tls/tls.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/log.h"

struct handshake {
	struct list		 link;		/* net->handshakes, oldest first */
	struct net		*net;
	struct tls		*tls;
	struct sockaddr_storage	 peer;
	int64_t			 since_ns;
};

static struct handshake *
oldest(const struct net *n)
{
	return list_entry(n->handshakes.next, struct handshake, link);
}

/* A moment after which the oldest gives way to who waits. */
static int64_t
gives_way_ns(const struct net *n)
{
	return oldest(n)->since_ns + HANDSHAKE_SHORT_MS * NS_PER_MS;
}

bool
handshake_room(const struct net *n)
{
	return n->handshake_count < HANDSHAKES_MAX || gives_way_ns(n) <= n->broker->now.mono_ns;
}

/* The stream goes with it, unless it was taken out. */
static void
handshake_free(struct handshake *h)
{
	if (h->tls != NULL) {
		tls_close(h->tls);
		h->net->stats.connections--;
		h->net->full = false;
	}
	h->net->handshake_count--;
	h->net->again = true;		/* there is room for who waits */
	list_remove(&h->link);
	free(h);
}

static void
give_up(struct handshake *h, const char *why)
{
	struct net	*n = h->net;
	char		 addr[80];

	n->stats.refused++;
	if (net_may_log(n)) {
		connection_print_addr("tls", (struct sockaddr *)&h->peer, addr, sizeof(addr));
		log_info("handshake refused addr=%s reason=\"%s\"", addr, why);
	}
	handshake_free(h);
}

/* By the certificate that the client has shown; NULL: none, or no rule knows it. */
static struct identity *
who_is(const struct handshake *h)
{
	char	name[TLS_NAME_BYTES];

	return tls_peer_name(h->tls, name) ? access_of_certificate(h->net->broker->access, name) :
	    NULL;
}

/* A client from now on.  It counts as a connection since it was accepted. */
static void
succeed(struct handshake *h)
{
	struct net		*n = h->net;
	struct identity		*who = who_is(h);
	struct rpc_error	 err;
	bool			 refused = who != NULL &&
	    principals_check_connection(&n->broker->access->principals, who, &err) != 0;
	struct connection	*c;

	if (refused) {
		identity_unref(who);
		who = NULL;
	}
	n->stats.connections--;
	c = connection_new_tls(n, h->tls, (struct sockaddr *)&h->peer, who);
	h->tls = NULL;
	handshake_free(h);
	if (refused)
		connection_refuse(c, &err);
}

static void
on_over(evutil_socket_t fd, short what, void *arg)
{
	struct handshake	*h = arg;
	char			 why[128];

	(void)fd;
	(void)what;
	broker_clocks(h->net->broker);	/* after a sleep */
	if (tls_open(h->tls)) {
		succeed(h);
		return;
	}
	tls_problem(h->tls, why, sizeof(why));
	give_up(h, why);
}

void
handshake_begin(struct net *n, int fd, const struct sockaddr *peer)
{
	struct handshake	*h;

	if (n->handshake_count == HANDSHAKES_MAX)
		give_up(oldest(n), "others wait and it is slow");
	h = mem_zalloc(1, sizeof(*h));
	h->net = n;
	h->since_ns = n->broker->now.mono_ns;
	memcpy(&h->peer, peer, sizeof(h->peer));
	list_push_back(&n->handshakes, &h->link);
	n->handshake_count++;
	n->stats.connections++;
	if ((h->tls = tls_accept(n->tls, n->broker->base, fd, on_over, h)) != NULL)
		return;
	n->stats.connections--;
	handshake_free(h);
}

int64_t
handshake_run(struct net *n, int64_t now_ns)
{
	while (!list_empty(&n->handshakes) &&
	    oldest(n)->since_ns + HANDSHAKE_MS * NS_PER_MS <= now_ns)
		give_up(oldest(n), "it took too long");
	if (list_empty(&n->handshakes))
		return INT64_MAX;
	return n->handshake_count == HANDSHAKES_MAX && gives_way_ns(n) > now_ns ? gives_way_ns(n) :
	    oldest(n)->since_ns + HANDSHAKE_MS * NS_PER_MS;
}

void
handshake_end_all(struct net *n)
{
	while (!list_empty(&n->handshakes))
		handshake_free(oldest(n));
}
