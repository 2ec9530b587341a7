/* json_decode.c - the text that a checked JSON string stands for.  Runs in: every process. */
#include "proto/json_scan.h"

#include <string.h>

/* Four hexadecimal digits, which the scanner has seen to be such. */
static uint32_t
unit_at(const char *p)
{
	uint32_t	v = 0;

	for (int i = 0; i < 4; i++) {
		unsigned	c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

/* UTF-8 of a code point; returns its length. */
static size_t
put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The character of the escape at *p, which moves behind it, or behind both halves of a pair. */
static uint32_t
take_escape(const char **p)
{
	const char	*escape = *p;
	uint32_t	 unit;

	*p += 2;
	switch (escape[1]) {
	case 'b':	return '\b';
	case 'f':	return '\f';
	case 'n':	return '\n';
	case 'r':	return '\r';
	case 't':	return '\t';
	case 'u':	break;
	default:	return (unsigned char)escape[1];
	}
	*p += 4;
	unit = unit_at(escape + 2);
	if ((unit & 0xfc00) != 0xd800)
		return unit;
	*p += 6;
	return 0x10000 + ((unit & 0x3ff) << 10) + (unit_at(escape + 8) & 0x3ff);
}

bool
scan_decode(struct span raw, struct buf *out)
{
	const char	*p = raw.p, *end, *plain;
	char		*room, *to;
	uint32_t	 c;

	if (raw.len == 0)
		return true;			/* of what is not there p is NULL */
	end = p + raw.len;
	to = room = buf_room(out, raw.len);
	while (p < end) {
		if ((plain = memchr(p, '\\', (size_t)(end - p))) == NULL)
			plain = end;
		memcpy(to, p, (size_t)(plain - p));
		to += plain - p;
		if ((p = plain) == end)
			break;
		if ((c = take_escape(&p)) == 0)
			return false;
		to += put_utf8(to, c);
	}
	buf_added(out, (size_t)(to - room));
	return true;
}
