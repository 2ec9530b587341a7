/* http.c - what watches jobd over HTTP.  Runs in: broker, loop thread.
 *
 * evhttp 2.1 has no bound on connections, and its time-out begins anew with each byte.  So each
 * connection's bufferevent, which evhttp lets us make, is held once more here: one whose callbacks are
 * gone has been let go by evhttp, and one that is older than GUEST_NS is shut down, which evhttp takes
 * for the peer's end.  Every reply ends its connection.
 */
#include "daemon/broker/metrics/http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/broker/metrics/metrics.h"
#include "daemon/broker/metrics/prometheus.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loopback.h"

#define GUEST_NS	(10 * NS_PER_S)		/* from the connection to its end */
#define IDLE_S		5			/* without a byte, either way */
#define PAUSE_NS	(100 * NS_PER_MS)	/* after accept has failed */
#define HEADERS_BYTES	8192
#define BODY_BYTES	1024			/* nobody has a use for any */
#define BACKLOG		64
#define ALL_METHODS	0xffff			/* evhttp's own answer to others is 501 */
#define MISDIRECTED	421			/* libevent has no name for it */
#define TEXT_TYPE	"text/plain; charset=utf-8"

struct guest {
	struct bufferevent	*bev;		/* NULL: free */
	int64_t			 since_ns;
};

struct http {
	struct broker		*broker;
	struct evhttp		*server;
	struct evconnlistener	*listener;
	char			 address[64];
	struct guest		 guests[HTTP_GUESTS];
	unsigned		 count;
	int64_t			 accept_again_ns;	/* accept has failed; 0: it has not */
};

/* ---- connections ---- */

static bool
is_gone(struct bufferevent *bev)
{
	bufferevent_data_cb	read, write;
	bufferevent_event_cb	event;
	void			*arg;

	bufferevent_getcb(bev, &read, &write, &event, &arg);
	return read == NULL && write == NULL && event == NULL;
}

static void
let_go(struct http *h, struct guest *g)
{
	bufferevent_decref(g->bev);	/* the last one: its socket is closed */
	g->bev = NULL;
	h->count--;
}

static void
look_at_guests(struct http *h)
{
	int64_t	now_ns = h->broker->now.mono_ns;

	for (size_t i = 0; i < HTTP_GUESTS && h->count > 0; i++) {
		struct guest	*g = &h->guests[i];

		if (g->bev == NULL)
			continue;
		if (is_gone(g->bev))
			let_go(h, g);
		else if (now_ns - g->since_ns >= GUEST_NS)
			shutdown(bufferevent_getfd(g->bev), SHUT_RDWR);
	}
}

static struct guest *
free_guest(struct http *h)
{
	for (size_t i = 0; i < HTTP_GUESTS; i++)
		if (h->guests[i].bev == NULL)
			return &h->guests[i];
	return NULL;
}

/* evhttp has accepted a connection and wants a bufferevent for it.  With the last place nothing more is
 * accepted. */
static struct bufferevent *
on_guest(struct event_base *base, void *arg)
{
	struct http		*h = arg;
	struct bufferevent	*bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct guest		*g = free_guest(h);

	broker_clocks(h->broker);
	if (bev == NULL || g == NULL)
		return bev;
	bufferevent_incref(bev);
	*g = (struct guest){ bev, h->broker->now.mono_ns };
	if (++h->count == HTTP_GUESTS)
		evconnlistener_disable(h->listener);
	return bev;
}

/* Mostly no descriptors are left: without a pause the loop would spin. */
static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
	struct http	*h = arg;

	broker_clocks(h->broker);
	if (h->accept_again_ns == 0)
		log_warn("http cannot accept errno=%d", errno);
	evconnlistener_disable(listener);
	h->accept_again_ns = h->broker->now.mono_ns + PAUSE_NS;
}

int64_t
http_run(struct broker *b)
{
	struct http	*h = b->http;
	bool		 was_full;

	if (h == NULL || (h->count == 0 && h->accept_again_ns == 0))
		return INT64_MAX;
	was_full = h->count == HTTP_GUESTS;
	look_at_guests(h);
	if (h->accept_again_ns != 0 && b->now.mono_ns >= h->accept_again_ns) {
		h->accept_again_ns = 0;
		was_full = true;
	}
	if (was_full && h->count < HTTP_GUESTS && h->accept_again_ns == 0)
		evconnlistener_enable(h->listener);
	return b->now.mono_ns + (h->accept_again_ns != 0 ? PAUSE_NS : NS_PER_S);
}

/* ---- replies ---- */

/* Of HEAD evhttp would send the body as well. */
static void
reply(struct evhttp_request *req, int status, const char *reason, const char *type,
    const struct buf *text)
{
	struct evkeyvalq	*headers = evhttp_request_get_output_headers(req);
	struct evbuffer		*body = NULL;
	char			 length[24];

	snprintf(length, sizeof(length), "%zu", buf_len(text));
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Content-Length", length);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD) {
		body = evhttp_request_get_output_buffer(req);
		evbuffer_add(body, buf_data(text), buf_len(text));
	}
	evhttp_send_reply(req, status, reason, NULL);
}

static void
reply_line(struct evhttp_request *req, int status, const char *reason, const char *line)
{
	struct buf	text = { 0 };

	buf_puts(&text, line);
	buf_putc(&text, '\n');
	reply(req, status, reason, TEXT_TYPE, &text);
	buf_free(&text);
}

