/*
 * retry_policy.h - when a job that failed is tried again: what a job, its type, its queue or the
 * configuration says of it, member by member.
 */
#ifndef PROTO_RETRY_POLICY_H
#define PROTO_RETRY_POLICY_H

#include <stdint.h>

#include "proto/rpc.h"

enum retry_member {
	RETRY_max_attempts, RETRY_backoff_ms, RETRY_factor, RETRY_max_backoff_ms, RETRY_MEMBERS
};
extern const char *const retry_member_names[RETRY_MEMBERS];

#define RETRY_FACTOR_UNIT	1000	/* a factor of 1 */

struct retry_policy {
	uint8_t		said;		/* 1u << enum retry_member: the others come from elsewhere */
	uint32_t	max_attempts;	/* 1: never again */
	uint32_t	factor;		/* of one delay to the one before, in thousandths */
	int64_t		backoff_ms;	/* the longest first delay */
	int64_t		max_backoff_ms;	/* the longest of all */
};

/*
 * The object `retry` of a job, checked.  0, or -1 with *err naming the member.  Nothing given: a
 * policy that says nothing.
 */
int retry_policy_read(const struct rpc_value *v, struct retry_policy *out, struct rpc_error *err);
/* One member from a number (a factor: whole); 0 says nothing.  For rows of the configuration. */
void retry_policy_set(struct retry_policy *p, enum retry_member member, int64_t value);
/* What `over` says goes before what `under` says. */
struct retry_policy retry_policy_merge(const struct retry_policy *over,
    const struct retry_policy *under);

#endif
