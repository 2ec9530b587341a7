/* watch_group.c - waits on many jobs.  Runs in: broker, loop thread. */
#include "daemon/broker/net/watch_group.h"

#include <inttypes.h>
#include <stdlib.h>

#include "daemon/broker/net/auth.h"
#include "daemon/broker/net/connection.h"
#include "daemon/broker/net/methods.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/net/recall.h"
#include "daemon/broker/net/state.h"
#include "lib/alloc.h"

/* What an outcome without its result takes at most, nearly always. */
#define OUTCOME_BYTES	128

struct watch_member {
	struct watcher		 node;
	struct watch_group	*group;
	uint64_t		 id;
};

struct watch_group {
	struct watch		*watch;		/* NULL: answers at once */
	struct connection	*conn;
	bool			 any;
	uint32_t		 count;
	uint32_t		 left;		/* without an outcome */
	struct buf		 outcomes;	/* each followed by a comma */
	struct watch_member	 members[];
};

static struct watch_group *
group_new(struct connection *c, bool any, uint32_t count)
{
	struct watch_group	*g = mem_zalloc(1, sizeof(*g) + count * sizeof(g->members[0]));

	g->conn = c;
	g->any = any;
	g->count = g->left = count;
	return g;
}

void
watch_group_free(struct watch_group *g)
{
	for (uint32_t i = 0; i < g->count; i++)
		watcher_leave(&g->members[i].node);
	g->conn->held -= buf_len(&g->outcomes);
	buf_free(&g->outcomes);
	free(g);
}

/* Results go along as long as one line, and the memory that may be held, have room for all. */
static size_t
group_room(const struct watch_group *g)
{
	size_t	used = buf_len(&g->outcomes) + (size_t)g->left * OUTCOME_BYTES;
	size_t	max = g->conn->max_reply;

	if (g->conn->held > BOUND_OUTPUT_CLOSE / 2)
		return 0;
	if (max > BOUND_OUTPUT_CLOSE)
		max = BOUND_OUTPUT_CLOSE;
	return used < max ? max - used : 0;
}

static void
take_outcome(struct watch_group *g, const struct job *j)
{
	size_t	before = buf_len(&g->outcomes);

	print_outcome(&g->outcomes, j, group_room(g));
	buf_putc(&g->outcomes, ',');
	g->conn->held += buf_len(&g->outcomes) - before;
	g->left--;
}

static bool
group_complete(const struct watch_group *g)
{
	return g->left == 0 || (g->any && g->left < g->count);
}

static void
print_group(struct buf *out, const struct watch_group *g)
{
	bool	first = true;

	print_literal(out, "{\"outcomes\":[");
	if (buf_len(&g->outcomes) > 0)
		buf_append(out, buf_data(&g->outcomes), buf_len(&g->outcomes) - 1);
	print_literal(out, "],\"pending\":[");
	for (uint32_t i = 0; i < g->count; i++) {
		if (g->members[i].node.job == NULL)
			continue;
		if (!first)
			buf_putc(out, ',');
		first = false;
		buf_put_u64(out, g->members[i].id);
	}
	print_literal(out, "]}");
}

static void
answer(struct watch_group *g)
{
	struct watch	*w = g->watch;
	struct reply	 r = watch_take(w);

	print_group(reply_begin(&r), g);
	reply_end(&r);
	watch_free(w);
}

void
watch_group_finished(struct watcher *node)
{
	struct watch_member	*m = list_entry(node, struct watch_member, node);
	struct job		*j = node->job;

	watcher_leave(node);
	take_outcome(m->group, j);
	if (group_complete(m->group))
		answer(m->group);
}

void
watch_group_forgotten(struct watcher *node)
{
	struct watch_group	*g = list_entry(node, struct watch_member, node)->group;
	struct watch		*w = g->watch;
	struct rpc_error	 err;
	struct reply		 r;

	rpc_fail(&err, RPC_not_found, "job %" PRIu64 " was forgotten", node->job->id);
	watcher_leave(node);
	r = watch_take(w);
	reply_error(&r, &err);
	watch_free(w);
}

/* Every id is one of a job, or the whole wait is refused, or served again when it may be. */
static int
find_jobs(struct call *call, const uint64_t *ids, uint32_t count, struct rpc_error *err)
{
	const struct core	*core = call->net->broker->core;
	uint64_t		*missing = mem_zalloc(count, sizeof(*missing));
	uint32_t		 lacks = 0;
	int			 rc = 0;

	for (uint32_t i = 0; i < count && rc == 0; i++) {
		const struct job	*j = core_find(core, ids[i]);

		if (j != NULL && auth_owns(call->conn, j->by->principal))
			continue;
		if (j == NULL && recall_may_know(call, ids[i]))
			missing[lacks++] = ids[i];
		else
			rc = no_such_job(ids[i], err);
	}
	if (rc == 0 && lacks > 0)
		rc = recall_jobs(call, missing, lacks, err);
	free(missing);
	return rc;
}

static void
join_jobs(struct watch_group *g, const struct core *core, const uint64_t *ids)
{
	for (uint32_t i = 0; i < g->count; i++) {
		struct watch_member	*m = &g->members[i];
		struct job		*j = core_find(core, ids[i]);

		m->group = g;
		m->id = ids[i];
		m->node.kind = WATCH_GROUP;
		if (job_state_finished(j->state))
			take_outcome(g, j);
		else
			watcher_join(&m->node, j);
	}
}

int
watch_group_wait(struct call *call, const uint64_t *ids, uint32_t count, bool any,
    int64_t wait_ms, struct rpc_error *err)
{
	const struct core	*core = call->net->broker->core;
	struct watch_group	*g;
	int			 rc;

	if ((rc = find_jobs(call, ids, count, err)) != 0)
		return rc;
	g = group_new(call->conn, any, count);
	join_jobs(g, core, ids);
	if (group_complete(g)) {
		print_group(reply_begin(&call->reply), g);
		watch_group_free(g);
		return METHOD_ANSWERED;
	}
	g->watch = watch_new(call, WATCH_GROUP, count);
	g->watch->group = g;
	if (wait_ms >= 0)
		watch_timeout(g->watch, wait_ms);
	return METHOD_LATER;
}
