/* gather.c - groups: from the ends of their members to the reduce job's.
 * Runs in: broker, loop thread. */
#include "daemon/broker/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/gather_item.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/net/print_job.h"
#include "daemon/broker/reduce.h"
#include "daemon/broker/store/outcome_print.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define OUTCOME_BYTES	BOUND_REPLY_BYTES	/* of a reduce job, kept with its group */

/* ---- groups made and forgotten ---- */

struct gathered *
gathered_new(struct span reduce, struct submitter *by)
{
	struct gathered	*own = mem_zalloc(1, sizeof(*own));

	if (reduce.len > 0)
		own->reduce = mem_strndup(reduce.p, reduce.len);
	own->reduce_len = reduce.len;
	own->by = submitter_ref(by);
	list_init(&own->waiters);
	return own;
}

void
gathered_free(struct gathered *own)
{
	submitter_unref(own->by);
	free(own->reduce);
	free(own->path);
	free(own->outcome);
	free(own->brief);
	free(own->lost);
	free(own);
}

/* Numbers are for groups without a name. */
static int
check_name(struct span name, struct rpc_error *err)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] < '0' || name.p[i] > '9')
			return 0;
	return name.len == 0 ? 0 : rpc_fail_member(err, RPC_invalid_params, "name", 4,
	    "name must not be a number: %.*s", (int)name.len, name.p);
}

static int
check_wish(const struct broker *b, const struct gather_wish *wish, struct rpc_error *err)
{
	if (check_name(wish->name, err) != 0)
		return -1;
	if (wish->durable && !store_durable(b->store))
		return rpc_fail_member(err, RPC_not_supported, "durability", 10,
		    "this daemon remembers no groups (store.engine is memory)");
	if (wish->reduce.len > 0 && reduce_check(b, wish->reduce, wish->durable, wish->grant, err) != 0)
		return -1;
	if (b->draining)
		return rpc_fail(err, RPC_draining, "jobd drains and takes no new jobs");
	return wish->durable ? ledger_refuses(b, err) : 0;
}

int
gather_create(struct broker *b, const struct gather_wish *wish, struct submitter *by,
    struct group **out, struct rpc_error *err)
{
	struct group_spec	 spec = { .name = wish->name, .max_running = wish->max_running,
					  .max_fails = wish->max_fails,
					  .reduces = wish->reduce.len > 0,
					  .durable = wish->durable };
	int			 rc;

	if (check_wish(b, wish, err) != 0)
		return -1;
	if ((spec.number = store_next_id(b->store)) == 0)
		return rpc_fail(err, RPC_internal, "no id can be reserved in the state directory");
	spec.owner = gathered_new(wish->reduce, by);
	if ((rc = core_group_create(b->core, b->now, &spec, out)) == 0)
		return 0;
	gathered_free(spec.owner);
	if (rc == -EEXIST)
		return rpc_fail_member(err, RPC_conflict, "name", 4,
		    "there is a group with the name %.*s", (int)wish->name.len, wish->name.p);
	return rpc_fail(err, RPC_queue_full, "%d groups have not finished: no more can be made",
	    BOUND_GROUPS);
}

int
gather_cancel(struct broker *b, struct group *g)
{
	int	rc = core_group_stop(b->core, g, GROUP_CANCELLED, "cancelled on request");

	if (rc == 0 && g->durable)
		gather_item_changed(b, g);
	return rc;
}

void
gather_forgotten(struct broker *b, struct group *g)
{
	net_group_finished(b->net, g);		/* who waits for the disk to say so */
	outcomes_of(g)->forget(b, g);
	if (g->durable)
		gather_item_forgotten(b, g);
	gathered_free(gathered(g));
	g->owner = NULL;
}

/* ---- outcomes ---- */

static char *
outcome_text(const struct job *j, size_t room)
{
	struct buf	out = { 0 };

	print_outcome(&out, j, room);
	return buf_take_string(&out);
}

static void
keep_reduced(struct gathered *own, const struct job *j)
{
	free(own->outcome);
	free(own->brief);
	own->outcome = outcome_text(j, OUTCOME_BYTES);
	own->brief = outcome_text(j, 0);
}

void
gather_job_finished(struct broker *b, const struct job *j)
{
	const struct membership	*m = core_membership(j);

	if (m == NULL || !m->counts)
		return;
	if (m->reduces)
		keep_reduced(gathered(m->group), j);
	else
		outcomes_of(m->group)->add(b, m, j);
}

void
gather_outcomes(struct broker *b, struct group *g, uint64_t ticket, const struct outcomes_page *page)
{
	net_group_outcomes(b->net, g, ticket, page);
}

void
gather_lost(struct broker *b, struct group *g, const char *why)
{
	struct gathered	*own = gathered(g);

	log_error("outcomes of a group are lost group=%s reason=\"%s\"", g->name, why);
	free(own->lost);
	own->lost = mem_strdup(why);
	core_group_stop(b->core, g, GROUP_FAILED, why);
	if (g->state == GROUP_REDUCING && g->reduce_id == 0)
		core_group_reduce(b->core, b->now, g, NULL, why);
}

/* ---- the reduce job ---- */

/* It may have been submitted before a crash; then it has ended, or needs its file again. */
void
gather_reduce(struct broker *b, struct group *g)
{
	if (g->reduce_id != 0 && g->reduce == NULL)
		outcomes_ask_reduced(b, g);
	else
		outcomes_of(g)->file(b, g);
}

static void
start_reduce(struct broker *b, struct group *g)
{
	struct rpc_error	 err;
	struct job		*j = NULL;
	char			 why[sizeof(err.message) + 40];

	if (g->stopped != GROUP_OPEN) {
		core_group_reduce(b->core, b->now, g, NULL, g->why);
		return;
	}
	if (reduce_submit(b, g, &j, &err) == 0) {
		if (g->durable)
			gather_item_changed(b, g);
		return;
	}
	snprintf(why, sizeof(why), "its reduce job was refused: %s", err.message);
	core_group_reduce(b->core, b->now, g, NULL, why);
}

void
gather_file(struct broker *b, struct group *g, const char *path)
{
	struct gathered	*own = gathered(g);

	free(own->path);
	own->path = mem_strdup(path);
	if (g->reduce != NULL)
		core_group_reduce_ready(b->core, g);
	else if (g->state == GROUP_REDUCING)
		start_reduce(b, g);
}

static char *
row_text(const struct store_row *row, size_t room)
{
	struct buf	out = { 0 };

	outcome_print(&out, row, false, room);
	return buf_take_string(&out);
}

void
gather_reduced(struct broker *b, struct group *g, const struct store_row *row)
{
	struct gathered	*own = gathered(g);

	if (g->state != GROUP_REDUCING)
		return;
	if (row == NULL) {
		core_group_stop(b->core, g, GROUP_FAILED,
		    "what became of its reduce job was forgotten");
		core_group_reduced(b->core, b->now, g, JOB_failed);
		return;
	}
	own->outcome = row_text(row, OUTCOME_BYTES);
	own->brief = row_text(row, 0);
	core_group_reduced(b->core, b->now, g, (enum job_state)row->end.state);
}

void
gather_finished(struct broker *b, struct group *g)
{
	if (g->durable && !g->withdrawn)
		gather_item_finished(b, g);
	else
		net_group_finished(b->net, g);
}

/* ---- life ---- */

void
gather_close(struct broker *b)
{
	struct group	*g = NULL;

	while ((g = core_group_next(b->core, g)) != NULL)
		if (g->owner != NULL)
			gathered_free(g->owner);
	gather_item_close(b);
	outcomes_close(b);
}
