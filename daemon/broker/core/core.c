/* core.c - the scheduler's front: jobs come in, effects go out.  Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

/* ---- life ---- */

static void
init_lists(struct core *c)
{
	list_init(&c->tells);
	list_init(&c->kills);
	list_init(&c->idles);
	list_init(&c->less);
	list_init(&c->watched);
	list_init(&c->finished);
	list_init(&c->moving);
	list_init(&c->kept[0].jobs);
	list_init(&c->kept[1].jobs);
	list_init(&c->aside);
	list_init(&c->forgets);
	list_init(&c->records);
	list_init(&c->loads);
	list_init(&c->orphans);
	gate_init(&c->store_gate, GATE_STORE);
	groups_init(&c->groups);
}

/* The inline lane: its attempts run in the caller, between two effects, as many as it likes. */
static struct worker *
new_inliner(struct core *c)
{
	struct worker	*w = worker_new(CORE_WORKER_INLINE);

	w->pool = c->pools[0];
	w->slots[LANE_INLINE] = 1;
	place_update(c, w);
	return w;
}

void
core_configure(struct core *c, struct core_time now, const struct core_config *cfg)
{
	struct core_config	was = c->cfg;

	c->cfg = *cfg;
	c->cfg.seed = was.seed;
	c->cfg.fence_base = was.fence_base;
	c->cfg.sequential = was.sequential;
	retain_configure(c, now, false, cfg->keep_finished_ms);
	retain_configure(c, now, true, cfg->keep_failed_ms);
	groups_configure(&c->groups, cfg);
	list_for(node, &c->watched)	/* there may be more room than before */
		queue_less(c, list_entry(node, struct queue, watched));
}

struct core *
core_new(const struct core_config *cfg)
{
	struct core	*c = mem_zalloc(1, sizeof(*c));

	c->cfg = *cfg;
	c->chance = cfg->seed;
	c->fan_left = FAN_BUDGET;
	c->kept[0].keep_ms = cfg->keep_finished_ms;
	c->kept[1].keep_ms = cfg->keep_failed_ms;
	init_lists(c);
	groups_configure(&c->groups, cfg);
	pools_init(c);
	slab_init(&c->slab, sizeof(struct job));
	c->inliner = new_inliner(c);
	if (cfg->sequential)
		c->sequence = order_get(c, "", 0);
	return c;
}

static void
free_attempts(struct core *c, struct worker *w)
{
	struct list	*node;

	while ((node = list_pop(&w->attempts)) != NULL) {
		struct attempt	*at = list_entry(node, struct attempt, link);

		flow_unref(c, at->flow);
		free(at);
	}
}

static void
free_names(struct core *c)
{
	void	*p;

	for (size_t at = 0; (p = namemap_next(&c->queues, &at)) != NULL; )
		queue_free(c, p);
	for (size_t at = 0; (p = namemap_next(&c->orders, &at)) != NULL; )
		free(p);
	for (size_t at = 0; (p = namemap_next(&c->types, &at)) != NULL; )
		type_free(p);
	for (size_t at = 0; (p = namemap_next(&c->type_limits, &at)) != NULL; )
		free(p);
	namemap_free(&c->queues);
	namemap_free(&c->orders);
	namemap_free(&c->types);
	namemap_free(&c->type_limits);
	namemap_free(&c->flows);
	namemap_free(&c->rows);
	namemap_free(&c->stalls);
	namemap_free(&c->benches);
	namemap_free(&c->seats);
}

static void
free_workers(struct core *c)
{
	for (uint32_t i = 0; i < c->workers_len; i++) {
		if (c->workers[i] == NULL)
			continue;
		free_attempts(c, c->workers[i]);
		free(c->workers[i]);
	}
	free_attempts(c, c->inliner);
	free(c->inliner);
	free(c->workers);
}

