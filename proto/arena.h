/*
 * arena.h - chunks of a shared-memory region, handed out by the broker.
 *
 * Metadata is in the broker's private memory only; the region is never read.  A buddy allocator:
 * chunks are powers of two from BOUND_CHUNK_MIN; freed small chunks are kept per class for reuse,
 * last in first out (they are warm), and merged when a larger one is wanted.  Offsets count from
 * the start of the region.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena;

#define ARENA_NONE	UINT64_MAX

/* bytes: a power of two, >= BOUND_CHUNK_MIN; base is added to every offset that comes out. */
struct arena *arena_new(uint64_t base, size_t bytes);
void arena_free(struct arena *a);
/*
 * A chunk of at least bytes (0 counts as 1); ARENA_NONE when there is none.  *cap: its real size.
 */
uint64_t arena_take(struct arena *a, size_t bytes, uint32_t *cap);
/* Gives a chunk back; off must have come from arena_take. */
void arena_give(struct arena *a, uint64_t off);
size_t arena_used(const struct arena *a);	/* bytes in chunks now out */

#endif
