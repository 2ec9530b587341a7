/* workers.c - workers that come and go, and attempts that end in them, at random.
 * Runs in: the simulation. */
#include <string.h>

#include "lib/alloc.h"
#include "tests/sim/world.h"

#define FIRST_ALONE	16	/* numbers of workers below are the pool's */

/* ---- workers ---- */

struct model_worker *
worker(struct world *w, int number)
{
	return &w->m.workers[number];
}

/* Those of the pool of commands run as many as they have slots for; all others one at a time in the
 * process lane, and then nothing else. */
static void
random_slots(struct world *w, struct worker_offer *o, int number, enum lane lane)
{
	struct chance	*r = &w->chance;

	if (lane != LANE_PROCESS || o->pool >= MODEL_EXEC) {
		o->slots[LANE_ASYNC] = 1 + (uint32_t)below(r, 6);
		o->slots[LANE_THREAD] = 1 + (uint32_t)below(r, 3);
	}
	if (lane != LANE_PROCESS)
		return;
	o->slots[LANE_PROCESS] = o->alone_for != 0 ? 1 : 1 + (uint32_t)below(r, 8);
	o->killable = o->pool != MODEL_EXEC;
	o->fifo = o->pool < MODEL_EXEC || (o->pool == MODEL_LANGUAGE && number % 2 == 0);
	if (o->fifo)
		o->slots[LANE_ASYNC] = o->slots[LANE_THREAD] = 0;
}

static void
start_worker(struct world *w, int number, enum lane lane, int pool, uint64_t alone_for)
{
	struct worker_offer	o = { .pool = (uint32_t)pool, .alone_for = alone_for };

	random_slots(w, &o, number, lane);
	trace(w, "worker %d up, pool %d, %s%s, alone for %llu", number, pool, lane_names[lane],
	    o.fifo ? ", one at a time" : "", (unsigned long long)alone_for);
	w->doomed[number] = false;
	core_worker_up(w->c, w->m.now, (uint32_t)number, &o);
	model_worker_up(&w->m, number, &o);
}

/* Of the built-in pool there are two of each kind, and one of plugins; all others come when they are
 * wanted. */
void
do_worker_up(struct world *w)
{
	int	n = below(&w->chance, 10);
	int	pool = n < 5 ? 0 : n == 5 ? MODEL_PLUGINS : n < 8 ? MODEL_EXEC : MODEL_LANGUAGE;

	if (worker(w, n)->up || (pool >= MODEL_EXEC && !core_pool_wants(w->c, (uint32_t)pool)))
		return;
	start_worker(w, n, (n < 5 && n % 2 == 0) || pool >= MODEL_EXEC ? LANE_PROCESS : LANE_ASYNC,
	    pool, 0);
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

void
do_retire(struct world *w)
{
	int	n = random_worker(w);

	if (n < 0)
		return;
	trace(w, "worker %d retires", n);
	core_worker_retire(w->c, w->m.now, (uint32_t)n);
	model_worker_retire(&w->m, n);
}

/* ---- credit ---- */

static void
set_credit(struct world *w, int number, uint32_t credit)
{
	trace(w, "worker %d takes %u more", number, credit);
	core_worker_credit(w->c, (uint32_t)number, credit);
	worker(w, number)->credit = credit;
}

/* Only remote workers count them, and those run nothing alone. */
void
do_credit(struct world *w)
{
	int		n = random_worker(w);
	uint32_t	more = (uint32_t)below(&w->chance, 4);

	if (n < 0 || worker(w, n)->pool != MODEL_LANGUAGE || worker(w, n)->alone_for != 0)
		return;
	if (once_in(&w->chance, 4)) {
		set_credit(w, n, once_in(&w->chance, 3) ? CORE_CREDIT_ANY : more);
	} else {
		trace(w, "worker %d takes %u more than before", n, more);
		core_worker_credit_more(w->c, (uint32_t)n, more);
		if (worker(w, n)->credit != CORE_CREDIT_ANY)
			worker(w, n)->credit += more;
	}
	judge_same(&w->m, w->c);
}

void
uncount_credit(struct world *w)
{
	for (int n = 0; n < MODEL_WORKERS; n++)
		if (worker(w, n)->up && worker(w, n)->credit != CORE_CREDIT_ANY)
			set_credit(w, n, CORE_CREDIT_ANY);
}

/* Whom a dead io worker's hints name: one job, or some at random but always the same; or nobody. */
struct hint {
	uint64_t	job, salt;
	bool		nobody;
};

static enum suspicion
hinted(void *ctx, const struct job *j)
{
	const struct hint	*h = ctx;
	struct chance		 c = { h->salt ^ j->id };
	bool			 named = h->job != 0 ? j->id == h->job : h->salt != 0 && once_in(&c, 3);

	return h->nobody ? SUSPECT_AMONG : named ? SUSPECT_YES : SUSPECT_NO;
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

void
do_death(struct world *w)
{
	struct hint	hint = { 0, chance_bits(&w->chance) | 1, w->nobody_named };
	int		n;

	if (!w->random_deaths)
		return;
	do {					/* one, or several at once */
		if ((n = random_worker(w)) >= 0)
			kill_worker(w, n, hint);
	} while (once_in(&w->chance, 2));
}

void
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

/* The process lane of plugins is that of the built-in workers. */
static int
pool_for(const struct job *real)
{
	int	pool = real == NULL ? 0 : (int)job_type(real)->pool;

	return pool == MODEL_PLUGINS && real->lane == LANE_PROCESS ? 0 : pool;
}

void
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
			    real == NULL ? LANE_PROCESS : (enum lane)real->lane,
			    pool_for(real), id);
		}
		judge_same(&w->m, w->c);
	}
}

