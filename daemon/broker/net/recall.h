/*
 * recall.h - calls that must ask the store first: they are parked until it has answered, and then
 * served again from their text, with the answer at hand (call->recall).
 *
 * A method that names a job which has ended and left the broker's memory finds it there the second
 * time.  How many calls are parked, and what they take, is bounded as for all calls that wait.
 */
#ifndef NET_RECALL_H
#define NET_RECALL_H

#include "daemon/broker/ledger.h"
#include "daemon/broker/net/job_filter.h"
#include "daemon/broker/net/watch.h"
#include "lib/buf.h"

/* What core had of a list when the store was asked: rows as JSON, newest first. */
struct recall_rows {
	struct buf	 text;
	struct recall_row {
		uint64_t	 id;
		size_t		 at, len;
	}		*rows;
	uint32_t	 len, cap;
	uint64_t	 next;		/* core was looked at above this; 0: all of it */
};

struct recall {
	struct ledger_query	 ask;
	struct list		 link;		/* net->recalls */
	struct watch		*watch;		/* NULL: the client is gone */
	uint64_t		 number;
	size_t			 held;		/* of net->recall_bytes */
	unsigned		 round;		/* so often was asked before */
	size_t			 line_len;
	char			*line;		/* the call */
	uint64_t		*ids;
	char			*path;		/* of a backup */
	struct job_filter	 filter;	/* of a list: the question points into it... */
	struct store_label	*labels;	/* ...and into this */
	struct recall_rows	 rows;
};

/* May this call ask for a list?  Not the second time, and not where nothing outlives the process. */
bool recall_allowed(const struct call *call);
/* May the store know this job, which core does not have?  Not when it was just asked for it. */
bool recall_may_know(const struct call *call, uint64_t id);
/*
 * These jobs are not in core, and the store may know them: METHOD_LATER, and the call is served
 * again when those that history has are.  Or -1: too_many_calls.
 */
int recall_jobs(struct call *call, const uint64_t *ids, uint32_t count, struct rpc_error *err);
/* The same for those that jobs to be submitted are to wait for: 0 when core has them all. */
int recall_parents(struct call *call, const struct jobspec *spec, struct rpc_error *err);
int recall_parents_of_many(struct call *call, const struct rpc_value *jobs, struct rpc_error *err);
/*
 * Parks the call with its question, which the caller has filled in: METHOD_LATER, or -1 with
 * too_many_calls and *r freed.
 */
int recall_ask(struct call *call, struct recall *r, struct rpc_error *err);
void recall_free(struct recall *r);
/* The call of a watch is gone, or answered. */
void recall_leave(struct watch *w);

/* Forgets a job of history: what the store says of it from now on does not count. */
void recall_forget(struct net *n, uint64_t id);
bool recall_is_forgotten(const struct net *n, uint64_t id);
void recall_close(struct net *n);

#endif
