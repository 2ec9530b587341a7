/* suggest.h - the word that was probably meant. */
#ifndef CLIENT_SUGGEST_H
#define CLIENT_SUGGEST_H

#include <stddef.h>

struct suggestion {
	const char	*word;		/* the nearest so far; NULL: none is near */
	unsigned	 distance;
};

/* Offers a known word for what was typed; s starts as zeroes.  Near: a third of its letters. */
void suggest_offer(struct suggestion *s, const char *typed, const char *known);

/* Letters to insert, delete, change or swap with their neighbour to get from a to b. */
unsigned suggest_distance(const char *a, const char *b);

#endif
