/* world.c - clients and workers at random.  Runs in: the simulation.
 *
 * What is real here: a cpu worker ends its attempts in their order, an io worker in any; a poison
 * job never ends and kills what runs it; a worker that was told to die dies some time later, and
 * may still finish something before.
 */
#include "tests/sim/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "proto/bounds.h"
#include "tests/sim/chance.h"
#include "tests/sim/model.h"

#define US		INT64_C(1000)
#define MS		INT64_C(1000000)
#define FIRST_ALONE	16	/* numbers of workers below are the pool's */
#define ENDS_WITHIN	20000	/* steps in which everything accepted must have ended */

struct world {
	struct chance		 chance;
	struct core		*c;
	struct model		 m;
	struct submitter	*by;
	uint64_t		 next_id, events;
	bool			 trace;

	/* what this seed is like */
	int			 queues, types, keys;
	int			 poison_in, refuse_in, tell_in;	/* once in so many; 0: never */
	bool			 random_deaths, all_lanes;
	bool			 quick;		/* attempts are short: windows open */
	enum lane		 lane;

	/* what core has asked for, to come */
	uint64_t		 alone_asked[MODEL_ALONE];
	bool			 doomed[MODEL_WORKERS];
};

static const char *const	queue_names[MODEL_QUEUES] =
    { "default", "mail", "thumbs", "a", "b" };
static const char *const	type_names[MODEL_TYPES] =
    { "echo", "sleep", "digest", "copy", "burn" };
static const char *const	key_names[MODEL_KEYS] = { "k1", "k2", "k3", "k4" };

static void __attribute__((format(printf, 2, 3)))
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
		.grace_ms = once_in(r, 5) ? 0 : below(r, 2000), .fence_base = UINT64_C(3) << 32,
	};
}

static void
random_limits(struct world *w)
{
	struct chance	*r = &w->chance;
	int		 t = below(r, w->types), q = below(r, w->queues);

	if (once_in(r, 2)) {
		w->m.type_limit[t] = (uint32_t)below(r, 4);
		core_type_limit(w->c, type_names[t], w->m.type_limit[t]);
		trace(w, "type %d limit %u", t, w->m.type_limit[t]);
	} else {
		w->m.queue_limit[q] = (uint32_t)below(r, 4);
		core_queue_limit(w->c, queue_names[q], w->m.queue_limit[q]);
		trace(w, "queue %d limit %u", q, w->m.queue_limit[q]);
	}
}

static struct world *
world_new(uint64_t seed, bool traced)
{
	struct world	*w = mem_zalloc(1, sizeof(*w));
	struct chance	*r = &w->chance;

	r->state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	w->trace = traced;
	w->next_id = 1;
	w->m.now = (struct core_time){ .mono_ns = 1000 * MS, .real_ms = INT64_C(1700000000000) };
	random_config(w);
	w->c = core_new(&w->m.cfg);
	w->by = submitter_new("uid:0", "sim", "unix");
	for (int t = 0; t < MODEL_TYPES; t++) {
		struct type	declared = { .name = (char *)(size_t)type_names[t] };

		w->m.types[t] = core_type_define(w->c, &declared);
	}
	w->queues = 1 + below(r, MODEL_QUEUES);
	w->types = 1 + below(r, MODEL_TYPES);
	w->keys = below(r, MODEL_KEYS + 1);
	w->poison_in = once_in(r, 3) ? 12 : 0;
	w->refuse_in = once_in(r, 2) ? 20 : 0;
	w->random_deaths = once_in(r, 2);
	w->all_lanes = !once_in(r, 3);
	w->lane = (enum lane)below(r, LANES);
	w->quick = once_in(r, 2);
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
	free(w);
}

/* ---- clients ---- */

static void
random_job(struct world *w, struct model_job *j)
{
	struct chance	*r = &w->chance;
	int64_t		 now = w->m.now.mono_ns;

	*j = (struct model_job){
		.id = w->next_id++, .queue = below(r, w->queues), .type = below(r, w->types),
		.key = once_in(r, 3) && w->keys > 0 ? below(r, w->keys) : -1,
		.priority = once_in(r, 3) ? below(r, 201) - 100 : below(r, 3),
		.lane = w->all_lanes ? (enum lane)below(r, LANES) : w->lane,
		.on_lost = once_in(r, 4) ? ON_LOST_FAIL : ON_LOST_REQUEUE,
		.bytes = once_in(r, 25) ? 200000 : below(r, 40),
		.ttl_ns = NEVER, .due_ns = 0,
	};
	if (once_in(r, 6))
		j->due_ns = now + (1 + below(r, 3000)) * MS;
	if (once_in(r, 6))
		j->ttl_ns = now + (1 + below(r, 3000)) * MS;
	if (once_in(r, 3))
		j->timeout_ms = 1 + below(r, 1000);
	j->poison = w->poison_in > 0 && j->lane != LANE_INLINE && once_in(r, w->poison_in);
}

