/*
 * refer.h - what a submission names besides itself: parents, a group, the holder of its unique
 * key.  What is another principal's is as if it were not there.
 */
#ifndef NET_REFER_H
#define NET_REFER_H

#include "daemon/broker/net/dispatch.h"
#include "proto/jobspec.h"

struct job;

/* Those that only history has are asked for: 0 when core has all, METHOD_LATER, or -1 with *err. */
int refer_recall(struct call *call, const struct jobspec *spec, struct rpc_error *err);
/* 0, or -1 with not_found or, of a unique key, conflict. */
int refer_allowed(const struct call *call, const struct jobspec *spec, struct rpc_error *err);
/* The same of a unique key alone; len 0: there is none. */
int refer_key_allowed(const struct connection *c, struct span key, struct rpc_error *err);
/* The unique key of this job, which was to run again, is another's: says so.  Returns -1. */
int refer_key_taken(const struct call *call, const struct job *j, struct rpc_error *err);
/* Has the principal room for one more job of so many bytes?  0, or -1 with quota_exceeded. */
int quota_allows(const struct connection *c, int64_t bytes, struct rpc_error *err);

int quota_allows_spec(const struct connection *c, const struct jobspec *spec,
    struct rpc_error *err);

#endif
