/* pattern.c - regular expressions whose compilation ends soon.  Runs in: every process. */
#include "lib/pattern.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT	(UINT64_C(1) << 14)	/* what it comes to, in characters */

/* What is open at one depth of parentheses. */
struct level {
	uint64_t	sum;		/* of what stands before the last atom */
	uint64_t	atom;		/* the last one, repetitions counted */
};

struct measure {
	struct level	 levels[PATTERN_DEPTH + 1];
	unsigned	 depth;
	bool		 repeated;	/* the last atom is */
	const char	*wrong;
};

static uint64_t
add(uint64_t a, uint64_t b)
{
	return a + b < SIZE_LIMIT ? a + b : SIZE_LIMIT;
}

static void
take_atom(struct measure *m, uint64_t size)
{
	struct level	*l = &m->levels[m->depth];

	l->sum = add(l->sum, l->atom);
	l->atom = size;
	m->repeated = false;
}

static void
open_group(struct measure *m)
{
	if (m->depth == PATTERN_DEPTH) {
		m->wrong = "has too many parentheses inside each other";
		return;
	}
	m->levels[++m->depth] = (struct level){ 0 };
	m->repeated = false;
}

/* One that was never opened is a character, or an error for regcomp to tell. */
static void
close_group(struct measure *m)
{
	const struct level	*inner = &m->levels[m->depth];

	if (m->depth == 0)
		return;
	m->depth--;
	take_atom(m, add(inner->sum, add(inner->atom, 1)));
}

static void
repeat(struct measure *m, uint64_t times)
{
	struct level	*l = &m->levels[m->depth];

	if (m->repeated)
		m->wrong = "repeats what is a repetition already";
	m->repeated = true;
	l->atom = times < SIZE_LIMIT ? l->atom * times : SIZE_LIMIT;
	if (l->atom > SIZE_LIMIT)
		l->atom = SIZE_LIMIT;
}

/* {n}, {n,} or {n,m}: the larger of both. */
static uint64_t
times_of(const char *p)
{
	char		*end;
	unsigned long	 n = strtoul(p + 1, &end, 10), m = 0;

	if (*end == ',')
		m = strtoul(end + 1, NULL, 10);
	n = n > m ? n : m;
	return n < SIZE_LIMIT ? n + 1 : SIZE_LIMIT;
}

/* Behind a bracket expression: `]` as its first character is one of its own. */
static const char *
skip_brackets(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p != '\0' && *p != ']') {
		if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
			const char	 end[] = { p[1], ']', '\0' }, *found = strstr(p + 2, end);

			if (found != NULL)
				p = found + 1;
		}
		p++;
	}
	return *p == '\0' ? p - 1 : p;
}

/* The end of what stands at p. */
static const char *
take(struct measure *m, const char *p)
{
	switch (*p) {
	case '(':
		open_group(m);
		return p;
	case ')':
		close_group(m);
		return p;
	case '*':
	case '+':
	case '?':
		repeat(m, 2);
		return p;
	case '{':
		repeat(m, times_of(p));
		return p[strcspn(p, "}")] == '}' ? p + strcspn(p, "}") : p;
	case '[':
		p = skip_brackets(p);
		break;
	case '\\':
		p += p[1] != '\0';
		break;
	default:
		break;
	}
	take_atom(m, 1);
	return p;
}

const char *
pattern_compile(const char *text, regex_t *out)
{
	struct measure	m = { .depth = 0 };

	for (const char *p = text; *p != '\0' && m.wrong == NULL; p++)
		p = take(&m, p);
	if (m.wrong != NULL)
		return m.wrong;
	while (m.depth > 0)
		close_group(&m);
	if (add(m.levels[0].sum, m.levels[0].atom) == SIZE_LIMIT)
		return "repeats too much, what is repeated inside each other multiplied";
	if (regcomp(out, text, REG_EXTENDED | REG_NOSUB) != 0)
		return "must be a POSIX extended regular expression";
	return NULL;
}
