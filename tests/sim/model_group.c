/* model_group.c - the rules of groups, as simply as possible.  Runs in: the simulation.
 *
 * Counts are never kept: they are counted from the jobs whenever they are asked for.
 */
#include <string.h>

#include "tests/sim/model.h"

#define NS_IN_MS	INT64_C(1000000)

#define for_members(m, at, j) \
	for (struct model_job *j = (m)->jobs; j < (m)->jobs + (m)->jobs_len; j++) \
		if (j->group == (at) && !j->reduces)

static int
number_of(const struct model *m, const struct model_group *g)
{
	return (int)(g - m->groups);
}

struct model_group *
model_group(struct model *m, const struct group *real)
{
	for_groups(m, g)
		if (g->number == real->number)
			return g;
	model_violation(m, "a group that the model does not know");
}

/* ---- counts ---- */

static uint64_t
count_state(const struct model *m, int at, enum job_state state)
{
	uint64_t	n = 0;

	for_members((struct model *)(size_t)m, at, j)
		n += j->state == state;
	return n;
}

static uint64_t
members(const struct model *m, int at)
{
	uint64_t	n = 0;

	for_members((struct model *)(size_t)m, at, j)
		n++;
	return n;
}

static bool
all_told(const struct model *m, int at)
{
	for_members((struct model *)(size_t)m, at, j)
		if (!j->announced)
			return false;
	return true;
}

static bool
ended(const struct model_group *g)
{
	return group_state_finished(g->state);
}

/* ---- limits ---- */

uint32_t
model_group_running(const struct model *m, int at)
{
	uint32_t	n = 0;

	for_attempts((struct model *)(size_t)m, a)
		n += a->job->group == at && !a->job->reduces;
	for_members((struct model *)(size_t)m, at, j)
		n += j->alone_asked;
	return n;
}

bool
model_group_full(const struct model *m, const struct model_job *j)
{
	uint32_t	limit;

	if (j->group < 0 || j->reduces)
		return false;
	limit = m->groups[j->group].max_running;
	return limit > 0 && model_group_running(m, j->group) >= limit;
}

bool
model_group_stopped(const struct model *m, const struct model_job *j)
{
	if (j->group < 0 || j->reduces)
		return false;
	return !ended(&m->groups[j->group]) && m->groups[j->group].stopped != GROUP_OPEN;
}

/* ---- what happens ---- */

bool
model_group_takes(const struct model *m, int at)
{
	return m->groups[at].state == GROUP_OPEN && m->groups[at].stopped == GROUP_OPEN;
}

void
model_group_finished(struct model *m, const struct model_job *j)
{
	struct model_group	*g;
	uint64_t		 fails;

	if (j->group < 0 || j->reduces)
		return;
	g = &m->groups[j->group];
	if (g->stopped != GROUP_OPEN || g->max_fails < 0)
		return;
	fails = count_state(m, j->group, JOB_failed) + count_state(m, j->group, JOB_expired);
	if (fails > (uint64_t)g->max_fails)
		g->stopped = GROUP_FAILED;
}

static void
end_group(struct model *m, struct model_group *g, enum group_state as)
{
	g->state = as;
	g->told_due = true;
	g->forget_ns = m->now.mono_ns + m->cfg.keep_finished_ms * NS_IN_MS;
}

void
model_group_announced(struct model *m, const struct model_job *j)
{
	struct model_group	*g;

	if (j->group < 0 || !j->reduces)
		return;
	g = &m->groups[j->group];
	if (j->state == JOB_succeeded)
		end_group(m, g, GROUP_SUCCEEDED);
	else
		end_group(m, g, g->stopped != GROUP_OPEN ? g->stopped : GROUP_FAILED);
}

static void
cancel_rest(struct model *m, const struct model_group *g)
{
	for_jobs(m, j)
		if (j->group == number_of(m, g) && !model_finished(j) && !j->group_told) {
			j->group_told = true;
			model_cancel_because(m, j, g->stopped == GROUP_CANCELLED ?
			    REASON_group_cancelled : REASON_group_failed);
		}
}

