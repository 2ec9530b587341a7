/*
 * tls.h - TLS for connections: a context, made of an administrator's files, and streams that look like
 * sockets to whoever reads and writes them.
 *
 * A stream has its libevent bufferevent, which does the handshake and the records.  To its owner it is a
 * non-blocking socket: tls_recv and tls_send are recv(2) and send(2), tls_watch says what the owner waits
 * for, and the owner's callback has the form of a libevent one.  Two things differ: what tls_recv could still
 * give is not told again (tls_readable), and what tls_send took may not have left yet (tls_unsent).
 *
 * TLS 1.2 and later, no compression, no renegotiation; session tickets have a key of their own in each context.
 * Source: SECURITY items 1 and 2, docs/operations.md.
 */
#ifndef BROKER_TLS_TLS_H
#define BROKER_TLS_TLS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/tls_files.h"

struct tls;
struct tls_context;

#define TLS_NAME_BYTES	256		/* of a subject, with its NUL */

/* 0, or -EINVAL with a sentence in why[size] that names the setting to be changed. */
int tls_context_new(const struct tls_files *f, struct tls_context **out, char *why, size_t size);
/* Streams that were made of it go on.  NULL is fine. */
void tls_context_free(struct tls_context *ctx);
/* When the certificate's time is over, in ms since the epoch. */
int64_t tls_context_expires_ms(const struct tls_context *ctx);

/*
 * The server's side of a handshake on a connected socket, which is the stream's from here on.  event(fd, what, arg)
 * is called once with EV_READ when the handshake is over: tls_open says how it ended.  NULL: no memory in OpenSSL;
 * the socket is closed.
 */
struct tls *tls_accept(const struct tls_context *ctx, struct event_base *base, int fd,
    event_callback_fn event, void *arg);
bool tls_open(const struct tls *t);
int tls_fd(const struct tls *t);
/* Why it is broken, for the log; "" while it is not. */
void tls_problem(const struct tls *t, char *out, size_t size);
/*
 * The subject's common name of the certificate that the client has shown, and that its authority has signed.
 * false: it has shown none, or one with none or several of them.
 */
bool tls_peer_name(const struct tls *t, char out[TLS_NAME_BYTES]);

/* Another owner.  It waits for nothing until it says tls_watch. */
void tls_give(struct tls *t, event_callback_fn event, void *arg);
/* EV_READ, EV_WRITE or both; others are ignored.  A stream that breaks tells both, wanted or not. */
void tls_watch(struct tls *t, short what);

/* As recv(2): 0 at the end that the client has declared; -1 with EAGAIN, or ECONNRESET: it is broken. */
ssize_t tls_recv(struct tls *t, void *to, size_t len);
/* Would tls_recv return something else than EAGAIN? */
bool tls_readable(const struct tls *t);
/* As send(2): -1 with EAGAIN, or EPIPE. */
ssize_t tls_send(struct tls *t, const void *from, size_t len);
/* Bytes that were taken by tls_send and have not left; EV_WRITE comes when there are none. */
size_t tls_unsent(const struct tls *t);
/* Nothing more is said; what comes can still be read. */
void tls_shutdown(struct tls *t);
/* Ends the stream and closes its socket; no callback comes any more. */
void tls_close(struct tls *t);

#endif
