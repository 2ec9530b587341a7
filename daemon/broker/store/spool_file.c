/* spool_file.c - the outcomes of one group in a file.  Runs in: broker, spool thread. */
#include "daemon/broker/store/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

#define FLUSH_BYTES	((size_t)256 << 10)
#define PIECE_BYTES	((size_t)64 << 10)
#define FIRST_BYTES	((size_t)4 << 10)	/* most lines are shorter */

/* ---- life ---- */

void
spool_file_name(const struct spool_file *f, bool sorted, char *out, size_t size)
{
	snprintf(out, size, "%llu.%s", (unsigned long long)f->group,
	    sorted ? "ndjson" : "outcomes");
}

struct spool_file *
spool_file_new(int dir, uint64_t group)
{
	struct spool_file	*f = mem_zalloc(1, sizeof(*f));

	f->dir = dir;
	f->group = group;
	f->fd = -1;
	list_init(&f->open);
	return f;
}

void
spool_file_free(struct spool_file *f)
{
	char	name[40];

	if (f == NULL)
		return;
	list_remove(&f->open);
	fd_close(&f->fd);
	spool_file_name(f, f->sorted, name, sizeof(name));
	if (f->made)
		unlinkat(f->dir, name, 0);
	buf_free(&f->out);
	free(f->at);
	free(f);
}

void
spool_file_remove(int dir, uint64_t group)
{
	const struct spool_file	f = { .group = group };
	char			name[40];

	spool_file_name(&f, true, name, sizeof(name));
	unlinkat(dir, name, 0);
}

