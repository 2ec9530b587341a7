/* slab.c - objects of one size in mapped blocks.  Runs in: broker.
 *
 * A block begins at a multiple of its size, so an object's block is found by its address.  Objects
 * that were never taken are not linked: they are behind `fresh`, and their pages are not touched. */
#include "lib/slab.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, size)	((void)(p), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(p, size)	((void)(p), (void)(size))
#endif

struct given {
	struct given	*next;
};

struct block {
	struct list	 link;		/* in slab->open or slab->full */
	struct given	*given;		/* objects that came back */
	uint32_t	 used, fresh;	/* objects taken now, and ever */
	char		 objects[];
};

void
slab_init(struct slab *s, size_t size)
{
	assert(size >= sizeof(struct given) && size % sizeof(void *) == 0);
	*s = (struct slab){ .size = size };
	s->capacity = (uint32_t)((SLAB_BYTES - sizeof(struct block)) / size);
	list_init(&s->open);
	list_init(&s->full);
}

static struct block *
block_of(void *object)
{
	return (struct block *)((uintptr_t)object & ~(uintptr_t)(SLAB_BYTES - 1));
}

/* Twice as much is mapped as is wanted, and what is around a multiple of its size is let go. */
static void *
map_aligned(void)
{
	char	*p = mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t	 before;

	if (p == MAP_FAILED) {
		fprintf(stderr, "out of memory: cannot map %zu bytes\n", 2 * SLAB_BYTES);
		abort();
	}
	before = (SLAB_BYTES - (uintptr_t)p % SLAB_BYTES) % SLAB_BYTES;
	if (before > 0)
		munmap(p, before);
	munmap(p + before + SLAB_BYTES, SLAB_BYTES - before);
	return p + before;
}

static void
block_add(struct slab *s)
{
	struct block	*b = map_aligned();

	ASAN_POISON_MEMORY_REGION(b->objects, s->size * s->capacity);
	list_push_front(&s->open, &b->link);
	s->blocks++;
	s->empty++;
}

static void
block_free(struct block *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b, SLAB_BYTES);
	munmap(b, SLAB_BYTES);
}

static void *
take_from(const struct slab *s, struct block *b)
{
	void	*object = b->given;

	if (object == NULL) {
		object = b->objects + s->size * b->fresh++;
		ASAN_UNPOISON_MEMORY_REGION(object, s->size);
	} else {
		ASAN_UNPOISON_MEMORY_REGION(object, s->size);
		b->given = b->given->next;
	}
	return object;
}

void *
slab_take(struct slab *s)
{
	struct block	*b;
	void		*object;

	if (list_empty(&s->open))
		block_add(s);
	b = list_entry(s->open.next, struct block, link);
	object = take_from(s, b);
	s->empty -= b->used++ == 0;
	if (b->used == s->capacity) {
		list_remove(&b->link);
		list_push_back(&s->full, &b->link);
	}
	return object;
}

static void
block_emptied(struct slab *s, struct block *b)
{
	if (s->empty == 0) {
		s->empty++;
		return;
	}
	list_remove(&b->link);
	s->blocks--;
	block_free(b);
}

void
slab_give(struct slab *s, void *object)
{
	struct block	*b = block_of(object);
	struct given	*g = object;

	g->next = b->given;
	b->given = g;
	ASAN_POISON_MEMORY_REGION(object, s->size);
	if (b->used == s->capacity) {
		list_remove(&b->link);
		list_push_front(&s->open, &b->link);
	}
	if (--b->used == 0)
		block_emptied(s, b);
}

void
slab_fini(struct slab *s)
{
	struct list	*node;

	while ((node = list_pop(&s->open)) != NULL || (node = list_pop(&s->full)) != NULL)
		block_free(list_entry(node, struct block, link));
	s->blocks = s->empty = 0;
}
