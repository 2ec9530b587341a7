/* http_multi.c - libcurl's sockets and timer on libuv's loop.  Runs in: io worker, loop thread. */
#include "workers/handlers/http_multi.h"

#include <stdlib.h>

#include "lib/alloc.h"
#include "lib/log.h"

static CURLM		*multi;		/* NULL until the first transfer */
static uv_loop_t	*loop;
static uv_timer_t	*timer;

/* Tells whose transfer is over. */
static void
reap(void)
{
	CURLMsg	*message;
	int	 left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL) {
		CURL			*easy = message->easy_handle;
		CURLcode		 code = message->data.result;
		struct http_done	*d;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)(void *)&d);
		curl_multi_remove_handle(multi, easy);
		d->done(d, code);
	}
}

static void
free_handle(uv_handle_t *handle)
{
	free(handle);
}

/* ---- what libcurl is told ---- */

static void
socket_ready(uv_poll_t *poll, int status, int events)
{
	int		running, flags = 0;
	uv_os_fd_t	fd;

	if (uv_fileno((uv_handle_t *)poll, &fd) != 0)
		return;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	if (status < 0)
		flags = CURL_CSELECT_ERR;
	curl_multi_socket_action(multi, fd, flags, &running);	/* may close the handle */
	reap();
}

static void
time_over(uv_timer_t *handle)
{
	int	running;

	(void)handle;
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap();
}

/* ---- what libcurl wants ---- */

static void
forget_socket(uv_poll_t *poll)
{
	uv_poll_stop(poll);
	uv_close((uv_handle_t *)poll, free_handle);
}

static uv_poll_t *
know_socket(curl_socket_t fd)
{
	uv_poll_t	*poll = mem_alloc(sizeof(*poll));

	if (uv_poll_init_socket(loop, poll, fd) != 0) {
		free(poll);
		return NULL;
	}
	curl_multi_assign(multi, fd, poll);
	return poll;
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	uv_poll_t	*poll = known;
	int		 events = 0;

	(void)easy;
	(void)arg;
	if (what == CURL_POLL_REMOVE) {
		if (poll != NULL)
			forget_socket(poll);
		curl_multi_assign(multi, fd, NULL);
		return 0;
	}
	if (poll == NULL && (poll = know_socket(fd)) == NULL)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(poll, events, socket_ready);
}

static int
want_time(CURLM *m, long ms, void *arg)
{
	(void)m;
	(void)arg;
	if (ms < 0) {
		uv_timer_stop(timer);
	} else {
		uv_update_time(loop);
		uv_timer_start(timer, time_over, (uint64_t)ms, 0);
	}
	return 0;
}

static void
set_up(uv_loop_t *on)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || (multi = curl_multi_init()) == NULL)
		log_fatal("libcurl cannot be set up");
	if ((curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) == 0)
		log_warn("libcurl resolves names without threads: http.request may stall its loop");
	loop = on;
	timer = mem_alloc(sizeof(*timer));
	uv_timer_init(loop, timer);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_time);
}

void
http_multi_add(uv_loop_t *on, CURL *easy)
{
	if (multi == NULL)
		set_up(on);
	curl_multi_add_handle(multi, easy);
}

void
http_multi_remove(CURL *easy)
{
	curl_multi_remove_handle(multi, easy);
}

void
http_multi_unpause(CURL *easy)
{
	int	running;

	curl_easy_pause(easy, CURLPAUSE_CONT);
	curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap();
}

void
http_loop_ends(void)
{
	if (multi == NULL)
		return;
	curl_multi_cleanup(multi);
	uv_close((uv_handle_t *)timer, free_handle);
	multi = NULL;
	timer = NULL;
	loop = NULL;
}
