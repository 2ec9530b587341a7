/* group.c - jobs that belong together.  Runs in: broker, loop thread.
 *
 * What a job's end means for its group is not carried out where the job ends, somewhere deep in an
 * attempt's: the group becomes due, and groups_run looks at it before the next effect is given out.
 */
#include "daemon/broker/core/core_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/alloc.h"

#define STOP_SLICE	256	/* members that one groups_run cancels */

const char *const group_state_names[GROUP_STATES] = {
	[GROUP_OPEN] = "open",
	[GROUP_CLOSED] = "closed",
	[GROUP_REDUCING] = "reducing",
	[GROUP_SUCCEEDED] = "succeeded",
	[GROUP_FAILED] = "failed",
	[GROUP_CANCELLED] = "cancelled",
};

void
groups_configure(struct groups *gs, const struct core_config *cfg)
{
	gs->kept[0].keep_ms = cfg->keep_finished_ms;
	gs->kept[1].keep_ms = cfg->keep_groups_ms;
}

void
groups_init(struct groups *gs)
{
	list_init(&gs->known);
	list_init(&gs->kept[0].groups);
	list_init(&gs->kept[1].groups);
	list_init(&gs->due);
	list_init(&gs->reduce);
	list_init(&gs->finished);
}

/* ---- life ---- */

static struct group *
group_new(int64_t created_ms, const struct group_spec *spec)
{
	struct group	*g = mem_zalloc(1, sizeof(*g));

	g->number = spec->number;
	g->name = spec->name.len > 0 ? mem_strndup(spec->name.p, spec->name.len) :
	    mem_printf("%llu", (unsigned long long)spec->number);
	gate_init(&g->gate, GATE_GROUP);
	g->gate.max_running = spec->max_running;
	g->max_fails = spec->max_fails;
	g->reduces = spec->reduces;
	g->owner = spec->owner;
	g->durable = spec->durable;
	g->created_ms = created_ms;
	g->refs = 1;
	list_init(&g->link);
	list_init(&g->kept);
	list_init(&g->due);
	list_init(&g->members);
	return g;
}

static void
group_free(struct group *g)
{
	free(g->name);
	free(g->why);
	free(g);
}

/* A job whose group it is may run: the last flow goes with the last job, or with its attempt. */
void
group_unref(struct core *c, struct group *g)
{
	if (--g->refs > 0)
		return;
	gate_fini(c, &g->gate);
	group_free(g);
}

/* May its members start, as far as it is concerned?  Those of a durable group wait for nobody's
 * disk but the store's. */
void
group_refresh_gate(struct core *c, struct group *g)
{
	bool	stops = g->stopped != GROUP_OPEN || (c->groups.held && !g->durable);

	gate_pause(c, &g->gate, stops && !group_state_finished(g->state));
}

void
core_groups_hold(struct core *c, bool hold)
{
	c->groups.held = hold;
	list_for(node, &c->groups.known)
		group_refresh_gate(c, list_entry(node, struct group, link));
}

/* After all jobs and attempts. */
void
groups_free(struct core *c)
{
	struct list	*node;

	groups_bury(c);
	while ((node = list_pop(&c->groups.known)) != NULL)
		group_unref(c, list_entry(node, struct group, link));
	namemap_free(&c->groups.names);
	idset_free(&c->groups.numbers);
}

/* New ones have the highest number; those that come back may come in any order. */
static void
become_known(struct groups *gs, struct group *g)
{
	struct list	*before = gs->known.next;

	while (before != &gs->known && list_entry(before, struct group, link)->number > g->number)
		before = before->next;
	list_insert_before(before, &g->link);
}

int
group_make(struct core *c, int64_t created_ms, const struct group_spec *spec, struct group **out)
{
	struct groups	*gs = &c->groups;
	struct group	*g = group_new(created_ms, spec);

	if (namemap_get(&gs->names, g->name, strlen(g->name)) != NULL) {
		group_free(g);
		return -EEXIST;
	}
	namemap_put(&gs->names, g->name, strlen(g->name), g);
	idset_put(&gs->numbers, g);
	become_known(gs, g);
	gs->unfinished++;
	group_refresh_gate(c, g);
	*out = g;
	return 0;
}