void
core_free(struct core *c)
{
	struct job	*j;

	if (c == NULL)
		return;
	for (size_t at = 0; (j = idset_next(&c->jobs, &at)) != NULL; ) {
		if (j->in_line)
			ready_remove(c, j);
		job_free(c, j);
	}
	for (struct list *node; (node = list_pop(&c->forgets)) != NULL; )
		job_free(c, list_entry(node, struct job, link));
	if (c->doomed != NULL)
		job_free(c, c->doomed);
	idset_free(&c->jobs);
	slab_fini(&c->slab);
	changes_free(&c->changes);
	free_workers(c);
	groups_free(c);
	uniques_free(c);
	free_names(c);
	tallies_free(c);
	pools_free(c);
	free(c->store_why);
	heap_free(&c->job_timers);
	heap_free(&c->attempt_timers);
	heap_free(&c->gate_timers);
	heap_free(&c->retries);
	names_free(&c->worker_names);
	free(c);
}

/* ---- jobs ---- */

static void
add_job(struct core *c, struct job *j)
{
	idset_put(&c->jobs, j);
	if (c->newest_id == 0)
		c->oldest_id = j->id;
	c->newest_id = j->id;
	c->stats.submitted++;
	tally_job(j);
}

static enum job_reason
first_reason(const struct job *j)
{
	if (job_life(j) != NULL && job_life(j)->parents_left > 0)
		return REASON_parents_wait;
	if (job_held(j))
		return REASON_held;
	return job_due_ns(j) != 0 ? REASON_delayed : REASON_submitted;
}

static void
enter(struct core *c, struct core_time now, struct job *j)
{
	job_enter(c, now, j, wait_left(j) ? JOB_scheduled : JOB_ready, first_reason(j));
	if (job_order(j) != NULL)
		order_enter(j);
	wait_begin(c, j);
}

/* Most jobs are like the one before them in their queue and lane. */
static bool
is_for(const struct flow *f, const struct type *type, struct span tenant, const struct gate *store)
{
	const struct tenant	*t = f == NULL ? NULL : f->seat->of.tenant;

	return f != NULL && f->of.gates[GATE_TYPE] == &type->gate &&
	    f->of.gates[GATE_KEY] == NULL && f->of.gates[GATE_GROUP] == NULL &&
	    f->of.gates[GATE_STORE] == store &&
	    t->name_len == tenant.len && memcmp(t->name, tenant.p, tenant.len) == 0;
}

/* What the job shares with others; made if it is the first of its kind. */
static struct flow *
flow_for(struct core *c, struct queue *q, const struct job_wish *w)
{
	const struct jobspec	*spec = w->spec;
	struct span		 tenant = spec->tenant;
	struct flow_of		 of = {
		.bench = bench_get(c, q, w->type->places[w->lane]),
	};
	struct gate		*store = spec->durability == DURABILITY_COMMIT ? &c->store_gate : NULL;

	if (tenant.len == 0)
		tenant = (struct span){ w->by->principal, strlen(w->by->principal) };
	if (spec->limit_key.len == 0 && w->group == NULL &&
	    is_for(of.bench->recent, w->type, tenant, store))
		return flow_ref(of.bench->recent);
	of.gates[GATE_TYPE] = &w->type->gate;
	of.gates[GATE_STORE] = store;
	of.gates[GATE_TENANT] = &tenant_get(q, tenant)->gate;
	if (spec->limit_key.len > 0)
		of.gates[GATE_KEY] = &limit_key_get(q, spec->limit_key)->gate;
	if (w->group != NULL)
		of.gates[GATE_GROUP] = &w->group->gate;
	return flow_get(c, &of);
}

size_t
core_spec_bytes(const struct jobspec *spec)
{
	return spec->args.len + spec->labels.len + spec->after_len * sizeof(struct job_edge);
}

int64_t
core_job_bytes(const struct job *j)
{
	return job_bytes(j);
}

struct job *
job_build(struct core *c, struct core_time now, struct queue *q, const struct job_wish *w)
{
	const struct jobspec	*spec = w->spec;
	struct job		*j = job_new(c, now, w->id, spec);

	j->lane = w->lane & 7;
	j->by = submitter_ref(w->by);
	j->flow = flow_for(c, q, w);
	if (c->sequence != NULL)
		job_extra_get(j)->order = order_ref(c->sequence);
	else if (spec->order_key.len > 0)
		job_extra_get(j)->order = order_get(c, spec->order_key.p, spec->order_key.len);
	if (spec->on_order_failure == ON_ORDER_FAILURE_BLOCK && c->sequence == NULL)
		job_extra_get(j)->blocks = true;
	return j;
}

