/* keep.h - jobd --check-store, --export, --import: jobd-store does it, jobd waits for its end. */
#ifndef SUPERVISOR_KEEP_H
#define SUPERVISOR_KEEP_H

#include <stddef.h>

#include "daemon/supervisor/options.h"

/*
 * The exit code: jobd-store's, which has said what is wrong; or EXIT_CONFIG with a sentence in
 * why[size].  An import takes the state directory for itself meanwhile; the others only read.
 */
int keep_store(const struct options *o, char *why, size_t size);

#endif
