/*
 * audit_call.h - calls and logins as lines of the audit log (access/audit.h).
 *
 * A line each: logins; calls of methods that take a submitter or more; calls that are refused
 * because of who calls.  One that is answered later has the outcome `taken` and a number, `call`;
 * if it is refused in the end another line with that number says so.  Submissions of one principal
 * that are served get audit.rate lines a second; how many more there were is said in one.
 */
#ifndef NET_AUDIT_CALL_H
#define NET_AUDIT_CALL_H

#include "daemon/broker/net/dispatch.h"

/* A call was served: rc as a method returns, err when it is -1. */
void audit_call(struct call *call, int rc, const struct rpc_error *err);
/* One that was `taken` is refused now. */
void audit_refused(const struct reply *r, const struct rpc_error *err);
/*
 * Tells of submissions that were summed up, each second; all: of all of them now.  Returns when to
 * call it next (CLOCK_MONOTONIC), or INT64_MAX.
 */
int64_t audit_sums_run(struct net *n, bool all);
/* A login by a token or a certificate; outcome: ok, wrong, expired, or the kind of an error. */
void audit_login(const struct connection *c, const char *outcome);
/* A peer that did not get in. */
void audit_stranger_peer(struct net *n, const char *principal, const char *addr,
    const char *outcome);

#endif