int
core_submit(struct core *c, struct core_time now, uint64_t id, const struct jobspec *spec,
    struct type *type, enum lane lane, struct submitter *by, struct job **out)
{
	struct queue	*q = queue_find(c, spec->queue);
	struct group	*group = spec->group.len == 0 ? NULL :
	    core_group_find(c, spec->group.p, spec->group.len);
	struct job	*j;

	assert(id > c->newest_id);
	if (queue_room(c, q, core_spec_bytes(spec)).why != ROOM_ENOUGH)
		return -ENOSPC;
	if (q == NULL)
		q = queue_get(c, spec->queue);
	j = job_build(c, now, q, &(struct job_wish){ .id = id, .spec = spec, .type = type,
	    .lane = lane, .by = by, .group = group });
	depend_enter(c, j, spec);
	if (group != NULL)
		group_join(group, j);
	add_job(c, j);
	j->unstored = j->durable;
	c->recording += j->unstored;
	enter(c, now, j);
	depend_check(c, now, j);
	*out = j;
	return 0;
}

bool
core_inline_ready(const struct core *c, const struct job *j)
{
	(void)c;
	return j->lane == LANE_INLINE && j->state == JOB_ready && order_open(j) &&
	    record_open(j) && !j->away && flow_shut_gate(j->flow) == NULL &&
	    !gate_closed(&job_queue(j)->gate) && !j->alone;
}

void
core_inline_done(struct core *c, struct core_time now, struct job *j, struct outcome *o)
{
	assert(core_inline_ready(c, j));
	ready_remove(c, j);
	core_attempt_done(c, now, attempt_start(c, now, j, c->inliner), ATTEMPT_OK, o);
}

struct job *
core_find(const struct core *c, uint64_t id)
{
	return idset_get(&c->jobs, id);
}

uint64_t
core_newest_id(const struct core *c)
{
	return c->newest_id;
}

uint64_t
core_oldest_id(const struct core *c)
{
	return c->oldest_id;
}

int
core_cancel_because(struct core *c, struct core_time now, struct job *j, enum job_reason why)
{
	if (j->ending)
		return 0;
	if (job_over(j))
		return -EALREADY;
	j->cancel_asked = true;
	if (job_waiting(j))
		job_finish(c, now, j, JOB_cancelled, why, NULL);
	else
		attempt_tell(c, now, job_run(j)->attempt, why);
	return 0;
}

int
core_cancel(struct core *c, struct core_time now, struct job *j)
{
	if (order_blocked(j)) {
		order_unblock(c, j);
		retain_again(c, now, j);
		record_ask(c, j, RECORD_CHANGE);
		return 0;
	}
	return core_cancel_because(c, now, j, REASON_cancel_asked);
}

/* ---- effects ---- */

static bool
take_tell(struct core *c, struct effect *out)
{
	struct list	*node = list_pop(&c->tells);

	if (node == NULL)
		return false;
	*out = (struct effect){ .kind = EFFECT_TELL,
	    .attempt = list_entry(node, struct attempt, tell) };
	return true;
}

static bool
take_kill(struct core *c, struct effect *out)
{
	struct list	*node = list_pop(&c->kills);

	if (node == NULL)
		return false;
	*out = (struct effect){ .kind = EFFECT_KILL,
	    .worker = list_entry(node, struct worker, effect)->number };
	return true;
}

static bool
take_idle(struct core *c, struct effect *out)
{
	struct list	*node = list_pop(&c->idles);
	struct worker	*w;

	if (node == NULL)
		return false;
	w = list_entry(node, struct worker, effect);
	*out = (struct effect){ .kind = EFFECT_WORKER_IDLE, .worker = w->number };
	if (list_empty(&w->attempts))
		worker_free(c, w);
	return true;
}

