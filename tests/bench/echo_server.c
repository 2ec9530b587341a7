/*
 * echo_server.c - what a server on libevent costs that does nothing: it parses each line with jansson
 * and sends it back.  Runs in: the benchmark.
 *
 *   echo_server        prints its port; ends with its parent
 */
#include "tests/bench/client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <jansson.h>
#include <signal.h>
#include <sys/prctl.h>

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer	*in = bufferevent_get_input(bev), *out = bufferevent_get_output(bev);
	size_t		 len;
	char		*line;

	(void)arg;
	while ((line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF)) != NULL) {
		json_t	*root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

		if (root == NULL)
			die("not JSON");
		json_decref(root);
		line[len] = '\n';		/* where the NUL was */
		evbuffer_add(out, line, len + 1);
		free(line);
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int len, void *arg)
{
	struct bufferevent	*bev;
	int			 on = 1;

	(void)listener;
	(void)peer;
	(void)len;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bev = bufferevent_socket_new(arg, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, on_read, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

int
main(void)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	struct event_base	*base = event_base_new();
	struct evconnlistener	*listener;
	socklen_t		 len = sizeof(sin);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = evconnlistener_new_bind(base, on_accept, base, LEV_OPT_CLOSE_ON_FREE, 128,
	    (struct sockaddr *)&sin, sizeof(sin));
	if (listener == NULL ||
	    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&sin, &len) != 0)
		die("listen");
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return event_base_dispatch(base) < 0;
}