int
core_group_create(struct core *c, struct core_time now, const struct group_spec *spec,
    struct group **out)
{
	return c->groups.unfinished >= BOUND_GROUPS ? -ENOSPC :
	    group_make(c, now.real_ms, spec, out);
}

struct group *
core_group_find(const struct core *c, const char *name, size_t len)
{
	return namemap_get(&c->groups.names, name, len);
}

struct group *
core_group_numbered(const struct core *c, uint64_t number)
{
	return idset_get(&c->groups.numbers, number);
}

struct group *
core_group_next(const struct core *c, const struct group *after)
{
	const struct list	*node = after == NULL ? c->groups.known.next : after->link.next;

	return node == &c->groups.known ? NULL : list_entry(node, struct group, link);
}

struct group *
core_group_from(const struct core *c, uint64_t number)
{
	list_for(node, &c->groups.known) {
		struct group	*g = list_entry(node, struct group, link);

		if (g->number <= number)
			return g;
	}
	return NULL;
}

uint64_t
core_groups_reducing(const struct core *c)
{
	return c->groups.reducing;
}

/* ---- members ---- */

const struct membership *
core_membership(const struct job *j)
{
	return job_member(j);
}

bool
core_group_takes(const struct group *g)
{
	return g->state == GROUP_OPEN && g->stopped == GROUP_OPEN;
}

struct membership *
membership_new(struct group *g, struct job *j)
{
	struct membership	*m = mem_zalloc(1, sizeof(*m));

	m->group = g;
	m->job = j;
	list_init(&m->peer);
	g->refs++;
	job_extra_get(j)->member = m;
	return m;
}

void
group_join(struct group *g, struct job *j)
{
	struct membership	*m = membership_new(g, j);

	m->index = g->count++;
	m->counted = true;
	list_push_back(&g->members, &m->peer);
}

void
group_join_reduce(struct group *g, struct job *j)
{
	struct membership	*m = membership_new(g, j);

	m->reduces = true;
	g->reduce = j;
	g->reduce_id = j->id;
	list_push_back(&g->members, &m->peer);
}

void
group_count(const struct job *j, enum job_state state, int by)
{
	struct membership	*m = job_member(j);

	if (m->counted)
		m->group->states[state] += (uint64_t)by;
}

void
group_forget_job(struct core *c, struct job *j)
{
	struct membership	*m = job_member(j);

	list_remove(&m->peer);
	group_unref(c, m->group);
	free(m);
	job_extra(j)->member = NULL;
}

/* ---- ends ---- */

/* It may have something to do. */
void
group_due(struct core *c, struct group *g)
{
	if (!list_linked(&g->due))
		list_push_back(&c->groups.due, &g->due);
}

static uint64_t
fails(const struct group *g)
{
	return g->states[JOB_failed] + g->states[JOB_expired];
}

void
group_stop(struct core *c, struct group *g, enum group_state as, char *why)
{
	g->stopped = as;
	free(g->why);
	g->why = why;
	group_refresh_gate(c, g);
	group_due(c, g);
}

/* More members have failed than it bears. */
void
group_check_fails(struct core *c, struct group *g)
{
	if (g->stopped != GROUP_OPEN || g->max_fails < 0 || fails(g) <= (uint64_t)g->max_fails)
		return;
	group_stop(c, g, GROUP_FAILED, mem_printf("%llu members failed, and max_fails is %lld",
	    (unsigned long long)fails(g), (long long)g->max_fails));
}

int
core_group_stop(struct core *c, struct group *g, enum group_state as, const char *why)
{
	if (group_state_finished(g->state))
		return -EALREADY;
	if (g->stopped == GROUP_OPEN)
		group_stop(c, g, as, mem_strdup(why));
	return 0;
}

void
core_group_close(struct core *c, struct group *g)
{
	if (g->state != GROUP_OPEN)
		return;
	g->state = GROUP_CLOSED;
	group_due(c, g);
}

void
group_job_ended(struct core *c, struct job *j)
{
	struct membership	*m = job_member(j);
	struct group		*g = m->group;

	list_remove(&m->peer);
	if (m->counted)
		group_check_fails(c, g);
}

