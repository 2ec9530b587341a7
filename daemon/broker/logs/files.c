/* files.c - what attempts said, on disk.  Runs in: broker; loop thread and log thread.
 *
 * The mutex protects the two queues, the count of bytes and the flags; it is held for moments, never
 * over a system call that could wait.  The directory belongs to the thread.
 */
#include "daemon/broker/logs/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "lib/thread.h"

#define NAMES_AT_ONCE	1000

enum request_kind { APPEND, READ, REMOVE, LIST };

struct request {
	struct list	 link;
	enum request_kind kind;
	uint64_t	 id, from;
	uint32_t	 attempt;
	struct buf	 records;
	uint64_t	 kept[LOG_STREAMS];
	void		*tag;
};

struct news {
	struct list		link;
	struct files_news	is;
};

struct files {
	int		 dir, event;
	uint64_t	 keep_free;
	pthread_t	 thread;
	/* under the mutex */
	pthread_mutex_t	 mutex;
	pthread_cond_t	 work;
	struct list	 requests, news;
	size_t		 queued;	/* bytes of requests that were not carried out */
	bool		 ending;
};

/* ---- the loop's side ---- */

static struct request *
request_new(enum request_kind kind, uint64_t id, uint32_t attempt)
{
	struct request	*r = mem_zalloc(1, sizeof(*r));

	r->kind = kind;
	r->id = id;
	r->attempt = attempt;
	return r;
}

static void
hand_over(struct files *f, struct request *r)
{
	pthread_mutex_lock(&f->mutex);
	if (list_empty(&f->requests))
		pthread_cond_signal(&f->work);
	list_push_back(&f->requests, &r->link);
	f->queued += buf_len(&r->records);
	pthread_mutex_unlock(&f->mutex);
}

void
files_append(struct files *f, uint64_t id, uint32_t attempt, struct buf *records,
    const uint64_t kept[LOG_STREAMS])
{
	struct request	*r = request_new(APPEND, id, attempt);

	r->records = *records;
	*records = (struct buf){ 0 };
	memcpy(r->kept, kept, sizeof(r->kept));
	hand_over(f, r);
}

void
files_read(struct files *f, uint64_t id, uint32_t attempt, uint64_t from, void *tag)
{
	struct request	*r = request_new(READ, id, attempt);

	r->from = from;
	r->tag = tag;
	hand_over(f, r);
}

void
files_remove(struct files *f, uint64_t id, uint32_t attempt)
{
	hand_over(f, request_new(REMOVE, id, attempt));
}

void
files_list(struct files *f)
{
	hand_over(f, request_new(LIST, 0, 0));
}

size_t
files_queued(struct files *f)
{
	size_t	queued;

	pthread_mutex_lock(&f->mutex);
	queued = f->queued;
	pthread_mutex_unlock(&f->mutex);
	return queued;
}

int
files_fd(const struct files *f)
{
	return f->event;
}

