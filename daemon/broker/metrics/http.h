/*
 * http.h - what watches jobd over HTTP: /metrics, /healthz, /readyz.
 *
 * At one address of the loopback, when http.listen names it; to whoever asks, so nothing of it changes
 * anything or tells what jobs carry.  libevent's evhttp reads the requests; what it does not bound is
 * bounded here: connections at once, and how long each may take.
 */
#ifndef METRICS_HTTP_H
#define METRICS_HTTP_H

#include "daemon/broker/broker.h"

#define HTTP_GUESTS	32	/* connections at once; others wait in the socket's backlog */

/* b->http stays NULL without http.listen.  0, or -1 with a sentence in why[size]. */
int http_open(struct broker *b, char *why, size_t size);
void http_close(struct broker *b);
/* Once a turn; wanted again no later than at what it returns (mono ns). */
int64_t http_run(struct broker *b);
/* Descriptors that it may need. */
int64_t http_files(const struct config *cfg);
/* `127.0.0.1:9464`; NULL: nowhere. */
const char *http_address(const struct http *h);

#endif
