/* print_output.c - bytes that a job has said, as JSON.  Runs in: broker, loop thread.
 *
 * Gigabytes come through here.  What they are is found out eight bytes at a time, and how much of them
 * fits is not counted but guessed: no byte of text takes more than six.
 */
#include "daemon/broker/net/print_output.h"

#include <string.h>

#include "daemon/broker/net/print_job.h"
#include "lib/base64.h"
#include "lib/utf8.h"

#define ESCAPED_BYTES	6	/* what a byte takes at most in a JSON string */

static bool
is_text(const char *p, size_t len)
{
	return len == 0 || (memchr(p, '\0', len) == NULL && utf8_prefix(p, len) == len);
}

/* A length of at most n that ends with a character; one character at least. */
static size_t
whole_characters(const char *p, size_t len, size_t n)
{
	if (n >= len)
		return len;
	while (n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;
	return n > 0 ? n : utf8_sequence(p, len);
}

static size_t
print_base64(struct buf *out, const char *p, size_t len, size_t room)
{
	size_t	n = room / 4 * 3;

	if (n == 0)
		n = 1;
	if (n > len)
		n = len;
	print_literal(out, "\"data_base64\":\"");
	base64_put(out, p, n);
	buf_putc(out, '"');
	return n;
}

size_t
print_data(struct buf *out, const char *p, size_t len, size_t room)
{
	size_t	n;

	if (!is_text(p, len))
		return print_base64(out, p, len, room);
	n = whole_characters(p, len, room / ESCAPED_BYTES);
	print_literal(out, "\"data\":");
	buf_put_json(out, p, n);
	return n;
}

size_t
print_log_piece(struct buf *out, const struct log_piece *piece, size_t room)
{
	print_literal(out, "\"stream\":\"");
	buf_puts(out, log_stream_names[piece->stream]);
	print_literal(out, "\"");
	print_next(out, "offset");
	buf_put_u64(out, piece->offset);
	print_next(out, "at_ms");
	buf_put_i64(out, piece->at_ms);
	buf_putc(out, ',');
	return print_data(out, piece->p, piece->len, room);
}
