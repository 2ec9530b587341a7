/* scribe.c - the audit log and the file of tokens, on disk.
 * Runs in: broker; loop thread and access thread.
 *
 * The mutex protects the two lists and the flag; it is held for moments, never over a system call
 * that could wait.  The audit file belongs to the thread.
 */
#include "daemon/broker/access/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/private_file.h"
#include "lib/thread.h"

#define QUEUED_MAX	(16 << 20)	/* bytes of lines that wait */

enum request_kind { APPEND, REPLACE, CONFIGURE };

struct request {
	struct list	 link;
	enum request_kind kind;
	struct buf	 text;
	char		*path;
	int64_t		 max_bytes, keep;	/* CONFIGURE */
	void		(*done)(void *arg, int rc, const char *why);
	void		*arg;
	int		 rc;
	char		 why[256];
};

struct scribe {
	int		 event;
	pthread_t	 thread;
	/* the thread's */
	char		*path;
	int		 fd;
	int64_t		 size, max_bytes, keep;
	bool		 failing;	/* said once */
	/* under the mutex */
	pthread_mutex_t	 mutex;
	pthread_cond_t	 work;
	struct list	 requests, finished;
	size_t		 queued;
	bool		 ending;
};

static void
request_free(struct request *r)
{
	buf_free(&r->text);
	free(r->path);
	free(r);
}

/* ---- the audit file ---- */

static void
rotate(struct scribe *w)
{
	char	*from, *to;

	fd_close(&w->fd);
	for (int64_t n = w->keep; n > 0; n--) {
		from = n == 1 ? mem_strdup(w->path) :
		    mem_printf("%s.%lld", w->path, (long long)n - 1);
		to = mem_printf("%s.%lld", w->path, (long long)n);
		if (rename(from, to) != 0 && errno != ENOENT)
			log_error("audit log not rotated file=%s errno=%d", from, errno);
		free(from);
		free(to);
	}
	if (w->keep == 0 && unlink(w->path) != 0 && errno != ENOENT)
		log_error("audit log not removed file=%s errno=%d", w->path, errno);
}

