/*
 * buf.h - a growing run of bytes with a head that can be consumed.
 *
 * The caller owns the struct; buf_free gives the memory back and leaves an empty, usable buffer.
 * An empty buffer holds no memory until something is appended.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char	*bytes;
	size_t	 head;		/* consumed */
	size_t	 tail;		/* end of data */
	size_t	 cap;
};

/* Room for at least n more bytes; returns where they go.  Follow with buf_added. */
char *buf_room(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t n);
void buf_free(struct buf *b);
/* The bytes as a NUL-terminated string that the caller frees; the buffer is empty afterwards. */
char *buf_take_string(struct buf *b);

static inline size_t
buf_len(const struct buf *b)
{
	return b->tail - b->head;
}

/* NULL, with a length of 0, when nothing was ever appended. */
static inline char *
buf_data(const struct buf *b)
{
	return b->bytes == NULL ? NULL : b->bytes + b->head;
}

static inline void
buf_added(struct buf *b, size_t n)
{
	b->tail += n;
}

static inline void
buf_append(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_room(b, n), p, n);
	b->tail += n;
}

static inline void
buf_puts(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

static inline void
buf_putc(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->tail++;
}

/* Decimal digits, without printf: this is on the hot path. */
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);
/* A JSON string with its quotes; text must be UTF-8, control bytes are escaped, '/' is not. */
void buf_put_json(struct buf *b, const char *text, size_t len);

#endif
