/*
 * sources.h - what is configured, from everywhere it can be: the file, its drop-ins, the
 * environment, the command line, each stronger than those before it.
 */
#ifndef SUPERVISOR_SOURCES_H
#define SUPERVISOR_SOURCES_H

#include "daemon/supervisor/options.h"
#include "daemon/supervisor/paths.h"
#include "proto/config_file.h"

/*
 * All of it, into *c and *s (initialised by the caller).  The file is the one of -c, which must be
 * there, or the usual one, which need not.  env: NAME=VALUE as in environ; JOBD_JOBS__GRACE_MS is
 * jobs.grace_ms.  0, or EXIT_CONFIG with *fault.
 */
int sources_read(const struct options *o, const struct paths_env *paths, char *const *env,
    struct config *c, struct settings *s, struct config_fault *fault);

#endif
