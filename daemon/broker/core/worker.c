/* worker.c - workers as the scheduler sees them: slots, and what a death means for
 * what was in flight.  Runs in: broker, loop thread.
 *
 * A death is told when it is confirmed.  Of what was in flight the one that was running is the
 * suspect; the others did nothing wrong and go back where they stood, however often that happens.
 */
#include "daemon/broker/core/core_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct worker *
worker_find(const struct core *c, uint32_t number)
{
	if (number == CORE_WORKER_INLINE)
		return c->inliner;
	return number < c->workers_len ? c->workers[number] : NULL;
}

struct worker *
worker_new(uint32_t number)
{
	struct worker	*w = mem_zalloc(1, sizeof(*w));

	w->number = number;
	w->credit = CORE_CREDIT_ANY;
	list_init(&w->attempts);
	list_init(&w->effect);
	return w;
}

struct attempt *
worker_head(const struct worker *w)
{
	return list_empty(&w->attempts) ? NULL : list_entry(w->attempts.next, struct attempt, link);
}

static void
count_slots(const struct worker *w, int by)
{
	for (int lane = 0; lane < LANES; lane++) {
		struct place	*p = w->pool->places[lane];

		if (w->slots[lane] == 0)
			continue;
		p->workers += (uint32_t)by;
		p->slots += (uint64_t)(by * (int64_t)w->slots[lane]);
	}
}

void
worker_free(struct core *c, struct worker *w)
{
	place_leave(c, w);
	heap_remove(&c->retries, &w->retry);
	list_remove(&w->effect);
	if (w->alone_for != 0)
		alone_worker_gone(c, w);
	else if (!w->retired)
		count_slots(w, -1);
	if (w->number < c->workers_len)
		c->workers[w->number] = NULL;
	names_unref(&c->worker_names, w->name);
	free(w);
}

static void
keep_by_number(struct core *c, struct worker *w)
{
	uint32_t	len = c->workers_len;

	if (w->number >= len) {
		c->workers_len = w->number + 1;
		c->workers = mem_resize(c->workers, c->workers_len, sizeof(*c->workers));
		while (len < c->workers_len)
			c->workers[len++] = NULL;
	}
	c->workers[w->number] = w;
}

void
core_worker_up(struct core *c, struct core_time now, uint32_t number, const struct worker_offer *o)
{
	struct worker	*w = worker_new(number);

	(void)now;
	assert(number < CORE_WORKER_INLINE && worker_find(c, number) == NULL);
	keep_by_number(c, w);
	memcpy(w->slots, o->slots, sizeof(w->slots));
	w->pool = c->pools[o->pool];
	w->fifo = o->fifo;
	w->killable = o->killable;
	w->alone_for = o->alone_for;
	w->name = names_take(&c->worker_names, o->name.p, o->name.len);
	if (w->alone_for != 0) {
		alone_up(c, w);
		return;
	}
	count_slots(w, 1);
	place_update(c, w);
}

const char *
core_worker_name(const struct core *c, const struct attempt_record *try)
{
	return names_text(&c->worker_names, try->worker);
}

/* ---- retiring ---- */

static uint32_t
in_flight(const struct worker *w)
{
	uint32_t	sum = 0;

	for (int lane = 0; lane < LANES; lane++)
		sum += w->used[lane];
	return sum;
}

/* One that is killed is not told to stop as well: its death is all that is waited for. */
void
worker_settle(struct core *c, struct worker *w)
{
	if (!w->retired || w->killed || w->idle_said || in_flight(w) > w->stuck)
		return;
	w->idle_said = true;
	list_push_back(&c->idles, &w->effect);
}

void
worker_retire(struct core *c, struct worker *w)
{
	if (w->retired)
		return;
	w->retired = true;
	if (w->alone_for == 0)
		count_slots(w, -1);
	place_update(c, w);
	worker_settle(c, w);
}

void
core_worker_retire(struct core *c, struct core_time now, uint32_t number)
{
	struct worker	*w = worker_find(c, number);

	(void)now;
	if (w != NULL)
		worker_retire(c, w);
}

