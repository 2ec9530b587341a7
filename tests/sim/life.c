/* life.c - people who change what becomes of jobs, at random.  Runs in: the simulation. */
#include <errno.h>

#include "tests/sim/world.h"

static void
expect(struct world *w, const struct model_job *j, const char *what, int rc, int expected)
{
	trace(w, "%s %llu: %d", what, (unsigned long long)j->id, rc);
	if (rc != expected)
		model_violation(&w->m, "%s of job %llu answered %d, not %d", what,
		    (unsigned long long)j->id, rc, expected);
	judge_same(&w->m, w->c);
}

static void
hold(struct world *w, struct model_job *j, struct job *real)
{
	int	rc = core_hold(w->c, w->m.now, real);

	expect(w, j, "hold", rc, model_hold(&w->m, j));
}

static void
release(struct world *w, struct model_job *j, struct job *real)
{
	int	rc = core_release(w->c, w->m.now, real);

	expect(w, j, "release", rc, model_release(&w->m, j));
}

static void
amend(struct world *w, struct model_job *j, struct job *real)
{
	struct chance		*r = &w->chance;
	struct amendment	 am = { .due_in_ms = -1, .timeout_ms = -1 };
	int			 rc;

	am.priority_given = once_in(r, 2);
	am.priority = below(r, 5);
	if (once_in(r, 3))
		am.due_in_ms = once_in(r, 3) ? 0 : 1 + below(r, 2000);
	if (once_in(r, 4))
		am.timeout_ms = below(r, 500);
	if (once_in(r, 6))
		am.ttl_ms = 1 + below(r, 3000);
	if (once_in(r, 3))
		am.retry = (struct retry_policy){ .said = 1u << RETRY_max_attempts,
		    .max_attempts = 1 + (uint32_t)below(r, 4) };
	rc = core_amend(w->c, w->m.now, real, &am);
	expect(w, j, "amend", rc, model_amend(&w->m, j, &am));
}

static void
retry(struct world *w, struct model_job *j, struct job *real)
{
	bool	fits = room(w, j) == ROOM_ENOUGH;
	int	rc = core_retry(w->c, w->m.now, real);

	if (rc == 0)
		promise_again_asked(&w->promises, &w->m, j->id);
	expect(w, j, "retry", rc, model_retry(&w->m, j, fits));
}

static void
forget(struct world *w, struct model_job *j, struct job *real)
{
	int	rc = core_forget(w->c, w->m.now, real);

	if (rc == 0)
		promise_forget_asked(&w->promises, &w->m, j->id);
	expect(w, j, "forget", rc, model_forget_asked(&w->m, j));
}

void
do_life(struct world *w)
{
	void	(*acts[])(struct world *, struct model_job *, struct job *) = { hold, release,
	    release, amend, amend, retry, retry, forget };
	struct model_job	*j = random_known_job(w);
	struct job		*real = j == NULL ? NULL : core_find(w->c, j->id);

	if (real != NULL)
		acts[below(&w->chance, 8)](w, j, real);
}

void
do_let_go(struct world *w)
{
	for (int i = w->m.jobs_first; i < w->m.jobs_len; i++) {
		struct model_job	*j = &w->m.jobs[i];

		if (j->held && model_waiting(j) && !model_over(j))
			release(w, j, core_find(w->c, j->id));
		if (!model_blocks_others(&w->m, j) || j->forgotten)
			continue;
		if (core_cancel(w->c, w->m.now, core_find(w->c, j->id)) != 0)
			model_violation(&w->m, "job %llu goes on blocking its key",
			    (unsigned long long)j->id);
		model_unblock(&w->m, j);
		model_want(j, RECORD_CHANGE);
	}
}
