/*
 * duplicate.h - a submission that is a job which is there already, by its unique key.
 */
#ifndef NET_DUPLICATE_H
#define NET_DUPLICATE_H

#include "daemon/broker/net/dispatch.h"
#include "proto/jobspec.h"

struct unique;
struct watch;

#define DUPLICATE_NONE	2

/*
 * Answers a job.submit or a job.call with the job that holds the key: METHOD_ANSWERED, METHOD_LATER,
 * or -1 with *err.  DUPLICATE_NONE: nobody holds it, or the spec has none.
 */
int duplicate_answer(struct call *call, const struct jobspec *spec, struct rpc_error *err);
/* The same for one that has waited for room. */
void duplicate_let_in(struct watch *w, const struct unique *held, bool call);

#endif
