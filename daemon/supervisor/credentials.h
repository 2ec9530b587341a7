/*
 * credentials.h - secrets that systemd hands to the service: `client.token` and `worker.token`
 * beneath $CREDENTIALS_DIRECTORY, which only root can read.
 */
#ifndef SUPERVISOR_CREDENTIALS_H
#define SUPERVISOR_CREDENTIALS_H

#include <stddef.h>

/*
 * Each that is there takes the place of the one in the state directory.  0, or -errno with a
 * sentence in why[size].  Whether they are tokens is for the broker to say.
 */
int credentials_take(const char *state_dir, char *why, size_t size);

#endif
