/*
 * deadline.h - how long a client may take: to say who it is, to finish a line, to hang up.
 *
 * All connections under one kind of deadline have the same time, so a list in order of start is
 * enough: no timer each.
 */
#ifndef NET_DEADLINE_H
#define NET_DEADLINE_H

#include <stdint.h>

#include "daemon/broker/net/state.h"

struct connection;

#define DEADLINE_LINGER_MS	5000	/* from the last line until the socket is closed anyway */

/* Starts, or starts again. */
void deadline_start(struct connection *c, enum deadline kind);
void deadline_stop(struct connection *c);
/* Ends those whose time is over.  Returns when the next is due (CLOCK_MONOTONIC), or INT64_MAX. */
int64_t deadline_run(struct net *n, int64_t now_ns);

#endif