void
worker_kill(struct core *c, struct worker *w)
{
	if (w->killed)
		return;
	w->killed = true;
	list_remove(&w->effect);
	list_push_back(&c->kills, &w->effect);
	place_update(c, w);
}

void
core_worker_credit(struct core *c, uint32_t number, uint32_t credit)
{
	struct worker	*w = worker_find(c, number);

	if (w == NULL)
		return;
	w->credit = credit;
	place_update(c, w);
}

void
core_worker_credit_more(struct core *c, uint32_t number, uint32_t more)
{
	const struct worker	*w = worker_find(c, number);

	if (w == NULL || w->credit == CORE_CREDIT_ANY)
		return;
	core_worker_credit(c, number, more < CORE_CREDIT_ANY - 1 - w->credit ? w->credit + more :
	    CORE_CREDIT_ANY - 1);
}

uint32_t
core_worker_stuck_threads(const struct core *c, uint32_t number)
{
	const struct worker	*w = worker_find(c, number);

	return w == NULL ? 0 : w->stuck_threads;
}

/* ---- dying ---- */

/* That attempt was its last one; text is taken. */
static void
fail_job(struct core *c, struct core_time now, struct attempt *at, enum job_reason reason,
    enum failure_kind kind, char *text)
{
	struct job	*j = at->job;

	tally_attempt_ended(at, now, TALLY_LOST);
	job_try_end(j, now.real_ms, reason);
	job_fail(c, now, j, reason, kind, text);
}

static void
fail_lost(struct core *c, struct core_time now, struct attempt *at, const char *how)
{
	fail_job(c, now, at, REASON_lost, FAILURE_lost,
	    mem_printf("its worker died (%s), and the job asked not to run again (on_lost: fail)",
	    how));
}

static void
fail_crash(struct core *c, struct core_time now, struct attempt *at, const char *how)
{
	fail_job(c, now, at, REASON_crashed_often, FAILURE_crash,
	    mem_printf("its worker died %d times while it ran this job; the last was %s",
	    BOUND_SUSPECTS, how));
}

/* Nobody saw the end of a worker on another machine: what is known is that it was lost. */
static void
fail_far(struct core *c, struct core_time now, struct attempt *at, const char *how)
{
	fail_job(c, now, at, REASON_crashed_often, FAILURE_crash,
	    mem_printf("its remote workers were lost %d times while they had this job, and why is not "
	    "known; the last: %s", BOUND_BESIDE, how));
}

static void
fail_beside(struct core *c, struct core_time now, struct attempt *at, const char *how)
{
	if (worker_find(c, at->worker)->pool->remote) {
		fail_far(c, now, at, how);
		return;
	}
	fail_job(c, now, at, REASON_crashed_often, FAILURE_crash,
	    mem_printf("its worker died %d times while it ran this job and others, and which of them "
	    "did it is not known; the last was %s", BOUND_BESIDE, how));
}

static void
give_up(struct core *c, struct core_time now, struct attempt *at)
{
	struct job	*j = at->job;

	if (at->told != 0)
		attempt_end_told(c, now, at, false);
	else if (j->on_lost == ON_LOST_FAIL)
		fail_lost(c, now, at, job_reason_texts[REASON_daemon_stop]);
	else
		attempt_requeue(c, now, at, REASON_daemon_stop);
	at->job = NULL;
	attempt_free(c, now, at);
}

void
core_give_up(struct core *c, struct core_time now)
{
	for (uint32_t i = 0; i < c->workers_len; i++) {
		if (c->workers[i] == NULL)
			continue;
		list_for_safe(node, after, &c->workers[i]->attempts) {
			struct attempt	*at = list_entry(node, struct attempt, link);

			if (at->job != NULL && at->job->durable)
				give_up(c, now, at);
		}
	}
}

/* One attempt of a dead worker.  begun: it may have started. */
static void
lose(struct core *c, struct core_time now, struct attempt *at, bool begun,
    enum suspicion suspicion, const char *how)
{
	struct job	*j = at->job;

