/* check.c - do the structures agree with each other?  Runs in: the simulation, debug builds.
 *
 * Everything that is kept incrementally is counted again here from the jobs themselves.
 */
#include "daemon/broker/core/check.h"

#include <stdio.h>
#include <stdlib.h>

void
check_broken(const char *what, const char *file, int line, const struct job *j)
{
	fprintf(stderr, "core_check: %s:%d: broken: %s job=%llu state=%d\n", file, line, what,
	    j == NULL ? 0 : (unsigned long long)j->id, j == NULL ? -1 : (int)j->state);
	abort();
}

struct sums {
	uint64_t	states[JOB_STATES];
	uint64_t	waiting, waiting_bytes, running, in_line, durable_in_line, recording;
	uint64_t	loading;
	int64_t		text_bytes, loading_bytes;
};

/* When time does something to a job that waits. */
static int64_t
next_ns(const struct job *j)
{
	int64_t	due_ns = job_due_ns(j), ttl_ns = job_ttl_ns(j);
	int64_t	next = j->state == JOB_scheduled && due_ns != 0 ? due_ns : INT64_MAX;

	if (job_waiting(j) && ttl_ns != 0 && !j->begun && ttl_ns < next)
		next = ttl_ns;
	return next;
}

static void
check_parents(const struct job *j)
{
	const struct job_life	*life = job_life(j);
	uint32_t		 left = 0;

	if (life == NULL)
		return;
	for (uint32_t i = 0; i < life->after_len; i++)
		left += list_linked(&life->after[i].link);
	must(left == life->parents_left, j);
}

static void
check_place(const struct core *c, const struct job *j)
{
	bool	in_line = j->state == JOB_ready && order_open(j) && !j->alone_asked &&
		    record_open(j) && !j->loading;

	if (job_state_finished(j->state)) {
		must(job_attempt(j) == NULL, j);
		must(list_linked(&j->link), j);
		return;
	}
	must(j->in_line == in_line, j);
	must(j->durable || (record_open(j) && !j->away), j);
	must(!j->loading || (j->away && j->state == JOB_ready && record_open(j)), j);
	must(!j->fetched || (j->in_line && !j->away), j);
	if (j->ending) {
		must(job_attempt(j) == NULL, j);
		return;
	}
	must(!job_waiting(j) || (j->state == JOB_scheduled) == wait_left(j), j);
	must(!in_line || j->flow->of.bench->of.place ==
	    place_of((struct core *)(size_t)c, job_type(j), j->lane, j->alone) ||
	    list_linked(&job_type(j)->moving), j);
	check_parents(j);
	must((j->state == JOB_running) == (job_attempt(j) != NULL), j);
	must(j->state != JOB_running || job_attempt(j)->job == j, j);
	must(j->state != JOB_running || order_open(j), j);
	must(!j->alone_asked || alone_of((struct core *)(size_t)c, j) != NULL, j);
	must(!record_open(j) || (job_extra(j) != NULL && job_extra(j)->timer.index != 0) ==
	    (next_ns(j) != INT64_MAX), j);
}

/* A job that has its key holds it, and nobody else does. */
static void
check_unique(const struct core *c, const struct job *j)
{
	const struct unique	*u = job_unique(j);

	if (u == NULL)
		return;
	must(u->job == j && u->job_id == j->id, j);
	must(u->held == (namemap_get(&c->uniques, u->key, u->key_len) == u), j);
	must(u->held == (u->timer.index != 0 ||
	    (u->until_ns == 0 && !job_state_finished(j->state))), j);
}

/* Slots of budgets that are held. */
struct slots {
	uint64_t	cpu, async;
};

static void
count_slot(const struct core *c, const struct budget *b, struct slots *held)
{
	held->cpu += b == &c->cpu;
	held->async += b == &c->async;
}

/* It is found where it can take one more, and nowhere else.  What changed its lane may be too much
 * for the one where it is. */
static void
check_lane(const struct worker *w, int lane, uint32_t used)
{
	const struct place	*p = w->pool->places[lane];
	const struct heap	*in = w->in[lane];

	must(used == w->used[lane] && (used <= w->slots[lane] || !w->fifo), NULL);
	must((w->open[lane].index != 0) == (in != NULL), NULL);
	must(in == NULL || in == (w->fifo && used > 0 ? &p->behind : &p->fresh), NULL);
	must(in == NULL || (w->open[lane].key == used && used < w->slots[lane]), NULL);
}

