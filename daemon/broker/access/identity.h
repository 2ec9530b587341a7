/*
 * identity.h - who a connection is, and what it may: a principal with a grant.
 *
 * Made by access.h from what the kernel says of a peer, from a token or from a certificate; never
 * from params.  Counted: the connections of one token share one.  It does not change; when rules
 * or tokens do, connections are given another (net_access_changed).
 */
#ifndef ACCESS_IDENTITY_H
#define ACCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/grant.h"

struct principal;

struct identity {
	uint32_t	 refs;
	struct grant	 grant;
	int64_t		 expires_ms;	/* a token's; 0: never */
	uint64_t	 secret;	/* a token's: which of those that ever had its id */
	struct principal *of;		/* what it has, and may have: principals.h */
	char		 name[];	/* "uid:1000", "token:ci", "cert:build-7" */
};

/* Takes what the grant holds.  The caller has the one reference. */
struct identity *identity_new(const char *name, struct grant *grant, struct principal *of);
struct identity *identity_ref(struct identity *who);
void identity_unref(struct identity *who);	/* NULL is fine */

#endif
