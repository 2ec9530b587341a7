/*
 * whole_file.h - a file that appears whole or not at all: it is written under a name of its own in
 * the target's directory, synced, then renamed.  A worker that is killed meanwhile leaves
 * `.jobd-*.tmp` there.
 */
#ifndef HANDLERS_WHOLE_FILE_H
#define HANDLERS_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "workers/handler.h"

struct whole_file {
	int		 fd;		/* to write to; -1: not open */
	int		 dir;
	const char	*path;		/* of the target, lent */
	const char	*name;		/* of the target in dir */
	char		 temp[32];	/* of what is written, in dir */
};

#define WHOLE_FILE_NONE	((struct whole_file){ .fd = -1, .dir = -1 })

/* path: lent until whole_close.  0, or -1 with a sentence in why[size]. */
int whole_open(struct whole_file *w, const char *path, char *why, size_t size);
/*
 * Everything is written: gives it its mode and its name.  replace: instead of a file that may be
 * there.  0 or -errno; -EEXIST when there is one that is not to be replaced.
 */
int whole_commit(struct whole_file *w, mode_t mode, bool replace);
/* Takes back what was not committed; harmless when nothing is open. */
void whole_close(struct whole_file *w);
/* The end of an attempt that could not write: verb is what it wanted to do. */
void whole_fail(struct jobd_attempt *at, const char *verb, int rc, const char *path);

#endif
