/*
 * frame.c - libFuzzer target: lines that arrive in pieces are the lines of the whole text.
 *
 * The first byte of the input is the limit on a line, the second the size of the pieces.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/buf.h"
#include "proto/frame.h"

/* The same rule, told in the simplest way. */
static int
next_plain(const char *data, size_t len, size_t *at, size_t max, struct span *line)
{
	for (size_t from = *at, i = from; i <= len; i++) {
		size_t	n = i - from;

		if (i < len && data[i] != '\n')
			continue;
		if (n > 0 && data[i - 1] == '\r')
			n--;
		if (n > max)
			return -1;
		if (i == len)
			return 0;
		*at = from = i + 1;
		if (n == 0)
			continue;
		*line = (struct span){ data + i - n - (data[i - 1] == '\r'), n };
		return 1;
	}
	return 0;
}

/* Takes all lines that are there; false after one that is too long. */
static bool
drain(struct buf *in, size_t *scanned, size_t max, const char *data, size_t len, size_t *plain_at)
{
	struct span	line, want;
	size_t		at = 0;
	int		rc;

	while ((rc = frame_next(buf_data(in), buf_len(in), &at, scanned, max, &line)) == 1) {
		require(next_plain(data, len, plain_at, max, &want) == 1);
		require(line.len == want.len && memcmp(line.p, want.p, line.len) == 0);
	}
	require(next_plain(data, len, plain_at, max, &want) == rc);
	buf_consume(in, at);
	return rc == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char	*data = (const char *)bytes + 2;
	size_t		 max, piece, scanned = 0, plain_at = 0;
	struct buf	 in = { 0 };

	if (size < 3)
		return 0;
	max = bytes[0];
	piece = 1 + bytes[1];
	size -= 2;
	for (size_t came = 0; came < size;) {
		size_t	n = size - came < piece ? size - came : piece;

		buf_append(&in, data + came, n);
		came += n;
		if (!drain(&in, &scanned, max, data, came, &plain_at))
			break;
	}
	buf_free(&in);
	return 0;
}
