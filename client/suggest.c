/* suggest.c - the word that was probably meant.  Runs in: jobctl. */
#include "client/suggest.h"

#include <string.h>

#define WORD_MAX	40

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	unsigned	m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned
suggest_distance(const char *a, const char *b)
{
	size_t		la = strlen(a), lb = strlen(b);
	unsigned	d[WORD_MAX + 1][WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= la; i++) {
		for (size_t j = 0; j <= lb; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
		}
	}
	return d[la][lb];
}

void
suggest_offer(struct suggestion *s, const char *typed, const char *known)
{
	size_t		len = strlen(typed);
	unsigned	near = len < 6 ? 1 + (len > 3) : (unsigned)(len / 3), distance;

	/* the start of a longer word is near, however long the rest is */
	if (len >= 2 && strncmp(known, typed, len) == 0)
		distance = 1;
	else
		distance = suggest_distance(typed, known);
	if (distance > near || (s->word != NULL && distance >= s->distance))
		return;
	s->word = known;
	s->distance = distance;
}
