/*
 * idset.h - a set of many objects, found by the uint64_t id that each has as its first member.
 *
 * It keeps 8 bytes of an object, in tables that are between three and six eighths full: 11 to 22
 * bytes an object.  It grows in IDSET_PARTS parts, each by itself, so no single put has millions of
 * objects to move.  Objects are lent, never freed here, and their ids do not change.  Ids that
 * follow each other share cache lines.
 */
#ifndef LIB_IDSET_H
#define LIB_IDSET_H

#include <stddef.h>
#include <stdint.h>

#define IDSET_PARTS	256

struct idset_part {
	uint64_t	*slots;		/* 16 bits of the id's hash, 48 of address; 0: free */
	uint32_t	 len, cap;	/* cap is 0 or a power of two */
};

struct idset {
	struct idset_part	parts[IDSET_PARTS];
};

void *idset_get(const struct idset *s, uint64_t id);		/* NULL: there is none */
void idset_put(struct idset *s, void *object);			/* its id is not in the set */
void *idset_del(struct idset *s, uint64_t id);			/* what was there, or NULL */
/* Walk: *at starts at 0; NULL at the end.  The set must not change meanwhile. */
void *idset_next(const struct idset *s, size_t *at);
void idset_free(struct idset *s);
/* Which part an id belongs to: for tests. */
size_t idset_part(uint64_t id);

#endif
