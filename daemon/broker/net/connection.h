/*
 * connection.h - one client: its socket, the line it has started, the replies it has not read.
 *
 * Small when idle: no buffer is kept that holds nothing, and one struct event serves reading and
 * writing.  All ends go through connection_close; memory goes at the end of the turn
 * (connection_free).
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/broker/access/identity.h"
#include "daemon/broker/net/net.h"
#include "lib/buf.h"
#include "lib/list.h"

/* Why no lines are taken. */
enum connection_pause {
	PAUSE_OUTPUT	= 1 << 0,	/* its output is not read */
	PAUSE_LOGIN	= 1 << 1,	/* a failed login is being slowed */
	PAUSE_STORE	= 1 << 3,	/* what it sent waits for the disk */
	PAUSE_WORKER	= 1 << 4,	/* it becomes a worker's once its output is sent */
	PAUSE_END	= 1 << 2,	/* it closes once its output is sent */
};

struct tls;

struct connection {
	struct event	 ev;		/* with TLS it only wakes, and the stream watches */
	struct tls	*tls;		/* NULL: what is sent is what is said */
	struct net	*net;
	struct list	 link, dirty, more, deadline;
	struct list	 watches;
	struct buf	 in;		/* the unfinished line, or lines of a paused connection */
	struct buf	 out;
	size_t		 scanned;	/* of the unfinished line, for frame_next */
	size_t		 first_left;	/* of the line that is being sent; 0: not known */
	size_t		 held;		/* answers gathered for batches and waits on many jobs */
	int64_t		 since_ns;	/* of the deadline */
	struct identity	*who;		/* NULL: not known yet */
	struct submitter *by;		/* made for the first job */
	char		*client;	/* hello.client, or NULL */
	union {
		struct sockaddr		any;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	} peer;				/* tcp, tls */
	uint32_t	 max_reply;
	uint32_t	 open_calls, open_cancels, open_stores;
	uint32_t	 room_waits;		/* submits that wait for room */
	short		 want;		/* what libevent watches */
	uint8_t		 pause;		/* enum connection_pause bits */
	uint8_t		 role;		/* who's, at hand; ROLE_anybody: not authenticated */
	uint8_t		 subscriptions;	/* at most BOUND_WATCHES */
	uint16_t	 follows;	/* at most BOUND_FOLLOWS */
	uint8_t		 logins_failed;
	uint32_t	 saving;	/* changes of tokens that are not answered yet */
	uint8_t		 clock;		/* enum deadline */
	bool		 tcp, dead, eof;
	bool		 handed_over;	/* its socket is not ours any more */
	bool		 leftover;	/* in may hold whole lines */
	bool		 blocked;	/* the socket takes no more output for now */
	bool		 lingering;	/* the last line is sent; what still comes is thrown away */
};

/* peer: NULL for a unix socket.  Owns fd and who (NULL: not known yet) from here on. */
struct connection *connection_new(struct net *n, int fd, const struct sockaddr *peer,
    struct identity *who);
/* The same of a client whose handshake is over, with its stream. */
struct connection *connection_new_tls(struct net *n, struct tls *tls, const struct sockaddr *peer,
    struct identity *who);
/* It is this one from now on, who is its from here on. */
void connection_become(struct connection *c, struct identity *who);
void connection_close(struct connection *c);
void connection_free(struct connection *c);
/* It is a worker's from now on, with its socket and what came behind hello: lanes'. */
void connection_hand_over(struct connection *c);
/* An error that concerns no request of the client's; the connection closes behind it. */
void connection_refuse(struct connection *c, const struct rpc_error *err);
/* It has been told all: closes when that is sent. */
void connection_end(struct connection *c);
/* The turn's end looks at it. */
void connection_dirty(struct connection *c);
void connection_resume(struct connection *c, enum connection_pause why);
/* What libevent shall watch, after all that happened in this turn. */
void connection_interest(struct connection *c);
/* Has nothing to wait for: end-of-file came, and all is answered. */
bool connection_done(const struct connection *c);
/* Its submitter, lent. */
struct submitter *connection_submitter(struct connection *c);
void connection_set_client(struct connection *c, const char *name, size_t len);
/* "unix", "tcp:127.0.0.1:40000", "tls:[::1]:40000" */
void connection_addr(const struct connection *c, char *out, size_t size);
/* `kind:HOST:PORT` of a peer. */
void connection_print_addr(const char *kind, const struct sockaddr *peer, char *out, size_t size);
int connection_fd(const struct connection *c);
/* Lines already buffered are served by the next turn. */
void connection_wake(struct connection *c);

#endif