static void
check_worker(const struct core *c, const struct worker *w, struct slots *held)
{
	uint32_t	used[LANES] = { 0 }, stuck = 0;
	uint64_t	bytes = 0;

	list_for(node, &w->attempts) {
		const struct attempt	*at = list_entry(node, struct attempt, link);

		must(at->worker == w->number, at->job);
		must(at->stuck == (at->job == NULL), at->job);
		must(!w->fifo || at == worker_head(w) || at->timer.index == 0, at->job);
		count_slot(c, budget_for((struct core *)(size_t)c, at->held), held);
		used[at->lane]++;
		stuck += at->stuck;
		bytes += at->bytes;
	}
	for (int lane = 0; lane < LANES; lane++)
		check_lane(w, lane, used[lane]);
	count_slot(c, w->held, held);
	must(w->held == NULL || (w->fifo && w->used[LANE_PROCESS] > 0), NULL);
	must(stuck == w->stuck && bytes == w->bytes, NULL);
	must(!w->fifo || w->used[LANE_PROCESS] < 2 || bytes <= BOUND_WINDOW_BYTES, NULL);
}

static void
sum_jobs(const struct core *c, struct sums *sums)
{
	const struct job	*j;

	for (size_t at = 0; (j = idset_next(&c->jobs, &at)) != NULL; ) {
		check_place(c, j);
		check_unique(c, j);
		sums->states[j->state]++;
		sums->running += j->state == JOB_running && !j->ending;
		sums->recording += j->unstored || j->ending;
		sums->durable_in_line += j->in_line && j->durable;
		if (!job_waiting(j))
			continue;
		sums->waiting++;
		sums->waiting_bytes += (uint64_t)job_bytes(j);
		sums->in_line += j->in_line;
		sums->text_bytes += load_bytes(j);
		sums->loading += j->loading;
		sums->loading_bytes += j->loading ? job_args_len(j) : 0;
	}
}

static void
check_place_lists(const struct place *p)
{
	must(list_linked(&p->start) == (place_gives(p) && p->fresh.len > 0), NULL);
	must(list_linked(&p->start_behind) == (place_gives(p) && p->behind.len > 0), NULL);
}

/* How many attempts they have. */
static uint64_t
check_places(const struct core *c)
{
	uint64_t	used = 0;

	for (uint32_t i = 0; i < c->pools_len; i++)
		for (int lane = 0; lane < LANES; lane++) {
			check_place_lists(&c->pools[i]->own[lane]);
			used += c->pools[i]->own[lane].used;
		}
	for (int i = 0; i < STARTS_BEHIND; i++)
		check_place_lists(&c->alone_places[i]);
	return used;
}

/* Attempts that have begun, and whose end is not counted yet. */
static uint64_t
begun(const struct worker *w)
{
	uint64_t	count = 0;

	if (w == NULL)
		return 0;
	list_for(node, &w->attempts) {
		const struct attempt	*at = list_entry(node, struct attempt, link);

		count += at->job != NULL && at->waited_ns >= 0;
	}
	return count;
}

static void
check_tallies(const struct core *c)
{
	struct core_stats	 sum = { 0 };
	uint64_t		 left = begun(c->inliner);
	const struct tally	*t;

	for (uint32_t i = 0; i < c->workers_len; i++)
		left += begun(c->workers[i]);
	for (size_t at = 0; (t = core_tally_next(c, &at)) != NULL; ) {
		sum.submitted += t->submitted;
		for (int lane = 0; lane < LANES; lane++) {
			const struct tally_lane	*l = t->lanes[lane];

			for (int state = 0; l != NULL && state < JOB_STATES; state++)
				sum.finished[state] += l->finished[state];
			sum.attempts += l == NULL ? 0 : l->waited.count;
			for (int end = 0; l != NULL && end < TALLY_ENDS; end++)
				left += l->ran[end] == NULL ? 0 : l->ran[end]->count;
		}
	}
	must(sum.submitted == c->stats.submitted, NULL);
	for (int state = 0; state < JOB_STATES; state++)
		must(sum.finished[state] == c->stats.finished[state], NULL);
	must(sum.attempts == left && sum.attempts <= c->stats.attempts, NULL);
}

void
core_check(const struct core *c)
{
	struct sums	 sums = { 0 };
	struct slots	 held = { 0 };

	sum_jobs(c, &sums);
	for (int state = 0; state < JOB_STATES; state++)
		must(sums.states[state] == c->stats.states[state], NULL);
	must(sums.waiting == c->waiting && sums.waiting_bytes == c->stats.waiting_bytes, NULL);
	must(check_turns(c) == sums.in_line, NULL);
	must(c->durable_in_line == sums.durable_in_line, NULL);
	must(c->recording == sums.recording, NULL);
	must(c->text_bytes == sums.text_bytes, NULL);
	must(c->loading == sums.loading && c->loading_bytes == sums.loading_bytes, NULL);
	for (uint32_t i = 0; i < c->workers_len; i++)
		if (c->workers[i] != NULL)
			check_worker(c, c->workers[i], &held);
	for (int i = 0; i < CORE_ALONE_MAX; i++)
		count_slot(c, c->alone[i].held, &held);
	must(held.cpu == c->cpu.used && held.async == c->async.used, NULL);
	must(check_places(c) == sums.running + c->stats.stuck, NULL);
	check_tallies(c);
}
