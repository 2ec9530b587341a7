/* again.h - the way back to a daemon that is gone for a moment. */
#ifndef CLIENT_AGAIN_H
#define CLIENT_AGAIN_H

#include <stdbool.h>

#include "client/ctl.h"

/*
 * Forgets the connection that is lost, and tries until there is another one, for a minute.
 * pause(arg, ms) waits between two tries; false: there shall be none.
 *
 * 0, or -1 with a sentence in why[size].
 */
int again_connect(struct ctl *ctl, bool (*pause)(void *arg, int ms), void *arg, char *why,
    size_t size);

#endif
