/* queue.c - queues by name: made at first use, gone when nothing refers to them.
 * Runs in: broker, loop thread. */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct weight {
	uint32_t	weight, name_len;
	char		name[];
};

struct queue *
queue_find(const struct core *c, struct span name)
{
	return namemap_get(&c->queues, name.p, name.len);
}

struct queue *
queue_get(struct core *c, struct span name)
{
	struct queue	*q = queue_find(c, name);

	if (q != NULL)
		return q;
	q = mem_zalloc(1, sizeof(*q));
	gate_init(&q->gate, GATE_QUEUE);
	list_init(&q->benches);
	list_init(&q->watched);
	list_init(&q->effect);
	q->name = mem_strndup(name.p, name.len);
	q->name_len = (uint32_t)name.len;
	namemap_put(&c->queues, q->name, name.len, q);
	return q;
}

void
queue_free(struct core *c, struct queue *q)
{
	struct weight	*w;

	gate_fini(c, &q->gate);
	list_for_safe(node, after, &q->benches)
		bench_free(c, list_entry(node, struct bench, link));
	for (size_t at = 0; (w = namemap_next(&q->weights, &at)) != NULL; )
		free(w);
	namemap_free(&q->tenants);
	namemap_free(&q->keys);
	namemap_free(&q->weights);
	list_remove(&q->watched);
	list_remove(&q->effect);
	free(q->name);
	free(q);
}

void
queue_settle(struct core *c, struct queue *q)
{
	if (q->refs > 0 || q->configured || q->watches > 0)
		return;
	namemap_del(&c->queues, q->name, q->name_len);
	queue_free(c, q);
}

/* ---- settings ---- */

/* After a setting: a queue with none but the usual ones stays only as long as it is used. */
static void
settle(struct core *c, struct queue *q)
{
	const struct gate	*g = &q->gate;

	q->configured = g->max_running > 0 || g->rate.rate_milli > 0 || g->paused ||
	    q->tenant_running > 0 || q->key_running > 0 || q->max_jobs > 0 || q->max_bytes > 0 ||
	    q->draining || q->weights.len > 0 || q->retry.said != 0;
	queue_settle(c, q);
}

static struct queue_settings
settings_of(const struct queue *q)
{
	return (struct queue_settings){
		.max_running = q->gate.max_running, .max_running_per_tenant = q->tenant_running,
		.max_running_per_key = q->key_running, .rate = q->gate.rate,
		.max_jobs = q->max_jobs, .max_bytes = q->max_bytes,
	};
}

struct queue_settings
core_queue_settings(const struct core *c, struct span name)
{
	const struct queue	*q = queue_find(c, name);

	return q == NULL ? (struct queue_settings){ 0 } : settings_of(q);
}

static void
limit_tenants(struct core *c, struct queue *q, uint32_t max_running)
{
	struct tenant	*t;

	q->tenant_running = max_running;
	for (size_t at = 0; (t = namemap_next(&q->tenants, &at)) != NULL; )
		gate_limit(c, &t->gate, max_running);
}

static void
limit_keys(struct core *c, struct queue *q, uint32_t max_running)
{
	struct limit_key	*k;

	q->key_running = max_running;
	for (size_t at = 0; (k = namemap_next(&q->keys, &at)) != NULL; )
		gate_limit(c, &k->gate, max_running);
}

void
core_queue_set(struct core *c, struct core_time now, struct span name,
    const struct queue_settings *s)
{
	struct queue	*q = queue_get(c, name);

	gate_limit(c, &q->gate, s->max_running);
	gate_rate(c, now.mono_ns, &q->gate, s->rate);
	if (s->max_running_per_tenant != q->tenant_running)
		limit_tenants(c, q, s->max_running_per_tenant);
	if (s->max_running_per_key != q->key_running)
		limit_keys(c, q, s->max_running_per_key);
	q->max_jobs = s->max_jobs;
	q->max_bytes = s->max_bytes;
	queue_less(c, q);
	settle(c, q);
}

uint32_t
queue_weight(const struct queue *q, struct span tenant)
{
	const struct weight	*w = namemap_get(&q->weights, tenant.p, tenant.len);

	return w == NULL ? 1 : w->weight;
}

static void
keep_weight(struct queue *q, struct span tenant, uint32_t weight)
{
	struct weight	*w = namemap_del(&q->weights, tenant.p, tenant.len);

	free(w);
	if (weight == 1)
		return;
	w = mem_alloc(sizeof(*w) + tenant.len);
	w->weight = weight;
	w->name_len = (uint32_t)tenant.len;
	memcpy(w->name, tenant.p, tenant.len);
	namemap_put(&q->weights, w->name, tenant.len, w);
}

void
core_queue_weight(struct core *c, struct span name, struct span tenant, uint32_t weight)
{
	struct queue	*q = queue_get(c, name);
	struct tenant	*t = namemap_get(&q->tenants, tenant.p, tenant.len);

	keep_weight(q, tenant, weight);
	if (t != NULL)
		tenant_set_weight(t, weight);
	settle(c, q);
}

void
core_queue_pause(struct core *c, struct span name, bool paused)
{
	struct queue	*q = queue_get(c, name);

	gate_pause(c, &q->gate, paused);
	settle(c, q);
}

void
core_queue_drain(struct core *c, struct span name, bool draining)
{
	struct queue	*q = queue_get(c, name);

	q->draining = draining;
	queue_less(c, q);
	settle(c, q);
}

void
core_queue_retry(struct core *c, const char *name, const struct retry_policy *p)
{
	struct queue	*q = queue_get(c, (struct span){ name, strlen(name) });

	q->retry = *p;
	settle(c, q);
}

