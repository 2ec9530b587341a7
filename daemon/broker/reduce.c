/* reduce.c - the reduce job of a group.  Runs in: broker, loop thread. */
#include "daemon/broker/reduce.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/broker/defaults.h"
#include "daemon/broker/gather.h"
#include "daemon/broker/reduce_args.h"
#include "daemon/broker/route/route.h"
#include "proto/rpc_rows.h"

/* Whatever is wrong is about the member `reduce`. */
static int
fail_reduce(struct rpc_error *err)
{
	struct rpc_error	why = *err;

	return rpc_fail_member(err, why.kind, "reduce", strlen("reduce"), "reduce: %s",
	    why.message);
}

struct reduce_job {
	struct rpc_value	params[RPC_PARAMS];
	struct jobspec		spec;
	struct buf		scratch;
};

/* It comes behind all members, once: what else should it wait for, and who else should be it? */
static const rpc_set	reduce_refused = RPC_BIT(PARAM_group) | RPC_BIT(PARAM_after) |
    RPC_BIT(PARAM_on_parent_failure) | RPC_BIT(PARAM_unique_key) | RPC_BIT(PARAM_unique_ms);

/* From the text to a spec that points into it and into scratch; buf_free that in any case. */
static int
read_reduce(struct span text, struct reduce_job *out, struct rpc_error *err)
{
	static const struct rpc_limits	limits = { .depth = BOUND_DEPTH, .values = BOUND_VALUES };

	if (rpc_parse_members(text.p, text.len, jobspec_params & ~reduce_refused,
	    jobspec_required, &limits, out->params, &out->scratch, err) != 0)
		return -1;
	return jobspec_read(out->params, &out->spec, err);
}

/* It is remembered as long as its group is. */
static int
check_durability(const struct jobspec *spec, bool durable, struct rpc_error *err)
{
	enum durability	own = durable ? DURABILITY_COMMIT : DURABILITY_MEMORY;

	if (spec->durability == DURABILITY_UNSAID || spec->durability == own)
		return 0;
	return rpc_fail(err, RPC_conflict, "its group has durability %s, and so has it",
	    durable ? "commit" : "memory");
}

int
reduce_check(const struct broker *b, struct span text, bool durable, const struct grant *grant,
    struct rpc_error *err)
{
	struct reduce_job	 job = { .scratch = { 0 } };
	const struct jobspec	*spec = &job.spec;
	const struct type	*t;
	enum lane		 lane;
	int			 rc;

	if ((rc = read_reduce(text, &job, err)) == 0) {
		t = core_type_find(b->core, spec->type.p, spec->type.len);
		if (t == NULL)
			rc = rpc_fail(err, RPC_unknown_type, "no handler has the type %.*s",
			    (int)spec->type.len, spec->type.p);
		else if (defaults_allow(b, spec->type, grant, err) != 0 ||
		    check_durability(spec, durable, err) != 0)
			rc = -1;
		else if (route_lane(t, spec->lane, spec->args.len, &lane) != 0)
			rc = rpc_fail(err, RPC_lane_refused, "lane %s is not safe for type %s",
			    lane_names[spec->lane], t->name);
	}
	buf_free(&job.scratch);
	return rc == 0 ? 0 : fail_reduce(err);
}

int
reduce_submit(struct broker *b, struct group *g, struct job **out, struct rpc_error *err)
{
	const struct gathered	*own = gathered(g);
	struct reduce_job	 job = { .scratch = { 0 } };
	struct buf		 args = { 0 };
	const struct type	*t;
	struct span		 given;
	int			 rc;

	if ((rc = read_reduce((struct span){ own->reduce, own->reduce_len }, &job, err)) == 0) {
		given = job.params[PARAM_args].given ? job.spec.args : (struct span){ NULL, 0 };
		reduce_args_print(&args, given, g->name, g->count, own->path);
		job.spec.args = (struct span){ buf_data(&args), buf_len(&args) };
		if ((t = core_type_find(b->core, job.spec.type.p, job.spec.type.len)) != NULL)
			defaults_of_type(t, &job.spec);
		job.spec.durability = g->durable ? DURABILITY_COMMIT : DURABILITY_MEMORY;
		rc = broker_submit_reduce(b, &job.spec, own->by, g, out, err);
	}
	buf_free(&args);
	buf_free(&job.scratch);
	return rc;
}
