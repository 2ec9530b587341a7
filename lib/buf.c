/* buf.c - a growing run of bytes.  Runs in: every process. */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"
#include "lib/bytes16.h"

#define BUF_FIRST_BYTES	256

char *
buf_room(struct buf *b, size_t n)
{
	size_t	cap;

	if (b->cap - b->tail >= n)
		return b->bytes + b->tail;
	if (b->head > 0 && b->cap - buf_len(b) >= n && b->head >= b->cap / 2) {
		memmove(b->bytes, b->bytes + b->head, buf_len(b));
		b->tail -= b->head;
		b->head = 0;
		return b->bytes + b->tail;
	}
	cap = b->cap == 0 ? BUF_FIRST_BYTES : b->cap;
	while (cap - b->tail < n)
		cap *= 2;
	b->bytes = mem_resize(b->bytes, cap, 1);
	b->cap = cap;
	return b->bytes + b->tail;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list	ap;
	char	small[256];
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof(small)) {
		buf_append(b, small, (size_t)n);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_added(b, (size_t)n);
}

void
buf_consume(struct buf *b, size_t n)
{
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0;
}

void
buf_free(struct buf *b)
{
	free(b->bytes);
	memset(b, 0, sizeof(*b));
}

char *
buf_take_string(struct buf *b)
{
	char	*s;

	buf_putc(b, '\0');
	if (b->head > 0)
		memmove(b->bytes, b->bytes + b->head, buf_len(b));
	s = b->bytes;
	memset(b, 0, sizeof(*b));
	return s;
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	char	digits[20];
	size_t	n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_append(b, digits + n, sizeof(digits) - n);
}

void
buf_put_i64(struct buf *b, int64_t v)
{
	if (v < 0) {
		buf_putc(b, '-');
		buf_put_u64(b, 0 - (uint64_t)v);
	} else {
		buf_put_u64(b, (uint64_t)v);
	}
}

/* ---- JSON ---- */

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/*
 * Copies what stands as it is, up to the first byte that does not; how many bytes that are.  Sixteen
 * at a time, of which the last may have copied more than it tells: to has room for len.
 */
static size_t
copy_plain(char *to, const char *p, size_t len)
{
	bytes16	v;
	size_t	at = 0, n;

	for (; len - at >= sizeof(v); at += sizeof(v)) {
		v = bytes16_load(p + at);
		bytes16_store(to + at, v);
		n = bytes16_first((bytes16)((v < 0x20) | (v == '"') | (v == '\\') | (v == 0x7f)));
		if (n < sizeof(v))
			return at + n;
	}
	for (; at < len && is_plain((unsigned char)p[at]); at++)
		to[at] = p[at];
	return at;
}

static size_t
escape(char *to, unsigned char c)
{
	static const char	hex[] = "0123456789abcdef";
	const char		six[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	to[0] = '\\';
	switch (c) {
	case '"': case '\\': to[1] = (char)c; return 2;
	case '\n': to[1] = 'n'; return 2;
	case '\t': to[1] = 't'; return 2;
	case '\r': to[1] = 'r'; return 2;
	default: memcpy(to, six, sizeof(six)); return sizeof(six);
	}
}

#define JSON_STEP	4096	/* room for all of it escaped is asked for so many at once */

/* Returns how many bytes were written: at most 6 * len. */
static size_t
put_escaped(char *to, const char *text, size_t len)
{
	char	*start = to;
	size_t	 at = 0, plain;

	while (at < len) {
		plain = copy_plain(to, text + at, len - at);
		to += plain;
		at += plain;
		while (at < len && !is_plain((unsigned char)text[at]))
			to += escape(to, (unsigned char)text[at++]);
	}
	return (size_t)(to - start);
}

void
buf_put_json(struct buf *b, const char *text, size_t len)
{
	size_t	n;

	buf_putc(b, '"');
	for (; len > 0; text += n, len -= n) {
		n = len < JSON_STEP ? len : JSON_STEP;
		buf_added(b, put_escaped(buf_room(b, 6 * n), text, n));
	}
	buf_putc(b, '"');
}
