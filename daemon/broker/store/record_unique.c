/* record_unique.c - what a job with a unique key said, shortened: as text.  Runs in: broker, loop thread. */
#include <string.h>

#include "daemon/broker/store/record.h"

static int
digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

void
record_print_unique(struct buf *out, const struct unique_print *p)
{
	const uint8_t	*bytes = (const uint8_t *)p;

	for (size_t i = 0; i < sizeof(*p); i++) {
		buf_putc(out, "0123456789abcdef"[bytes[i] >> 4]);
		buf_putc(out, "0123456789abcdef"[bytes[i] & 15]);
	}
}

bool
record_read_unique(struct span text, struct unique_print *out)
{
	uint8_t	bytes[sizeof(*out)];

	if (text.len != (2 * sizeof(*out)))
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		int	high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(out, bytes, sizeof(*out));
	return true;
}
