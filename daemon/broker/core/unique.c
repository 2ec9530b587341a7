/* unique.c - unique keys: who holds them, and until when.  Runs in: broker, loop thread.
 *
 * A key belongs to its job as long as that is here, held or not: a job that runs again takes its
 * key again.  A key whose job was forgotten before its time is over belongs to the table alone.
 */
#include "daemon/broker/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

static bool
is_over(const struct unique *u, struct core_time now)
{
	return u->until_ns != 0 && u->until_ns <= now.mono_ns;
}

const struct unique *
core_unique_find(const struct core *c, struct core_time now, struct span key)
{
	const struct unique	*u = namemap_get(&c->uniques, key.p, key.len);

	return u == NULL || is_over(u, now) ? NULL : u;
}

static void
let_go(struct core *c, struct unique *u)
{
	namemap_del(&c->uniques, u->key, u->key_len);
	heap_remove(&c->unique_timers, &u->timer);
	u->held = false;
	if (u->job == NULL)
		free(u);
}

/* Whoever is still there has it no more: the caller has asked core_unique_find. */
static void
take(struct core *c, struct unique *u)
{
	struct unique	*before = namemap_get(&c->uniques, u->key, u->key_len);

	if (before != NULL)
		let_go(c, before);
	namemap_put(&c->uniques, u->key, u->key_len, u);
	if (u->until_ns != 0)
		heap_set(&c->unique_timers, &u->timer, u->until_ns);
	u->held = true;
}

static struct unique *
unique_new(uint64_t id, const struct unique_claim *claim)
{
	struct unique	*u = mem_zalloc(1, sizeof(*u) + claim->key.len + 1);

	u->job_id = id;
	u->until_ns = claim->until_ns;
	u->print = claim->print;
	u->key_len = (uint32_t)claim->key.len;
	memcpy(u->key, claim->key.p, claim->key.len);
	return u;
}

void
core_unique_hold(struct core *c, struct core_time now, struct job *j,
    const struct unique_claim *claim)
{
	const struct unique	*held = core_unique_find(c, now, claim->key);
	struct unique		*u = unique_new(j->id, claim);

	assert(job_unique(j) == NULL);
	job_life_get(j)->unique = u;
	u->job = j;
	u->durable = j->durable;
	if (held != NULL && held->job_id != j->id)
		return;
	if (u->until_ns == 0 ? !job_state_finished(j->state) : !is_over(u, now))
		take(c, u);
}

void
core_unique_restore(struct core *c, struct core_time now, uint64_t id, enum job_state state,
    const struct unique_claim *claim)
{
	struct unique	*u;

	if (claim->until_ns <= now.mono_ns || core_unique_find(c, now, claim->key) != NULL)
		return;
	u = unique_new(id, claim);
	u->state = (uint8_t)state;
	u->durable = true;
	take(c, u);
}

void
unique_ended(struct core *c, struct job *j)
{
	struct unique	*u = job_unique(j);

	if (u != NULL && u->held && u->until_ns == 0)
		let_go(c, u);
}

void
unique_leave(struct core *c, struct job *j)
{
	struct unique	*u = job_unique(j);

	if (u == NULL)
		return;
	job_extra(j)->life->unique = NULL;
	u->job = NULL;
	u->state = j->state;
	if (!u->held)
		free(u);
	else if (!job_state_finished(j->state))
		let_go(c, u);
}

int
unique_again(struct core *c, struct core_time now, struct job *j)
{
	struct unique	*u = job_unique(j);

	if (u == NULL || u->held || u->until_ns != 0)
		return 0;
	if (core_unique_find(c, now, (struct span){ u->key, u->key_len }) != NULL)
		return -EEXIST;
	take(c, u);
	return 0;
}

void
unique_due(struct core *c, struct heap_node *due)
{
	let_go(c, list_entry(due, struct unique, timer));
}

void
uniques_free(struct core *c)
{
	struct unique	*u;

	for (size_t at = 0; (u = namemap_next(&c->uniques, &at)) != NULL; )
		free(u);
	namemap_free(&c->uniques);
	heap_free(&c->unique_timers);
}
