/*
 * conn.h - a connection to jobd: requests out, replies in, matched by id.
 *
 * Blocking calls and pipelining over one socket, no global state, no signals, nothing printed.
 * Requests are queued by conn_send and go out whenever the connection is moved; replies come in any
 * order.  Reading and writing go together, so a daemon that stops reading until its replies are
 * read never locks with us.
 *
 * Failures are -errno; conn_why has the sentence.  After one the connection is of no more use, but
 * replies that had come before it are still given out.
 *   -ECONNRESET  the daemon closed the connection     -EBADMSG   what came is not a reply
 *   -ETIMEDOUT   nothing came in time                 others     as the system call said
 */
#ifndef CLIENT_CONN_H
#define CLIENT_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/parse.h"
#include "proto/rpc.h"

struct conn;

/* One of result and error is there (len > 0): raw JSON that lives until the connection moves on. */
struct reply {
	uint64_t	id;		/* of the request; 0: an error about the whole connection */
	struct span	result;
	struct span	error;
};

#define CONN_FOREVER	INT64_C(-1)

/*
 * A connected socket, nothing sent yet; waits at most timeout_ms for each address of a host.
 * -EADDRNOTAVAIL: the host's name leads nowhere.
 */
int conn_open(const struct addr *addr, int64_t timeout_ms, struct conn **out);
/* The same over a socket that is connected already; it belongs to the connection then. */
struct conn *conn_new(int fd);
void conn_free(struct conn *c);
const char *conn_why(const struct conn *c);

/*
 * The longest reply that will be taken: before hello what an unknown client gets, then what hello
 * asked for.  A longer line is -EBADMSG.
 */
void conn_set_max_line(struct conn *c, size_t bytes);

/* Queues a request; params is a JSON object's text.  Returns its id, counted from 1. */
uint64_t conn_send(struct conn *c, const char *method, const char *params, size_t len);
size_t conn_unsent(const struct conn *c);	/* bytes queued and not yet written */

/* For a poll loop: what to wait for, and what to do then.  conn_move never blocks; 0 or -errno. */
int conn_fd(const struct conn *c);
short conn_events(const struct conn *c);
int conn_move(struct conn *c);
/* 1: *out is the next reply; 0: none yet; -errno. */
int conn_next(struct conn *c, struct reply *out);

/* The next reply of any request; blocks up to timeout_ms.  0 or -errno. */
int conn_receive(struct conn *c, int64_t timeout_ms, struct reply *out);
/* One request and its reply, when no other is in flight.  0 (also for an error reply) or -errno. */
int conn_ask(struct conn *c, const char *method, const char *params, size_t len, int64_t timeout_ms,
    struct reply *out);

#endif
