/* group_saved.c - groups that outlive a crash: what is written down of them, and the way back.
 * Runs in: broker, loop thread.
 *
 * What is written down is what nobody could find out: a group's wishes, that it was closed or
 * stopped by somebody, and how it ended.  Everything else follows from its members.
 */
#include "daemon/broker/core/core_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

struct group_saved
core_group_save(const struct group *g)
{
	return (struct group_saved){
		.spec = {
			.name = { g->name, strlen(g->name) }, .number = g->number,
			.max_running = g->gate.max_running, .max_fails = g->max_fails,
			.reduces = g->reduces, .durable = g->durable,
		},
		.state = g->state, .stopped = g->stopped,
		.why = { g->why, g->why == NULL ? 0 : strlen(g->why) },
		.reduce_id = g->reduce_id, .created_ms = g->created_ms,
		.finished_ms = g->finished_ms,
	};
}

/* ---- back ---- */

/* It is kept for what is left of its time; if its clock went back, for no longer than all of it. */
static void
restore_end(struct core *c, struct core_time now, struct group *g, int64_t finished_ms)
{
	int64_t	keep_ms = c->groups.kept[g->durable].keep_ms, ago_ms = now.real_ms - finished_ms;

	if (ago_ms < 0)
		ago_ms = 0;
	g->finished_ms = finished_ms;
	g->forget_ns = ns_after(now.mono_ns, ago_ms < keep_ms ? keep_ms - ago_ms : 0);
	c->groups.unfinished--;
	group_keep(c, g);
}

int
core_group_restore(struct core *c, struct core_time now, const struct group_saved *saved,
    struct group **out)
{
	struct group	*g;

	if (core_group_numbered(c, saved->spec.number) != NULL ||
	    group_make(c, saved->created_ms, &saved->spec, &g) != 0)
		return -EEXIST;
	g->state = saved->state == GROUP_REDUCING ? GROUP_CLOSED : saved->state;
	g->stopped = saved->stopped;
	g->why = saved->why.len == 0 ? NULL : mem_strndup(saved->why.p, saved->why.len);
	g->reduce_id = saved->reduce_id;
	if (group_state_finished(g->state))
		restore_end(c, now, g, saved->finished_ms);
	group_refresh_gate(c, g);
	*out = g;
	return 0;
}

void
core_group_restore_ended(struct group *g, enum job_state state, uint64_t count)
{
	g->states[state] += count;
	g->count += count;
	g->told += count;
}

void
group_rejoin(struct group *g, struct job *j, uint64_t index, bool live)
{
	struct membership	*m = membership_new(g, j);

	m->index = index;
	m->counted = live;
	if (!live)
		return;
	g->count++;
	list_push_back(&g->members, &m->peer);
}

void
group_rejoin_reduce(struct core *c, struct group *g, struct job *j, bool live)
{
	if (!live) {
		membership_new(g, j)->reduces = true;
		return;
	}
	group_join_reduce(g, j);
	g->state = GROUP_REDUCING;
	c->groups.reducing++;
}

void
core_groups_restored(struct core *c)
{
	list_for(node, &c->groups.known) {
		struct group	*g = list_entry(node, struct group, link);

		if (group_state_finished(g->state))
			continue;
		group_check_fails(c, g);
		if (g->reduce != NULL)
			list_push_back(&c->groups.reduce, &g->kept);
		group_due(c, g);
	}
}

void
core_group_reduce_ready(struct core *c, struct group *g)
{
	struct job	*j = g->reduce;

	if (j == NULL || !j->marking || j->ending)
		return;
	j->marking = false;
	wait_begin(c, j);
}

/* ---- not written down ---- */

void
core_group_withdraw(struct core *c, struct group *g, const char *why)
{
	group_unname(c, g);
	g->withdrawn = true;
	core_group_stop(c, g, GROUP_FAILED, why);
}

static void
uncount(struct group *g, struct membership *m)
{
	g->states[m->job->state] -= m->counted;
	m->counted = false;
}

/*
 * A member is taken back: it could not be written down.  All that joined after it will be taken
 * back too, because they are written in order; their indexes are free at once.
 */
static void
unjoin(struct core *c, struct group *g, struct membership *m)
{
	if (m->index < g->count)
		g->count = m->index;
	for (struct list *node = m->peer.next; list_linked(&m->peer) && node != &g->members;
	    node = node->next)
		uncount(g, list_entry(node, struct membership, peer));
	uncount(g, m);
	group_due(c, g);
}

void
group_unjoin(struct core *c, struct core_time now, struct job *j)
{
	struct membership	*m = job_member(j);
	struct group		*g = m->group;

	if (g->reduce == j) {
		g->reduce = NULL;
		g->reduce_id = 0;
		core_group_reduce(c, now, g, NULL, "its reduce job could not be written down");
	} else if (m->counted) {
		unjoin(c, g, m);
	}
}
