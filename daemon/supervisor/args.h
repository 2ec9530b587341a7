/* args.h - a growing, NULL-terminated list of strings of its own: an argv, or settings in order. */
#ifndef SUPERVISOR_ARGS_H
#define SUPERVISOR_ARGS_H

#include <stddef.h>

struct args {
	char	**v;		/* NULL while nothing was added; else v[n] is NULL */
	size_t	  n;
};

void args_add(struct args *a, const char *text);
void args_addf(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void args_free(struct args *a);

#endif
