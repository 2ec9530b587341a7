/* output_line.c - a job.output line as bytes of a stream.  Runs in: client. */
#include "client/output_line.h"

#include <string.h>

#include "lib/base64.h"
#include "lib/bytes16.h"

/* As the daemon begins such lines. */
static const char	start[] = "{\"jsonrpc\":\"2.0\",\"method\":\"job.output\",\"params\":{";

/* A place in the line. */
struct cursor {
	char	*at, *end;
};

struct text {
	char	*p;
	size_t	 len;
};

bool
output_line_is(const char *line, size_t len)
{
	return len > sizeof(start) - 1 && memcmp(line, start, sizeof(start) - 1) == 0;
}

/* ---- strings ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static int
read_hex(const char *p, const char *end)
{
	int	value = 0, digit;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if ((digit = hex_digit(p[i])) < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

static char *
put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* Behind `\u`: the character, of two surrogates when they are such.  NULL: it is none. */
static const char *
unescape_unicode(char **to, const char *p, const char *end)
{
	int	c = read_hex(p, end), low;

	if (c < 0)
		return NULL;
	p += 4;
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
	    (low = read_hex(p + 2, end)) >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		p += 6;
	}
	*to = put_utf8(*to, (unsigned)c);
	return p;
}

/* p is behind a backslash.  Where the text goes on; NULL: it is no escape. */
static const char *
unescape(char **to, const char *p, const char *end)
{
	char	c;

	if (p == end)
		return NULL;
	switch (*p) {
	case 'n': c = '\n'; break;
	case '"': case '\\': case '/': c = *p; break;
	case 't': c = '\t'; break;
	case 'r': c = '\r'; break;
	case 'b': c = '\b'; break;
	case 'f': c = '\f'; break;
	case 'u': return unescape_unicode(to, p + 1, end);
	default: return NULL;
	}
	*(*to)++ = c;
	return p + 1;
}

/*
 * Carries bytes down from p to *to, up to a quote or a backslash, and returns where that is, or end.
 * Sixteen at a time, which are written only when none of them is to be read again.
 */
static const char *
carry(char **to, const char *p, const char *end)
{
	bytes16	v;

	for (; (size_t)(end - p) >= sizeof(v); p += sizeof(v), *to += sizeof(v)) {
		v = bytes16_load(p);
		if (bytes16_first((bytes16)((v == '"') | (v == '\\'))) < sizeof(v))
			break;
		bytes16_store(*to, v);
	}
	while (p < end && *p != '"' && *p != '\\')
		*(*to)++ = *p++;
	return p;
}

/* A string, decoded where it lies; c is behind its first quote, and then behind its last. */
static int
read_string(struct cursor *c, struct text *out)
{
	const char	*p = c->at;
	char		*to = c->at;

	out->p = c->at;
	while ((p = carry(&to, p, c->end)) < c->end) {
		if (*p == '"') {
			out->len = (size_t)(to - out->p);
			c->at += p + 1 - c->at;
			return 0;
		}
		if ((p = unescape(&to, p + 1, c->end)) == NULL)
			return -1;
	}
	return -1;
}

/* ---- members ---- */

static bool
take(struct cursor *c, char what)
{
	if (c->at == c->end || *c->at != what)
		return false;
	c->at++;
	return true;
}

/* A value that is no string: up to what ends it. */
static int
read_word(struct cursor *c, struct text *out)
{
	out->p = c->at;
	while (c->at < c->end && *c->at != ',' && *c->at != '}')
		c->at++;
	out->len = (size_t)(c->at - out->p);
	return out->len == 0 || memchr("[{", *out->p, 2) != NULL ? -1 : 0;
}

static bool
is(const struct text *t, const char *word)
{
	return strlen(word) == t->len && memcmp(t->p, word, t->len) == 0;
}

static uint64_t
number(const struct text *t)
{
	uint64_t	value = 0;

	for (size_t i = 0; i < t->len && t->p[i] >= '0' && t->p[i] <= '9'; i++)
		value = value * 10 + (uint64_t)(t->p[i] - '0');
	return value;
}

static int
set_stream(struct output_line *out, const struct text *name)
{
	static const char *const	names[] = {
		[OUTPUT_STDOUT] = "stdout", [OUTPUT_STDERR] = "stderr", [OUTPUT_NOTE] = "note" };

	for (int i = OUTPUT_STDOUT; i <= OUTPUT_NOTE; i++)
		if (is(name, names[i]))
			out->stream = (enum output_stream)i;
	return out->stream == OUTPUT_NONE ? -1 : 0;
}

static int
set_text(struct output_line *out, const struct text *name, struct text *value)
{
	ptrdiff_t	len;

	if (is(name, "stream"))
		return set_stream(out, value);
	if (is(name, "data")) {
		out->bytes = value->p;
		out->len = value->len;
	} else if (is(name, "data_base64")) {
		if ((len = base64_decode(value->p, value->p, value->len)) < 0)
			return -1;
		out->bytes = value->p;
		out->len = (size_t)len;
	} else if (is(name, "state")) {
		out->state = value->p;
		out->state_len = value->len;
	}
	return 0;
}

static void
set_word(struct output_line *out, const struct text *name, const struct text *value)
{
	uint64_t *const		 numbers[] = { &out->job, &out->attempt, &out->offset, &out->next, &out->gap };
	static const char *const names[] = { "id", "attempt", "offset", "next", "gap" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is(name, names[i]))
			*numbers[i] = number(value);
	if (is(name, "at_ms"))
		out->at_ms = (int64_t)number(value);
	if (is(name, "eof"))
		out->eof = is(value, "true");
	if (is(name, "truncated"))
		out->truncated = is(value, "true");
}

static int
read_member(struct cursor *c, struct output_line *out)
{
	struct text	name, value;

	if (!take(c, '"') || read_string(c, &name) != 0 || !take(c, ':'))
		return -1;
	if (take(c, '"'))
		return read_string(c, &value) != 0 ? -1 : set_text(out, &name, &value);
	if (read_word(c, &value) != 0)
		return -1;
	set_word(out, &name, &value);
	return 0;
}

int
output_line_read(char *line, size_t len, struct output_line *out)
{
	struct output_line	said = { 0 };
	struct cursor		c = { line + sizeof(start) - 1, line + len };

	if (!output_line_is(line, len))
		return -1;
	do {
		if (read_member(&c, &said) != 0)
			return -1;
	} while (take(&c, ','));
	if (c.end - c.at != 2 || memcmp(c.at, "}}", 2) != 0)
		return -1;
	*out = said;
	return 0;
}