static int
hand_in(struct world *w, const struct model_job *j, struct job **out)
{
	static char	 args[200001];
	int64_t		 now = w->m.now.mono_ns;
	struct jobspec	 spec = {
		.queue = { queue_names[j->queue], strlen(queue_names[j->queue]) },
		.args = { args, (size_t)j->bytes },
		.lane = -1, .priority = j->priority, .timeout_ms = j->timeout_ms,
		.on_lost = j->on_lost,
		.ttl_ms = j->ttl_ns == NEVER ? 0 : (j->ttl_ns - now) / MS,
	};

	if (j->key >= 0)
		spec.order_key = (struct span){ key_names[j->key], strlen(key_names[j->key]) };
	if (j->due_ns > 0 && once_in(&w->chance, 2))
		spec.run_at_ms = w->m.now.real_ms + (j->due_ns - now) / MS;
	else if (j->due_ns > 0)
		spec.delay_ms = (j->due_ns - now) / MS;
	return core_submit(w->c, w->m.now, j->id, &spec, w->m.types[j->type], j->lane, w->by, out);
}

/* May one more wait? */
static bool
room(struct world *w, const struct model_job *j)
{
	struct core_stats	s;
	int64_t			waiting;

	core_stats(w->c, &s);
	waiting = (int64_t)(s.states[JOB_scheduled] + s.states[JOB_ready]);
	return waiting < w->m.cfg.max_waiting && (int64_t)s.waiting_bytes +
	    (int64_t)sizeof(struct job) + j->bytes <= w->m.cfg.max_waiting_bytes;
}

static void
maybe_inline(struct world *w, struct model_job *j, struct job *real)
{
	struct outcome	o = { 0 };
	bool		ready = j->lane == LANE_INLINE && model_eligible(&w->m, j);

	if (core_inline_ready(w->c, real) != ready)
		model_violation(&w->m, "job %llu: inline now, or not?", (unsigned long long)j->id);
	if (!ready || once_in(&w->chance, 2))
		return;
	o.text = mem_strdup("1");
	o.len = 1;
	core_inline_done(w->c, w->m.now, real, &o);
	model_inline(&w->m, j);
}

static void
do_submit(struct world *w)
{
	struct model_job	 as, *j;
	struct job		*real;
	bool			 fits;
	int			 rc;

	random_job(w, &as);
	fits = room(w, &as);
	rc = hand_in(w, &as, &real);
	if (rc != (fits ? 0 : -ENOSPC))
		model_violation(&w->m, "submit answered %d", rc);
	if (rc != 0)
		return;
	trace(w, "submit %llu queue %d type %d lane %d priority %d key %d due %lld ttl %lld "
	    "timeout %lld%s",
	    (unsigned long long)as.id, as.queue, as.type, (int)as.lane, as.priority, as.key,
	    (long long)as.due_ns, (long long)as.ttl_ns, (long long)as.timeout_ms,
	    as.poison ? " poison" : "");
	j = model_submit(&w->m, &as);
	judge_same(&w->m, w->c);
	maybe_inline(w, j, real);
}

static struct model_job *
random_known_job(struct world *w)
{
	int			 n = w->m.jobs_len - w->m.jobs_first;
	struct model_job	*j = w->m.jobs + w->m.jobs_first + below(&w->chance, n);

	return n == 0 || j->forgotten ? NULL : j;
}

/* One that waits for a worker of its own, if there is any: that is rare, and full of corners. */
static struct model_job *
alone_job(struct world *w)
{
	for (int i = w->m.jobs_first; i < w->m.jobs_len; i++)
		if (w->m.jobs[i].alone_asked)
			return &w->m.jobs[i];
	return NULL;
}

static struct model_job *
running_job(struct world *w)
{
	int	first = below(&w->chance, MODEL_ATTEMPTS);

	for (int i = 0; i < MODEL_ATTEMPTS; i++) {
		const struct model_attempt	*at = &w->m.attempts[(first + i) % MODEL_ATTEMPTS];

		if (at->job != NULL && !at->stuck)
			return at->job;
	}
	return NULL;
}

static void
do_cancel(struct world *w)
{
	struct model_job	*(*choose[])(struct world *) = { random_known_job, running_job,
	    alone_job };
	struct model_job	*j = choose[below(&w->chance, 3)](w);
	int			 rc;

	if (j == NULL)
		return;
	rc = core_cancel(w->c, w->m.now, core_find(w->c, j->id));
	trace(w, "cancel %llu: %d", (unsigned long long)j->id, rc);
	if (rc != (model_finished(j) ? -EALREADY : 0))
		model_violation(&w->m, "cancel of job %llu answered %d", (unsigned long long)j->id,
		    rc);
	if (rc == 0)
		model_cancel(&w->m, j);
}

