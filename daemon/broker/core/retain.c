/* retain.c - how long finished jobs are remembered.
 * Runs in: broker, loop thread.
 *
 * Two lists, by the time at which the outcome was told: failed jobs, the dead letter, and all
 * others.  Each has a bound of time, of jobs and of bytes (arguments, results, failures), whichever
 * comes first.  A failed job that holds up others behind its order key is not forgotten by itself:
 * there are never more of them than jobs that wait.
 *
 * What a job says itself (keep_ms) can only make it shorter: a timer brings it to the front.
 */
#include "daemon/broker/core/core_internal.h"

#include <string.h>

#define OLDEST_STEPS	64

static struct kept *
kept_of(struct core *c, const struct job *j)
{
	return &c->kept[j->state == JOB_failed];
}

static int64_t
kept_bytes(const struct job *j)
{
	const struct outcome	*o = job_outcome(j);

	return (int64_t)(j->away ? 0 : job_args_len(j)) + job_labels_len(j) + o->len +
	    job_run(j)->log_bytes +
	    (o->data == NULL ? 0 : (int64_t)strlen(o->data));
}

void
core_job_log(struct core *c, struct job *j, uint32_t bytes)
{
	struct job_run	*r = job_run_get(j);

	if (job_state_finished(j->state) && r->told && !r->aside)
		kept_of(c, j)->bytes += (int64_t)bytes - r->log_bytes;
	r->log_bytes = bytes;
}

/* Counted from its end, which is long ago for one that was recalled. */
static void
set_own_time(struct core *c, struct core_time now, struct job *j)
{
	int64_t	left_ms = job_keep_ms(j) - (now.real_ms - job_last_move(j).at_ms);
	int64_t	at_ns = ns_after(now.mono_ns, left_ms > 0 ? left_ms : 0);

	if (job_keep_ms(j) != 0 && at_ns < job_run(j)->keep_ns)
		heap_set(&c->job_timers, &job_extra(j)->timer, at_ns);
}

void
retain_add(struct core *c, struct core_time now, struct job *j)
{
	struct kept	*k = kept_of(c, j);

	job_run(j)->keep_ns = ns_after(now.mono_ns, k->keep_ms);
	job_run(j)->told = true;
	list_push_back(&k->jobs, &j->link);
	k->count++;
	k->bytes += kept_bytes(j);
	set_own_time(c, now, j);
}

void
retain_over(struct core *c, struct core_time now, struct job *j)
{
	job_timer_stop(c, j);
	if (job_run(j)->aside)
		return;
	job_run(j)->keep_ns = now.mono_ns;
	list_remove(&j->link);
	list_push_front(&kept_of(c, j)->jobs, &j->link);
}

static struct job *
oldest(const struct kept *k)
{
	return list_empty(&k->jobs) ? NULL : list_entry(k->jobs.next, struct job, link);
}

static bool
is_due(const struct core *c, const struct kept *k, const struct job *j, int64_t now_ns)
{
	return k->count > c->cfg.keep_finished || k->bytes > c->cfg.keep_finished_bytes ||
	    job_run(j)->keep_ns <= now_ns;
}

void
retain_take(struct core *c, struct job *j)
{
	struct kept	*k = kept_of(c, j);

	job_timer_stop(c, j);
	list_remove(&j->link);
	if (job_run(j)->told && !job_run(j)->aside) {
		k->count--;
		k->bytes -= kept_bytes(j);
	}
	job_run(j)->aside = false;
}

void
retain_again(struct core *c, struct core_time now, struct job *j)
{
	if (!job_state_finished(j->state) || !job_run(j)->aside)
		return;
	retain_take(c, j);
	retain_add(c, now, j);
}

struct job *
retain_oldest_due(struct core *c, struct core_time now)
{
	for (int i = 0; i < 2; i++) {
		const struct kept	*k = &c->kept[i];
		struct job		*j;

		while ((j = oldest(k)) != NULL && is_due(c, k, j, now.mono_ns)) {
			if (!order_blocked(j))
				return j;
			retain_take(c, j);
			job_run(j)->aside = true;
			list_push_back(&c->aside, &j->link);
		}
	}
	return NULL;
}

/* Ids are looked for a few at a time: there may be millions between two jobs. */
static void
find_oldest_id(struct core *c, uint64_t dropped)
{
	if (dropped == c->oldest_id && dropped < c->newest_id)
		c->oldest_id++;
	for (int i = 0; i < OLDEST_STEPS && c->oldest_id < c->newest_id; i++) {
		if (idset_get(&c->jobs, c->oldest_id) != NULL)
			break;
		c->oldest_id++;
	}
}

/*
 * Jobs are forgotten long after they were last looked at, in the order of a list: each would be a
 * chain of cache misses.  So what the next ones will be read of is asked for now, each a step later
 * than what points to it.
 */
static void
warm_next(const struct kept *k)
{
	const struct job	*next[4];
	const struct list	*node = &k->jobs;

	for (int i = 0; i < 4; i++) {
		node = node->next;
		if (node == &k->jobs)
			return;
		next[i] = list_entry(node, struct job, link);
	}
	__builtin_prefetch(job_outcome(next[0])->text);
	__builtin_prefetch(job_run(next[1]));
	__builtin_prefetch(&job_run(next[1])->outcome);
	__builtin_prefetch(next[2]->body);
	__builtin_prefetch(next[3]);
	__builtin_prefetch(&next[3]->body);
}

void
retain_drop(struct core *c, struct job *j)
{
	retain_take(c, j);
	warm_next(kept_of(c, j));
	order_unblock(c, j);
	unique_leave(c, j);
	c->stats.states[j->state]--;
	job_queue(j)->states[j->state]--;
	idset_del(&c->jobs, j->id);
	find_oldest_id(c, j->id);
}

/* All by the same, so that the list stays in order; who is due stays due. */
void
retain_configure(struct core *c, struct core_time now, bool failed, int64_t keep_ms)
{
	struct kept	*k = &c->kept[failed];
	int64_t		 was_ms = k->keep_ms;

	k->keep_ms = keep_ms;
	if (keep_ms == was_ms)
		return;
	list_for(node, &k->jobs) {
		struct job_run	*r = job_run(list_entry(node, struct job, link));

		if (r->keep_ns > now.mono_ns)
			r->keep_ns = ns_after(r->keep_ns, keep_ms - was_ms);
	}
}

int64_t
retain_next_ns(const struct core *c)
{
	int64_t	next = INT64_MAX;

	for (int i = 0; i < 2; i++) {
		const struct job	*j = oldest(&c->kept[i]);

		if (j != NULL && job_run(j)->keep_ns < next)
			next = job_run(j)->keep_ns;
	}
	return next;
}
