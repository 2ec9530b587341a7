/* base64.c - bytes as text, without a branch for each byte.  Runs in: every process. */
#include "lib/base64.h"

static const char	alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One more than what a character stands for; 0: it is not of the alphabet. */
static const unsigned char values[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
	23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46,
	47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63, ['/'] = 64,
};

/* ---- to text ---- */

static void
put_three(char *to, unsigned v)
{
	to[0] = alphabet[v >> 18 & 63];
	to[1] = alphabet[v >> 12 & 63];
	to[2] = alphabet[v >> 6 & 63];
	to[3] = alphabet[v & 63];
}

void
base64_put(struct buf *out, const void *p, size_t len)
{
	const unsigned char	*from = p;
	char			*to;
	size_t			 i;

	if (len == 0)
		return;
	to = buf_room(out, BASE64_LEN(len));
	for (i = 0; i + 3 <= len; i += 3, to += 4)
		put_three(to, (unsigned)from[i] << 16 | (unsigned)from[i + 1] << 8 | from[i + 2]);
	if (len - i == 1) {
		put_three(to, (unsigned)from[i] << 16);
		to[2] = to[3] = '=';
	} else if (len - i == 2) {
		put_three(to, (unsigned)from[i] << 16 | (unsigned)from[i + 1] << 8);
		to[3] = '=';
	}
	buf_added(out, BASE64_LEN(len));
}

/* ---- to bytes ---- */

/* Above 63: not of the alphabet. */
static inline unsigned
value_of(char c)
{
	return (unsigned)values[(unsigned char)c] - 1;
}

/* The last four characters, with their padding: how many bytes they are, or -1. */
static int
take_last(unsigned char *to, const char *four)
{
	unsigned	a = value_of(four[0]), b = value_of(four[1]);
	unsigned	c = four[2] == '=' ? 0 : value_of(four[2]);
	unsigned	d = four[3] == '=' ? 0 : value_of(four[3]);
	int		bytes = four[2] == '=' ? 1 : four[3] == '=' ? 2 : 3;

	if ((a | b | c | d) > 63 || (four[2] == '=' && four[3] != '='))
		return -1;
	if ((bytes == 1 && (b & 15) != 0) || (bytes == 2 && (c & 3) != 0))
		return -1;		/* bits that no byte has */
	to[0] = (unsigned char)(a << 2 | b >> 4);
	if (bytes > 1)
		to[1] = (unsigned char)(b << 4 | c >> 2);
	if (bytes > 2)
		to[2] = (unsigned char)(c << 6 | d);
	return bytes;
}

bool
base64_take(struct buf *out, const char *text, size_t len)
{
	unsigned char	*to;
	unsigned	 wrong = 0;
	int		 last;

	if (len == 0)
		return true;
	if (len % 4 != 0)
		return false;
	to = (unsigned char *)buf_room(out, len / 4 * 3);
	for (size_t i = 0; i + 4 < len; i += 4, to += 3) {
		unsigned	a = value_of(text[i]), b = value_of(text[i + 1]);
		unsigned	c = value_of(text[i + 2]), d = value_of(text[i + 3]);

		wrong |= a | b | c | d;
		to[0] = (unsigned char)(a << 2 | b >> 4);
		to[1] = (unsigned char)(b << 4 | c >> 2);
		to[2] = (unsigned char)(c << 6 | d);
	}
	if (wrong > 63 || (last = take_last(to, text + len - 4)) < 0)
		return false;
	buf_added(out, len / 4 * 3 - 3 + (size_t)last);
	return true;
}
