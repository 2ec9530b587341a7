/* loopback.h - addresses that only this machine can reach. */
#ifndef LIB_LOOPBACK_H
#define LIB_LOOPBACK_H

#include <sys/socket.h>

/*
 * `127.0.0.1:9464` or `[::1]:9464`: numeric, and of the loopback; port 0 is any free one.  0 with the
 * address and its length, or -EINVAL.
 */
int loopback_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);

#endif
