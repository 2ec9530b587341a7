/*
 * jobspec.h - what a client may say of a job, checked.  Plain values: core/ takes it as it is.
 *
 * Strings are lent: they live as long as the line they came in.
 */
#ifndef PROTO_JOBSPEC_H
#define PROTO_JOBSPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/retry_policy.h"
#include "proto/rpc.h"

enum lane { LANE_INLINE, LANE_ASYNC, LANE_THREAD, LANE_PROCESS, LANES };
extern const char *const lane_names[LANES];
/* -1 when it is no lane. */
int lane_find(const char *name, size_t len);

enum durability { DURABILITY_UNSAID, DURABILITY_COMMIT, DURABILITY_MEMORY };
enum on_lost { ON_LOST_REQUEUE, ON_LOST_FAIL };
enum on_order_failure { ON_ORDER_FAILURE_SKIP, ON_ORDER_FAILURE_BLOCK };
enum on_parent_failure { ON_PARENT_FAILURE_CANCEL, ON_PARENT_FAILURE_RUN };

struct jobspec {
	struct span	type;
	struct span	args;			/* raw JSON; "null" by default */
	struct span	queue;			/* "default" by default */
	struct span	order_key;		/* len 0: none */
	struct span	group;			/* len 0: none */
	struct span	limit_key;		/* len 0: none */
	struct span	tenant;			/* len 0: the principal */
	struct span	unique_key;		/* len 0: none */
	struct span	labels;			/* raw JSON object; len 0: none */
	struct span	traceparent;		/* len 0: none */
	int		lane;			/* enum lane asked for, or -1 */
	int		priority;
	int64_t		delay_ms;		/* 0: none */
	int64_t		run_at_ms;		/* 0: none; only one of the two */
	int64_t		timeout_ms;		/* 0: none */
	int64_t		ttl_ms;			/* 0: none */
	int64_t		unique_ms;		/* 0: until the job has ended */
	int64_t		keep_ms;		/* 0: as the configuration says */
	enum durability	durability;
	enum on_lost	on_lost;
	struct retry_policy retry;		/* what the job itself says */
	enum on_order_failure on_order_failure;
	enum on_parent_failure on_parent_failure;
	uint64_t	*after;			/* jobs to wait for; owned: jobspec_fini */
	uint32_t	after_len;
	bool		hold;
	rpc_set		said;			/* members that were given */
};

/* The members that make a job, as bits of enum rpc_param. */
extern const rpc_set jobspec_params, jobspec_required;

/*
 * A copy that owns its text and its list, in one piece of memory of *bytes: free() ends it, and
 * nothing else.
 */
struct jobspec *jobspec_copy(const struct jobspec *s, size_t *bytes);

/*
 * From checked params (rpc.h) to a spec; 0, or -1 with *err naming the member.  A spec that was
 * read is given back with jobspec_fini.
 */
int jobspec_read(const struct rpc_value params[RPC_PARAMS], struct jobspec *out,
    struct rpc_error *err);
void jobspec_fini(struct jobspec *spec);
/* That member alone; UNSAID when it is not given. */
int jobspec_read_durability(const struct rpc_value *v, enum durability *out, struct rpc_error *err);

#endif