int
spool_file_open(struct spool_file *f)
{
	char	name[40];
	int	flags = f->made ? 0 : O_CREAT | O_EXCL;

	if (f->fd >= 0)
		return 0;
	spool_file_name(f, f->sorted, name, sizeof(name));
	f->fd = openat(f->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	if (f->fd < 0 || fchmod(f->fd, 0640) != 0)	/* umask is 077 */
		return -errno;
	f->made = true;
	return 0;
}

int
spool_file_close(struct spool_file *f)
{
	int	rc = spool_file_flush(f);

	list_remove(&f->open);
	fd_close(&f->fd);
	return rc;
}

/* ---- writing ---- */

static int
write_out(int fd, struct buf *out)
{
	int	rc = buf_len(out) == 0 ? 0 : fd_write_all(fd, buf_data(out), buf_len(out));

	buf_consume(out, buf_len(out));
	return rc;
}

int
spool_file_flush(struct spool_file *f)
{
	if (buf_len(&f->out) == 0)
		return 0;
	if (lseek(f->fd, 0, SEEK_END) < 0)
		return -errno;
	return write_out(f->fd, &f->out);
}

static void
remember(struct spool_file *f, uint64_t index)
{
	uint64_t	cap = f->cap == 0 ? 64 : f->cap;

	while (cap <= index)
		cap *= 2;
	if (cap != f->cap) {
		f->at = mem_resize(f->at, cap, sizeof(f->at[0]));
		memset(f->at + f->cap, 0, (cap - f->cap) * sizeof(f->at[0]));
		f->cap = cap;
	}
	if (index >= f->len)
		f->len = index + 1;
	f->at[index] = f->size + 1;
}

int
spool_file_append(struct spool_file *f, uint64_t index, const char *line, size_t len)
{
	remember(f, index);
	buf_append(&f->out, line, len);
	buf_putc(&f->out, '\n');
	f->size += len + 1;
	return buf_len(&f->out) < FLUSH_BYTES ? 0 : spool_file_flush(f);
}

/* ---- reading ---- */

static bool
is_there(const struct spool_file *f, uint64_t index)
{
	return index < f->len && f->at[index] != 0;
}

/* Up to max bytes from offset on, to the end of out.  Bytes read, 0 at the end, or -errno. */
static ssize_t
read_piece(const struct spool_file *f, uint64_t offset, size_t max, struct buf *out)
{
	ssize_t	n;

	do
		n = pread(f->fd, buf_room(out, max), max, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf_added(out, (size_t)n);
	return n;
}

/* Where a line goes that is read. */
struct line {
	struct buf	*out;
	size_t		 keep;		/* bytes of it at most that go there; the rest is counted */
	int		 sink;		/* where out is written as it grows; -1: nowhere */
};

/* The line that begins at offset.  Its length, or -errno. */
static ssize_t
read_line(const struct spool_file *f, uint64_t offset, const struct line *l)
{
	size_t	len = 0, begin = buf_len(l->out), piece = FIRST_BYTES;
	char	*from, *lf;
	ssize_t	n;
	int	rc;

	for (;;) {
		size_t	before = buf_len(l->out);

		if ((n = read_piece(f, offset + len, piece, l->out)) <= 0)
			return n == 0 ? -EIO : n;
		from = buf_data(l->out) + before;
		if ((lf = memchr(from, '\n', (size_t)n)) != NULL)
			n = lf - from;
		l->out->tail = l->out->head + before + (size_t)n;
		len += (size_t)n;
		if (buf_len(l->out) - begin > l->keep)
			l->out->tail = l->out->head + begin + l->keep;
		if (lf != NULL)
			return (ssize_t)len;
		piece = PIECE_BYTES;
		if (l->sink < 0 || buf_len(l->out) < FLUSH_BYTES)
			continue;
		if ((rc = write_out(l->sink, l->out)) != 0)
			return rc;
		begin = 0;
	}
}

/*
 * A line that does not fit, of which only the head is in out from mark on: its result, or its
 * failure's data, is replaced by its length.  What comes before them is short, and neither text can
 * be part of a JSON string: its quotes would be escaped.
 */
static void
shorten(struct buf *out, size_t mark, size_t line_len)
{
	static const struct {
		const char	*member, *instead, *end;
	} long_ones[] = {
		{ ",\"result\":", ",\"result_bytes\":", "}" },
		{ ",\"data\":", ",\"data_bytes\":", "}}" },
	};
	const char	*head = buf_data(out) + mark, *at;
	size_t		 head_len = buf_len(out) - mark;

	for (size_t i = 0; i < 2; i++) {
		size_t	name_len = strlen(long_ones[i].member), end_len = strlen(long_ones[i].end);
		size_t	before;

		at = memmem(head, head_len, long_ones[i].member, name_len);
		if (at == NULL)
			continue;
		before = (size_t)(at - head);
		out->tail = out->head + mark + before;
		buf_puts(out, long_ones[i].instead);
		buf_put_u64(out, line_len - before - name_len - end_len);
		buf_puts(out, long_ones[i].end);
		return;
	}
}

int
spool_file_read(struct spool_file *f, uint64_t from, uint64_t count, size_t bytes,
    struct buf *out, uint64_t *next)
{
	struct line	l = { out, bytes + PIECE_BYTES, -1 };
	int		rc = spool_file_flush(f);
	uint64_t	i = from;
	ssize_t		len;

	for (; rc == 0 && i - from < count && is_there(f, i); i++) {
		size_t	mark = buf_len(out);

		if (i > from)
			buf_putc(out, ',');
		if ((len = read_line(f, f->at[i] - 1, &l)) < 0)
			return (int)len;
		if (mark + 1 + (size_t)len <= bytes)
			continue;
		if (i > from) {
			out->tail = out->head + mark;
			break;
		}
		shorten(out, mark, (size_t)len);
	}
	*next = i;
	return rc;
}

/* ---- sorting ---- */

/* Writes all lines to fd in order, and notes where they are there. */
static int
copy_sorted(struct spool_file *f, uint64_t count, int fd, uint64_t *at, uint64_t *size)
{
	struct buf	out = { 0 };
	struct line	l = { &out, SIZE_MAX, fd };
	ssize_t		len;
	int		rc = 0;

	for (uint64_t i = 0; rc == 0 && i < count; i++) {
		if (!is_there(f, i)) {
			rc = -ENODATA;
			break;
		}
		if ((len = read_line(f, f->at[i] - 1, &l)) < 0) {
			rc = (int)len;
			break;
		}
		buf_putc(&out, '\n');
		at[i] = *size + 1;
		*size += (uint64_t)len + 1;
		if (buf_len(&out) >= FLUSH_BYTES)
			rc = write_out(fd, &out);
	}
	if (rc == 0)
		rc = write_out(fd, &out);
	buf_free(&out);
	return rc;
}

static void
replace(struct spool_file *f, int fd, uint64_t *at, uint64_t count, uint64_t size)
{
	char	name[40];

	spool_file_name(f, false, name, sizeof(name));
	if (f->made)
		unlinkat(f->dir, name, 0);
	fd_close(&f->fd);
	free(f->at);
	f->fd = fd;
	f->at = at;
	f->len = f->cap = count;
	f->size = size;
	f->sorted = f->made = true;
}

int
spool_file_sort(struct spool_file *f, uint64_t count)
{
	uint64_t	*at = mem_zalloc(count == 0 ? 1 : count, sizeof(at[0])), size = 0;
	char		 name[40];
	int		 rc = spool_file_flush(f), fd = -1;

	spool_file_name(f, true, name, sizeof(name));
	if (rc == 0) {
		fd = openat(f->dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
		rc = fd < 0 || fchmod(fd, 0640) != 0 ? -errno : copy_sorted(f, count, fd, at, &size);
	}
	if (rc == 0) {
		replace(f, fd, at, count, size);
		return 0;
	}
	if (fd >= 0)
		unlinkat(f->dir, name, 0);
	fd_close(&fd);
	free(at);
	return rc;
}
