/*
 * stream.c - one TLS connection, which looks like a socket.  Runs in: broker, loop thread.
 *
 * libevent's bufferevent calls back from within our own calls too, when they write at once what they are given;
 * the owner hears of that by what they return.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/broker/tls/context.h"
#include "lib/alloc.h"

#define READ_AHEAD	(64 << 10)	/* decrypted and not taken; then the socket is not read */
#define WRITE_PIECE	(64 << 10)	/* in the bufferevent at once; the rest stays the owner's */

struct tls {
	struct bufferevent	*bev;
	event_callback_fn	 event;
	void			*arg;
	short			 want;
	bool			 open;		/* the handshake is over */
	bool			 eof;		/* the client has said that nothing more comes */
	bool			 broken;
	bool			 ours;		/* libevent runs in a call of ours */
	unsigned long		 error;		/* of OpenSSL, or 0 */
};

/* ---- what libevent says ---- */

static SSL *
ssl_of(const struct tls *t)
{
	return bufferevent_openssl_get_ssl(t->bev);
}

static void
tell(struct tls *t, short what)
{
	if (!t->ours && what != 0)
		t->event(bufferevent_getfd(t->bev), what, t->arg);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct tls	*t = arg;

	(void)bev;
	tell(t, t->want & EV_READ);
}

/* All that was taken has left. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct tls	*t = arg;

	(void)bev;
	tell(t, t->want & EV_WRITE);
}

/* The last error is the most telling one: those before it are consequences inside OpenSSL. */
static unsigned long
last_error(struct bufferevent *bev)
{
	unsigned long	error = 0, next;

	while ((next = bufferevent_get_openssl_error(bev)) != 0)
		error = error == 0 ? next : error;
	return error;
}

static void
on_state(struct bufferevent *bev, short what, void *arg)
{
	struct tls	*t = arg;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		t->open = true;
		tell(t, EV_READ);
		return;
	}
	if ((what & BEV_EVENT_EOF) != 0 && t->open) {
		t->eof = true;
		if (evbuffer_get_length(bufferevent_get_output(bev)) > 0)
			bufferevent_enable(bev, EV_WRITE);	/* libevent has stopped both ways */
		tell(t, t->want & EV_READ);
		return;
	}
	t->error = last_error(bev);
	t->broken = true;
	tell(t, EV_READ | EV_WRITE);
}

/* ---- beginning and end ---- */

static struct bufferevent *
make_bufferevent(const struct tls_context *ctx, struct event_base *base, int fd)
{
	SSL			*ssl = SSL_new(ctx->ssl);
	struct bufferevent	*bev;

	if (ssl == NULL)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		SSL_free(ssl);
	return bev;
}

struct tls *
tls_accept(const struct tls_context *ctx, struct event_base *base, int fd, event_callback_fn event,
    void *arg)
{
	struct bufferevent	*bev = make_bufferevent(ctx, base, fd);
	struct tls		*t;

	if (bev == NULL) {
		close(fd);
		return NULL;
	}
	t = mem_zalloc(1, sizeof(*t));
	t->bev = bev;
	t->event = event;
	t->arg = arg;
	t->want = EV_READ | EV_WRITE;
	bufferevent_setwatermark(bev, EV_READ, 0, READ_AHEAD);
	bufferevent_setcb(bev, on_readable, on_written, on_state, t);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return t;
}

void
tls_give(struct tls *t, event_callback_fn event, void *arg)
{
	t->event = event;
	t->arg = arg;
	tls_watch(t, 0);
}

void
tls_watch(struct tls *t, short what)
{
	if (((what ^ t->want) & EV_READ) != 0 && !t->eof && !t->broken) {
		if ((what & EV_READ) != 0)
			bufferevent_enable(t->bev, EV_READ);
		else
			bufferevent_disable(t->bev, EV_READ);
	}
	t->want = what & (EV_READ | EV_WRITE);
}

void
tls_shutdown(struct tls *t)
{
	if (!t->open || t->broken)
		return;
	ERR_clear_error();
	if (SSL_shutdown(ssl_of(t)) < 0)
		ERR_clear_error();	/* who does not read does not hear it */
	shutdown(bufferevent_getfd(t->bev), SHUT_WR);
}

void
tls_close(struct tls *t)
{
	tls_shutdown(t);
	bufferevent_free(t->bev);
	free(t);
}

/* ---- bytes ---- */

ssize_t
tls_recv(struct tls *t, void *to, size_t len)
{
	int	n;

	t->ours = true;			/* making room may make libevent go on */
	n = evbuffer_remove(bufferevent_get_input(t->bev), to, len);
	t->ours = false;
	if (n > 0)
		return n;
	if (t->eof)
		return 0;
	errno = t->broken ? ECONNRESET : EAGAIN;
	return -1;
}

bool
tls_readable(const struct tls *t)
{
	return t->eof || t->broken || evbuffer_get_length(bufferevent_get_input(t->bev)) > 0;
}

size_t
tls_unsent(const struct tls *t)
{
	return t->broken ? 0 : evbuffer_get_length(bufferevent_get_output(t->bev));
}

/* As long as all leaves at once. */
ssize_t
tls_send(struct tls *t, const void *from, size_t len)
{
	const char	*p = from;
	size_t		 sent = 0, piece;

	t->ours = true;
	while (sent < len && !t->broken && tls_unsent(t) == 0) {
		piece = len - sent < WRITE_PIECE ? len - sent : WRITE_PIECE;
		bufferevent_write(t->bev, p + sent, piece);
		sent += piece;
	}
	t->ours = false;
	if (t->broken || sent == 0) {
		errno = t->broken ? EPIPE : EAGAIN;
		return -1;
	}
	return (ssize_t)sent;
}

/* ---- who it is ---- */

bool
tls_open(const struct tls *t)
{
	return t->open && !t->broken;
}

int
tls_fd(const struct tls *t)
{
	return bufferevent_getfd(t->bev);
}

void
tls_problem(const struct tls *t, char *out, size_t size)
{
	const char	*reason = t->error == 0 ? NULL : ERR_reason_error_string(t->error);

	snprintf(out, size, "%s", !t->broken ? "" : reason != NULL ? reason :
	    t->open ? "the connection was cut" : "the connection was cut during the handshake");
}

static bool
put_name(const ASN1_STRING *text, char out[TLS_NAME_BYTES])
{
	unsigned char	*utf8;
	int		 len = ASN1_STRING_to_UTF8(&utf8, text);
	bool		 good;

	if (len < 0) {
		ERR_clear_error();
		return false;
	}
	good = len > 0 && len < TLS_NAME_BYTES && memchr(utf8, '\0', (size_t)len) == NULL;
	if (good)
		snprintf(out, TLS_NAME_BYTES, "%.*s", len, (const char *)utf8);
	OPENSSL_free(utf8);
	return good;
}

bool
tls_peer_name(const struct tls *t, char out[TLS_NAME_BYTES])
{
	const X509	*cert = SSL_get0_peer_certificate(ssl_of(t));
	const X509_NAME	*subject;
	int		 at;

	if (cert == NULL || SSL_get_verify_result(ssl_of(t)) != X509_V_OK)
		return false;
	subject = X509_get_subject_name(cert);
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return false;
	return put_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), out);
}
