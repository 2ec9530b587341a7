/* connect.h - sockets, connected within a time. */
#ifndef LIBJOBD_CONNECT_H
#define LIBJOBD_CONNECT_H

#include <stdint.h>

#include "lib/parse.h"

/*
 * A connected socket; waits at most timeout_ms for each address of a host.  0 or -errno;
 * -EADDRNOTAVAIL: the host's name leads nowhere.
 */
int connect_to(const struct addr *addr, int64_t timeout_ms, int *fd);
/* A failure of connect_to in words. */
const char *connect_problem(int rc);

#endif
