/*
 * workerfile.h - NAME.worker: a pool of workers in any language (docs/workers.md).
 *
 *   worker = ["python3", "-m", "mytasks"]
 *   types = resize thumb
 *   count = 2
 *
 * `remote = true` instead of `worker`: they connect from elsewhere.  All keys: docs/jobd.job.5.
 */
#ifndef PROTO_WORKERFILE_H
#define PROTO_WORKERFILE_H

#include "proto/typefile.h"

#define WORKERFILE_COUNT	1		/* workers of a pool that does not say it */
#define WORKERFILE_READY_MS	30000

/* As jobfile_read. */
int workerfile_read(const char *path, const char *name, const char *text, size_t len,
    struct typefile *t, struct fault *f);
/* A member of `pools` in proto/catalog.h. */
void workerfile_put(struct buf *out, const struct typefile *t);

#endif
