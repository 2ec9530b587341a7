/* spool.c - outcomes of groups' members, on disk.  Runs in: broker; loop thread and spool thread.
 *
 * The mutex protects the two queues, the count of bytes and the flags; it is held for moments, never
 * over a system call that could wait.  Files belong to the thread alone.
 */
#include "daemon/broker/store/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/store/spool_file.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "lib/map.h"
#include "lib/thread.h"

enum kind { APPEND, READ, REDUCE, FORGET };

struct request {
	struct list	 link;
	enum kind	 kind;
	uint64_t	 group, ticket;
	uint64_t	 from, count;	/* APPEND: from is the index */
	size_t		 bytes;		/* READ: of text at most */
	size_t		 len;		/* APPEND: of line */
	char		 line[];
};

struct news {
	struct list		link;
	struct spool_news	is;
};

struct spool {
	char		*path;		/* of the directory */
	int		 dir, event;
	size_t		 queue_bytes;
	pthread_t	 thread;
	/* under the mutex */
	pthread_mutex_t	 mutex;
	pthread_cond_t	 work;
	struct list	 requests, news;
	size_t		 queued;	/* bytes of requests that were not carried out */
	bool		 was_full;	/* ROOM is to be told */
	bool		 ending;
	/* the thread's */
	struct idmap	 files;		/* struct spool_file by group */
	struct list	 open;		/* those that are open, the longest unused first */
	unsigned	 open_count;
};

/* ---- the loop's side ---- */

static struct request *
request_new(enum kind kind, uint64_t group, size_t len)
{
	struct request	*r = mem_alloc(sizeof(*r) + len);

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->group = group;
	r->len = len;
	return r;
}

static void
hand_over(struct spool *s, struct request *r)
{
	pthread_mutex_lock(&s->mutex);
	if (list_empty(&s->requests))
		pthread_cond_signal(&s->work);
	list_push_back(&s->requests, &r->link);
	s->queued += sizeof(*r) + r->len;
	pthread_mutex_unlock(&s->mutex);
}

void
spool_append(struct spool *s, uint64_t group, uint64_t index, const char *line, size_t len)
{
	struct request	*r = request_new(APPEND, group, len);

	r->from = index;
	memcpy(r->line, line, len);
	hand_over(s, r);
}

void
spool_read(struct spool *s, uint64_t group, uint64_t ticket, uint64_t from, uint64_t count,
    size_t bytes)
{
	struct request	*r = request_new(READ, group, 0);

	r->ticket = ticket;
	r->from = from;
	r->count = count;
	r->bytes = bytes;
	hand_over(s, r);
}

void
spool_reduce(struct spool *s, uint64_t group, uint64_t count)
{
	struct request	*r = request_new(REDUCE, group, 0);

	r->count = count;
	hand_over(s, r);
}

void
spool_forget(struct spool *s, uint64_t group)
{
	hand_over(s, request_new(FORGET, group, 0));
}

bool
spool_full(struct spool *s)
{
	bool	full;

	pthread_mutex_lock(&s->mutex);
	full = s->queued > s->queue_bytes;
	s->was_full |= full;
	pthread_mutex_unlock(&s->mutex);
	return full;
}

int
spool_fd(const struct spool *s)
{
	return s->event;
}

