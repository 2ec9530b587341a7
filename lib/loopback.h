/* loopback.h - addresses that only this machine can reach. */
#ifndef LIB_LOOPBACK_H
#define LIB_LOOPBACK_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * `127.0.0.1:9464` or `[::1]:9464`: numeric, and of the loopback; port 0 is any free one.  0 with the
 * address and its length, or -EINVAL.
 */
int loopback_parse(const char *text, struct sockaddr_storage *out, socklen_t *len);
/*
 * What a request calls its server, as in a Host header, is of the loopback: numeric, or `localhost`,
 * with a port or without.  Any other name may have been made to mean 127.0.0.1 by whoever owns it.
 */
bool loopback_host(const char *text);

#endif
