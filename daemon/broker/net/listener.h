/*
 * listener.h - sockets that listen: accepts, counts, refuses.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdint.h>

#include "daemon/broker/net/state.h"

/* listeners: bound and listening, unix or TCP.  0 or -errno. */
int listener_open(struct net *n, const int *listeners, size_t count);
/* Accepts from now on: the types of jobs are known. */
void listener_start(struct net *n);
/* Accepts nothing from now on; the sockets are not closed, they belong to whoever passed them. */
void listener_stop(struct net *n);
void listener_close(struct net *n);
/*
 * Goes on after a pause that is over.  Returns when a pause ends (CLOCK_MONOTONIC), or INT64_MAX.
 */
int64_t listener_run(struct net *n, int64_t now_ns);

#endif
