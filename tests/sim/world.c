/* world.c - one seed: what happens when, and what core wants done.  Runs in: the simulation. */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define ENDS_WITHIN	20000	/* steps in which everything accepted must have ended */

const char *const	world_queues[MODEL_QUEUES] = { "default", "mail", "thumbs", "a", "b" };
const char *const	world_types[MODEL_TYPES] = { "echo", "sleep", "digest", "copy", "burn",
    "convert", "resize" };
static const char *const world_pools[MODEL_POOLS] = { "", "plugin", "exec", "pool:python" };

void
trace(const struct world *w, const char *fmt, ...)
{
	va_list	ap;

	if (!w->trace)
		return;
	printf("%12lld ", (long long)w->m.now.mono_ns);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Every event has a time of its own below the microsecond, so no two deadlines are the same. */
static void
advance(struct world *w, int64_t ns)
{
	int64_t	next = w->m.now.mono_ns + ns;

	w->events++;
	next = next - next % MS + (int64_t)(w->events % (uint64_t)MS);
	if (next <= w->m.now.mono_ns)
		next += MS;
	w->m.now.real_ms += (next - w->m.now.mono_ns) / MS;
	w->m.now.mono_ns = next;
}

static void
tick(struct world *w)
{
	core_tick(w->c, w->m.now);
	model_tick(&w->m);
	judge_same(&w->m, w->c);
}

/* ---- making one ---- */

static void
random_config(struct world *w)
{
	struct chance	*r = &w->chance;

	w->m.cfg = (struct core_config){
		.keep_finished_ms = once_in(r, 4) ? 0 : below(r, 20000),
		.keep_finished = below(r, 30), .keep_finished_bytes = once_in(r, 3) ? 200 : 1 << 20,
		.keep_failed_ms = below(r, 60000),
		.max_waiting = once_in(r, 6) ? 1 + below(r, 12) : 100000,
		.max_waiting_bytes = once_in(r, 8) ? 3000 : 1 << 30,
		.grace_ms = once_in(r, 5) ? 0 : below(r, 2000), .fence_base = UINT64_C(1) << 32,
		.sequential = once_in(r, 20),
	};
}

struct span
world_queue(int queue)
{
	return (struct span){ world_queues[queue], strlen(world_queues[queue]) };
}

/* What waits in line follows in the ticks that core asks for, and here it never needs two. */
static void
do_move(struct world *w)
{
	struct chance	*r = &w->chance;
	int		 t = below(r, w->types);
	enum lane	 from = (enum lane)below(r, LANES), to = (enum lane)below(r, LANES);

	core_type_move(w->c, w->m.types[t], from, to);
	model_move(&w->m, t, from, to);
	trace(w, "type %d moves from lane %d to %d", t, (int)from, (int)to);
	tick(w);
}

static void
random_policies(struct world *w)
{
	for (int t = 0; t < MODEL_TYPES; t++)
		w->m.type_retry[t] = random_retry(w, 4);
	for (int q = 0; q < MODEL_QUEUES; q++)
		w->m.queue_retry[q] = random_retry(w, 4);
}

void
world_set_policies(struct world *w)
{
	for (int t = 0; t < MODEL_TYPES; t++) {
		struct retry_policy	p = real_retry(&w->m.type_retry[t]);

		core_type_retry(w->c, world_types[t], &p);
	}
	for (int q = 0; q < MODEL_QUEUES; q++) {
		struct retry_policy	p = real_retry(&w->m.queue_retry[q]);

		core_queue_retry(w->c, world_queues[q], &p);
	}
}

static void
define_type(struct world *w, int t)
{
	struct type	declared = { .name = (char *)(size_t)world_types[t],
	    .pool = (uint32_t)w->m.type_pool[t], .grace_ms = w->m.type_grace_ms[t] };

	w->m.types[t] = core_type_define(w->c, &declared);
}

void
world_define_types(struct world *w)
{
	for (int pool = 0; pool < MODEL_POOLS; pool++)
		if (core_pool_get(w->c, (struct span){ world_pools[pool],
		    strlen(world_pools[pool]) }) != (uint32_t)pool)
			model_violation(&w->m, "pool %d has another number", pool);
	for (int t = 0; t < MODEL_TYPES; t++)
		define_type(w, t);
	core_budgets(w->c, w->m.slots[MODEL_CPU_SLOT], w->m.slots[MODEL_WAITING_SLOT]);
}

/* What waits in line follows in the ticks that core asks for. */
static void
do_repool(struct world *w)
{
	int	t = below(&w->chance, w->types);

	model_repool(&w->m, t, below(&w->chance, MODEL_POOLS));
	trace(w, "type %d goes to pool %d", t, w->m.type_pool[t]);
	define_type(w, t);
	tick(w);
}

/* How much of it goes to disk, and what becomes of that. */
static void
random_disk(struct world *w)
{
	struct chance	*r = &w->chance;

	w->durable_in = once_in(r, 4) ? 0 : once_in(r, 3) ? 1 + below(r, 4) : 1;
	if (w->durable_in == 0)
		return;
	w->crash_in = once_in(r, 3) ? 0 : 5 + below(r, 100);
	w->full_in = once_in(r, 3) ? 10 + below(r, 60) : 0;
}

/* Which types are whose, and how much they share. */
static void
random_pools(struct world *w)
{
	static const int	pools[MODEL_TYPES] = { 0, 0, 0, 0, MODEL_PLUGINS, MODEL_EXEC,
	    MODEL_LANGUAGE };
	struct chance		*r = &w->chance;
	bool			 mixed = once_in(r, 2);

	for (int t = 0; t < MODEL_TYPES; t++) {
		w->m.type_pool[t] = mixed ? below(r, MODEL_POOLS) : pools[t];
		w->m.type_grace_ms[t] = once_in(r, 3) ? 1 + below(r, 3000) : 0;
	}
	if (!once_in(r, 3))
		w->m.slots[MODEL_CPU_SLOT] = 1 + (uint32_t)below(r, 4);
	if (!once_in(r, 3))
		w->m.slots[MODEL_WAITING_SLOT] = 1 + (uint32_t)below(r, 3);
}

static struct world *
world_new(uint64_t seed, bool traced)
{
	struct world	*w = mem_zalloc(1, sizeof(*w));
	struct chance	*r = &w->chance;

	r->state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	w->trace = traced;
	w->nobody_named = seed % 3 == 0;
	sim_store_init(&w->store);
	w->m.now = (struct core_time){ .mono_ns = 1000 * MS, .real_ms = INT64_C(1700000000000) };
	random_config(w);
	w->m.retry = random_retry(w, 0);
	w->m.cfg.retry = real_retry(&w->m.retry);
	w->m.cfg.seed = seed;
	random_pools(w);
	w->c = core_new(&w->m.cfg);
	w->m.core = w->c;
	w->by = submitter_new("uid:0", "sim", "unix");
	world_define_types(w);
	random_policies(w);
	world_set_policies(w);
	w->queues = 1 + below(r, MODEL_QUEUES);
	w->types = 1 + below(r, MODEL_TYPES);
	w->keys = below(r, MODEL_KEYS + 1);
	w->tenants = once_in(r, 3) ? 1 : 1 + below(r, MODEL_TENANTS);
	w->limits = once_in(r, 2) ? 0 : below(r, MODEL_LIMITS + 1);
	w->uniques = once_in(r, 2) ? 0 : below(r, MODEL_UNIQUES + 1);
	for (int q = 0; q < MODEL_QUEUES; q++)
		for (int t = 0; t < MODEL_TENANTS; t++)
			w->m.queues[q].weights[t] = 1;
	w->poison_in = once_in(r, 3) ? 12 : 0;
	w->refuse_in = once_in(r, 2) ? 20 : 0;
	w->random_deaths = once_in(r, 2);
	w->all_lanes = !once_in(r, 3);
	w->lane = (enum lane)below(r, LANES);
	w->quick = once_in(r, 2);
	w->failing = once_in(r, 3);
	w->grouped = once_in(r, 2);
	w->jumpy = once_in(r, 3);
	random_disk(w);
	for (int t = 0; t < MODEL_TYPES && w->quick; t++) {
		/* as if it was measured before */
		w->m.types[t]->samples = (uint64_t)below(r, 40);
		w->m.types[t]->mean_ns = 40000;
	}
	for (int i = below(r, 8); i > 0; i--)
		random_limits(w);
	return w;
}

static void
world_free(struct world *w)
{
	core_free(w->c);
	submitter_unref(w->by);
	sim_store_fini(&w->store);
	promises_free(&w->promises);
	free(w);
}

/* ---- effects ---- */

static void
on_start(struct world *w, struct attempt *real)
{
	struct model_attempt	*at = model_start(&w->m, real);

	promise_started(&w->promises, &w->m, &w->store, real);
	if (at->worker < 0) {
		end_attempt(w, at, ATTEMPT_OK);
	} else if (w->refuse_in > 0 && once_in(&w->chance, w->refuse_in)) {
		trace(w, "worker %d has no room for %llu", at->worker,
		    (unsigned long long)at->job->id);
		core_attempt_refused(w->c, w->m.now, real);
		model_refused(&w->m, at);
	}
}

static void
on_start_alone(struct world *w, const struct job *real)
{
	int	i = 0;

	model_start_alone(&w->m, real);
	while (i < MODEL_ALONE && w->alone_asked[i] != 0)
		i++;
	if (i == MODEL_ALONE)
		model_violation(&w->m, "more workers alone than may be");
	w->alone_asked[i] = real->id;
}

static void
on_effect(struct world *w, const struct effect *e)
{
	static const char *const	names[] = { "none", "start", "tell", "kill", "finished",
	    "forgotten", "start alone", "idle", "group reduce", "group finished",
	    "group forgotten", "queue", "load", "record" };

	trace(w, "  effect %s job %llu worker %u", names[e->kind], e->job != NULL ?
	    (unsigned long long)e->job->id : e->attempt != NULL ?
	    (unsigned long long)e->attempt->job_id : 0,
	    e->attempt != NULL ? e->attempt->worker : e->worker);
	switch (e->kind) {
	case EFFECT_START:	 on_start(w, e->attempt); break;
	case EFFECT_TELL:	 model_tell(&w->m, e->attempt); break;
	case EFFECT_FINISHED:
		promise_told(&w->promises, &w->m, &w->store, e->job);
		model_announce(&w->m, e->job);
		break;
	case EFFECT_RECORD:	 on_record(w, e->job, e->record); break;
	case EFFECT_FORGOTTEN:
		write_forgotten(w, e->job);
		model_forget(&w->m, e->job);
		break;
	case EFFECT_START_ALONE: on_start_alone(w, e->job); break;
	case EFFECT_KILL:
		model_kill(&w->m, (int)e->worker);
		w->doomed[e->worker] = true;
		break;
	case EFFECT_WORKER_IDLE:
		model_idle(&w->m, (int)e->worker);
		/* only stuck attempts are left */
		w->doomed[e->worker] = worker(w, (int)e->worker)->up;
		break;
	case EFFECT_QUEUE:	 on_queue(w, e->queue); break;
	case EFFECT_GROUP_REDUCE: model_group_reduce(&w->m, e->group); break;
	case EFFECT_GROUP_FINISHED: model_group_told(&w->m, e->group); break;
	case EFFECT_GROUP_FORGOTTEN: model_group_forgotten(&w->m, e->group); break;
	case EFFECT_LOAD:	/* nothing is away here */
	case EFFECT_NONE:
		model_violation(&w->m, "an effect that is none");
	}
}

static bool
crashes(struct world *w, int often)
{
	uint32_t	boot = w->store.boot;

	maybe_crash(w, often);
	return w->store.boot != boot;
}

/* Takes all effects; false: some are left, and more happens before they are taken. */
static bool
settle(struct world *w)
{
	struct effect	e;

	while (model_groups_run(&w->m), core_next_effect(w->c, w->m.now, &e)) {
		model_learn_marks(&w->m, w->c);
		on_effect(w, &e);
		judge_same(&w->m, w->c);
		if (crashes(w, 4) || once_in(&w->chance, 50))
			return false;
	}
	judge_quiet(&w->m, w->c);
	check_watches(w);
	for (int i = 0; i < 3; i++) {
		const struct model_job	*j = random_known_job(w);

		if (j != NULL)
			judge_explain(&w->m, w->c, j);
	}
	return true;
}

/* ---- a seed ---- */

static void
pass_time(struct world *w)
{
	struct chance	*r = &w->chance;
	int64_t		 next;

	switch (below(r, 4)) {
	case 0:
		advance(w, below(r, 2000) * MS);
		break;
	case 1:			/* exactly when core wants it */
		next = core_next_ns(w->c);
		if (next < NEVER && next > w->m.now.mono_ns) {
			w->m.now.real_ms += (next - w->m.now.mono_ns) / MS;
			w->m.now.mono_ns = next;
		}
		break;
	default:
		advance(w, below(r, 20) * MS);
	}
	tick(w);
}

/* The wall clock is set, by hours and to either side.  The scheduler's own goes on. */
static void
jump(struct world *w)
{
	w->m.now.real_ms += (below(&w->chance, 48 * 3600) - 24 * 3600) * INT64_C(1000);
	trace(w, "the wall clock is set to %lld", (long long)w->m.now.real_ms);
}

static void
step(struct world *w)
{
	int	dice = below(&w->chance, 100);

	do_store(w);
	if (dice < 36)
		do_submit(w);
	else if (dice < 72)
		do_end(w);
	else if (dice < 84)
		pass_time(w);
	else if (dice < 89)
		do_cancel(w);
	else if (dice < 93)
		do_worker_up(w);
	else if (dice < 95)
		do_retire(w);
	else if (dice < 97)
		do_death(w);
	else if (once_in(&w->chance, 4))
		do_move(w);
	else if (once_in(&w->chance, 6))
		do_repool(w);
	else
		do_operate(w);
	if (w->grouped && once_in(&w->chance, 6))
		do_group(w);
	do_reduce(w);
	if (once_in(&w->chance, 5))
		do_life(w);
	if (once_in(&w->chance, 5))
		do_relane(w);
	if (once_in(&w->chance, 10))
		do_lose(w);
	if (once_in(&w->chance, 5))
		do_credit(w);
	do_store(w);
	crashes(w, 1);
	if (w->jumpy && once_in(&w->chance, 30))
		jump(w);
	do_dooms(w);
	do_alone(w);
	judge_same(&w->m, w->c);
	advance(w, w->quick ? 0 : MS);
	tick(w);
	if (!once_in(&w->chance, 4))	/* sometimes more happens before the effects are taken */
		settle(w);
}

/* Says what the first job waits for that should have ended. */
static void
does_not_end(struct world *w)
{
	struct buf	out = { 0 };

	for (int i = w->m.jobs_first; i < w->m.jobs_len; i++) {
		if (model_finished(&w->m.jobs[i]))
			continue;
		core_explain(w->c, w->m.now, core_find(w->c, w->m.jobs[i].id), NULL, &out);
		model_violation(&w->m, "job %llu does not end: %s",
		    (unsigned long long)w->m.jobs[i].id, buf_take_string(&out));
	}
	model_violation(&w->m, "what was accepted does not end");
}

/* No more submits: whatever was accepted ends. */
static void
run_out(struct world *w)
{
	resume_all(w);
	close_groups(w);
	uncount_credit(w);
	w->crash_in = w->full_in = 0;
	w->store.full = false;
	for (unsigned i = 0; !core_idle(w->c) || groups_left(w); i++) {
		if (i == ENDS_WITHIN)
			does_not_end(w);
		do_let_go(w);
		do_store(w);
		do_worker_up(w);
		do_end(w);
		do_reduce(w);
		do_dooms(w);
		do_alone(w);
		judge_same(&w->m, w->c);
		pass_time(w);
		settle(w);
	}
	while (!settle(w))
		;
	for (int i = 0; i < w->m.jobs_len; i++)
		if (!w->m.jobs[i].announced)
			model_violation(&w->m, "job %llu has no outcome",
			    (unsigned long long)w->m.jobs[i].id);
	promise_end(&w->promises, &w->m);
}

/* Where workers die by poison only, nobody else may suffer for it. */
static void
check_innocents(struct world *w)
{
	for (int i = 0; i < w->m.jobs_len; i++) {
		const struct model_job	*j = &w->m.jobs[i];

		if (j->poison && (j->suspicions > 3 || j->beside > 20))
			model_violation(&w->m, "poison %llu killed too many",
			    (unsigned long long)j->id);
		if (!w->random_deaths && !w->nobody_named && !j->poison &&
		    (j->suspicions > 0 || j->kind == FAILURE_crash))
			model_violation(&w->m, "job %llu is innocent", (unsigned long long)j->id);
	}
}

void
world_run(uint64_t seed, unsigned steps, bool traced)
{
	struct world	*w = world_new(seed, traced);

	for (unsigned i = 0; i < steps; i++)
		step(w);
	if (seed % 8 != 0)		/* the others end in the middle: nothing may leak */
		run_out(w);
	check_innocents(w);
	world_free(w);
}