static void
finish(struct core *c, struct core_time now, struct group *g, enum group_state as)
{
	if (g->state == GROUP_REDUCING)
		c->groups.reducing--;
	g->state = as;
	g->finished_ms = now.real_ms;
	g->forget_ns = g->withdrawn ? now.mono_ns :
	    ns_after(now.mono_ns, c->groups.kept[g->durable].keep_ms);
	group_refresh_gate(c, g);
	c->groups.unfinished--;
	list_remove(&g->kept);		/* its reduce job may just have been restored */
	list_push_back(&c->groups.finished, &g->kept);
}

void
core_group_reduced(struct core *c, struct core_time now, struct group *g, enum job_state state)
{
	g->reduce = NULL;
	if (state != JOB_succeeded && g->stopped == GROUP_OPEN) {
		free(g->why);
		g->why = mem_printf("its reduce job %llu %s", (unsigned long long)g->reduce_id,
		    state == JOB_failed ? "failed" : job_state_names[state]);
	}
	if (state == JOB_succeeded)
		finish(c, now, g, GROUP_SUCCEEDED);
	else
		finish(c, now, g, g->stopped != GROUP_OPEN ? g->stopped : GROUP_FAILED);
}

void
group_job_told(struct core *c, struct core_time now, struct job *j)
{
	struct membership	*m = job_member(j);
	struct group		*g = m->group;

	m->counts = m->counted || g->reduce == j;
	if (g->reduce == j)
		core_group_reduced(c, now, g, j->state);
	if (!m->counted)
		return;
	m->counted = false;
	if (++g->told == g->count)
		group_due(c, g);
}

void
core_group_reduce(struct core *c, struct core_time now, struct group *g, struct job *j,
    const char *why)
{
	if (j == NULL) {
		if (g->stopped == GROUP_OPEN)
			group_stop(c, g, GROUP_FAILED, mem_strdup(why));
		finish(c, now, g, g->stopped);
		return;
	}
	group_join_reduce(g, j);
	if (g->stopped != GROUP_OPEN)
		group_due(c, g);
}

/* ---- what is due ---- */

/* Its members leave the list as they end, or, running, were told to. */
static bool
cancel_members(struct core *c, struct core_time now, struct group *g)
{
	struct list	*node;

	for (int i = 0; i < STOP_SLICE; i++) {
		if ((node = list_pop(&g->members)) == NULL)
			return true;
		core_cancel_because(c, now, list_entry(node, struct membership, peer)->job,
		    g->stopped == GROUP_CANCELLED ? REASON_group_cancelled : REASON_group_failed);
	}
	return list_empty(&g->members);
}

static void
all_told(struct core *c, struct core_time now, struct group *g)
{
	if (g->stopped != GROUP_OPEN) {
		finish(c, now, g, g->stopped);
	} else if (g->state == GROUP_CLOSED && g->reduces) {
		g->state = GROUP_REDUCING;
		c->groups.reducing++;
		list_push_back(&c->groups.reduce, &g->kept);
	} else if (g->state == GROUP_CLOSED) {
		finish(c, now, g, GROUP_SUCCEEDED);
	}
}

void
groups_run(struct core *c, struct core_time now)
{
	struct list	*node;
	struct group	*g;

	while ((node = list_pop(&c->groups.due)) != NULL) {
		g = list_entry(node, struct group, due);
		if (group_state_finished(g->state))
			continue;
		if (g->stopped != GROUP_OPEN && !cancel_members(c, now, g)) {
			group_due(c, g);	/* the next effects come first */
			return;
		}
		if (g->told == g->count && g->state != GROUP_REDUCING)
			all_told(c, now, g);
	}
}

/* ---- effects ---- */

static struct group *
take(struct list *from)
{
	struct list	*node = list_pop(from);

	return node == NULL ? NULL : list_entry(node, struct group, kept);
}

bool
groups_take(struct core *c, struct core_time now, struct effect *out)
{
	struct groups	*gs = &c->groups;
	struct group	*g;

	if ((g = take(&gs->reduce)) != NULL) {
		*out = (struct effect){ .kind = EFFECT_GROUP_REDUCE, .group = g };
		return true;
	}
	if ((g = take(&gs->finished)) != NULL) {
		group_keep(c, g);
		*out = (struct effect){ .kind = EFFECT_GROUP_FINISHED, .group = g };
		return true;
	}
	return groups_take_forgotten(c, now, out);
}
