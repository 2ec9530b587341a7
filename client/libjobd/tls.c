/* tls.c - TLS on a connected socket, by a libssl that is loaded when it is wanted.  Runs in: programs that use libjobd. */
#include "client/libjobd/tls.h"

#include "client/libjobd/internal.h"

#ifdef HAVE_OPENSSL

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/alloc.h"
#include "lib/clock.h"

#define LIBSSL		"libssl.so.3"
#define RECORD_BYTES	16384		/* the most that one SSL_read can give */

struct tls {
	int		 fd;
	SSL_CTX		*ctx;
	SSL		*ssl;
	bool		 over;		/* read to its end, and that is to be told... */
	int		 error;		/* ...with this errno; 0: it was declared */
	char		 problem[256];
};

/* ---- libssl, and libcrypto, which it needs ---- */

#define FUNCTIONS(F) \
	F(BIO_clear_flags) F(BIO_get_data) F(BIO_meth_new) F(BIO_meth_set_ctrl) F(BIO_meth_set_read) \
	F(BIO_meth_set_write) F(BIO_new) F(BIO_set_data) F(BIO_set_flags) F(BIO_set_init) \
	F(ERR_clear_error) F(ERR_peek_last_error) F(ERR_reason_error_string) \
	F(SSL_connect) F(SSL_ctrl) F(SSL_free) F(SSL_get0_param) F(SSL_get_error) F(SSL_get_verify_result) \
	F(SSL_new) F(SSL_read) F(SSL_set1_host) F(SSL_set_bio) F(SSL_shutdown) F(SSL_write) \
	F(SSL_CTX_check_private_key) F(SSL_CTX_ctrl) F(SSL_CTX_free) F(SSL_CTX_load_verify_locations) \
	F(SSL_CTX_new) F(SSL_CTX_set_default_passwd_cb) F(SSL_CTX_set_default_verify_paths) \
	F(SSL_CTX_set_options) F(SSL_CTX_set_verify) F(SSL_CTX_use_PrivateKey_file) \
	F(SSL_CTX_use_certificate_chain_file) F(TLS_client_method) \
	F(X509_VERIFY_PARAM_set1_ip_asc) F(X509_verify_cert_error_string)

static struct {
#define F(name) __typeof__(name) *name;
	FUNCTIONS(F)
#undef F
} lib;

static pthread_once_t	 loaded = PTHREAD_ONCE_INIT;
static BIO_METHOD	*socket_method;
static char		 load_problem[200];	/* "" when all is there */

static int socket_read(BIO *b, char *to, int len);
static int socket_write(BIO *b, const char *from, int len);
static long socket_ctrl(BIO *b, int what, long number, void *pointer);

static void *
find(void *handle, const char *name)
{
	void	*p = dlsym(handle, name);

	if (p == NULL && load_problem[0] == '\0')
		snprintf(load_problem, sizeof(load_problem), "this " LIBSSL " has no %s", name);
	return p;
}

static void
load(void)
{
	void	*handle = dlopen(LIBSSL, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		snprintf(load_problem, sizeof(load_problem), "TLS wants " LIBSSL ": install libssl3");
		return;
	}
#define F(name) lib.name = (__typeof__(name) *)find(handle, #name);
	FUNCTIONS(F)
#undef F
	if (load_problem[0] != '\0')
		return;
	socket_method = lib.BIO_meth_new(BIO_TYPE_SOURCE_SINK, "jobd socket");
	if (socket_method == NULL || lib.BIO_meth_set_read(socket_method, socket_read) != 1 ||
	    lib.BIO_meth_set_write(socket_method, socket_write) != 1 ||
	    lib.BIO_meth_set_ctrl(socket_method, socket_ctrl) != 1)
		snprintf(load_problem, sizeof(load_problem), "no memory in " LIBSSL);
}

/* ---- the socket, as OpenSSL sees it: its own would raise SIGPIPE ---- */

