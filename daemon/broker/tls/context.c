/* context.c - what all TLS connections share, made of PEM texts.  Runs in: broker, loop thread. */
#include "daemon/broker/tls/context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/alloc.h"

/* Of TLS 1.2; those of 1.3 are all good. */
#define CIPHERS		"ECDHE+AESGCM:ECDHE+CHACHA20"
#define TICKET_SECONDS	300
#define SESSION_CONTEXT	"jobd"

struct making {
	SSL_CTX			*ssl;
	const struct tls_files	*files;
	char			*why;
	size_t			 size;
};

/* ---- what is wrong ---- */

static int
refuse(const struct making *m, const char *setting, const char *what)
{
	unsigned long	 code = ERR_peek_last_error();
	const char	*reason = code == 0 ? NULL : ERR_reason_error_string(code);

	snprintf(m->why, m->size, "%s: %s%s%s%s", setting, what, reason == NULL ? "" : " (",
	    reason == NULL ? "" : reason, reason == NULL ? "" : ")");
	ERR_clear_error();
	return -EINVAL;
}

/* OpenSSL would ask on the terminal for the passphrase of a key. */
static int
no_passphrase(char *buf, int size, int rw, void *arg)
{
	bool	*asked = arg;

	(void)buf;
	(void)size;
	(void)rw;
	*asked = true;
	return -1;
}

/* ---- certificate and key ---- */

static BIO *
text_of(const struct making *m, enum tls_part part)
{
	return BIO_new_mem_buf(m->files->pem[part], -1);
}

/* Further certificates of a text, one by one; NULL at its end. */
static X509 *
next_certificate(BIO *text)
{
	X509	*x = PEM_read_bio_X509(text, NULL, NULL, NULL);

	if (x == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
		ERR_clear_error();
	return x;
}

/* The server's own comes first, then those that lead from it to an authority. */
static int
take_certificates(const struct making *m)
{
	BIO	*text = text_of(m, TLS_CERTIFICATE);
	X509	*own = PEM_read_bio_X509_AUX(text, NULL, NULL, NULL), *more;
	int	 rc = 0;

	if (own == NULL)
		rc = refuse(m, "tls.certificate", "holds no certificate in PEM form");
	else if (SSL_CTX_use_certificate(m->ssl, own) != 1)
		rc = refuse(m, "tls.certificate", "cannot be used");
	X509_free(own);
	while (rc == 0 && (more = next_certificate(text)) != NULL) {
		if (SSL_CTX_add0_chain_cert(m->ssl, more) != 1) {
			X509_free(more);
			rc = refuse(m, "tls.certificate", "a certificate of its chain cannot be used");
		}
	}
	if (rc == 0 && ERR_peek_last_error() != 0)
		rc = refuse(m, "tls.certificate", "a certificate of its chain is broken");
	BIO_free(text);
	return rc;
}

static int
take_key(const struct making *m)
{
	BIO		*text = text_of(m, TLS_KEY);
	bool		 asked = false;
	EVP_PKEY	*key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, &asked);
	int		 rc = 0;

	if (key == NULL && asked)
		rc = refuse(m, "tls.key", "has a passphrase, and there is nobody to ask for it");
	else if (key == NULL)
		rc = refuse(m, "tls.key", "holds no private key in PEM form");
	else if (SSL_CTX_use_PrivateKey(m->ssl, key) != 1 || SSL_CTX_check_private_key(m->ssl) != 1)
		rc = refuse(m, "tls.key", "is not the key of tls.certificate");
	EVP_PKEY_free(key);
	BIO_free(text);
	return rc;
}

/* ---- clients ---- */

static int
take_client_ca(const struct making *m)
{
	BIO		*text = text_of(m, TLS_CLIENT_CA);
	X509_STORE	*store = SSL_CTX_get_cert_store(m->ssl);
	X509		*x;
	int		 n = 0, rc = 0;

	while (rc == 0 && (x = next_certificate(text)) != NULL) {
		if (X509_STORE_add_cert(store, x) != 1 || SSL_CTX_add_client_CA(m->ssl, x) != 1)
			rc = refuse(m, "tls.client_ca", "a certificate of it cannot be used");
		X509_free(x);
		n++;
	}
	if (rc == 0 && ERR_peek_last_error() != 0)
		rc = refuse(m, "tls.client_ca", "a certificate of it is broken");
	else if (rc == 0 && n == 0)
		rc = refuse(m, "tls.client_ca", "holds no certificate in PEM form");
	BIO_free(text);
	SSL_CTX_set_verify(m->ssl, SSL_VERIFY_PEER |
	    (m->files->require_client ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	return rc;
}

/* ---- the whole ---- */

static void
set_rules(SSL_CTX *ssl)
{
	static const unsigned char	session[] = SESSION_CONTEXT;

	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_cipher_list(ssl, CIPHERS);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);	/* an idle connection holds none */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);	/* tickets are the client's to keep */
	SSL_CTX_set_timeout(ssl, TICKET_SECONDS);
	SSL_CTX_set_session_id_context(ssl, session, sizeof(session) - 1);
}

static int
fill(const struct making *m)
{
	int	rc;

	if (m->files->pem[TLS_CERTIFICATE] == NULL || m->files->pem[TLS_KEY] == NULL)
		return refuse(m, "tls.certificate, tls.key", "both are wanted");
	if (m->files->require_client && m->files->pem[TLS_CLIENT_CA] == NULL)
		return refuse(m, "tls.require_client_certificate",
		    "tls.client_ca must say who signs them");
	set_rules(m->ssl);
	if ((rc = take_certificates(m)) != 0 || (rc = take_key(m)) != 0)
		return rc;
	return m->files->pem[TLS_CLIENT_CA] == NULL ? 0 : take_client_ca(m);
}

static int64_t
expires_ms(SSL_CTX *ssl)
{
	struct tm	tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(ssl)), &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

int
tls_context_new(const struct tls_files *f, struct tls_context **out, char *why, size_t size)
{
	struct making		 m = { .files = f, .why = why, .size = size };
	struct tls_context	*ctx;
	int			 rc;

	ERR_clear_error();
	if ((m.ssl = SSL_CTX_new(TLS_server_method())) == NULL)
		return refuse(&m, "tls", "OpenSSL has no context");
	if ((rc = fill(&m)) != 0) {
		SSL_CTX_free(m.ssl);
		return rc;
	}
	ctx = mem_zalloc(1, sizeof(*ctx));
	ctx->ssl = m.ssl;
	ctx->expires_ms = expires_ms(m.ssl);
	*out = ctx;
	return 0;
}

void
tls_context_free(struct tls_context *ctx)
{
	if (ctx == NULL)
		return;
	SSL_CTX_free(ctx->ssl);		/* counted: streams have it too */
	free(ctx);
}

int64_t
tls_context_expires_ms(const struct tls_context *ctx)
{
	return ctx->expires_ms;
}
