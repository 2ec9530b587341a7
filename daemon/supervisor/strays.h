/*
 * strays.h - processes that a dead worker has left.  The supervisor is their subreaper, so that
 * they become its children, as does whatever they leave in turn.
 */
#ifndef SUPERVISOR_STRAYS_H
#define SUPERVISOR_STRAYS_H

#include <stddef.h>

struct supervisor;

/* Once, before there are children. */
void strays_adopt(void);
/*
 * Kills each child that is neither the broker nor a worker, with all below it, and not those in the
 * session of a living worker.  How many children of that kind there are still: their ends come as
 * SIGCHLD, after which this is to be called again, until it says 0.
 */
size_t strays_kill(const struct supervisor *s);

#endif