static void
serve_metrics(struct broker *b, struct evhttp_request *req)
{
	struct buf	text = { 0 };

	metrics_print(b, &text);
	reply(req, HTTP_OK, "OK", PROMETHEUS_TYPE, &text);
	buf_free(&text);
}

/* That this is answered is what it says: the loop turns. */
static void
serve_health(struct broker *b, struct evhttp_request *req)
{
	(void)b;
	reply_line(req, HTTP_OK, "OK", "ok");
}

static void
serve_readiness(struct broker *b, struct evhttp_request *req)
{
	const char	*why;

	if (metrics_ready(b, &why))
		reply_line(req, HTTP_OK, "OK", "ready");
	else
		reply_line(req, HTTP_SERVUNAVAIL, "Service Unavailable", why);
}

static const struct {
	const char	*path;
	void		(*serve)(struct broker *b, struct evhttp_request *req);
} pages[] = {
	{ "/metrics", serve_metrics }, { "/healthz", serve_health }, { "/readyz", serve_readiness },
};

static void
refuse_method(struct evhttp_request *req)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET, HEAD");
	reply_line(req, HTTP_BADMETHOD, "Method Not Allowed", "GET and HEAD are served");
}

/*
 * A page of any site can have a browser of this machine ask here, and read the answer, once the
 * site's own name stands for 127.0.0.1; but then that name is in the request.  Who states none is no
 * browser.
 */
static bool
is_for_us(struct evhttp_request *req, const struct evhttp_uri *uri)
{
	const char	*in_uri = uri == NULL ? NULL : evhttp_uri_get_host(uri);
	const char	*host = evhttp_find_header(evhttp_request_get_input_headers(req), "Host");

	return (in_uri == NULL || in_uri[0] == '\0' || loopback_host(in_uri)) &&
	    (host == NULL || loopback_host(host));
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct http			*h = arg;
	const struct evhttp_uri		*uri = evhttp_request_get_evhttp_uri(req);
	const char			*path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	enum evhttp_cmd_type		 method = evhttp_request_get_command(req);

	broker_clocks(h->broker);
	if (!is_for_us(req, uri)) {
		reply_line(req, MISDIRECTED, "Misdirected Request", "Host has to be 127.0.0.1, [::1] "
		    "or localhost: requests for another name are not answered");
		return;
	}
	for (size_t i = 0; path != NULL && i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(path, pages[i].path) != 0)
			continue;
		if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD)
			pages[i].serve(h->broker, req);
		else
			refuse_method(req);
		return;
	}
	reply_line(req, HTTP_NOTFOUND, "Not Found", "/metrics, /healthz and /readyz are here");
}

/* ---- life ---- */

static int
listen_at(const char *text, int *out)
{
	struct sockaddr_storage	address;
	socklen_t		len;
	int			fd, on = 1;

	if (loopback_parse(text, &address, &len) != 0)
		return -EINVAL;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, len) != 0 || listen(fd, BACKLOG) != 0) {
		int	rc = -errno;

		fd_close(&fd);
		return rc;
	}
	*out = fd;
	return 0;
}

/* With the port that a 0 has become. */
static void
note_address(struct http *h, int fd)
{
	struct sockaddr_storage	a;
	socklen_t		len = sizeof(a);
	char			host[48] = "";

	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in	*in = (const void *)&a;

		evutil_inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(h->address, sizeof(h->address), "%s:%u", host, ntohs(in->sin_port));
	} else {
		const struct sockaddr_in6	*in = (const void *)&a;

		evutil_inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
		snprintf(h->address, sizeof(h->address), "[%s]:%u", host, ntohs(in->sin6_port));
	}
}

static void
settle_server(struct http *h)
{
	evhttp_set_allowed_methods(h->server, ALL_METHODS);
	evhttp_set_max_headers_size(h->server, HEADERS_BYTES);
	evhttp_set_max_body_size(h->server, BODY_BYTES);
	evhttp_set_timeout(h->server, IDLE_S);
	evhttp_set_bevcb(h->server, on_guest, h);
	evhttp_set_gencb(h->server, on_request, h);
}

int
http_open(struct broker *b, char *why, size_t size)
{
	struct evhttp_bound_socket	*bound;
	struct http			*h;
	int				 fd, rc;

	if (b->config.http_listen == NULL)
		return 0;
	if ((rc = listen_at(b->config.http_listen, &fd)) != 0) {
		snprintf(why, size, "http.listen: %s: %s", b->config.http_listen, strerror(-rc));
		return -1;
	}
	h = b->http = mem_zalloc(1, sizeof(*h));
	h->broker = b;
	note_address(h, fd);
	if ((h->server = evhttp_new(b->base)) == NULL ||
	    (bound = evhttp_accept_socket_with_handle(h->server, fd)) == NULL) {
		fd_close(&fd);
		snprintf(why, size, "http.listen: %s: libevent does not take it", b->config.http_listen);
		return -1;
	}
	h->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(h->listener, on_accept_failed);
	settle_server(h);
	log_info("serves http address=%s", h->address);
	return 0;
}

void
http_close(struct broker *b)
{
	struct http	*h = b->http;

	if (h == NULL)
		return;
	if (h->server != NULL)
		evhttp_free(h->server);
	for (size_t i = 0; i < HTTP_GUESTS; i++)
		if (h->guests[i].bev != NULL)
			let_go(h, &h->guests[i]);
	free(h);
	b->http = NULL;
}

int64_t
http_files(const struct config *cfg)
{
	return cfg->http_listen == NULL ? 0 : HTTP_GUESTS + 1;
}

const char *
http_address(const struct http *h)
{
	return h == NULL ? NULL : h->address;
}