/* Before each effect: what was noted is carried out. */
void
model_groups_run(struct model *m)
{
	for_groups(m, g) {
		if (ended(g))
			continue;
		if (g->stopped != GROUP_OPEN)
			cancel_rest(m, g);
		if (g->state == GROUP_REDUCING || !all_told(m, number_of(m, g)))
			continue;
		if (g->stopped != GROUP_OPEN) {
			end_group(m, g, g->stopped);
		} else if (g->state == GROUP_CLOSED && g->reduces) {
			g->state = GROUP_REDUCING;
			g->reduce_due = true;
		} else if (g->state == GROUP_CLOSED) {
			end_group(m, g, GROUP_SUCCEEDED);
		}
	}
}

/* Its reduce job was submitted (any), or refused. */
void
model_group_reduced(struct model *m, struct model_group *g, bool any)
{
	g->reduce_asked = false;
	if (any)
		return;
	if (g->stopped == GROUP_OPEN)
		g->stopped = GROUP_FAILED;
	end_group(m, g, g->stopped);
}

/* ---- effects: was core allowed to? ---- */

void
model_group_reduce(struct model *m, const struct group *real)
{
	struct model_group	*g = model_group(m, real);

	if (!g->reduce_due || g->reduce_id != 0 || !all_told(m, number_of(m, g)))
		model_violation(m, "group %s is reduced, and should not be", real->name);
	g->reduce_due = false;
	g->reduce_asked = true;
}

void
model_group_told(struct model *m, const struct group *real)
{
	struct model_group	*g = model_group(m, real);

	if (!g->told_due)
		model_violation(m, "group %s finishes, and should not", real->name);
	if (real->count != members(m, number_of(m, g)))
		model_violation(m, "group %s finishes before its last member", real->name);
	g->told_due = false;
}

void
model_group_forgotten(struct model *m, const struct group *real)
{
	struct model_group	*g = model_group(m, real);

	if (!ended(g) || g->told_due || g->forgotten || g->forget_ns > m->now.mono_ns)
		model_violation(m, "group %s is forgotten too early", real->name);
	g->forgotten = true;
}

/* ---- judge ---- */

static void
same_group(struct model *m, const struct core *c, const struct model_group *g)
{
	const struct group	*real = core_group_find(c, g->name, strlen(g->name));
	uint64_t		 states[JOB_STATES] = { 0 }, count = 0;
	int			 at = number_of(m, g);

	if (real == NULL)
		model_violation(m, "group %s was lost", g->name);
	if (real->state != g->state)
		model_violation(m, "group %s is %s and should be %s", g->name,
		    group_state_names[real->state], group_state_names[g->state]);
	if (real->stopped != g->stopped)
		model_violation(m, "group %s is stopped as %s and should be as %s", g->name,
		    group_state_names[real->stopped], group_state_names[g->stopped]);
	for_members(m, at, j)
		states[j->state]++, count++;
	for (int state = 0; state < JOB_STATES; state++)
		if (real->states[state] != states[state])
			model_violation(m, "group %s counts %llu members %s, not %llu", g->name,
			    (unsigned long long)real->states[state], job_state_names[state],
			    (unsigned long long)states[state]);
	if (real->count != count || real->reduce_id != g->reduce_id)
		model_violation(m, "group %s has other members, or another reduce job", g->name);
	if (real->gate.running != model_group_running(m, at))
		model_violation(m, "group %s is said to run %u", g->name, real->gate.running);
}

void
judge_groups(struct model *m, const struct core *c)
{
	for_groups(m, g)
		if (!g->forgotten)
			same_group(m, c, g);
}

void
judge_groups_quiet(struct model *m)
{
	for_groups(m, g) {
		if (g->reduce_due || g->told_due)
			model_violation(m, "nobody heard of the end of group %s", g->name);
		if (ended(g) && !g->forgotten && g->forget_ns <= m->now.mono_ns)
			model_violation(m, "group %s is kept too long", g->name);
		if (!ended(g) && g->state != GROUP_REDUCING && g->state != GROUP_OPEN &&
		    all_told(m, number_of(m, g)))
			model_violation(m, "group %s does not finish", g->name);
	}
}
