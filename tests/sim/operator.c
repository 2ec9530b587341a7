/* operator.c - limits, rates, pauses, drains and purges, at random.  Runs in: the simulation. */
#include <string.h>

#include "tests/sim/world.h"

static struct rate
random_rate(struct world *w)
{
	struct chance	*r = &w->chance;

	if (once_in(r, 2))
		return (struct rate){ 0, 0 };
	return (struct rate){ (uint32_t)(1 + below(r, once_in(r, 2) ? 3000 : 50000)),
	    (uint32_t)below(r, 5) };
}

static void
limit_type(struct world *w, int t)
{
	struct rate	rate = random_rate(w);

	w->m.type_limit[t] = (uint32_t)below(&w->chance, 4);
	core_type_limit(w->c, w->m.now, world_types[t], w->m.type_limit[t], rate);
	model_rate_set(&w->m.type_rate[t], rate);
	trace(w, "type %d limit %u rate %u burst %u", t, w->m.type_limit[t], rate.rate_milli,
	    rate.burst);
}

static void
set_queue_again(struct world *w, int n)
{
	struct model_queue	*q = &w->m.queues[n];
	struct queue_settings	 s = {
		.max_running = q->limit, .max_running_per_tenant = q->tenant_limit,
		.max_running_per_key = q->key_limit, .max_jobs = q->max_jobs,
		.max_bytes = q->max_bytes, .rate = { q->rate.milli, q->rate.burst },
	};

	core_queue_set(w->c, w->m.now, world_queue(n), &s);
	core_queue_pause(w->c, world_queue(n), q->paused);
	core_queue_drain(w->c, world_queue(n), q->draining);
	for (int t = 0; t < MODEL_TENANTS; t++)
		if (q->weights[t] != 1)
			core_queue_weight(w->c, world_queue(n),
			    (struct span){ world_tenants[t], strlen(world_tenants[t]) },
			    q->weights[t]);
	q->rate.len = 0;
	q->rate.next_ns = INT64_MIN;
}

static void
limit_queue(struct world *w, int n)
{
	struct chance		*r = &w->chance;
	struct model_queue	*q = &w->m.queues[n];
	struct queue_settings	 s = {
		.max_running = (uint32_t)below(r, 4),
		.max_running_per_tenant = once_in(r, 2) ? 0 : (uint32_t)below(r, 3),
		.max_running_per_key = once_in(r, 2) ? 0 : (uint32_t)below(r, 3),
		.rate = random_rate(w),
		.max_jobs = once_in(r, 4) ? 1 + below(r, 8) : 0,
		.max_bytes = once_in(r, 6) ? 1000 : 0,
	};

	core_queue_set(w->c, w->m.now, world_queue(n), &s);
	q->limit = s.max_running;
	q->tenant_limit = s.max_running_per_tenant;
	q->key_limit = s.max_running_per_key;
	q->max_jobs = s.max_jobs;
	q->max_bytes = s.max_bytes;
	model_rate_set(&q->rate, s.rate);
	trace(w, "queue %d limit %u per tenant %u per key %u rate %u burst %u jobs %lld", n,
	    s.max_running, s.max_running_per_tenant, s.max_running_per_key, s.rate.rate_milli,
	    s.rate.burst, (long long)s.max_jobs);
}

/* Rates begin anew. */
void
set_again(struct world *w)
{
	for (int t = 0; t < MODEL_TYPES; t++) {
		struct model_rate	*r = &w->m.type_rate[t];

		core_type_limit(w->c, w->m.now, world_types[t], w->m.type_limit[t],
		    (struct rate){ r->milli, r->burst });
		r->len = 0;
		r->next_ns = INT64_MIN;
	}
	for (int n = 0; n < MODEL_QUEUES; n++)
		set_queue_again(w, n);
}

void
random_limits(struct world *w)
{
	if (once_in(&w->chance, 2))
		limit_type(w, below(&w->chance, w->types));
	else
		limit_queue(w, below(&w->chance, w->queues));
}

static void
set_weight(struct world *w, int n)
{
	int		t = below(&w->chance, w->tenants);
	uint32_t	weight = 1 + (uint32_t)below(&w->chance, 4);

	core_queue_weight(w->c, world_queue(n),
	    (struct span){ world_tenants[t], strlen(world_tenants[t]) }, weight);
	w->m.queues[n].weights[t] = weight;
	for_jobs(&w->m, j)		/* a turn that was begun goes on as it was */
		memset(j->passed, 0, sizeof(j->passed));
	trace(w, "queue %d tenant %d weight %u", n, t, weight);
}

static void
hold_up(struct world *w, int n, bool paused, bool draining)
{
	struct model_queue	*q = &w->m.queues[n];

	core_queue_pause(w->c, world_queue(n), paused);
	core_queue_drain(w->c, world_queue(n), draining);
	q->paused = paused;
	q->draining = draining;
	trace(w, "queue %d paused %d draining %d", n, paused, draining);
}

static void
purge(struct world *w, int n)
{
	uint64_t	at = 0, purged = 0;
	int64_t		waited = 0;

	for_jobs(&w->m, j)
		waited += j->queue == n && model_waiting(j) && !model_over(j);
	while (core_queue_purge(w->c, w->m.now, world_queue(n), core_newest_id(w->c), &at, &purged))
		;
	model_purge(&w->m, n);
	trace(w, "queue %d purged of %lld", n, (long long)waited);
	if ((int64_t)purged != waited)
		model_violation(&w->m, "%llu were purged, of %lld", (unsigned long long)purged,
		    (long long)waited);
}

/* ---- watching ---- */

static int64_t
held(struct world *w, int n)
{
	int64_t	count = 0;

	for_jobs(&w->m, j)
		count += j->queue == n && !model_finished(j);
	return count;
}

static void
watch(struct world *w, int n)
{
	if (w->watched[n] == NULL) {
		w->watched[n] = core_queue_watch(w->c, world_queue(n));
		w->held[n] = held(w, n);
		w->told[n] = false;
	} else {
		core_queue_unwatch(w->c, w->watched[n]);
		w->watched[n] = NULL;
	}
}

void
on_queue(struct world *w, const struct queue *q)
{
	int	n = 0;

	while (n < MODEL_QUEUES && w->watched[n] != q)
		n++;
	if (n == MODEL_QUEUES)
		model_violation(&w->m, "nobody watches this queue");
	w->told[n] = true;
}

void
check_watches(struct world *w)
{
	for (int n = 0; n < MODEL_QUEUES; n++) {
		if (w->watched[n] == NULL)
			continue;
		if (held(w, n) < w->held[n] && !w->told[n])
			model_violation(&w->m, "queue %d holds less, and nobody was told", n);
		if (core_queue_empty(w->c, world_queue(n)) != (held(w, n) == 0))
			model_violation(&w->m, "is queue %d empty?", n);
		w->held[n] = held(w, n);
		w->told[n] = false;
	}
}

/* ---- one of all that ---- */

void
do_operate(struct world *w)
{
	int	n = below(&w->chance, w->queues);

	switch (below(&w->chance, 8)) {
	case 0:
		purge(w, n);
		break;
	case 1:
		hold_up(w, n, once_in(&w->chance, 2), once_in(&w->chance, 3));
		break;
	case 2:
		set_weight(w, n);
		break;
	case 3:
		watch(w, n);
		break;
	default:
		random_limits(w);
	}
}

void
resume_all(struct world *w)
{
	for (int n = 0; n < MODEL_QUEUES; n++)
		hold_up(w, n, false, false);
}
