/*
 * job_filter.h - which jobs a list shows: `{state, type, queue, tenant, order_key, by, group, since_ms,
 * until_ms, active_ms, label: {...}}`, each narrows it.
 */
#ifndef NET_JOB_FILTER_H
#define NET_JOB_FILTER_H

#include <stdbool.h>

#include "daemon/broker/core/core.h"
#include "lib/buf.h"
#include "proto/rpc.h"

struct job_filter {
	int		state;		/* enum job_state, -1: any */
	struct span	type, queue, tenant, order_key, by, group;	/* p NULL: any */
	char		*own;		/* this principal's alone; NULL: everybody's */
	int64_t		since_ms, until_ms;	/* of submission; 0: any */
	int64_t		active_ms;	/* it had not ended before; 0: any */
	struct job_filter_label {
		struct span	name, value;
	} labels[BOUND_LABELS];				/* each must be there */
	unsigned	labels_len;
	struct buf	text;		/* the decoded strings */
	struct buf	scratch;
};

/* text: checked JSON, or NULL: no filter.  0, or -1 with *err; job_filter_fini follows. */
int job_filter_init(struct job_filter *f, const char *text, size_t len, struct rpc_error *err);
void job_filter_fini(struct job_filter *f);
/* None but jobs of this principal, whatever `by` says. */
void job_filter_own(struct job_filter *f, const char *principal);
bool job_filter_match(struct job_filter *f, const struct job *j);
/* The same, whatever the job's state. */
bool job_filter_match_but_state(struct job_filter *f, const struct job *j);
/* What looking at this job costs: 1, and more when its labels are read. */
uint32_t job_filter_cost(const struct job_filter *f, const struct job *j);

#endif
