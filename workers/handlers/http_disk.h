/*
 * http_disk.h - what a transfer has to do with files, done by threads of libuv's pool, one
 * operation at a time: read the certificates, open the target, write to it, commit it.  Called by
 * the loop thread.
 */
#ifndef HANDLERS_HTTP_DISK_H
#define HANDLERS_HTTP_DISK_H

#include <stdbool.h>

#include <uv.h>

#include "lib/buf.h"
#include "workers/handlers/roots.h"
#include "workers/handlers/whole_file.h"

enum http_disk_op { DISK_OPEN, DISK_WRITE, DISK_COMMIT, DISK_CLOSE };

struct http_disk {
	uv_work_t		 work;
	uv_loop_t		*loop;
	enum http_disk_op	 op;		/* the one that runs, or ran last */
	bool			 busy, abandoned;
	char			*path, *ca_path;	/* NULL: none */
	struct whole_file	 whole;
	struct buf		 ca;		/* after DISK_OPEN: text of ca_path */
	struct buf		 filling, writing;
	char			 why[ROOTS_WHY_BYTES];	/* not empty: it has failed */
	void			(*then)(struct http_disk *d);	/* op is over */
	void			*owner;
};

/* Either path may be NULL. */
struct http_disk *http_disk_new(uv_loop_t *loop, const char *path, const char *ca_path,
    void (*then)(struct http_disk *d), void *owner);
void http_disk_open(struct http_disk *d);
/* Bytes for the target; copied.  It writes when it is not busy. */
void http_disk_put(struct http_disk *d, const char *p, size_t len);
/* Starts to write what waits; false: nothing does. */
bool http_disk_flush(struct http_disk *d);
void http_disk_commit(struct http_disk *d);
/* Takes back what is not committed; `then` is not called any more.  NULL is fine. */
void http_disk_free(struct http_disk *d);

#endif
