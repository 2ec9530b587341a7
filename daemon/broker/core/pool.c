/* pool.c - pools and their places, and what all pools share: CPU slots and waiting slots.
 * Runs in: broker, loop thread.
 *
 * A pool is a kind of workers: a type belongs to one, and so does a worker.  Pools are never gone: a
 * place is referred to by types, benches and workers for as long as there are any.
 */
#include "daemon/broker/core/core_internal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define BUILT_IN	0		/* the number of the pool "" */

/* ---- budgets ---- */

struct budget *
budget_take(struct budget *b)
{
	if (b != NULL)
		b->used++;
	return b;
}

void
budget_give(struct budget *b)
{
	if (b != NULL)
		b->used--;
}

void
core_budgets(struct core *c, uint32_t cpu_slots, uint32_t waiting_slots)
{
	c->cpu.limit = cpu_slots;
	c->async.limit = waiting_slots;
}

bool
core_waiting_room(const struct core *c)
{
	return budget_open(&c->async);
}

/* What a start in a lane of a pool takes a slot of. */
static struct budget *
budget_of(struct core *c, const struct pool *p, int lane)
{
	if (p->remote)
		return NULL;
	if (lane == LANE_PROCESS)
		return &c->cpu;
	return p->exec && lane == LANE_ASYNC ? &c->async : NULL;
}

/* ---- places ---- */

void
place_list(struct core *c, struct list *head, struct list *node, bool in)
{
	if (!in) {
		list_remove(node);
		return;
	}
	list_push_back(head, node);
	c->look++;
}

static void
place_init(struct place *p, struct pool *pool, int line)
{
	*p = (struct place){ .pool = pool, .line = (uint8_t)line };
	list_init(&p->thirsty);
	list_init(&p->start);
	list_init(&p->start_behind);
}

static void
place_fini(struct place *p)
{
	heap_free(&p->benches);
	heap_free(&p->fresh);
	heap_free(&p->behind);
}

/* It stands among those that need the same for a start. */
static void
place_set_budget(struct core *c, struct place *p, struct budget *b)
{
	list_remove(&p->start);
	p->budget = b;
	p->starts = b == NULL ? STARTS_FREE : b == &c->cpu ? STARTS_CPU : STARTS_WAITING;
	place_refresh(c, p);
}

/* ---- pools ---- */

static bool
begins_with(struct span name, const char *text)
{
	size_t	len = strlen(text);

	return name.len >= len && memcmp(name.p, text, len) == 0;
}

static bool
is(struct span name, const char *text)
{
	return name.len == strlen(text) && begins_with(name, text);
}

static void
set_budgets(struct core *c, struct pool *p)
{
	for (int lane = 0; lane < LANES; lane++)
		place_set_budget(c, &p->own[lane], budget_of(c, p, lane));
}

static struct pool *
pool_new(struct core *c, struct span name)
{
	struct pool	*p = mem_zalloc(1, sizeof(*p) + name.len + 1);

	p->number = c->pools_len;
	p->exec = is(name, "exec") || begins_with(name, "exec:");
	p->short_ns = begins_with(name, "pool:") ? BOUND_WINDOW_LANGUAGE_NS : BOUND_WINDOW_MEAN_NS;
	p->name_len = (uint32_t)name.len;
	if (name.len > 0)
		memcpy(p->name, name.p, name.len);
	for (int lane = 0; lane < LANES; lane++) {
		place_init(&p->own[lane], p, lane);
		p->places[lane] = &p->own[lane];
	}
	set_budgets(c, p);
	c->pools = mem_resize(c->pools, c->pools_len + 1, sizeof(struct pool *));
	c->pools[c->pools_len++] = p;
	p->places[LANE_INLINE] = &c->pools[BUILT_IN]->own[LANE_INLINE];
	if (is(name, "plugin"))
		p->places[LANE_PROCESS] = &c->pools[BUILT_IN]->own[LANE_PROCESS];
	namemap_put(&c->pool_names, p->name, p->name_len, p);
	return p;
}

void
pools_init(struct core *c)
{
	for (int i = 0; i < STARTS; i++)
		list_init(&c->starts[i]);
	pool_new(c, (struct span){ "", 0 });
	for (int i = 0; i < STARTS_BEHIND; i++)
		place_init(&c->alone_places[i], NULL, LINE_ALONE + i);
}

void
pools_free(struct core *c)
{
	for (uint32_t i = 0; i < c->pools_len; i++) {
		for (int lane = 0; lane < LANES; lane++)
			place_fini(&c->pools[i]->own[lane]);
		free(c->pools[i]);
	}
	for (int i = 0; i < STARTS_BEHIND; i++)
		place_fini(&c->alone_places[i]);
	namemap_free(&c->pool_names);
	free(c->pools);
}

uint32_t
core_pool_get(struct core *c, struct span name)
{
	struct pool	*p;

	if (name.len == 0)
		return BUILT_IN;
	p = namemap_get(&c->pool_names, name.p, name.len);
	if (p == NULL && c->pools_len == CORE_POOLS_MAX)
		return CORE_NO_POOL;
	return p != NULL ? p->number : pool_new(c, name)->number;
}

struct span
core_pool_name(const struct core *c, uint32_t pool)
{
	return (struct span){ c->pools[pool]->name, c->pools[pool]->name_len };
}

struct span
core_type_pool(const struct type *t)
{
	const struct pool	*p = t->places[LANE_ASYNC]->pool;

	return (struct span){ p->name, p->name_len };
}

void
core_pool_remote(struct core *c, uint32_t pool, bool remote)
{
	c->pools[pool]->remote = remote;
	set_budgets(c, c->pools[pool]);
}

/* ---- is there too little of it? ---- */

/* Some flow at this place has no gate in its way.  Parks what it meets before. */
static bool
could_start(struct core *c, struct place *p)
{
	while (p->benches.len > 0 || gates_wake(c, p)) {
		struct gate	*shut;
		struct flow	*f;

		if (p->benches.len == 0)
			continue;
		f = bench_next(c, list_entry(heap_min(&p->benches), struct bench, node));
		if (f == NULL)
			continue;
		if ((shut = flow_shut_gate(f)) == NULL)
			return true;
		turns_park(c, f, shut);
	}
	return false;
}

bool
core_pool_wants(struct core *c, uint32_t pool)
{
	for (int lane = 0; lane < LANES; lane++) {
		struct place	*p = c->pools[pool]->places[lane];

		if (p->pool->number != pool || p->fresh.len + p->behind.len > 0)
			continue;
		if ((p->workers == 0 || budget_open(p->budget)) && could_start(c, p))
			return true;
	}
	return false;
}
