/*
 * remote.h - workers on other machines: connections that said hello with the worker's token.
 *
 * A worker.ready makes a session of such a connection, or gives a session its next one.  A session is a
 * seat; its connection is the lease of what runs there.  Source: docs/workers.md.
 */
#ifndef LANES_REMOTE_H
#define LANES_REMOTE_H

#include "daemon/broker/lanes/lanes.h"
#include "proto/rpc.h"

struct identity;

#define REMOTE_READY_MS		10000	/* from hello to worker.ready */
#define REMOTE_REFUSALS_LOGGED	10	/* a second */

struct tls;

/*
 * A connection whose hello was answered; fd, and its TLS stream (NULL: none), are lanes' from here on.  left: what came behind the hello.  addr:
 * for the log.  net_worker_closed is called when it is closed.
 */
void lanes_adopt(struct lanes *l, int fd, struct tls *tls, struct span left, const char *addr);
/* Whose token the connection has come by that was adopted last; lanes' from here on. */
void lanes_adopted_by(struct lanes *l, struct identity *who);
/* Tokens have changed: connections of those that let nobody in any more are closed. */
void lanes_look_again(struct lanes *l);

#endif
