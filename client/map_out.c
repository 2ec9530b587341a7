/* map_out.c - what `jobctl map` prints.  Runs in: jobctl. */
#include "client/map_out.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

#define READY_BYTES	((size_t)1 << 20)
#define HELD_BYTES	((size_t)64 << 20)
#define HELD_COST	64		/* of an entry, besides its text */

void
map_out_init(struct map_out *o, enum format format, bool gather, int fd)
{
	struct stat	st;

	memset(o, 0, sizeof(*o));
	o->format = format;
	o->gather = gather;
	o->fd = fd;
	o->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

void
map_out_fini(struct map_out *o)
{
	size_t	 at = 0;
	char	*line;

	while ((line = idmap_next(&o->held, &at)) != NULL)
		free(line);
	idmap_free(&o->held);
	buf_free(&o->ready);
}

static void
put_ready(struct map_out *o, const char *line)
{
	if (line[0] == '\0')
		return;
	if (o->format == FORMAT_JSON)
		buf_puts(&o->ready, o->printed == 0 ? "[" : ",\n ");
	buf_puts(&o->ready, line);
	if (o->format != FORMAT_JSON)
		buf_putc(&o->ready, '\n');
	o->printed++;
}

static void
hold(struct map_out *o, uint64_t index, char *line)
{
	o->held_bytes += strlen(line) + HELD_COST;
	idmap_put(&o->held, index + 1, line);
	while ((line = idmap_del(&o->held, o->next + 1)) != NULL) {
		o->held_bytes -= strlen(line) + HELD_COST;
		put_ready(o, line);
		free(line);
		o->next++;
	}
}

void
map_out_line(struct map_out *o, uint64_t index, char *line)
{
	if (line == NULL && !o->gather)
		return;
	if (line == NULL)
		line = mem_strdup("");
	if (o->gather) {
		hold(o, index, line);
		return;
	}
	put_ready(o, line);
	free(line);
}

bool
map_out_full(const struct map_out *o)
{
	return buf_len(&o->ready) > READY_BYTES || o->held_bytes > HELD_BYTES;
}

/* A pipe that poll calls writable takes PIPE_BUF bytes without waiting, and maybe no more. */
int
map_out_write(struct map_out *o)
{
	struct pollfd	p = { .fd = o->fd, .events = POLLOUT };
	ssize_t		n;
	size_t		len;

	while ((len = buf_len(&o->ready)) > 0 && poll(&p, 1, 0) == 1) {
		if (!o->regular && len > PIPE_BUF)
			len = PIPE_BUF;
		n = write(o->fd, buf_data(&o->ready), len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			break;
		if (n < 0)
			return -errno;
		buf_consume(&o->ready, (size_t)n);
	}
	return 0;
}

int
map_out_finish(struct map_out *o)
{
	int	rc;

	if (o->format == FORMAT_JSON)
		buf_puts(&o->ready, o->printed > 0 ? "]\n" : "[]\n");
	if (buf_len(&o->ready) == 0)
		return 0;
	rc = fd_write_all(o->fd, buf_data(&o->ready), buf_len(&o->ready));
	buf_consume(&o->ready, buf_len(&o->ready));
	return rc;
}
