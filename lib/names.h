/*
 * names.h - names that many objects share, each kept once and known by a small number.
 *
 * A name lives while somebody counts on it; its number is given to another one afterwards.  0 is no
 * name: the empty one, and any that comes while NAMES_MAX others are kept.
 */
#ifndef LIB_NAMES_H
#define LIB_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/map.h"

#define NAMES_MAX	UINT16_MAX

struct name;

/* All zero is an empty table. */
struct names {
	struct namemap	 by_text;
	struct name	**list;		/* by number; a free place has the number of the next one */
	uint32_t	 len, cap;	/* list[0] is nobody's */
	uint16_t	 free;		/* the first free place; 0: none */
};

/* Counted for the caller. */
uint16_t names_take(struct names *n, const char *text, size_t len);
uint16_t names_ref(struct names *n, uint16_t number);
void names_unref(struct names *n, uint16_t number);
/* Lent while it is counted on; "" for 0. */
const char *names_text(const struct names *n, uint16_t number);
void names_free(struct names *n);

#endif
