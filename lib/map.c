/* map.c - open addressing with linear probing and backward-shift deletion.  Runs in: broker, jobctl. */
#include "lib/map.h"

#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"

#define MAP_FIRST_SLOTS	16

static uint64_t	seed = UINT64_C(0x9e3779b97f4a7c15);

void
map_seed(uint64_t value)
{
	seed = value | 1;
}

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	return x;
}

/* Fewer than 8 bytes in one word: each is in it, some twice; the length is in the hash already. */
static inline uint64_t
short_word(const char *p, size_t len)
{
	const unsigned char	*bytes = (const unsigned char *)p;
	uint32_t		 first, last;

	if (len == 0)
		return 0;
	if (len < 4)
		return bytes[0] | (uint64_t)bytes[len / 2] << 8 | (uint64_t)bytes[len - 1] << 16;
	memcpy(&first, p, 4);
	memcpy(&last, p + len - 4, 4);
	return first | (uint64_t)last << 32;
}

static uint32_t
hash_name(const char *key, size_t len)
{
	uint64_t	h = seed ^ (len * UINT64_C(0x9e3779b97f4a7c15));
	uint64_t	word;

	for (; len >= 8; key += 8, len -= 8) {
		memcpy(&word, key, 8);
		h = mix(h ^ word) * seed;
	}
	return (uint32_t)mix(mix(h ^ short_word(key, len)) * seed);
}

/* Must the entry whose home is `home` move into the hole, seen from slot `at`? */
static int
reaches(size_t home, size_t hole, size_t at)
{
	return at > hole ? home <= hole || home > at : home <= hole && home > at;
}

/* Ids that follow each other are used together: four of them share a cache line. */
static size_t
id_home(const struct idmap *m, uint64_t key)
{
	return ((size_t)(mix(key >> 2) << 2) | (key & 3)) & (m->cap - 1);
}

static struct idmap_slot *
idmap_find(const struct idmap *m, uint64_t key)
{
	size_t	i = id_home(m, key);

	while (m->slots[i].value != NULL && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void
idmap_grow(struct idmap *m)
{
	struct idmap	bigger = { NULL, 0, m->cap == 0 ? MAP_FIRST_SLOTS : m->cap * 2 };

	bigger.slots = mem_zalloc(bigger.cap, sizeof(*bigger.slots));
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].value != NULL)
			*idmap_find(&bigger, m->slots[i].key) = m->slots[i];
	bigger.len = m->len;
	free(m->slots);
	*m = bigger;
}

void *
idmap_get(const struct idmap *m, uint64_t key)
{
	return m->cap == 0 ? NULL : idmap_find(m, key)->value;
}

void
idmap_put(struct idmap *m, uint64_t key, void *value)
{
	struct idmap_slot	*slot;

	if ((m->len + 1) * 4 > m->cap * 3)
		idmap_grow(m);
	slot = idmap_find(m, key);
	if (slot->value == NULL)
		m->len++;
	slot->key = key;
	slot->value = value;
}

void *
idmap_del(struct idmap *m, uint64_t key)
{
	size_t	 hole, at, mask = m->cap - 1;
	void	*value;

	if (m->cap == 0 || (value = idmap_find(m, key)->value) == NULL)
		return NULL;
	hole = (size_t)(idmap_find(m, key) - m->slots);
	for (at = (hole + 1) & mask; m->slots[at].value != NULL; at = (at + 1) & mask) {
		if (!reaches(id_home(m, m->slots[at].key), hole, at))
			continue;
		m->slots[hole] = m->slots[at];
		hole = at;
	}
	m->slots[hole].value = NULL;
	m->len--;
	return value;
}

void *
idmap_next(const struct idmap *m, size_t *at)
{
	while (*at < m->cap)
		if (m->slots[(*at)++].value != NULL)
			return m->slots[*at - 1].value;
	return NULL;
}

void
idmap_free(struct idmap *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

static struct namemap_slot *
namemap_find(const struct namemap *m, const char *key, size_t len, uint32_t hash)
{
	size_t	i = hash & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		struct namemap_slot	*s = &m->slots[i];

		if (s->value == NULL)
			return s;
		if (s->hash == hash && s->len == len && memcmp(s->key, key, len) == 0)
			return s;
	}
}

static void
namemap_grow(struct namemap *m)
{
	struct namemap	bigger = { NULL, 0, m->cap == 0 ? MAP_FIRST_SLOTS : m->cap * 2 };

	bigger.slots = mem_zalloc(bigger.cap + 1, sizeof(*bigger.slots));
	for (size_t i = 0; i < m->cap; i++) {
		struct namemap_slot	*s = &m->slots[i];

		if (s->value != NULL)
			*namemap_find(&bigger, s->key, s->len, s->hash) = *s;
	}
	bigger.len = m->len;
	free(m->slots);
	*m = bigger;
}

/* Behind the table: a copy of what was found last, or nothing.  Names come in runs. */
static struct namemap_slot *
last_found(const struct namemap *m)
{
	return &m->slots[m->cap];
}

void *
namemap_get(const struct namemap *m, const char *key, size_t len)
{
	struct namemap_slot	*last;

	if (m->cap == 0)
		return NULL;
	last = last_found(m);
	if (last->value == NULL || last->len != len || memcmp(last->key, key, len) != 0)
		*last = *namemap_find(m, key, len, hash_name(key, len));
	return last->value;
}

void
namemap_put(struct namemap *m, const char *key, size_t len, void *value)
{
	uint32_t		 hash = hash_name(key, len);
	struct namemap_slot	*slot;

	if ((m->len + 1) * 4 > m->cap * 3)
		namemap_grow(m);
	slot = namemap_find(m, key, len, hash);
	if (slot->value == NULL)
		m->len++;
	last_found(m)->value = NULL;
	*slot = (struct namemap_slot){ key, (uint32_t)len, hash, value };
}

void *
namemap_del(struct namemap *m, const char *key, size_t len)
{
	size_t			 hole, at, mask = m->cap - 1;
	struct namemap_slot	*slot;
	void			*value;

	if (m->cap == 0)
		return NULL;
	last_found(m)->value = NULL;
	slot = namemap_find(m, key, len, hash_name(key, len));
	if ((value = slot->value) == NULL)
		return NULL;
	hole = (size_t)(slot - m->slots);
	for (at = (hole + 1) & mask; m->slots[at].value != NULL; at = (at + 1) & mask) {
		if (!reaches(m->slots[at].hash & mask, hole, at))
			continue;
		m->slots[hole] = m->slots[at];
		hole = at;
	}
	m->slots[hole].value = NULL;
	m->len--;
	return value;
}

void *
namemap_next(const struct namemap *m, size_t *at)
{
	while (*at < m->cap)
		if (m->slots[(*at)++].value != NULL)
			return m->slots[*at - 1].value;
	return NULL;
}

void
namemap_free(struct namemap *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}
