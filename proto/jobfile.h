/*
 * jobfile.h - NAME.job: a type whose jobs are commands.
 *
 *   summary = a picture, smaller
 *   argv = ["convert", "{input}", "-resize", "{size}x{size}", "{output}"]
 *   timeout = 5m
 *
 *   [param input]
 *   type = path
 *   pattern = /srv/pictures/.+
 *
 * {NAME} in argv stands for what the caller gives, {{ and }} for braces.  Each one has its [param
 * NAME], and each [param NAME] is used.  The program itself is the administrator's: only an enum may
 * be in it.  cwd, paths and [env] are as they stand, the same for every job.  All keys:
 * docs/jobd.job.5.
 */
#ifndef PROTO_JOBFILE_H
#define PROTO_JOBFILE_H

#include "proto/typefile.h"

/*
 * path is for messages, name is the type's.  0 and *t, or -EINVAL with *f; t is to be given back by
 * typefile_fini in either case.
 */
int jobfile_read(const char *path, const char *name, const char *text, size_t len,
    struct typefile *t, struct fault *f);
/* NULL, or why this machine's kernel cannot do what it says of files or the network: its jobs fail. */
const char *jobfile_missing(const struct typefile *t);
/* A member of `commands` in proto/catalog.h. */
void jobfile_put(struct buf *out, const struct typefile *t);

#endif
