/*
 * reduce.h - the reduce job of a group: what a client wrote when it made the group, submitted when all
 * members have ended.
 */
#ifndef BROKER_REDUCE_H
#define BROKER_REDUCE_H

#include "daemon/broker/broker.h"
#include "proto/grant.h"

/* What can be known beforehand: is it a job at all, and does anybody run its type there?  durable: its
 * group is. */
int reduce_check(const struct broker *b, struct span text, bool durable, const struct grant *grant,
    struct rpc_error *err);
/* Submits it, in the name of who made the group; it reads the file gathered(g)->path. */
int reduce_submit(struct broker *b, struct group *g, struct job **out, struct rpc_error *err);

#endif
