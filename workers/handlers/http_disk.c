/*
 * http_disk.c - files of an HTTP transfer.  Runs in: io worker, loop thread; the functions named
 * do_* in threads of its pool, which touch the http_disk only while it is busy.
 */
#include "workers/handlers/http_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

#define CA_BYTES_MAX	(4 << 20)

struct http_disk *
http_disk_new(uv_loop_t *loop, const char *path, const char *ca_path,
    void (*then)(struct http_disk *d), void *owner)
{
	struct http_disk	*d = mem_zalloc(1, sizeof(*d));

	d->loop = loop;
	d->path = path == NULL ? NULL : mem_strdup(path);
	d->ca_path = ca_path == NULL ? NULL : mem_strdup(ca_path);
	d->whole = WHOLE_FILE_NONE;
	d->then = then;
	d->owner = owner;
	return d;
}

static void
do_read_ca(struct http_disk *d)
{
	struct stat	st;
	ssize_t		got;
	int		fd = roots_find_file(d->ca_path, &st, d->why, sizeof(d->why));

	if (fd < 0)
		return;
	while ((got = read(fd, buf_room(&d->ca, 64 << 10), 64 << 10)) > 0) {
		buf_added(&d->ca, (size_t)got);
		if (buf_len(&d->ca) > CA_BYTES_MAX) {
			errno = EFBIG;
			got = -1;
			break;
		}
	}
	if (got < 0)
		snprintf(d->why, sizeof(d->why), "cannot read: %s: %s", strerror(errno), d->ca_path);
	close(fd);
}

static void
do_write(struct http_disk *d)
{
	int	rc = fd_write_all(d->whole.fd, buf_data(&d->writing), buf_len(&d->writing));

	buf_consume(&d->writing, buf_len(&d->writing));
	if (rc != 0)
		snprintf(d->why, sizeof(d->why), "cannot write: %s: %s", strerror(-rc), d->path);
}

static void
do_commit(struct http_disk *d)
{
	int	rc = whole_commit(&d->whole, 0644, true);

	if (rc != 0)
		snprintf(d->why, sizeof(d->why), "cannot write: %s: %s", strerror(-rc), d->path);
}

static void
do_op(uv_work_t *work)
{
	struct http_disk	*d = work->data;

	switch (d->op) {
	case DISK_OPEN:
		if (d->ca_path != NULL)
			do_read_ca(d);
		if (d->path != NULL && d->why[0] == '\0')
			whole_open(&d->whole, d->path, d->why, sizeof(d->why));
		break;
	case DISK_WRITE:
		do_write(d);
		break;
	case DISK_COMMIT:
		do_commit(d);
		break;
	case DISK_CLOSE:
		whole_close(&d->whole);
		break;
	}
}

static void
op_over(uv_work_t *work, int status)
{
	struct http_disk	*d = work->data;

	(void)status;			/* never withdrawn from the pool */
	d->busy = false;
	if (d->abandoned)
		http_disk_free(d);
	else
		d->then(d);
}

static void
start(struct http_disk *d, enum http_disk_op op)
{
	d->op = op;
	d->busy = true;
	d->work.data = d;
	uv_queue_work(d->loop, &d->work, do_op, op_over);
}

void
http_disk_open(struct http_disk *d)
{
	start(d, DISK_OPEN);
}

bool
http_disk_flush(struct http_disk *d)
{
	struct buf	empty = d->writing;

	if (buf_len(&d->filling) == 0)
		return false;
	d->writing = d->filling;
	d->filling = empty;
	start(d, DISK_WRITE);
	return true;
}

void
http_disk_put(struct http_disk *d, const char *p, size_t len)
{
	buf_append(&d->filling, p, len);
	if (!d->busy)
		http_disk_flush(d);
}

void
http_disk_commit(struct http_disk *d)
{
	start(d, DISK_COMMIT);
}

void
http_disk_free(struct http_disk *d)
{
	if (d == NULL)
		return;
	d->abandoned = true;
	if (d->busy)
		return;
	if (d->whole.dir >= 0 && d->op != DISK_CLOSE) {
		start(d, DISK_CLOSE);
		return;
	}
	buf_free(&d->ca);
	buf_free(&d->filling);
	buf_free(&d->writing);
	free(d->path);
	free(d->ca_path);
	free(d);
}
