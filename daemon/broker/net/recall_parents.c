/* recall_parents.c - jobs that others are to wait for, and that only history has.
 * Runs in: broker, loop thread. */
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/state.h"
#include "lib/parse.h"
#include "proto/json_find.h"

int
recall_parents(struct call *call, const struct jobspec *spec, struct rpc_error *err)
{
	const struct core	*core = call->net->broker->core;
	uint64_t		 missing[BOUND_AFTER];
	uint32_t		 count = 0;

	for (uint32_t i = 0; i < spec->after_len; i++)
		if (core_find(core, spec->after[i]) == NULL &&
		    recall_may_know(call, spec->after[i]))
			missing[count++] = spec->after[i];
	return count == 0 ? 0 : recall_jobs(call, missing, count, err);
}

/* Those of one job's text that are not in core; what is wrong with it is told later. */
static void
add_missing(const struct call *call, struct span job, struct buf *scratch, struct buf *missing)
{
	const struct core		*core = call->net->broker->core;
	static const struct span	after = { "after", 5 };
	enum scan_type			 type;
	struct span			 ids, one;
	struct scan			 s;
	int64_t				 id = 0;

	if (!json_find(job, after, scratch, &type, &ids) || type != SCAN_ARRAY)
		return;
	scan_init(&s, ids.p, ids.len, BOUND_DEPTH, UINT32_MAX);
	for (bool ok = scan_array(&s); ok && scan_element(&s); ) {
		ok = scan_value(&s, &type, &one) && type == SCAN_INTEGER &&
		    parse_i64(one.p, one.len, 1, BOUND_JOB_ID - 1, &id) == 0;
		if (ok && core_find(core, (uint64_t)id) == NULL &&
		    recall_may_know(call, (uint64_t)id))
			buf_append(missing, &id, sizeof(id));
	}
}

int
recall_parents_of_many(struct call *call, const struct rpc_value *jobs, struct rpc_error *err)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = UINT32_MAX };
	struct buf			 scratch = { 0 }, missing = { 0 };
	struct span			 text;
	size_t				 at = 0;
	int				 rc = 0;

	if (!store_durable(call->net->broker->store))
		return 0;
	while (rpc_array_next(jobs->p, jobs->len, &at, &limits, &text, err) > 0)
		add_missing(call, text, &scratch, &missing);
	if (buf_len(&missing) > 0)
		rc = recall_jobs(call, (const uint64_t *)(const void *)buf_data(&missing),
		    (uint32_t)(buf_len(&missing) / sizeof(uint64_t)), err);
	buf_free(&missing);
	buf_free(&scratch);
	return rc;
}