static bool
may_try_again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int
socket_read(BIO *b, char *to, int len)
{
	const struct tls	*t = lib.BIO_get_data(b);
	ssize_t			 n = recv(t->fd, to, (size_t)len, MSG_DONTWAIT);

	lib.BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	if (n < 0 && may_try_again())
		lib.BIO_set_flags(b, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static int
socket_write(BIO *b, const char *from, int len)
{
	const struct tls	*t = lib.BIO_get_data(b);
	ssize_t			 n = send(t->fd, from, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);

	lib.BIO_clear_flags(b, BIO_FLAGS_RWS | BIO_FLAGS_SHOULD_RETRY);
	if (n < 0 && may_try_again())
		lib.BIO_set_flags(b, BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static long
socket_ctrl(BIO *b, int what, long number, void *pointer)
{
	(void)b;
	(void)number;
	(void)pointer;
	return what == BIO_CTRL_FLUSH;		/* nothing is kept here */
}

/* ---- files ---- */

static const char *
reason(void)
{
	const char	*text = lib.ERR_reason_error_string(lib.ERR_peek_last_error());

	return text != NULL ? text : "no reason is known";
}

static int
bad_file(struct jobd_error *err, const char *what, const char *path)
{
	error_set(err, JOBD_USAGE, "%s %s: %s", what, path,
	    errno != 0 ? strerror(errno) : reason());
	lib.ERR_clear_error();
	return JOBD_USAGE;
}

/* OpenSSL would ask on the terminal. */
static int
no_passphrase(char *buf, int size, int rw, void *arg)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static int
check_key_file(const char *path, struct jobd_error *err)
{
	struct stat	st;

	errno = 0;
	if (stat(path, &st) != 0)
		return bad_file(err, "the key", path);
	if ((st.st_mode & 077) != 0)
		return error_set(err, JOBD_USAGE,
		    "the key %s: others than its owner may read it (chmod 600)", path);
	return 0;
}

static int
use_files(SSL_CTX *ctx, const struct tls_settings *s, struct jobd_error *err)
{
	const char	*key = s->key_file != NULL ? s->key_file : s->cert_file;
	int		 rc;

	errno = 0;
	if (s->ca_file != NULL && lib.SSL_CTX_load_verify_locations(ctx, s->ca_file, NULL) != 1)
		return bad_file(err, "the authorities", s->ca_file);
	if (s->ca_file == NULL)
		lib.SSL_CTX_set_default_verify_paths(ctx);
	if (s->cert_file == NULL)
		return s->key_file == NULL ? 0 :
		    error_set(err, JOBD_USAGE, "a key is given, and no certificate");
	if ((rc = check_key_file(key, err)) != 0)
		return rc;
	errno = 0;
	if (lib.SSL_CTX_use_certificate_chain_file(ctx, s->cert_file) != 1)
		return bad_file(err, "the certificate", s->cert_file);
	if (lib.SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    lib.SSL_CTX_check_private_key(ctx) != 1)
		return bad_file(err, "the key", key);
	return 0;
}

/* ---- the handshake ---- */

static bool
is_address(const char *host)
{
	unsigned char	bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* What the certificate must be for. */
static bool
expect_host(SSL *ssl, const char *host)
{
	if (is_address(host))
		return lib.X509_VERIFY_PARAM_set1_ip_asc(lib.SSL_get0_param(ssl), host) == 1;
	return lib.SSL_set1_host(ssl, host) == 1 &&
	    lib.SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
	    (void *)host) == 1;
}

static int
prepare(struct tls *t, const char *host, const struct tls_settings *s, struct jobd_error *err)
{
	BIO	*bio;
	int	 rc;

	if ((t->ctx = lib.SSL_CTX_new(lib.TLS_client_method())) == NULL)
		return error_set(err, JOBD_UNREACHABLE, "libssl has no context");
	lib.SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
	lib.SSL_CTX_ctrl(t->ctx, SSL_CTRL_MODE,
	    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
	lib.SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	lib.SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	lib.SSL_CTX_set_default_passwd_cb(t->ctx, no_passphrase);
	if ((rc = use_files(t->ctx, s, err)) != 0)
		return rc;
	if ((t->ssl = lib.SSL_new(t->ctx)) == NULL || !expect_host(t->ssl, host) ||
	    (bio = lib.BIO_new(socket_method)) == NULL)
		return error_set(err, JOBD_UNREACHABLE, "libssl has no connection");
	lib.BIO_set_data(bio, t);
	lib.BIO_set_init(bio, 1);
	lib.SSL_set_bio(t->ssl, bio, bio);
	return 0;
}

static int
refused(const struct tls *t, const char *host, struct jobd_error *err)
{
	long	verdict = lib.SSL_get_verify_result(t->ssl);

	if (verdict != X509_V_OK)
		error_set(err, JOBD_UNREACHABLE, "its certificate is not good for %s: %s", host,
		    lib.X509_verify_cert_error_string(verdict));
	else
		error_set(err, JOBD_UNREACHABLE, "the TLS handshake failed: %s", reason());
	lib.ERR_clear_error();
	return JOBD_UNREACHABLE;
}

static int
shake_hands(struct tls *t, const char *host, int64_t timeout_ms, struct jobd_error *err)
{
	int64_t	deadline_ns = clock_after_ms(clock_mono_ns(), timeout_ms), left_ms;
	int	rc, why;

	for (;;) {
		struct pollfd	p = { .fd = t->fd };

		lib.ERR_clear_error();
		if ((rc = lib.SSL_connect(t->ssl)) == 1)
			return 0;
		why = lib.SSL_get_error(t->ssl, rc);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return refused(t, host, err);
		left_ms = (deadline_ns - clock_mono_ns()) / NS_PER_MS;
		p.events = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
			return error_set(err, JOBD_UNREACHABLE,
			    "the TLS handshake took too long");
	}
}

int
tls_connect(int fd, const char *host, const struct tls_settings *s, int64_t timeout_ms,
    struct tls **out, struct jobd_error *err)
{
	struct tls	*t;
	int		 rc;

	pthread_once(&loaded, load);
	if (load_problem[0] != '\0')
		return error_set(err, JOBD_UNREACHABLE, "%s", load_problem);
	t = mem_zalloc(1, sizeof(*t));
	t->fd = fd;
	lib.ERR_clear_error();
	if ((rc = prepare(t, host, s, err)) == 0)
		rc = shake_hands(t, host, timeout_ms, err);
	if (rc == 0)
		*out = t;
	else
		tls_free(t);
	return rc;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	lib.ERR_clear_error();
	if (t->ssl != NULL && t->problem[0] == '\0')
		lib.SSL_shutdown(t->ssl);
	lib.ERR_clear_error();
	lib.SSL_free(t->ssl);
	lib.SSL_CTX_free(t->ctx);
	free(t);
}

/* ---- bytes ---- */

/* -1 with errno; 0: the daemon has said that nothing more comes. */
static ssize_t
failed(struct tls *t, int rc)
{
	switch (lib.SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		snprintf(t->problem, sizeof(t->problem), "the connection was cut");
		errno = ECONNRESET;
		return -1;
	default:
		snprintf(t->problem, sizeof(t->problem), "%s", reason());
		errno = EPROTO;
		return -1;
	}
}

/*
 * Only as much room is used as takes whole records, so that none is left inside libssl, of which poll(2)
 * would not know.
 */
ssize_t
tls_recv(struct tls *t, void *to, size_t len)
{
	size_t	got = 0;
	int	n;

	while (!t->over && len - got >= RECORD_BYTES) {
		lib.ERR_clear_error();
		if ((n = lib.SSL_read(t->ssl, (char *)to + got, RECORD_BYTES)) > 0) {
			got += (size_t)n;
			continue;
		}
		t->error = failed(t, n) == 0 ? 0 : errno;
		t->over = t->error != EAGAIN;
		break;
	}
	if (got > 0 || (t->over && t->error == 0))
		return (ssize_t)got;
	errno = t->error;
	return -1;
}

ssize_t
tls_send(struct tls *t, const void *from, size_t len)
{
	int	n;

	lib.ERR_clear_error();
	n = lib.SSL_write(t->ssl, from, len > INT32_MAX ? INT32_MAX : (int)len);
	if (n > 0)
		return n;
	if (failed(t, n) == 0)
		errno = EPIPE;
	return -1;
}

const char *
tls_problem(const struct tls *t)
{
	return t->problem;
}

#else

int
tls_connect(int fd, const char *host, const struct tls_settings *s, int64_t timeout_ms,
    struct tls **out, struct jobd_error *err)
{
	(void)fd;
	(void)host;
	(void)s;
	(void)timeout_ms;
	(void)out;
	return error_set(err, JOBD_USAGE, "this libjobd was built without TLS");
}

void
tls_free(struct tls *t)
{
	(void)t;
}

/* There is no connection of this kind. */
ssize_t
tls_recv(struct tls *t, void *to, size_t len)
{
	(void)t;
	(void)to;
	(void)len;
	return 0;
}

ssize_t
tls_send(struct tls *t, const void *from, size_t len)
{
	(void)t;
	(void)from;
	(void)len;
	return -1;
}

const char *
tls_problem(const struct tls *t)
{
	(void)t;
	return "";
}

#endif
