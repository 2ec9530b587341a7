/*
 * pipeline.h - a connection whose commands go out in batches, and whose replies come as lines.
 *
 * For servers that answer every command with lines: the clients of the peers keep many open at once.
 */
#ifndef BENCH_PIPELINE_H
#define BENCH_PIPELINE_H

#include <stdarg.h>

#include "tests/bench/client.h"

#define PIPELINE_BYTES	(1 << 18)

struct pipeline {
	int	fd;
	char	out[PIPELINE_BYTES], in[PIPELINE_BYTES];
	size_t	out_len, in_len, in_at;
};

static inline void
pipeline_flush(struct pipeline *p)
{
	write_all(p->fd, p->out, p->out_len);
	p->out_len = 0;
}

/* A command, to be sent with those before and after it. */
static inline void
pipeline_say(struct pipeline *p, const char *text, size_t len)
{
	if (p->out_len + len > sizeof(p->out))
		pipeline_flush(p);
	memcpy(p->out + p->out_len, text, len);
	p->out_len += len;
}

/* The next line that is here, NUL-terminated and without its CR LF; NULL: none is whole. */
static inline char *
pipeline_line(struct pipeline *p)
{
	char	*line = p->in + p->in_at;
	char	*end = memchr(line, '\n', p->in_len - p->in_at);

	if (end == NULL)
		return NULL;
	p->in_at = (size_t)(end + 1 - p->in);
	end[end > line && end[-1] == '\r' ? -1 : 0] = '\0';
	return line;
}

/* Waits for bytes, after all that was said was sent. */
static inline void
pipeline_read(struct pipeline *p)
{
	if (p->out_len > 0)
		pipeline_flush(p);
	memmove(p->in, p->in + p->in_at, p->in_len - p->in_at);
	p->in_len -= p->in_at;
	p->in_at = 0;
	p->in_len += read_some(p->fd, p->in + p->in_len, sizeof(p->in) - p->in_len);
}

#endif