/* ---- workers ---- */

static struct model_worker *
worker(struct world *w, int number)
{
	return &w->m.workers[number];
}

static void
start_worker(struct world *w, int number, enum lane lane, uint64_t alone_for)
{
	struct chance	*r = &w->chance;
	uint32_t	 slots[LANES] = { 0 };

	if (lane == LANE_PROCESS) {
		slots[LANE_PROCESS] = alone_for != 0 ? 1 : 1 + (uint32_t)below(r, 8);
	} else {
		slots[LANE_ASYNC] = 1 + (uint32_t)below(r, 6);
		slots[LANE_THREAD] = 1 + (uint32_t)below(r, 3);
	}
	trace(w, "worker %d up, %s, alone for %llu", number, lane == LANE_PROCESS ? "cpu" : "io",
	    (unsigned long long)alone_for);
	w->doomed[number] = false;
	core_worker_up(w->c, w->m.now, (uint32_t)number, slots, alone_for);
	model_worker_up(&w->m, number, slots, alone_for);
}

static void
do_worker_up(struct world *w)
{
	int	n = below(&w->chance, 6);

	if (!worker(w, n)->up)
		start_worker(w, n, n % 2 == 0 ? LANE_PROCESS : LANE_ASYNC, 0);
}

static int
random_worker(struct world *w)
{
	int	first = below(&w->chance, MODEL_WORKERS);

	for (int i = 0; i < MODEL_WORKERS; i++)
		if (worker(w, (first + i) % MODEL_WORKERS)->up)
			return (first + i) % MODEL_WORKERS;
	return -1;
}

static void
do_retire(struct world *w)
{
	int	n = random_worker(w);

	if (n < 0)
		return;
	trace(w, "worker %d retires", n);
	core_worker_retire(w->c, w->m.now, (uint32_t)n);
	model_worker_retire(&w->m, n);
}

/* Whom a dead io worker's hints name: one job, or some at random but always the same. */
struct hint {
	uint64_t	job, salt;
};

static bool
hinted(void *ctx, const struct job *j)
{
	const struct hint	*h = ctx;
	struct chance		 c = { h->salt ^ j->id };

	return h->job != 0 ? j->id == h->job : h->salt != 0 && once_in(&c, 3);
}

static void
kill_worker(struct world *w, int number, struct hint hint)
{
	trace(w, "worker %d dies, hint %llu", number, (unsigned long long)hint.job);
	/* the model looks at attempts that core frees: it goes first */
	model_worker_lost(&w->m, number, hinted, &hint);
	core_worker_lost(w->c, w->m.now, (uint32_t)number, "killed", hinted, &hint);
	w->doomed[number] = false;
}

static void
do_death(struct world *w)
{
	struct hint	hint = { 0, chance_bits(&w->chance) | 1 };
	int		n;

	if (!w->random_deaths)
		return;
	do {					/* one, or several at once */
		if ((n = random_worker(w)) >= 0)
			kill_worker(w, n, hint);
	} while (once_in(&w->chance, 2));
}

/* Those that core had killed, or that were stopped with threads that never came back. */
static void
do_dooms(struct world *w)
{
	for (int n = 0; n < MODEL_WORKERS; n++)
		if (w->doomed[n] && worker(w, n)->up && once_in(&w->chance, 3))
			kill_worker(w, n, (struct hint){ 0 });
}

static int
free_alone_number(struct world *w)
{
	int	n = FIRST_ALONE;

	while (worker(w, n)->up)
		n++;
	return n;
}

static void
do_alone(struct world *w)
{
	for (int i = 0; i < MODEL_ALONE; i++) {
		uint64_t		id = w->alone_asked[i];
		const struct job	*real = core_find(w->c, id);

		if (id == 0 || !once_in(&w->chance, 3))
			continue;
		w->alone_asked[i] = 0;
		if (once_in(&w->chance, 5)) {
			trace(w, "no worker for job %llu alone", (unsigned long long)id);
			core_alone_failed(w->c, w->m.now, id);
			model_alone_failed(&w->m, id);
		} else {
			start_worker(w, free_alone_number(w),
			    real == NULL ? LANE_PROCESS : (enum lane)real->lane, id);
		}
		judge_same(&w->m, w->c);
	}
}

/* ---- attempts ---- */

