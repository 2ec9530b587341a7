/* base64.c - bytes as text and back.  Runs in: every process.
 *
 * Output of jobs comes through here by the gigabyte, so twelve bits are looked up at once, and four
 * digits are put together from four tables.
 */
#include "lib/base64.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#define WRONG	(UINT32_C(1) << 31)	/* of a digit that is none: above all bits of three bytes */

static const char	digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char		pairs[1 << 12][2];	/* of twelve bits: two digits */
static uint32_t		places[4][256];		/* of a digit in each of four places: its bits */
static pthread_once_t	once = PTHREAD_ONCE_INIT;

static void
fill_tables(void)
{
	for (unsigned i = 0; i < 1 << 12; i++) {
		pairs[i][0] = digits[i >> 6];
		pairs[i][1] = digits[i & 63];
	}
	for (unsigned place = 0; place < 4; place++) {
		for (unsigned i = 0; i < 256; i++)
			places[place][i] = WRONG;
		for (uint32_t i = 0; i < 64; i++)
			places[place][(unsigned char)digits[i]] = i << (6 * (3 - place));
	}
}

/* ---- out ---- */

static void
encode_three(char *to, const unsigned char *p)
{
	unsigned	bits = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];

	memcpy(to, pairs[bits >> 12], 2);
	memcpy(to + 2, pairs[bits & 0xfff], 2);
}

void
base64_put(struct buf *out, const void *from, size_t len)
{
	const unsigned char	*p = from;
	unsigned char		 rest[3] = { 0 };
	size_t			 left = len % 3;
	char			*to;

	if (len == 0)
		return;
	to = buf_room(out, BASE64_LEN(len));
	pthread_once(&once, fill_tables);
	for (size_t i = 0; i < len / 3; i++, p += 3, to += 4)
		encode_three(to, p);
	buf_added(out, BASE64_LEN(len));
	if (left == 0)
		return;
	memcpy(rest, p, left);
	encode_three(to, rest);
	to[3] = '=';
	if (left == 1)
		to[2] = '=';
}

/* ---- back ---- */

static uint32_t
decode_four(const unsigned char *p)
{
	return places[0][p[0]] | places[1][p[1]] | places[2][p[2]] | places[3][p[3]];
}

static void
put_bytes(char *to, uint32_t bits, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = (char)(bits >> (16 - 8 * i));
}

/* The last four digits, of which one or two may be padding; bits that say nothing must be 0. */
static ptrdiff_t
decode_last(char *to, const unsigned char *p)
{
	unsigned char	four[4];
	size_t		count = p[3] != '=' ? 3 : p[2] != '=' ? 2 : 1;
	uint32_t	bits;

	memcpy(four, p, 4);
	memset(four + count + 1, 'A', 3 - count);
	bits = decode_four(four);
	if ((bits & WRONG) != 0 || (bits & ((UINT32_C(1) << (8 * (3 - count))) - 1)) != 0)
		return -1;
	put_bytes(to, bits, count);
	return (ptrdiff_t)count;
}

ptrdiff_t
base64_decode(char *to, const char *from, size_t len)
{
	const unsigned char	*p = (const unsigned char *)from;
	char			*at = to;
	uint32_t		 wrong = 0;
	ptrdiff_t		 last;

	pthread_once(&once, fill_tables);
	if (len % 4 != 0)
		return -1;
	if (len == 0)
		return 0;
	for (; len > 4; len -= 4, p += 4, at += 3) {
		uint32_t	bits = decode_four(p);

		wrong |= bits;
		put_bytes(at, bits, 3);
	}
	last = decode_last(at, p);
	return last < 0 || (wrong & WRONG) != 0 ? -1 : at - to + last;
}

bool
base64_take(struct buf *out, const char *text, size_t len)
{
	ptrdiff_t	n;

	if (len == 0 || len % 4 != 0)
		return len == 0;
	if ((n = base64_decode(buf_room(out, len / 4 * 3), text, len)) < 0)
		return false;
	buf_added(out, (size_t)n);
	return true;
}
