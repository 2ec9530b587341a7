/*
 * none.c - a jobd that was built without libssl: there is no context, so no stream is ever made.
 * Runs in: broker, loop thread.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "daemon/broker/tls/tls.h"

int
tls_context_new(const struct tls_files *f, struct tls_context **out, char *why, size_t size)
{
	(void)f;
	(void)out;
	snprintf(why, size, "this jobd was built without TLS (configure --without-openssl)");
	return -EINVAL;
}

void
tls_context_free(struct tls_context *ctx)
{
	assert(ctx == NULL);
	(void)ctx;
}

/* What only exists with a context. */
#define NEVER(type, name, ...)	type name(__VA_ARGS__) { __builtin_trap(); }
#define UNUSED			__attribute__((unused))

NEVER(int64_t, tls_context_expires_ms, UNUSED const struct tls_context *ctx)
NEVER(struct tls *, tls_accept, UNUSED const struct tls_context *ctx, UNUSED struct event_base *base,
    UNUSED int fd, UNUSED event_callback_fn event, UNUSED void *arg)
NEVER(bool, tls_open, UNUSED const struct tls *t)
NEVER(int, tls_fd, UNUSED const struct tls *t)
NEVER(void, tls_problem, UNUSED const struct tls *t, UNUSED char *out, UNUSED size_t size)
NEVER(bool, tls_peer_name, UNUSED const struct tls *t, UNUSED char out[TLS_NAME_BYTES])
NEVER(void, tls_give, UNUSED struct tls *t, UNUSED event_callback_fn event, UNUSED void *arg)
NEVER(void, tls_watch, UNUSED struct tls *t, UNUSED short what)
NEVER(ssize_t, tls_recv, UNUSED struct tls *t, UNUSED void *to, UNUSED size_t len)
NEVER(bool, tls_readable, UNUSED const struct tls *t)
NEVER(ssize_t, tls_send, UNUSED struct tls *t, UNUSED const void *from, UNUSED size_t len)
NEVER(size_t, tls_unsent, UNUSED const struct tls *t)
NEVER(void, tls_shutdown, UNUSED struct tls *t)
NEVER(void, tls_close, UNUSED struct tls *t)
