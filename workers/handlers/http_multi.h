/*
 * http_multi.h - libcurl's transfers on the worker's loop: one multi handle, so connections are
 * kept and shared by all of them.  Loop thread only.
 */
#ifndef HANDLERS_HTTP_MULTI_H
#define HANDLERS_HTTP_MULTI_H

#include <curl/curl.h>
#include <uv.h>

/* A transfer's CURLOPT_PRIVATE points at this. */
struct http_done {
	/* The transfer is over and out of the multi handle; called by the loop, once. */
	void (*done)(struct http_done *d, CURLcode code);
};

void http_multi_add(uv_loop_t *loop, CURL *easy);
/* Takes a transfer back before it is over; done will not be called. */
void http_multi_remove(CURL *easy);
/* Lets a paused transfer go on; done may be called before this returns. */
void http_multi_unpause(CURL *easy);
/* The loop is about to end, and no transfer is running: closes the connections and the timer. */
void http_loop_ends(void);

#endif
