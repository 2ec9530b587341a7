/*
 * confinement.h - the files that a command may see and change, and whether it has a network, as
 * the kernel is told: a Landlock ruleset and a seccomp filter, made before the child is.
 *
 * docs/commands.md says what each key of a type's file allows.
 */
#ifndef WORKERS_CONFINEMENT_H
#define WORKERS_CONFINEMENT_H

#include <stddef.h>

#include "workers/command.h"
#include "workers/filter.h"

struct confinement {
	int		ruleset;	/* -1: all files */
	struct filter	filter;		/* len 0: all system calls */
};

/*
 * What the bounds of a command take.
 *
 *   programs	where the program may be, NULL at the end: that it may run
 *   scratch	its private directory, -1: none; that it may write to
 *   landlock	the ABI that the kernel has, 0: none
 *
 * 0, or -1 with a sentence in why[size]: the command must not run.  *out is to be given back either
 * way.
 */
int confinement_make(struct confinement *out, const struct command_bounds *bounds,
    char *const *programs, int scratch, int landlock, char *why, size_t size);
void confinement_free(struct confinement *c);

#endif