static bool
take_less(struct core *c, struct effect *out)
{
	struct list	*node = list_pop(&c->less);

	if (node == NULL)
		return false;
	*out = (struct effect){ .kind = EFFECT_QUEUE,
	    .queue = list_entry(node, struct queue, effect) };
	return true;
}

static bool
take_finished(struct core *c, struct core_time now, struct effect *out)
{
	struct job	*j;

	if (list_empty(&c->finished))
		return false;
	j = list_entry(c->finished.next, struct job, link);
	if (!depend_told(c, now, j))
		return false;
	list_remove(&j->link);
	*out = (struct effect){ .kind = EFFECT_FINISHED, .job = j };
	retain_add(c, now, j);
	if (job_member(j) != NULL)
		group_job_told(c, now, j);
	if (job_run(j)->forget_asked)
		core_forget(c, now, j);
	return true;
}

static bool
take_forgotten(struct core *c, struct core_time now, struct effect *out)
{
	struct list	*node = list_pop(&c->forgets);
	struct job	*j;

	if (node != NULL)
		j = list_entry(node, struct job, link);
	else if ((j = retain_oldest_due(c, now)) != NULL)
		retain_drop(c, j);
	else
		return false;
	c->doomed = j;
	*out = (struct effect){ .kind = EFFECT_FORGOTTEN, .job = j };
	return true;
}

static bool
take_start(struct core *c, struct core_time now, struct effect *out)
{
	struct attempt	*at = alone_start(c, now);
	struct job	*j;

	if (at == NULL && (j = place_alone(c, now)) != NULL) {
		*out = (struct effect){ .kind = EFFECT_START_ALONE, .job = j };
		return true;
	}
	if (at == NULL)
		at = place_start(c, now);
	*out = (struct effect){ .kind = EFFECT_START, .attempt = at };
	return at != NULL;
}

static bool
take_for_store(struct core *c, struct effect *out)
{
	return (!list_empty(&c->records) && record_take(c, out)) ||
	    (!list_empty(&c->loads) && load_take(c, out));
}

bool
core_next_effect(struct core *c, struct core_time now, struct effect *out)
{
	if (c->doomed != NULL)
		job_free(c, c->doomed);
	c->doomed = NULL;
	groups_bury(c);
	groups_run(c, now);
	return take_tell(c, out) || take_kill(c, out) || take_for_store(c, out) ||
	    take_finished(c, now, out) ||
	    groups_take(c, now, out) || take_forgotten(c, now, out) || take_start(c, now, out) ||
	    take_for_store(c, out) ||
	    take_finished(c, now, out) ||	/* what was next may have expired */
	    take_idle(c, out) || take_less(c, out);
}

/* ---- to look at ---- */

void
core_stats(const struct core *c, struct core_stats *out)
{
	*out = c->stats;
	out->kept_bytes = (uint64_t)(c->kept[0].bytes + c->kept[1].bytes);
	out->unique_keys = c->uniques.len;
}

/* Could a ready job behind an order key run once what is stuck there has ended? */
static bool
stuck_holds_up(const struct core *c)
{
	const struct order	*o;

	for (size_t at = 0; (o = namemap_next(&c->orders, &at)) != NULL; ) {
		const struct job	*next = o->holder;

		if (o->stuck_id == 0)
			continue;
		if (next == NULL && !list_empty(&o->behind))
			next = list_entry(o->behind.next, struct job, link);
		if (next != NULL && next->state == JOB_ready)
			return true;
	}
	return false;
}

bool
core_drained(const struct core *c)
{
	uint64_t	could_run = c->in_line + c->loading;

	if (c->store_gate.paused)
		could_run = c->in_line - c->durable_in_line;
	if (c->stats.states[JOB_running] + could_run + c->recording > 0 ||
	    !list_empty(&c->finished) || !list_empty(&c->records))
		return false;
	for (int i = 0; i < CORE_ALONE_MAX; i++)
		if (c->alone[i].job != NULL)
			return false;
	return c->stats.stuck == 0 || !stuck_holds_up(c);
}

bool
core_idle(const struct core *c)
{
	return c->waiting == 0 && c->stats.states[JOB_running] == 0;
}
