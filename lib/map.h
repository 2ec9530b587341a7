/*
 * map.h - two hash maps: from a uint64 to a pointer, and from a name to a pointer.
 *
 * Values are lent, never freed here.  NULL is not a value.  A map is one thread's, even to look things
 * up: a name map remembers what was found last.  Name keys are hashed with a random seed
 * (map_seed, once at start-up), so no client can choose names that collide; the key's bytes are lent too
 * and must live as long as the entry: keep them in the value.
 */
#ifndef LIB_MAP_H
#define LIB_MAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_slot {
	uint64_t	 key;
	void		*value;
};

struct idmap {
	struct idmap_slot	*slots;
	size_t			 len, cap;	/* cap is 0 or a power of two */
};

void *idmap_get(const struct idmap *m, uint64_t key);
void idmap_put(struct idmap *m, uint64_t key, void *value);	/* replaces */
void *idmap_del(struct idmap *m, uint64_t key);			/* what was there, or NULL */
void idmap_free(struct idmap *m);

struct namemap_slot {
	const char	*key;
	uint32_t	 len, hash;
	void		*value;
};

struct namemap {
	struct namemap_slot	*slots;
	size_t			 len, cap;
};

void map_seed(uint64_t seed);
void *namemap_get(const struct namemap *m, const char *key, size_t len);
void namemap_put(struct namemap *m, const char *key, size_t len, void *value);
void *namemap_del(struct namemap *m, const char *key, size_t len);
/* Walk: *at starts at 0; NULL at the end.  The map must not change meanwhile. */
void *namemap_next(const struct namemap *m, size_t *at);
void *idmap_next(const struct idmap *m, size_t *at);
void namemap_free(struct namemap *m);

#endif
