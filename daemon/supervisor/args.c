/* args.c - a growing list of strings.  Runs in: supervisor. */
#include "daemon/supervisor/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"

static void
take(struct args *a, char *text)
{
	a->v = mem_resize(a->v, a->n + 2, sizeof(*a->v));
	a->v[a->n++] = text;
	a->v[a->n] = NULL;
}

void
args_add(struct args *a, const char *text)
{
	take(a, mem_strdup(text));
}

void
args_addf(struct args *a, const char *fmt, ...)
{
	va_list	 ap;
	char	*text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	take(a, text);
}

void
args_free(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	a->v = NULL;
	a->n = 0;
}
