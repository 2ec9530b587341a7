/* buf.c - a growing run of bytes.  Runs in: every process. */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc.h"

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

static void
put_escaped(struct buf *b, unsigned char c)
{
	static const char	hex[] = "0123456789abcdef";
	char			six[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	switch (c) {
	case '"':	buf_append(b, "\\\"", 2); return;
	case '\\':	buf_append(b, "\\\\", 2); return;
	case '\n':	buf_append(b, "\\n", 2); return;
	case '\t':	buf_append(b, "\\t", 2); return;
	case '\r':	buf_append(b, "\\r", 2); return;
	default:	buf_append(b, six, 6); return;
	}
}

void
buf_put_json(struct buf *b, const char *text, size_t len)
{
	size_t	from = 0;

	buf_putc(b, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char	c = (unsigned char)text[i];

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f)
			continue;
		buf_append(b, text + from, i - from);
		put_escaped(b, c);
		from = i + 1;
	}
	buf_append(b, text + from, len - from);
	buf_putc(b, '"');
}
