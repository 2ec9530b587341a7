/*
 * arena.c - chunks of a shared-memory region, by the buddy method.  Runs in: broker, loop thread.
 *
 * The region is cut into leaves of BOUND_CHUNK_MIN bytes; a chunk of order k is 2^k leaves, aligned
 * to its size, and is named by its first leaf.  A chunk given back goes to the cache of its order
 * (its pages and cache lines are warm) until that is full, and else is merged with its buddy.  The
 * caches are merged when a chunk is wanted that nothing else can provide; they are small, so that
 * costs a bounded time.
 */
#include "proto/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "proto/bounds.h"

#define NO_LEAF		UINT32_MAX
#define ORDERS		32
#define CHUNK_BYTES_MAX	(UINT32_C(1) << 31)	/* sizes are 32 bits wide */
#define CACHED		32		/* chunks per order */
#define CACHED_BYTES	(1 << 20)	/* larger chunks are always merged */

enum leaf_state { LEAF_INSIDE, LEAF_FREE, LEAF_CACHED, LEAF_USED };

struct leaf {
	uint32_t	next, prev;	/* in the free list of its order */
	uint8_t		order, state;
};

struct cache {
	uint32_t	count;
	uint32_t	leaves[CACHED];
};

struct arena {
	uint64_t	 base;
	size_t		 used;
	unsigned	 orders;	/* the whole region is one chunk of order orders - 1 */
	struct leaf	*leaves;	/* zero pages until touched: cost follows use */
	uint32_t	 free[ORDERS];
	struct cache	 caches[ORDERS];
};

static size_t
order_bytes(unsigned order)
{
	return (size_t)BOUND_CHUNK_MIN << order;
}

static unsigned
order_for(size_t bytes)
{
	size_t	leaves = bytes <= BOUND_CHUNK_MIN ? 1 : (bytes - 1) / BOUND_CHUNK_MIN + 1;

	return leaves == 1 ? 0 : 64 - (unsigned)__builtin_clzl(leaves - 1);
}

static void
free_push(struct arena *a, uint32_t n, unsigned order)
{
	struct leaf	*l = &a->leaves[n];

	*l = (struct leaf){ .next = a->free[order], .prev = NO_LEAF, .order = (uint8_t)order,
	    .state = LEAF_FREE };
	if (l->next != NO_LEAF)
		a->leaves[l->next].prev = n;
	a->free[order] = n;
}

static void
free_remove(struct arena *a, uint32_t n)
{
	struct leaf	*l = &a->leaves[n];

	if (l->prev != NO_LEAF)
		a->leaves[l->prev].next = l->next;
	else
		a->free[l->order] = l->next;
	if (l->next != NO_LEAF)
		a->leaves[l->next].prev = l->prev;
	l->state = LEAF_INSIDE;
}

/* Frees a chunk, as part of the largest free one that it completes. */
static void
merge(struct arena *a, uint32_t n, unsigned order)
{
	a->leaves[n].state = LEAF_INSIDE;
	for (; order + 1 < a->orders; order++) {
		uint32_t	buddy = n ^ (UINT32_C(1) << order);

		if (a->leaves[buddy].state != LEAF_FREE || a->leaves[buddy].order != order)
			break;
		free_remove(a, buddy);
		n &= buddy;
	}
	free_push(a, n, order);
}

/*
 * A chunk out of the free lists, the rest of a larger one going back; NO_LEAF when there is none.
 */
static uint32_t
split_off(struct arena *a, unsigned order)
{
	unsigned	k = order;
	uint32_t	n;

	while (k < a->orders && a->free[k] == NO_LEAF)
		k++;
	if (k == a->orders)
		return NO_LEAF;
	n = a->free[k];
	free_remove(a, n);
	while (k > order) {
		k--;
		free_push(a, n + (UINT32_C(1) << k), k);
	}
	return n;
}

static void
merge_caches(struct arena *a)
{
	for (unsigned k = 0; k < a->orders; k++) {
		struct cache	*c = &a->caches[k];

		while (c->count > 0)
			merge(a, c->leaves[--c->count], k);
	}
}

struct arena *
arena_new(uint64_t base, size_t bytes)
{
	struct arena	*a = mem_zalloc(1, sizeof(*a));

	assert(bytes >= BOUND_CHUNK_MIN && (bytes & (bytes - 1)) == 0);
	a->base = base;
	a->orders = order_for(bytes) + 1;
	assert(a->orders < ORDERS);
	a->leaves = mem_zalloc(bytes / BOUND_CHUNK_MIN, sizeof(*a->leaves));
	for (unsigned k = 0; k < ORDERS; k++)
		a->free[k] = NO_LEAF;
	free_push(a, 0, a->orders - 1);
	return a;
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	free(a->leaves);
	free(a);
}

uint64_t
arena_take(struct arena *a, size_t bytes, uint32_t *cap)
{
	struct cache	*c;
	unsigned	 order;
	uint32_t	 n;

	if (bytes > CHUNK_BYTES_MAX || (order = order_for(bytes)) >= a->orders)
		return ARENA_NONE;
	c = &a->caches[order];
	if (c->count > 0) {
		n = c->leaves[--c->count];
	} else if ((n = split_off(a, order)) == NO_LEAF) {
		merge_caches(a);
		if ((n = split_off(a, order)) == NO_LEAF)
			return ARENA_NONE;
	}
	a->leaves[n].state = LEAF_USED;
	a->leaves[n].order = (uint8_t)order;
	a->used += order_bytes(order);
	if (cap != NULL)
		*cap = (uint32_t)order_bytes(order);
	return a->base + (uint64_t)n * BOUND_CHUNK_MIN;
}

void
arena_give(struct arena *a, uint64_t off)
{
	uint32_t	 n = (uint32_t)((off - a->base) / BOUND_CHUNK_MIN);
	struct leaf	*l = &a->leaves[n];
	struct cache	*c = &a->caches[l->order];

	assert(l->state == LEAF_USED);
	a->used -= order_bytes(l->order);
	if (c->count == CACHED || order_bytes(l->order) > CACHED_BYTES) {
		merge(a, n, l->order);
		return;
	}
	l->state = LEAF_CACHED;
	c->leaves[c->count++] = n;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