/* ---- attempts ---- */

void
end_attempt(struct world *w, struct model_attempt *at, enum attempt_end end)
{
	struct outcome		 o = { 0 };
	struct attempt		*real = at->real;
	struct model_end	 told = { .end = end, .kind = once_in(&w->chance, 4) ?
	    FAILURE_bad_result : FAILURE_error };

	trace(w, "attempt of %llu ends: %d%s", (unsigned long long)at->job->id, (int)end,
	    at->stuck ? ", was stuck" : "");
	if (end != ATTEMPT_CANCELLED) {
		o.len = 1 + (uint32_t)below(&w->chance, 50);
		o.text = mem_zalloc(1, o.len + 1);
		memset(o.text, 'x', o.len);
	}
	if (end == ATTEMPT_FAILED) {
		o.kind = told.kind;
		o.final = told.final = once_in(&w->chance, 6);
		if (once_in(&w->chance, 6))
			o.retry_after_ms = told.retry_after_ms = 1 + below(&w->chance, 3000);
		if (once_in(&w->chance, 3))
			o.data = mem_strdup("{\"trace\":1}");
	}
	if (w->quick || once_in(&w->chance, 2))
		real->ran_ns = 1 + below(&w->chance, w->quick ? 90000 : 10000000);
	core_attempt_done(w->c, w->m.now, real, end, &o);
	model_done(&w->m, at, &told);
	judge_same(&w->m, w->c);
}

static enum attempt_end
random_end(struct world *w, const struct model_attempt *at)
{
	int	dice = below(&w->chance, 10);

	if (w->failing && once_in(&w->chance, 2))
		return ATTEMPT_FAILED;
	if (at->told)
		return dice < 6 ? ATTEMPT_CANCELLED : dice < 8 ? ATTEMPT_OK : ATTEMPT_FAILED;
	return dice < 8 ? ATTEMPT_OK : dice < 9 || !once_in(&w->chance, 5) ? ATTEMPT_FAILED :
	    ATTEMPT_CANCELLED;
}

/* A command that was thought to compute waits, or the other way round. */
void
do_relane(struct world *w)
{
	for_attempts(&w->m, at) {
		enum lane	to = at->lane == LANE_PROCESS ? LANE_ASYNC : LANE_PROCESS;

		if (at->worker < 0 || worker(w, at->worker)->pool != MODEL_EXEC ||
		    !once_in(&w->chance, 8))
			continue;
		trace(w, "attempt of %llu goes on in lane %s", (unsigned long long)at->job->id,
		    lane_names[to]);
		core_attempt_relane(w->c, w->m.now, at->real, to);
		model_relane(&w->m, at, to);
		judge_same(&w->m, w->c);
	}
}

/* Whichever it is, even one that has not begun or is stuck. */
void
do_lose(struct world *w)
{
	struct model_attempt	*at = &w->m.attempts[below(&w->chance, w->m.attempts_end)];
	struct attempt		*real = at->real;

	if (at->job == NULL || at->worker < 0)
		return;
	trace(w, "attempt of %llu is lost%s", (unsigned long long)at->job->id,
	    at->stuck ? ", was stuck" : "");
	model_attempt_lost(&w->m, at);	/* before core frees it */
	core_attempt_lost(w->c, w->m.now, real, "its worker has it no more");
	judge_same(&w->m, w->c);
}

static bool
runs(struct world *w, struct model_attempt *at)
{
	return at->job != NULL && (!worker(w, at->worker)->fifo ||
	    model_head(&w->m, at->worker) == at);
}

void
do_end(struct world *w)
{
	int	first = below(&w->chance, MODEL_ATTEMPTS);

	for (int i = 0; i < MODEL_ATTEMPTS; i++) {
		struct model_attempt	*at = &w->m.attempts[(first + i) % MODEL_ATTEMPTS];

		if (!runs(w, at))
			continue;
		if (at->job->poison && !at->stuck)
			kill_worker(w, at->worker, (struct hint){ .job = at->job->id,
			    .nobody = w->nobody_named });
		else
			end_attempt(w, at, random_end(w, at));
		return;
	}
}
