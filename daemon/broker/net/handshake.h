/*
 * handshake.h - connections of TLS listeners until their handshake is over.
 *
 * At most HANDSHAKES_MAX at once, each in at most HANDSHAKE_MS; who comes meanwhile waits in the backlog.  So that
 * some who say nothing cannot keep all others out, the oldest one gives way to who waits once it has had
 * HANDSHAKE_SHORT_MS.  Source: SECURITY item 2.
 */
#ifndef NET_HANDSHAKE_H
#define NET_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "daemon/broker/net/state.h"

#define HANDSHAKES_MAX		32
#define HANDSHAKE_MS		10000
#define HANDSHAKE_SHORT_MS	1000

/* May another one begin? */
bool handshake_room(const struct net *n);
/* The socket is ours from here on; n->tls is there, and so is room. */
void handshake_begin(struct net *n, int fd, const struct sockaddr *peer);
/* Ends those whose time is over.  Returns when to look again (CLOCK_MONOTONIC), or INT64_MAX. */
int64_t handshake_run(struct net *n, int64_t now_ns);
void handshake_end_all(struct net *n);

#endif