bool
files_next(struct files *f, struct files_news *out)
{
	struct list	*node;
	struct news	*n;
	uint64_t	 count;

	pthread_mutex_lock(&f->mutex);
	if ((node = list_pop(&f->news)) == NULL && read(f->event, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN)
		abort();		/* an eventfd of our own, without an excuse */
	pthread_mutex_unlock(&f->mutex);
	if (node == NULL)
		return false;
	n = list_entry(node, struct news, link);
	*out = n->is;
	free(n);
	return true;
}

/* ---- the thread ---- */

static struct news *
news_new(enum files_kind kind, const struct request *r)
{
	struct news	*n = mem_zalloc(1, sizeof(*n));

	n->is.kind = kind;
	n->is.id = r->id;
	n->is.attempt = r->attempt;
	n->is.tag = r->tag;
	return n;
}

static void
tell(struct files *f, struct news *n)
{
	static const uint64_t	one = 1;

	pthread_mutex_lock(&f->mutex);
	if (list_empty(&f->news) && write(f->event, &one, sizeof(one)) < 0)
		abort();
	list_push_back(&f->news, &n->link);
	pthread_mutex_unlock(&f->mutex);
}

static void
print_name(char *out, size_t size, uint64_t id, uint32_t attempt)
{
	snprintf(out, size, "%" PRIu64 ".%" PRIu32, id, attempt);
}

static int
open_file(const struct files *f, const struct request *r, int flags)
{
	char	name[40];

	print_name(name, sizeof(name), r->id, r->attempt);
	return openat(f->dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* What the store needs to write outcomes with is not taken from it. */
static bool
has_space(const struct files *f, size_t len)
{
	struct statvfs	v;

	return fstatvfs(f->dir, &v) != 0 ||
	    (uint64_t)v.f_bavail * v.f_frsize >= f->keep_free + len;
}

/* When that fails as well, readers stop at what is no record. */
static void
cut_back(int fd, off_t size)
{
	if (ftruncate(fd, size) != 0)
		log_warn("a log cannot be cut back errno=%d", errno);
}

/* All of it, or nothing: a part of a record would make what follows unreadable. */
static int
write_records(const struct files *f, const struct request *r)
{
	size_t		len = buf_len(&r->records);
	struct stat	st;
	int		fd, rc = 0;

	if (!has_space(f, len))
		return -ENOSPC;
	if ((fd = open_file(f, r, O_WRONLY | O_CREAT | O_APPEND)) < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if ((rc = fd_write_all(fd, buf_data(&r->records), len)) != 0)
		cut_back(fd, st.st_size);
	fd_close(&fd);
	return rc;
}

static void
append(struct files *f, struct request *r)
{
	int		 rc = write_records(f, r);
	struct news	*n;

	if (rc == 0)
		return;
	n = news_new(FILES_LOST, r);
	n->is.error = -rc;
	memcpy(n->is.kept, r->kept, sizeof(r->kept));
	tell(f, n);
}

static ssize_t
read_at(int fd, char *to, size_t len, uint64_t from)
{
	size_t	got = 0;
	ssize_t	n = 0;

	while (got < len && (n = pread(fd, to + got, len - got, (off_t)(from + got))) != 0) {
		if (n > 0)
			got += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)got;
}

static void
read_file(struct files *f, struct request *r)
{
	struct news	*n = news_new(FILES_READ, r);
	int		 fd = open_file(f, r, O_RDONLY);
	ssize_t		 got = fd < 0 ? -errno : read_at(fd, buf_room(&n->is.bytes, FILES_READ_BYTES),
			    FILES_READ_BYTES, r->from);

	if (got < 0)
		n->is.error = (int)-got;
	else
		buf_added(&n->is.bytes, (size_t)got);
	fd_close(&fd);
	tell(f, n);
}

static void
remove_file(struct files *f, const struct request *r)
{
	char	name[40];

	print_name(name, sizeof(name), r->id, r->attempt);
	(void)unlinkat(f->dir, name, 0);	/* one that is not there is gone; others are swept again */
}

/* False: it is none of ours. */
static bool
parse_name(const char *text, struct files_name *out)
{
	const char	*dot = strchr(text, '.');
	int64_t		 id, attempt;

	if (dot == NULL || parse_i64(text, (size_t)(dot - text), 1, INT64_MAX, &id) != 0 ||
	    parse_i64(dot + 1, strlen(dot + 1), 1, UINT32_MAX, &attempt) != 0)
		return false;
	*out = (struct files_name){ (uint64_t)id, (uint32_t)attempt };
	return true;
}

static void
tell_names(struct files *f, struct request *r, struct files_name *names, size_t len)
{
	struct news	*n = news_new(FILES_LISTED, r);

	n->is.names_len = len;
	n->is.names = mem_dup(names, len * sizeof(names[0]));
	tell(f, n);
}

static void
list_files(struct files *f, struct request *r)
{
	struct files_name	*names = mem_alloc(NAMES_AT_ONCE * sizeof(names[0]));
	int			 fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR			*d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent		*e;
	size_t			 len = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!parse_name(e->d_name, &names[len]) || ++len < NAMES_AT_ONCE)
			continue;
		tell_names(f, r, names, len);
		len = 0;
	}
	if (len > 0)
		tell_names(f, r, names, len);
	tell_names(f, r, names, 0);
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	free(names);
}

static struct request *
next_request(struct files *f)
{
	struct list	*node;

	pthread_mutex_lock(&f->mutex);
	while (!f->ending && list_empty(&f->requests))
		pthread_cond_wait(&f->work, &f->mutex);
	node = list_pop(&f->requests);
	pthread_mutex_unlock(&f->mutex);
	return node == NULL ? NULL : list_entry(node, struct request, link);
}

static void
done(struct files *f, struct request *r)
{
	pthread_mutex_lock(&f->mutex);
	f->queued -= buf_len(&r->records);
	pthread_mutex_unlock(&f->mutex);
	buf_free(&r->records);
	free(r);
}

static void *
thread_main(void *arg)
{
	struct files	*f = arg;
	struct request	*r;

	while ((r = next_request(f)) != NULL) {
		switch (r->kind) {
		case APPEND:	append(f, r); break;
		case READ:	read_file(f, r); break;
		case REMOVE:	remove_file(f, r); break;
		case LIST:	list_files(f, r); break;
		}
		done(f, r);
	}
	return NULL;
}

/* ---- life ---- */

static void
files_free(struct files *f)
{
	struct files_news	n;

	if (f->event >= 0) {
		while (files_next(f, &n)) {
			buf_free(&n.bytes);
			free(n.names);
		}
	}
	pthread_cond_destroy(&f->work);
	pthread_mutex_destroy(&f->mutex);
	fd_close(&f->dir);
	fd_close(&f->event);
	free(f);
}

static int
open_dir(struct files *f, const char *dir)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	if ((f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return -errno;
	if ((f->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
		return -errno;
	return thread_start(&f->thread, thread_main, f);
}

int
files_open(const char *dir, uint64_t keep_free, struct files **out, char *why, size_t size)
{
	struct files	*f = mem_zalloc(1, sizeof(*f));
	int		 rc;

	f->dir = f->event = -1;
	f->keep_free = keep_free;
	list_init(&f->requests);
	list_init(&f->news);
	pthread_mutex_init(&f->mutex, NULL);
	pthread_cond_init(&f->work, NULL);
	if ((rc = open_dir(f, dir)) != 0) {
		snprintf(why, size, "%s: %s", dir, strerror(-rc));
		files_free(f);
		return rc;
	}
	*out = f;
	return 0;
}

void
files_end(struct files *f)
{
	pthread_mutex_lock(&f->mutex);
	f->ending = true;
	pthread_cond_signal(&f->work);
	pthread_mutex_unlock(&f->mutex);
	pthread_join(f->thread, NULL);
}

void
files_close(struct files *f)
{
	files_free(f);
}
