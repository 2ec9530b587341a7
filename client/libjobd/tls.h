/*
 * tls.h - TLS on a connected socket.
 *
 * libssl is loaded when the first tls: address is opened, not before: it would cost every program that uses
 * libjobd a few milliseconds at its start.
 */
#ifndef LIBJOBD_TLS_H
#define LIBJOBD_TLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/jobd.h"

struct tls;

struct tls_settings {
	const char	*ca_file;	/* PEM; NULL: the system's authorities */
	const char	*cert_file;	/* PEM, ours; NULL: none */
	const char	*key_file;	/* PEM; NULL: it is in cert_file */
};

/*
 * Shakes hands over a non-blocking socket, which stays the caller's.  host: what the daemon's certificate must be
 * for, a name or an address.  0; JOBD_USAGE: a file is not usable; JOBD_UNREACHABLE: the daemon, or its certificate,
 * is not what it should be.
 */
int tls_connect(int fd, const char *host, const struct tls_settings *s, int64_t timeout_ms,
    struct tls **out, struct jobd_error *err);
/* Says that nothing more comes.  NULL is fine. */
void tls_free(struct tls *t);

/* As recv(2) and send(2) that do not wait; -1 with EPROTO: tls_problem says what is wrong. */
ssize_t tls_recv(struct tls *t, void *to, size_t len);
ssize_t tls_send(struct tls *t, const void *from, size_t len);
const char *tls_problem(const struct tls *t);

#endif
