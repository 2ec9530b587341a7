/* model_unique.c - unique keys as they should be.  Runs in: the simulation. */
#include "tests/sim/model.h"

static const struct span	keys[MODEL_UNIQUES] = { { "u1", 2 }, { "u2", 2 }, { "u3", 2 },
	{ "u4", 2 } };

struct span
model_unique_key(int key)
{
	return keys[key];
}

bool
model_holds_unique(const struct model *m, const struct model_job *j)
{
	if (j->unique < 0)
		return false;
	return j->unique_until_ns == 0 ? !model_finished(j) : m->now.mono_ns < j->unique_until_ns;
}

/* Forgotten jobs too: their time goes on. */
struct model_job *
model_unique_holder(struct model *m, int key)
{
	struct model_job	*holder = NULL;

	for (struct model_job *j = m->jobs; j < m->jobs + m->jobs_len; j++) {
		if (j->unique != key || !model_holds_unique(m, j))
			continue;
		if (holder != NULL)
			model_violation(m, "jobs %llu and %llu hold unique key %d both",
			    (unsigned long long)holder->id, (unsigned long long)j->id, key);
		holder = j;
	}
	return holder;
}

static void
same_holder(struct model *m, const struct model_job *j, const struct unique *u, int key)
{
	if (j == NULL && u != NULL)
		model_violation(m, "unique key %d is held by job %llu, and should be free", key,
		    (unsigned long long)u->job_id);
	if (j == NULL)
		return;
	if (u == NULL || u->job_id != j->id)
		model_violation(m, "unique key %d is not held by job %llu", key,
		    (unsigned long long)j->id);
	if ((u->job == NULL) != j->forgotten)
		model_violation(m, "unique key %d does not know whether job %llu is there", key,
		    (unsigned long long)j->id);
	if (j->forgotten && u->state != j->state)
		model_violation(m, "unique key %d says that job %llu is %s", key,
		    (unsigned long long)j->id, job_state_names[u->state]);
}

void
judge_uniques(struct model *m, const struct core *c)
{
	struct core_stats	s;
	uint64_t		held = 0;

	for (int key = 0; key < MODEL_UNIQUES; key++) {
		const struct model_job	*j = model_unique_holder(m, key);

		same_holder(m, j, core_unique_find(c, m->now, keys[key]), key);
		held += j != NULL;
		if (j != NULL && j->unique_until_ns != 0 && j->unique_until_ns < core_next_ns(c))
			model_violation(m, "unique key %d will be free late", key);
	}
	core_stats(c, &s);
	if (s.unique_keys != held)
		model_violation(m, "%llu unique keys are said to be held, not %llu",
		    (unsigned long long)s.unique_keys, (unsigned long long)held);
}
