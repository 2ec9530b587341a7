/* utf8.c - is this text UTF-8.  Runs in: every process. */
#include "lib/utf8.h"

#include <stdbool.h>

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
