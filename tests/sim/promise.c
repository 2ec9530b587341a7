/* promise.c - is what clients were told kept?  Runs in: the simulation. */
#include "tests/sim/promise.h"

#include <stdlib.h>

#include "lib/alloc.h"
#include "tests/sim/saved.h"

static struct promise *
find(struct promises *p, const struct model *m, uint64_t id)
{
	int	from = 0, to = p->len;

	while (from < to) {
		int	middle = from + (to - from) / 2;

		if (p->of[middle].id < id)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == p->len || p->of[from].id != id)
		model_violation(m, "nobody handed in job %llu", (unsigned long long)id);
	return &p->of[from];
}

void
promises_free(struct promises *p)
{
	free(p->of);
}

void
promise_id(struct promises *p, const struct model *m, uint64_t id)
{
	if (id <= p->newest_id)
		model_violation(m, "id %llu was used before", (unsigned long long)id);
	p->newest_id = id;
}

void
promise_made(struct promises *p, const struct model *m, const struct model_job *j)
{
	promise_id(p, m, j->id);
	if (p->len == p->cap) {
		p->cap = p->cap == 0 ? 64 : p->cap * 2;
		p->of = mem_resize(p->of, (size_t)p->cap, sizeof(*p->of));
	}
	p->of[p->len++] = (struct promise){ .id = j->id, .key = j->key, .on_lost = j->on_lost,
	    .durable = j->durable };
}

void
promise_accepted(struct promises *p, const struct model *m, const struct sim_store *s, uint64_t id)
{
	const struct sim_row	*row = sim_store_row(s, id);

	if (row == NULL)
		model_violation(m, "job %llu is accepted and not on disk", (unsigned long long)id);
	find(p, m, id)->accepted = true;
}

void
promise_refused(struct promises *p, const struct model *m, uint64_t id)
{
	struct promise	*of = find(p, m, id);

	if (of->accepted)
		model_violation(m, "job %llu was accepted, and is refused", (unsigned long long)id);
	of->forgotten = true;
}

/* Those that were handed in before it, with its order key, have ended. */
static void
check_order(struct promises *p, const struct model *m, const struct promise *of)
{
	for (const struct promise *o = p->of; of->key >= 0 && !of->again && o < of; o++)
		if (o->key == of->key && o->durable && o->accepted && !o->told && !o->forgotten &&
		    !o->again && !o->again_asked)
			model_violation(m, "job %llu runs before %llu, with their order key",
			    (unsigned long long)of->id, (unsigned long long)o->id);
}

void
promise_started(struct promises *p, const struct model *m, const struct sim_store *s,
    const struct attempt *real)
{
	const struct promise	*of = find(p, m, real->job_id);
	const struct sim_row	*row = sim_store_row(s, of->id);

	if (real->fence <= p->newest_fence)
		model_violation(m, "fence %llu was used before", (unsigned long long)real->fence);
	p->newest_fence = real->fence;
	if (!of->durable)
		return;
	if (!of->accepted || row == NULL || !row->live)
		model_violation(m, "job %llu starts, and is not on disk",
		    (unsigned long long)of->id);
	if (of->begun_once)
		model_violation(m, "job %llu runs again, and may have run before the crash",
		    (unsigned long long)of->id);
	check_order(p, m, of);
}

void
promise_told(struct promises *p, const struct model *m, const struct sim_store *s,
    const struct job *real)
{
	struct promise		*of = find(p, m, real->id);
	const struct sim_row	*row = sim_store_row(s, real->id);

	if (of->durable && (!of->accepted || row == NULL || row->live ||
	    saved_end(row->saved) != (enum job_state)real->state))
		model_violation(m, "the end of job %llu is told, and not on disk",
		    (unsigned long long)of->id);
	if (of->told && (!of->again_refused || of->state != (enum job_state)real->state))
		model_violation(m, "the end of job %llu is told twice", (unsigned long long)of->id);
	of->told = true;
	of->again_refused = false;
	of->state = (enum job_state)real->state;
}

void
promise_again_asked(struct promises *p, const struct model *m, uint64_t id)
{
	struct promise	*of = find(p, m, id);

	of->again_asked = true;
	if (!of->durable)
		promise_again(p, m, id);
}

void
promise_again_refused(struct promises *p, const struct model *m, uint64_t id)
{
	struct promise	*of = find(p, m, id);

	of->again_asked = false;
	of->again_refused = true;	/* who waits for it hears of its end once more */
}

void
promise_again(struct promises *p, const struct model *m, uint64_t id)
{
	struct promise	*of = find(p, m, id);

	of->told = of->begun_once = of->again_asked = false;
	of->again = true;
}

void
promise_forget_asked(struct promises *p, const struct model *m, uint64_t id)
{
	find(p, m, id)->forget_asked = true;
}

void
promise_forgotten(struct promises *p, const struct model *m, uint64_t id)
{
	find(p, m, id)->forgotten = true;
}

/* ---- crashes ---- */

/* What was on disk and nobody was told of yet: who asks now is told. */
static void
learn(struct promises *p, struct promise *of, const struct model *m, const struct sim_row *row)
{
	of->accepted = true;
	if (of->told && of->again_asked && row->live)
		promise_again(p, m, of->id);
	if (!of->told && !row->live) {
		of->told = true;
		of->state = saved_end(row->saved);
	}
	of->again_asked = false;
}

static void
check_kept(const struct promise *of, const struct model *m, const struct sim_row *row)
{
	unsigned long long	 id = of->id;

	if (!of->accepted || of->forgotten)
		return;
	if (row == NULL)
		model_violation(m, "job %llu was accepted, and is lost", id);
	if (of->told && (row->live || saved_end(row->saved) != of->state))
		model_violation(m, "job %llu has ended, and now it has not, or otherwise", id);
}

void
promise_crash(struct promises *p, const struct model *m, const struct sim_store *s)
{
	p->crashes++;
	for_attempts((struct model *)(size_t)m, at) {
		struct promise	*of = at->stuck ? NULL : find(p, m, at->job->id);

		if (of != NULL && of->on_lost == ON_LOST_FAIL)
			of->begun_once = true;
	}
	for (struct promise *of = p->of; of < p->of + p->len; of++) {
		const struct sim_row	*row = sim_store_row(s, of->id);

		if (!of->durable || (row == NULL && !of->accepted))
			of->forgotten = true;	/* in the latter case nobody was told of it */
		else if (row == NULL && of->told && of->forget_asked)
			of->forgotten = true;
		else if (row != NULL)
			learn(p, of, m, row);
		check_kept(of, m, row);
		p->recovered += row != NULL && row->live;
	}
}

void
promise_end(struct promises *p, const struct model *m)
{
	for (const struct promise *of = p->of; of < p->of + p->len; of++)
		if (of->accepted && !of->forgotten && !of->told)
			model_violation(m, "job %llu was accepted, and nobody heard of its end",
			    (unsigned long long)of->id);
}