	if (suspicion == SUSPECT_YES)
		c->stats.crashes++;
	if (j == NULL)
		return;
	j->begun |= begun;
	if (at->told != 0) {
		attempt_end_told(c, now, at, false);
		return;
	}
	j->suspicions += suspicion == SUSPECT_YES;
	if (j->suspicions >= BOUND_SUSPECTS)
		fail_crash(c, now, at, how);
	else if (begun && j->on_lost == ON_LOST_FAIL)
		fail_lost(c, now, at, how);
	else if (suspicion == SUSPECT_AMONG && job_run(j)->beside >= BOUND_BESIDE)
		fail_beside(c, now, at, how);
	else
		attempt_requeue(c, now, at,
		    begun ? REASON_worker_died : REASON_worker_died_waiting);
}

static unsigned
count_beside(struct job *j)
{
	struct job_run	*r = job_run(j);

	if (r->beside < UINT8_MAX)
		r->beside++;
	return r->beside;
}

void
core_attempt_lost(struct core *c, struct core_time now, struct attempt *at, const char *how)
{
	if (at->job != NULL)
		count_beside(at->job);
	lose(c, now, at, true, SUSPECT_AMONG, how);
	attempt_free(c, now, at);
}

/* Those of many that were there most often.  What kills its worker mostly does so when it starts. */
struct crowd {
	unsigned	most, with_most;
	unsigned	passed;		/* of with_most, in order of start */
};

static struct crowd
count_crowd(const struct worker *w, enum suspicion (*suspect)(void *ctx, const struct job *j),
    void *ctx)
{
	struct crowd	crowd = { 0, 0, 0 };

	if (w->fifo || w->killed || w->alone_for != 0)
		return crowd;
	list_for(node, &w->attempts) {
		const struct attempt	*at = list_entry(node, struct attempt, link);
		unsigned		 beside;

		if (at->job == NULL || suspect(ctx, at->job) != SUSPECT_AMONG)
			continue;
		if ((beside = count_beside(at->job)) > crowd.most)
			crowd = (struct crowd){ beside, 0, 0 };
		crowd.with_most += beside == crowd.most;
	}
	return crowd;
}

static bool
stands_out(const struct job *j, struct crowd *crowd)
{
	return crowd->most >= BOUND_BESIDE_SUSPECT && job_run(j)->beside == crowd->most &&
	    crowd->with_most - crowd->passed++ <= BOUND_TOGETHER;
}

static enum suspicion
suspicion_of(const struct attempt *at, const struct worker *w, bool head, struct crowd *crowd,
    enum suspicion (*suspect)(void *ctx, const struct job *j), void *ctx)
{
	enum suspicion	s;

	if (w->killed || at->job == NULL)
		return SUSPECT_NO;
	if (w->fifo)
		return head ? SUSPECT_YES : SUSPECT_NO;
	if (w->alone_for != 0)
		return SUSPECT_YES;
	s = suspect(ctx, at->job);
	if (w->pool->remote)			/* none runs alone there, so no innocent could be told */
		return s;
	return s == SUSPECT_AMONG && stands_out(at->job, crowd) ? SUSPECT_YES : s;
}

void
core_worker_lost(struct core *c, struct core_time now, uint32_t number, const char *how,
    enum suspicion (*suspect)(void *ctx, const struct job *j), void *ctx)
{
	struct worker	*w = worker_find(c, number);
	struct crowd	 crowd;
	bool		 head = true;

	if (w == NULL)
		return;
	w->lost = true;
	crowd = count_crowd(w, suspect, ctx);
	list_for_safe(node, after, &w->attempts) {
		struct attempt	*at = list_entry(node, struct attempt, link);

		lose(c, now, at, head || !w->fifo, suspicion_of(at, w, head, &crowd, suspect, ctx), how);
		attempt_free(c, now, at);
		head = false;
	}
	worker_free(c, w);
}
