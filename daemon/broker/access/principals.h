/*
 * principals.h - what each principal has, and may have: connections, jobs, memory of those that wait.
 *
 * Every principal that was seen has one, for ever: there are as many as there are users, tokens and
 * certificates.  Connections are counted by net, jobs and bytes by core (struct account).
 */
#ifndef ACCESS_PRINCIPALS_H
#define ACCESS_PRINCIPALS_H

#include "daemon/broker/access/identity.h"
#include "daemon/broker/core/job.h"
#include "lib/list.h"
#include "lib/map.h"
#include "proto/config.h"

struct quota {
	int64_t		connections, jobs, bytes;	/* 0: no limit */
};

struct principal {
	struct account	account;	/* of its jobs */
	int64_t		connections;
	struct quota	own;
	bool		has_own;	/* [quota NAME] says it; else what [access] says */
	/* the audit log's: submissions in the second that began then (net/audit_call.c) */
	int64_t		said_since_ns;
	int64_t		said, summed;	/* with a line each; in a sum */
	struct list	link;		/* audit->sums, while summed > 0 */
	char		name[];
};

struct principals {
	struct namemap	map;
	struct quota	usual;		/* of those below operator that have none of their own */
};

void principals_init(struct principals *p);
void principals_free(struct principals *p);
/* The one of this name, made at first use. */
struct principal *principals_get(struct principals *p, const char *name, size_t len);
/* Quotas are as the configuration says from now on; what is above them stays. */
void principals_configure(struct principals *p, const struct config *c);

/*
 * May it have one more connection, or one more job of so many bytes?  0, or -1 with
 * quota_exceeded.
 */
int principals_check_connection(const struct principals *p, const struct identity *who,
    struct rpc_error *err);
int principals_check_job(const struct principals *p, const struct identity *who, int64_t bytes,
    struct rpc_error *err);

#endif
