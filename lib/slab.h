/*
 * slab.h - many objects of one size, without the 8 to 24 bytes that malloc adds to each.
 *
 * Objects live in blocks of SLAB_BYTES that are mapped by themselves, so a block whose last object
 * is given back goes back to the system (one is kept), wherever the heap's other memory lies.
 * An object is taken from the block that was given one back last: the others may become empty.
 */
#ifndef LIB_SLAB_H
#define LIB_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"

#define SLAB_BYTES	((size_t)256 << 10)

struct slab {
	struct list	 open;		/* blocks with room, the one to take from first */
	struct list	 full;
	size_t		 size;
	uint32_t	 capacity;	/* objects in a block */
	uint32_t	 blocks, empty;	/* all, and those of open without an object */
};

/* size: of an object, a multiple of 8. */
void slab_init(struct slab *s, size_t size);
/* What was there before is still in it. */
void *slab_take(struct slab *s) __attribute__((returns_nonnull));
void slab_give(struct slab *s, void *object);
/* With all objects that were taken and not given back. */
void slab_fini(struct slab *s);

#endif