/* One that was moved away by somebody else is not written to any more. */
static void
look_at_file(struct scribe *w)
{
	struct stat	st;

	if (w->fd >= 0 && (fstat(w->fd, &st) != 0 || st.st_nlink == 0))
		fd_close(&w->fd);
	if (w->fd >= 0)
		return;
	w->fd = open(w->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	w->size = w->fd >= 0 && fstat(w->fd, &st) == 0 ? st.st_size : 0;
}

static void
append(struct scribe *w, const struct buf *text)
{
	int	rc;

	if (w->path == NULL)
		return;
	look_at_file(w);
	if (w->fd >= 0 && w->size > 0 && w->size + (int64_t)buf_len(text) > w->max_bytes) {
		rotate(w);
		look_at_file(w);
	}
	rc = w->fd < 0 ? -errno : fd_write_all(w->fd, buf_data(text), buf_len(text));
	if (rc == 0)
		w->size += (int64_t)buf_len(text);
	if (rc != 0 && !w->failing)
		log_error("audit log not written: lines are lost file=%s errno=%d", w->path, -rc);
	w->failing = rc != 0;
}

static void
configure(struct scribe *w, struct request *r)
{
	fd_close(&w->fd);
	free(w->path);
	w->path = r->path;
	r->path = NULL;
	w->max_bytes = r->max_bytes;
	w->keep = r->keep;
	if (w->path != NULL)
		look_at_file(w);	/* while there are descriptors; what is wrong is told by the first line */
}

/* ---- the thread ---- */

static void
carry_out(struct scribe *w, struct request *r)
{
	switch (r->kind) {
	case APPEND:
		append(w, &r->text);
		break;
	case REPLACE:
		r->rc = private_file_write(r->path, buf_data(&r->text), buf_len(&r->text), r->why,
		    sizeof(r->why));
		break;
	case CONFIGURE:
		configure(w, r);
		break;
	}
}

static void
finish(struct scribe *w, struct request *r)
{
	uint64_t	one = 1;

	pthread_mutex_lock(&w->mutex);
	w->queued -= buf_len(&r->text);
	if (r->done != NULL) {
		list_push_back(&w->finished, &r->link);
		if (write(w->event, &one, sizeof(one)) != sizeof(one))
			abort();	/* an eventfd of our own, without an excuse */
		r = NULL;
	}
	pthread_mutex_unlock(&w->mutex);
	if (r != NULL)
		request_free(r);
}

static void *
run(void *arg)
{
	struct scribe	*w = arg;
	struct list	*node;

	for (;;) {
		pthread_mutex_lock(&w->mutex);
		while ((node = list_pop(&w->requests)) == NULL && !w->ending)
			pthread_cond_wait(&w->work, &w->mutex);
		pthread_mutex_unlock(&w->mutex);
		if (node == NULL)
			return NULL;
		carry_out(w, list_entry(node, struct request, link));
		finish(w, list_entry(node, struct request, link));
	}
}

/* ---- the loop's side ---- */

static void
hand_over(struct scribe *w, struct request *r)
{
	pthread_mutex_lock(&w->mutex);
	if (list_empty(&w->requests))
		pthread_cond_signal(&w->work);
	list_push_back(&w->requests, &r->link);
	w->queued += buf_len(&r->text);
	pthread_mutex_unlock(&w->mutex);
}

static struct request *
request_new(enum request_kind kind, const char *path)
{
	struct request	*r = mem_zalloc(1, sizeof(*r));

	r->kind = kind;
	r->path = path == NULL ? NULL : mem_strdup(path);
	return r;
}

void
scribe_configure(struct scribe *w, const struct scribe_config *cfg)
{
	struct request	*r = request_new(CONFIGURE, cfg->audit);

	r->max_bytes = cfg->max_bytes;
	r->keep = cfg->keep;
	hand_over(w, r);
}

int
scribe_open(const struct scribe_config *cfg, struct scribe **out)
{
	struct scribe	*w = mem_zalloc(1, sizeof(*w));
	int		 rc;

	list_init(&w->requests);
	list_init(&w->finished);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->work, NULL);
	w->fd = -1;
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = w->event < 0 ? -errno : thread_start(&w->thread, run, w);
	if (rc != 0) {
		fd_close(&w->event);
		free(w);
		return rc;
	}
	scribe_configure(w, cfg);
	*out = w;
	return 0;
}

void
scribe_close(struct scribe *w)
{
	pthread_mutex_lock(&w->mutex);
	w->ending = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	scribe_run(w);
	fd_close(&w->fd);
	fd_close(&w->event);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->mutex);
	free(w->path);
	free(w);
}

bool
scribe_append(struct scribe *w, struct buf *lines)
{
	struct request	*r;
	bool		 full;

	pthread_mutex_lock(&w->mutex);
	full = w->queued + buf_len(lines) > QUEUED_MAX;
	pthread_mutex_unlock(&w->mutex);
	if (full)
		return false;
	r = request_new(APPEND, NULL);
	r->text = *lines;
	*lines = (struct buf){ 0 };
	hand_over(w, r);
	return true;
}

void
scribe_replace(struct scribe *w, const char *path, struct buf *text,
    void (*done)(void *arg, int rc, const char *why), void *arg)
{
	struct request	*r = request_new(REPLACE, path);

	r->text = *text;
	*text = (struct buf){ 0 };
	r->done = done;
	r->arg = arg;
	hand_over(w, r);
}

int
scribe_fd(const struct scribe *w)
{
	return w->event;
}

void
scribe_run(struct scribe *w)
{
	struct list	*node;
	struct request	*r;
	uint64_t	 count;

	if (read(w->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
	for (;;) {
		pthread_mutex_lock(&w->mutex);
		node = list_pop(&w->finished);
		pthread_mutex_unlock(&w->mutex);
		if (node == NULL)
			return;
		r = list_entry(node, struct request, link);
		r->done(r->arg, r->rc, r->why);
		request_free(r);
	}
}
