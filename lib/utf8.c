/* utf8.c - is this text UTF-8.  Runs in: every process. */
#include "lib/utf8.h"

#include <stdint.h>
#include <string.h>

static bool
continues(const unsigned char *s, size_t from, size_t n)
{
	for (size_t i = from; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t
utf8_sequence(const char *p, size_t len)
{
	const unsigned char	*s = (const unsigned char *)p;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return len >= 2 && continues(s, 1, 2) ? 2 : 0;
	if ((s[0] & 0xf0) == 0xe0) {
		if (len < 3 || !continues(s, 1, 3))
			return 0;
		if (s[0] == 0xe0 && s[1] < 0xa0)	/* overlong */
			return 0;
		return s[0] == 0xed && s[1] > 0x9f ? 0 : 3;	/* surrogates */
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if (len < 4 || !continues(s, 1, 4))
			return 0;
		if (s[0] == 0xf0 && s[1] < 0x90)	/* overlong */
			return 0;
		return s[0] == 0xf4 && s[1] > 0x8f ? 0 : 4;	/* beyond U+10FFFF */
	}
	return 0;
}

/* Bytes below 0x80 at the beginning, four words at a time while it is long. */
static size_t
ascii_prefix(const char *p, size_t len)
{
	const uint64_t	high = UINT64_C(0x8080808080808080);
	uint64_t	w[4];
	size_t		at = 0;

	for (; len - at >= sizeof(w); at += sizeof(w)) {
		memcpy(w, p + at, sizeof(w));
		if (((w[0] | w[1] | w[2] | w[3]) & high) != 0)
			break;
	}
	while (at < len && (unsigned char)p[at] < 0x80)
		at++;
	return at;
}

size_t
utf8_prefix(const char *p, size_t len)
{
	size_t	at = ascii_prefix(p, len), step;

	while (at < len && (step = utf8_sequence(p + at, len - at)) != 0) {
		at += step;
		if (step == 1)
			at += ascii_prefix(p + at, len - at);
	}
	return at;
}

/* The bytes that are missing are tried with the least and the largest that may stand there. */
bool
utf8_is_cut(const char *p, size_t len)
{
	unsigned char	first = len == 0 ? 0 : (unsigned char)p[0];
	size_t		whole = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	char		low[4], high[4];

	if (len >= whole)
		return false;
	memset(low, 0x80, sizeof(low));
	memset(high, 0xbf, sizeof(high));
	memcpy(low, p, len);
	memcpy(high, p, len);
	return utf8_sequence(low, whole) == whole || utf8_sequence(high, whole) == whole;
}