bool
spool_take(struct spool *s, struct spool_news *out)
{
	struct list	*node;
	struct news	*n;
	uint64_t	 count;

	pthread_mutex_lock(&s->mutex);
	if ((node = list_pop(&s->news)) == NULL &&
	    read(s->event, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();	/* an eventfd of our own, without an excuse */
	pthread_mutex_unlock(&s->mutex);
	if (node == NULL)
		return false;
	n = list_entry(node, struct news, link);
	*out = n->is;
	free(n);
	return true;
}

/* ---- the thread's side ---- */

/* Takes is->text. */
static void
tell(struct spool *s, struct spool_news *is)
{
	static const uint64_t	one = 1;
	struct news		*n = mem_zalloc(1, sizeof(*n));

	n->is = *is;
	pthread_mutex_lock(&s->mutex);
	list_push_back(&s->news, &n->link);
	if (write(s->event, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
	pthread_mutex_unlock(&s->mutex);
}

static void
tell_failed(struct spool *s, struct spool_file *f, const char *what, int rc)
{
	struct spool_news	 is = { .kind = SPOOL_FAILED, .group = f->group };
	struct spool_file	*fresh;

	buf_printf(&is.text, "%s in %s: %s", what, s->path, strerror(-rc));
	if (f->fd >= 0)
		s->open_count--;
	spool_file_free(f);		/* what it took of a full disk is given back */
	fresh = spool_file_new(s->dir, is.group);
	fresh->failed = true;
	idmap_put(&s->files, is.group, fresh);
	tell(s, &is);
}

static void
close_one(struct spool *s, struct spool_file *f)
{
	int	rc = spool_file_close(f);

	s->open_count--;
	if (rc != 0)
		tell_failed(s, f, "outcomes cannot be written", rc);
}

/* The file, open; NULL: it has failed. */
static struct spool_file *
get_open(struct spool *s, uint64_t group)
{
	struct spool_file	*f = idmap_get(&s->files, group);
	int			 rc;

	if (f == NULL) {
		f = spool_file_new(s->dir, group);
		idmap_put(&s->files, group, f);
	}
	if (f->failed)
		return NULL;
	if (f->fd < 0) {
		if (s->open_count == SPOOL_OPEN_FILES)
			close_one(s, list_entry(s->open.next, struct spool_file, open));
		if ((rc = spool_file_open(f)) != 0) {
			tell_failed(s, f, "a file cannot be opened", rc);
			return NULL;
		}
		s->open_count++;
	}
	list_remove(&f->open);
	list_push_back(&s->open, &f->open);
	return f;
}

static void
do_append(struct spool *s, const struct request *r)
{
	struct spool_file	*f = get_open(s, r->group);
	int			 rc;

	if (f != NULL && (rc = spool_file_append(f, r->from, r->line, r->len)) != 0)
		tell_failed(s, f, "outcomes cannot be written", rc);
}

/* Of a group that has failed nothing is there. */
static void
do_read(struct spool *s, const struct request *r)
{
	struct spool_news	 is = { .kind = SPOOL_READ, .group = r->group,
				    .ticket = r->ticket, .next = r->from };
	struct spool_file	*f = get_open(s, r->group);
	int			 rc = 0;

	if (f != NULL)
		rc = spool_file_read(f, r->from, r->count, r->bytes, &is.text, &is.next);
	if (rc != 0) {
		buf_consume(&is.text, buf_len(&is.text));
		is.next = r->from;
		tell_failed(s, f, "outcomes cannot be read", rc);
	}
	tell(s, &is);
}

static void
do_reduce(struct spool *s, const struct request *r)
{
	struct spool_news	 is = { .kind = SPOOL_REDUCED, .group = r->group };
	struct spool_file	*f = get_open(s, r->group);
	char			 name[40];
	int			 rc;

	if (f == NULL)
		return;			/* that was told */
	if ((rc = spool_file_sort(f, r->count)) != 0) {
		tell_failed(s, f, "the file for the reduce job cannot be written", rc);
		return;
	}
	spool_file_name(f, true, name, sizeof(name));
	buf_printf(&is.text, "%s/%s", s->path, name);
	tell(s, &is);
}

static void
do_forget(struct spool *s, const struct request *r)
{
	struct spool_file	*f = idmap_del(&s->files, r->group);

	if (f == NULL)
		spool_file_remove(s->dir, r->group);	/* the store's, of a durable group */
	else if (f->fd >= 0)
		s->open_count--;
	spool_file_free(f);
}

static void
carry_out(struct spool *s, const struct request *r)
{
	static void (*const	by_kind[])(struct spool *s, const struct request *r) = {
		[APPEND] = do_append, [READ] = do_read, [REDUCE] = do_reduce, [FORGET] = do_forget,
	};

	by_kind[r->kind](s, r);
}

/* So many bytes wait no more. */
static void
done(struct spool *s, size_t bytes)
{
	struct spool_news	is = { .kind = SPOOL_ROOM };
	bool			room;

	pthread_mutex_lock(&s->mutex);
	s->queued -= bytes;
	room = s->was_full && s->queued <= s->queue_bytes / 2;
	if (room)
		s->was_full = false;
	pthread_mutex_unlock(&s->mutex);
	if (room)
		tell(s, &is);
}

static void
flush_all(struct spool *s)
{
	struct list	*node = s->open.next;

	while (node != &s->open) {
		struct spool_file	*f = list_entry(node, struct spool_file, open);
		int			 rc;

		node = node->next;
		if ((rc = spool_file_flush(f)) != 0)
			tell_failed(s, f, "outcomes cannot be written", rc);
	}
}

/* One request, once there is one; NULL: the end. */
static struct request *
next_request(struct spool *s)
{
	struct list	*node;
	bool		 ending, idle;

	pthread_mutex_lock(&s->mutex);
	idle = list_empty(&s->requests) && !s->ending;
	pthread_mutex_unlock(&s->mutex);
	if (idle)
		flush_all(s);		/* nothing waits in memory while there is time */
	pthread_mutex_lock(&s->mutex);
	while (list_empty(&s->requests) && !s->ending)
		pthread_cond_wait(&s->work, &s->mutex);
	ending = s->ending;
	node = ending ? NULL : list_pop(&s->requests);
	pthread_mutex_unlock(&s->mutex);
	return node == NULL ? NULL : list_entry(node, struct request, link);
}

static void *
spool_main(void *arg)
{
	struct spool	*s = arg;
	struct request	*r;

	while ((r = next_request(s)) != NULL) {
		carry_out(s, r);
		done(s, sizeof(*r) + r->len);
		free(r);
	}
	return NULL;
}

/* ---- life ---- */

/* What an earlier broker left: its groups died with it. */
static int
remove_leftovers(int dir)
{
	int		 fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR		*d;
	struct dirent	*e;

	if (fd < 0)
		return -errno;
	if ((d = fdopendir(fd)) == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (rc == 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && unlinkat(dir, e->d_name, 0) != 0)
			rc = -errno;
	closedir(d);
	return rc;
}

static int
open_dir(struct spool *s)
{
	struct stat	st;

	if (mkdir(s->path, 0750) != 0 && errno != EEXIST)
		return -errno;
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir < 0 || fstat(s->dir, &st) != 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	/* workers that run as others are of our group, and read there */
	if ((st.st_mode & 0777) != 0750 && fchmod(s->dir, 0750) != 0)
		return -errno;
	return remove_leftovers(s->dir);
}

static void
spool_free(struct spool *s)
{
	struct list		*node;
	struct spool_file	*f;

	while ((node = list_pop(&s->requests)) != NULL)
		free(list_entry(node, struct request, link));
	while ((node = list_pop(&s->news)) != NULL) {
		struct news	*n = list_entry(node, struct news, link);

		buf_free(&n->is.text);
		free(n);
	}
	for (size_t at = 0; (f = idmap_next(&s->files, &at)) != NULL; )
		spool_file_free(f);
	idmap_free(&s->files);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->mutex);
	fd_close(&s->dir);
	fd_close(&s->event);
	free(s->path);
	free(s);
}

int
spool_open(const char *dir, size_t queue_bytes, struct spool **out, char *why, size_t size)
{
	struct spool	*s = mem_zalloc(1, sizeof(*s));
	int		 rc = 0;

	s->path = mem_strdup(dir);
	s->dir = -1;
	s->queue_bytes = queue_bytes;
	list_init(&s->requests);
	list_init(&s->news);
	list_init(&s->open);
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->work, NULL);
	if ((s->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		rc = -errno;
	if (rc == 0)
		rc = open_dir(s);
	if (rc == 0)
		rc = thread_start(&s->thread, spool_main, s);
	if (rc == 0) {
		*out = s;
		return 0;
	}
	snprintf(why, size, "the directory for groups' outcomes, %s: %s", dir, strerror(-rc));
	spool_free(s);
	return rc;
}

void
spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->mutex);
	s->ending = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	spool_free(s);
}