static void
end_attempt(struct world *w, struct model_attempt *at, enum attempt_end end)
{
	struct outcome		 o = { 0 };
	struct attempt		*real = at->real;
	enum failure_kind	 kind = once_in(&w->chance, 4) ? FAILURE_bad_result : FAILURE_error;

	trace(w, "attempt of %llu ends: %d%s", (unsigned long long)at->job->id, (int)end,
	    at->stuck ? ", was stuck" : "");
	if (end != ATTEMPT_CANCELLED) {
		o.len = 1 + (uint32_t)below(&w->chance, 50);
		o.text = mem_zalloc(1, o.len);
		memset(o.text, 'x', o.len);
	}
	if (end == ATTEMPT_FAILED) {
		o.kind = kind;
		if (once_in(&w->chance, 3))
			o.data = mem_strdup("{\"trace\":1}");
	}
	if (w->quick || once_in(&w->chance, 2))
		real->ran_ns = 1 + below(&w->chance, w->quick ? 90000 : 10000000);
	core_attempt_done(w->c, w->m.now, real, end, &o);
	model_done(&w->m, at, end, kind);
	judge_same(&w->m, w->c);
}

static enum attempt_end
random_end(struct world *w, const struct model_attempt *at)
{
	int	dice = below(&w->chance, 10);

	if (at->told)
		return dice < 6 ? ATTEMPT_CANCELLED : dice < 8 ? ATTEMPT_OK : ATTEMPT_FAILED;
	return dice < 8 ? ATTEMPT_OK : dice < 9 || !once_in(&w->chance, 5) ? ATTEMPT_FAILED :
	    ATTEMPT_CANCELLED;
}

static bool
runs(struct world *w, struct model_attempt *at)
{
	return at->job != NULL && (!worker(w, at->worker)->fifo ||
	    model_head(&w->m, at->worker) == at);
}

static void
do_end(struct world *w)
{
	int	first = below(&w->chance, MODEL_ATTEMPTS);

	for (int i = 0; i < MODEL_ATTEMPTS; i++) {
		struct model_attempt	*at = &w->m.attempts[(first + i) % MODEL_ATTEMPTS];

		if (!runs(w, at))
			continue;
		if (at->job->poison && !at->stuck)
			kill_worker(w, at->worker, (struct hint){ .job = at->job->id });
		else
			end_attempt(w, at, random_end(w, at));
		return;
	}
}

/* ---- effects ---- */

static void
on_start(struct world *w, struct attempt *real)
{
	struct model_attempt	*at = model_start(&w->m, real);

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
	    "forgotten",
	    "start alone", "idle" };

	trace(w, "  effect %s job %llu worker %u", names[e->kind], e->job != NULL ?
	    (unsigned long long)e->job->id : e->attempt != NULL ?
	    (unsigned long long)e->attempt->job_id : 0,
	    e->attempt != NULL ? e->attempt->worker : e->worker);
	switch (e->kind) {
	case EFFECT_START:	 on_start(w, e->attempt); break;
	case EFFECT_TELL:	 model_tell(&w->m, e->attempt); break;
	case EFFECT_FINISHED:	 model_announce(&w->m, e->job); break;
	case EFFECT_FORGOTTEN:	 model_forget(&w->m, e->job); break;
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
	case EFFECT_NONE:
		model_violation(&w->m, "an effect that is none");
	}
}

static void
settle(struct world *w)
{
	struct effect	e;

	while (core_next_effect(w->c, w->m.now, &e)) {
		on_effect(w, &e);
		judge_same(&w->m, w->c);
	}
	judge_quiet(&w->m, w->c);
	for (int i = 0; i < 3; i++) {
		const struct model_job	*j = random_known_job(w);

		if (j != NULL)
			judge_explain(&w->m, w->c, j);
	}
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

static void
step(struct world *w)
{
	int	dice = below(&w->chance, 100);

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
	else if (dice < 98)
		random_limits(w);
	do_dooms(w);
	do_alone(w);
	judge_same(&w->m, w->c);
	advance(w, w->quick ? 0 : MS);
	tick(w);
	if (!once_in(&w->chance, 4))	/* sometimes more happens before the effects are taken */
		settle(w);
}

/* No more submits: whatever was accepted ends. */
static void
run_out(struct world *w)
{
	for (unsigned i = 0; !core_idle(w->c); i++) {
		if (i == ENDS_WITHIN)
			model_violation(&w->m, "what was accepted does not end");
		do_worker_up(w);
		do_end(w);
		do_dooms(w);
		do_alone(w);
		judge_same(&w->m, w->c);
		pass_time(w);
		settle(w);
	}
	settle(w);
	for (int i = 0; i < w->m.jobs_len; i++)
		if (!w->m.jobs[i].announced)
			model_violation(&w->m, "job %llu has no outcome",
			    (unsigned long long)w->m.jobs[i].id);
}

/* Where workers die by poison only, nobody else may suffer for it. */
static void
check_innocents(struct world *w)
{
	for (int i = 0; i < w->m.jobs_len; i++) {
		const struct model_job	*j = &w->m.jobs[i];

		if (j->poison && j->suspicions > 3)
			model_violation(&w->m, "poison %llu killed too many",
			    (unsigned long long)j->id);
		if (!w->random_deaths && !j->poison &&
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