/* ---- room ---- */

static struct room_view
room_of(const struct queue *q, int64_t bytes)
{
	int64_t	jobs = (int64_t)(q->states[JOB_scheduled] + q->states[JOB_ready]);

	if (q->draining)
		return (struct room_view){ .why = ROOM_DRAINING };
	if (q->max_jobs > 0 && jobs >= q->max_jobs)
		return (struct room_view){ ROOM_QUEUE_JOBS, jobs, q->max_jobs };
	if (q->max_bytes > 0 && (int64_t)q->waiting_bytes + bytes > q->max_bytes)
		return (struct room_view){ ROOM_QUEUE_BYTES, (int64_t)q->waiting_bytes,
		    q->max_bytes };
	return (struct room_view){ .why = ROOM_ENOUGH };
}

struct room_view
queue_room(const struct core *c, const struct queue *q, size_t bytes)
{
	int64_t			 all = (int64_t)(JOB_BYTES + bytes);
	struct room_view	 view = { .why = ROOM_ENOUGH };

	if (q != NULL)
		view = room_of(q, all);
	if (view.why != ROOM_ENOUGH)
		return view;
	if ((int64_t)c->waiting >= c->cfg.max_waiting)
		return (struct room_view){ ROOM_JOBS, (int64_t)c->waiting, c->cfg.max_waiting };
	if ((int64_t)c->stats.waiting_bytes + all > c->cfg.max_waiting_bytes)
		return (struct room_view){ ROOM_BYTES, (int64_t)c->stats.waiting_bytes,
		    c->cfg.max_waiting_bytes };
	return view;
}

struct room_view
core_room(const struct core *c, struct span queue, size_t bytes)
{
	return queue_room(c, queue_find(c, queue), bytes);
}

static bool
is_empty(const struct queue *q)
{
	return q->states[JOB_scheduled] + q->states[JOB_ready] + q->states[JOB_running] == 0;
}

bool
core_queue_empty(const struct core *c, struct span name)
{
	const struct queue	*q = queue_find(c, name);

	return q == NULL || is_empty(q);
}

struct queue *
core_queue_watch(struct core *c, struct span name)
{
	struct queue	*q = queue_get(c, name);

	if (q->watches++ == 0)
		list_push_back(&c->watched, &q->watched);
	return q;
}

void
core_queue_unwatch(struct core *c, struct queue *q)
{
	if (--q->watches > 0)
		return;
	list_remove(&q->watched);
	list_remove(&q->effect);
	queue_settle(c, q);
}

static void
tell_less(struct core *c, struct queue *q)
{
	if (q->watches > 0 && !list_linked(&q->effect))
		list_push_back(&c->less, &q->effect);
}

void
queue_less(struct core *c, struct queue *q)
{
	tell_less(c, q);
	if (!c->room_wanted)
		return;
	c->room_wanted = false;
	list_for(node, &c->watched)
		tell_less(c, list_entry(node, struct queue, watched));
}

void
core_want_room(struct core *c)
{
	c->room_wanted = true;
}

/* ---- purge ---- */

bool
core_queue_purge(struct core *c, struct core_time now, struct span name, uint64_t last,
    uint64_t *at, uint64_t *purged)
{
	uint64_t	id = *at < c->oldest_id ? c->oldest_id : *at;

	for (int i = 0; i < PURGE_STEP && id <= last; i++, id++) {
		struct job		*j = idset_get(&c->jobs, id);
		const struct queue	*q = j == NULL || !job_waiting(j) || job_over(j) ? NULL : job_queue(j);

		if (q == NULL || q->name_len != name.len || memcmp(q->name, name.p, name.len) != 0)
			continue;
		job_finish(c, now, j, JOB_cancelled, REASON_purged, NULL);
		++*purged;
	}
	*at = id;
	return id <= last;
}

/* ---- to look at ---- */

const char *
core_job_queue(const struct job *j)
{
	return job_queue(j)->name;
}

const char *
core_job_tenant(const struct job *j)
{
	return j->flow->seat->of.tenant->name;
}

const char *
core_job_limit_key(const struct job *j)
{
	const struct gate	*g = j->flow->of.gates[GATE_KEY];

	return g == NULL ? "" : list_entry(g, struct limit_key, gate)->key;
}

struct span
core_queue_name(const struct queue *q)
{
	return (struct span){ q->name, q->name_len };
}

uint32_t
core_queue_weight_next(const struct queue *q, size_t *at, struct span *tenant)
{
	const struct weight	*w = namemap_next(&q->weights, at);

	if (w == NULL)
		return 0;
	*tenant = (struct span){ w->name, w->name_len };
	return w->weight;
}

static struct queue_view
view_of(const struct queue *q)
{
	return (struct queue_view){
		.name = q->name, .scheduled = q->states[JOB_scheduled],
		.ready = q->states[JOB_ready], .running = q->states[JOB_running],
		.waiting_bytes = q->waiting_bytes, .tenants = q->tenants.len,
		.set = settings_of(q), .paused = q->gate.paused, .draining = q->draining,
		.queue = q,
	};
}

bool
core_queue_view(const struct core *c, struct span name, struct queue_view *out)
{
	const struct queue	*q = queue_find(c, name);

	*out = q == NULL ? (struct queue_view){ 0 } : view_of(q);
	return q != NULL;
}

bool
core_queue_next(const struct core *c, size_t *at, struct queue_view *out)
{
	const struct queue	*q = namemap_next(&c->queues, at);

	if (q == NULL)
		return false;
	*out = view_of(q);
	return true;
}
