/* context.h - what a context is made of, for streams. */
#ifndef BROKER_TLS_CONTEXT_H
#define BROKER_TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "daemon/broker/tls/tls.h"

struct tls_context {
	SSL_CTX	*ssl;
	int64_t	 expires_ms;
};

#endif
