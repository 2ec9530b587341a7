/* idset.c - open addressing with linear probing and backward-shift deletion, in parts.
 * Runs in: broker.
 *
 * A user's address has at most 48 bits (Linux gives out higher ones only to those who ask mmap for
 * them), which leaves room for 16 bits of hash beside it: they say where the object belongs in a
 * part of up to 65,536 slots, without a look at the object, which would be a cache miss. */
#include "lib/idset.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define FIRST_SLOTS	8
#define RUN		8		/* ids that follow each other and stay together */
#define ADDRESS_BITS	48
#define ADDRESS_MASK	((UINT64_C(1) << ADDRESS_BITS) - 1)
#define TAG_SLOTS	(1u << (64 - ADDRESS_BITS))

static uint64_t
mix(uint64_t x)
{
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

/* The lowest bits place an id in a part, the highest choose the part. */
static uint64_t
hash_of(uint64_t id)
{
	return mix(id / RUN) * RUN + id % RUN;
}

static size_t
part_of(uint64_t hash)
{
	return (size_t)(hash >> 56) % IDSET_PARTS;
}

static void *
object_of(uint64_t slot)
{
	return (void *)(uintptr_t)(slot & ADDRESS_MASK);
}

static uint64_t
id_of(uint64_t slot)
{
	uint64_t	id;

	memcpy(&id, object_of(slot), sizeof(id));
	return id;
}

static uint64_t
slot_of(const void *object, uint64_t hash)
{
	return hash << ADDRESS_BITS | (uint64_t)(uintptr_t)object;
}

/* Where the object in this slot would be, if no other were in its way. */
static uint32_t
home_of(const struct idset_part *p, uint64_t slot)
{
	uint64_t	hash = slot >> ADDRESS_BITS;

	if (p->cap > TAG_SLOTS)
		hash = hash_of(id_of(slot));
	return (uint32_t)hash & (p->cap - 1);
}

/* Where it is, or the free slot where it would be. */
static uint32_t
find(const struct idset_part *p, uint64_t id, uint64_t hash)
{
	uint64_t	tag = hash << ADDRESS_BITS;
	uint32_t	i = (uint32_t)hash & (p->cap - 1);

	for (; p->slots[i] != 0; i = (i + 1) & (p->cap - 1))
		if ((p->slots[i] & ~ADDRESS_MASK) == tag && id_of(p->slots[i]) == id)
			break;
	return i;
}

static void
insert(struct idset_part *p, uint64_t slot)
{
	uint32_t	i = home_of(p, slot);

	while (p->slots[i] != 0)
		i = (i + 1) & (p->cap - 1);
	p->slots[i] = slot;
}

static void
grow(struct idset_part *p)
{
	struct idset_part	bigger = { NULL, p->len, p->cap == 0 ? FIRST_SLOTS : p->cap * 2 };

	bigger.slots = mem_zalloc(bigger.cap, sizeof(*bigger.slots));
	for (uint32_t i = 0; i < p->cap; i++)
		if (p->slots[i] != 0)
			insert(&bigger, p->slots[i]);
	free(p->slots);
	*p = bigger;
}

void *
idset_get(const struct idset *s, uint64_t id)
{
	uint64_t		 hash = hash_of(id);
	const struct idset_part	*p = &s->parts[part_of(hash)];

	return p->cap == 0 ? NULL : object_of(p->slots[find(p, id, hash)]);
}

void
idset_put(struct idset *s, void *object)
{
	uint64_t		 hash = hash_of(id_of((uintptr_t)object));
	struct idset_part	*p = &s->parts[part_of(hash)];

	assert((uint64_t)(uintptr_t)object <= ADDRESS_MASK);
	if ((uint64_t)(p->len + 1) * 4 > (uint64_t)p->cap * 3)
		grow(p);
	insert(p, slot_of(object, hash));
	p->len++;
}

/* Must the object whose home is `home` move into the hole, seen from slot `at`? */
static bool
reaches(uint32_t home, uint32_t hole, uint32_t at)
{
	return at > hole ? home <= hole || home > at : home <= hole && home > at;
}

void *
idset_del(struct idset *s, uint64_t id)
{
	uint64_t		 hash = hash_of(id);
	struct idset_part	*p = &s->parts[part_of(hash)];
	uint32_t		 hole, at, mask = p->cap - 1;
	void			*object;

	if (p->cap == 0)
		return NULL;
	hole = find(p, id, hash);
	if ((object = object_of(p->slots[hole])) == NULL)
		return NULL;
	for (at = (hole + 1) & mask; p->slots[at] != 0; at = (at + 1) & mask) {
		if (!reaches(home_of(p, p->slots[at]), hole, at))
			continue;
		p->slots[hole] = p->slots[at];
		hole = at;
	}
	p->slots[hole] = 0;
	p->len--;
	return object;
}

void *
idset_next(const struct idset *s, size_t *at)
{
	size_t	part = *at % IDSET_PARTS, slot = *at / IDSET_PARTS;

	for (; part < IDSET_PARTS; part++, slot = 0) {
		for (; slot < s->parts[part].cap; slot++) {
			if (s->parts[part].slots[slot] == 0)
				continue;
			*at = (slot + 1) * IDSET_PARTS + part;
			return object_of(s->parts[part].slots[slot]);
		}
	}
	return NULL;
}

size_t
idset_part(uint64_t id)
{
	return part_of(hash_of(id));
}

void
idset_free(struct idset *s)
{
	for (size_t i = 0; i < IDSET_PARTS; i++)
		free(s->parts[i].slots);
	memset(s, 0, sizeof(*s));
}
