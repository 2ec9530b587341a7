/*
 * tls_files.h - the certificate, its key and the authority of clients, as the supervisor hands them to the
 * broker: PEM text in a sealed memfd (CONTROL_TLS).
 *
 * The supervisor may read what the broker may not, and reads it at start and at a reload.  What a broker is
 * given was tried before (jobd-broker --check-tls), so a broken file never replaces a good one.
 */
#ifndef PROTO_TLS_FILES_H
#define PROTO_TLS_FILES_H

#include <stdbool.h>
#include <stddef.h>

#define TLS_FILE_BYTES_MAX	(1 << 20)	/* of one */

enum tls_part { TLS_CERTIFICATE, TLS_KEY, TLS_CLIENT_CA, TLS_PARTS };

struct tls_files {
	char	*pem[TLS_PARTS];	/* NUL-terminated; NULL: there is none */
	bool	 require_client;	/* who shows no certificate does not get in */
};

/* Wipes what it frees. */
void tls_files_free(struct tls_files *f);
/* A sealed memfd for the caller to close; -errno. */
int tls_files_share(const struct tls_files *f);
/* From such a memfd, which stays the caller's.  0, or -errno; -EBADMSG: it is not of that form. */
int tls_files_take(int fd, struct tls_files *out);

#endif
