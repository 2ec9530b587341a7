/*
 * scratch.h - a private directory for an attempt: its JOBD_TMPDIR and its JOBD_RESULT.
 *
 * Removing it follows no link and needs two descriptors, however deep it is: directories within
 * are moved up to its top first.
 */
#ifndef WORKERS_SCRATCH_H
#define WORKERS_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct scratch {
	char	 path[64];	/* "": none */
	int	 top;		/* the directory; -1: none */
	unsigned moved;
};

/* 0 or -errno.  With tmpdir: PATH/tmp is made too. */
int scratch_make(struct scratch *s, uint64_t job, bool tmpdir);
/*
 * What the job wrote to PATH/result, at most max bytes, appended.  0 or -errno; -EFBIG: it is
 * longer; -EINVAL: it is no regular file.
 */
int scratch_read_result(const struct scratch *s, size_t max, struct buf *out);
/*
 * Removes some of it, so that a large one does not hold up the loop.  True: it is gone, or what is
 * left cannot be removed, which is logged.
 */
bool scratch_remove_some(struct scratch *s);

#endif
