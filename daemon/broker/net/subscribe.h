/*
 * subscribe.h - job.watch: notifications of what happens to jobs.
 *
 * A subscription is a place in core's memory of changes.  At the end of each turn it moves on, as
 * long as its connection's output is short; so nothing is ever gathered for a client that does not
 * read.  When the memory has gone over its place meanwhile, it is told how many changes it missed
 * (job.gap), and goes on with the oldest that is left.
 */
#ifndef NET_SUBSCRIBE_H
#define NET_SUBSCRIBE_H

#include <stdbool.h>

struct connection;
struct net;

/* Tells what has happened; true: more can be told at once. */
bool subscribe_run(struct net *n);
/* The connection ends: its subscriptions do. */
void subscribe_drop_all(struct connection *c);

#endif
