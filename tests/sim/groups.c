/* groups.c - groups made, filled, closed, stopped and reduced, at random.
 * Runs in: the simulation. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/world.h"

static void
make(struct world *w)
{
	struct chance		*r = &w->chance;
	struct group_spec	 spec = { .reduces = once_in(r, 2) };
	struct model_group	*g;
	struct group		*real;

	if (w->m.groups_len == MODEL_GROUPS)
		return;
	g = &w->m.groups[w->m.groups_len];
	spec.number = sim_store_next_id(&w->store);
	if (spec.number == 0)
		return;
	promise_id(&w->promises, &w->m, spec.number);
	*g = (struct model_group){ .number = spec.number, .reduces = spec.reduces,
	    .max_running = (uint32_t)below(r, 4), .max_fails = below(r, 5) - 1 };
	snprintf(g->name, sizeof(g->name), "g%d", w->m.groups_len);
	spec.name = (struct span){ g->name, strlen(g->name) };
	spec.max_running = g->max_running;
	spec.max_fails = g->max_fails;
	if (core_group_create(w->c, w->m.now, &spec, &real) != 0)
		model_violation(&w->m, "group %s cannot be made", g->name);
	trace(w, "group %s at most %u, bears %lld%s", g->name, g->max_running,
	    (long long)g->max_fails, g->reduces ? ", reduces" : "");
	w->m.groups_len++;
}

/* One that is not forgotten; NULL: the dice fell on none. */
static struct model_group *
any_group(struct world *w)
{
	struct model_group	*g = &w->m.groups[below(&w->chance, w->m.groups_len)];

	return g >= w->m.groups + w->m.groups_len || g->forgotten ? NULL : g;
}

static struct group *
real_group(struct world *w, const struct model_group *g)
{
	struct group	*real = core_group_find(w->c, g->name, strlen(g->name));

	if (real == NULL)
		model_violation(&w->m, "group %s is not found", g->name);
	return real;
}

static void
close_group(struct world *w, struct model_group *g)
{
	trace(w, "close group %s", g->name);
	core_group_close(w->c, real_group(w, g));
	if (g->state == GROUP_OPEN)
		g->state = GROUP_CLOSED;
}

static void
stop_group(struct world *w, struct model_group *g)
{
	int	rc = core_group_stop(w->c, real_group(w, g), GROUP_CANCELLED, "at random");

	trace(w, "cancel group %s: %d", g->name, rc);
	if (rc != (group_state_finished(g->state) ? -EALREADY : 0))
		model_violation(&w->m, "cancel of group %s answered %d", g->name, rc);
	if (rc == 0 && g->stopped == GROUP_OPEN)
		g->stopped = GROUP_CANCELLED;
}

void
do_group(struct world *w)
{
	struct model_group	*g = any_group(w);
	int			 dice = below(&w->chance, 8);

	if (g == NULL || dice < 4)
		make(w);
	else if (dice < 7)
		close_group(w, g);
	else
		stop_group(w, g);
}

int
open_group(struct world *w)
{
	const struct model_group	*g = any_group(w);

	if (g == NULL || once_in(&w->chance, 3))
		return -1;
	return model_group_takes(&w->m, (int)(g - w->m.groups)) ? (int)(g - w->m.groups) : -1;
}

/* The file is written, or cannot be: some time after core has asked for it. */
void
do_reduce(struct world *w)
{
	for_groups(&w->m, g) {
		struct group	*real;
		struct job	*j = NULL;
		bool		 good = g->stopped == GROUP_OPEN && !once_in(&w->chance, 6);

		if (!g->reduce_asked || once_in(&w->chance, 2))
			continue;
		real = real_group(w, g);
		if (good)
			j = submit_reduce(w, (int)(g - w->m.groups));
		trace(w, "reduce group %s: %llu", g->name,
		    j == NULL ? 0 : (unsigned long long)j->id);
		core_group_reduce(w->c, w->m.now, real, j, "it cannot be");
		if (j != NULL)
			g->reduce_id = j->id;
		model_group_reduced(&w->m, g, j != NULL);
		judge_same(&w->m, w->c);
	}
}

/* No more members: every group finishes. */
void
close_groups(struct world *w)
{
	for_groups(&w->m, g)
		if (!g->forgotten)
			close_group(w, g);
}

bool
groups_left(const struct world *w)
{
	for_groups((struct model *)(size_t)&w->m, g)
		if (!group_state_finished(g->state))
			return true;
	return false;
}
