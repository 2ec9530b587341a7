/* json_scan.c - one pass over JSON text, without a tree.  Runs in: every process. */
#include "proto/json_scan.h"

#include <endian.h>
#include <string.h>

#include "lib/utf8.h"

const char	scan_too_deep[] = "nested too deep", scan_too_many[] = "too many values";

/* What a byte is outside strings (white space, a digit), and inside them: one that needs a look. */
enum { SPACE = 1, DIGIT = 2, SPECIAL = 4 };

static const unsigned char classes[256] = {
	[' '] = SPACE,
	['0' ... '9'] = DIGIT,
	[0x00 ... 0x08] = SPECIAL,
	['\t'] = SPACE | SPECIAL,
	['\n'] = SPACE | SPECIAL,
	[0x0b ... 0x0c] = SPECIAL,
	['\r'] = SPACE | SPECIAL,
	[0x0e ... 0x1f] = SPECIAL,
	['"'] = SPECIAL,
	['\\'] = SPECIAL,
	[0x80 ... 0xff] = SPECIAL,
};

static inline unsigned char
class_of(const char *p)
{
	return classes[(unsigned char)*p];
}

void
scan_init(struct scan *s, const char *text, size_t len, uint32_t max_depth, uint32_t max_values)
{
	*s = (struct scan){
		.at = text,
		.begin = text,
		.end = text + len,
		.max_depth = max_depth < SCAN_DEPTH_MAX ? max_depth : SCAN_DEPTH_MAX,
		.max_values = max_values,
	};
}

/* The first error stays.  Moving to the end makes every later call fail by itself. */
static bool
fail(struct scan *s, const char *at, const char *what)
{
	if (s->error == NULL) {
		s->error = what;
		s->error_at = (size_t)(at - s->begin);
	}
	s->at = s->end;
	return false;
}

static bool
fail_early(struct scan *s)
{
	return fail(s, s->end, "the text ends too early");
}

static inline const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (class_of(p) & SPACE) != 0)
		p++;
	return p;
}

static inline const char *
skip_digits(const char *p, const char *end)
{
	while (p < end && (class_of(p) & DIGIT) != 0)
		p++;
	return p;
}

/* ---- strings ---- */

#define EACH_BYTE(b)	(UINT64_C(0x0101010101010101) * (b))

/*
 * The top bit of each byte that is a control byte, a quote, a backslash or not ASCII.  A borrow
 * can mark a byte above such a one as well, so only the lowest mark is exact, and only that is
 * used.
 */
static inline uint64_t
special_bytes(uint64_t w)
{
	uint64_t	quote = w ^ EACH_BYTE('"'), backslash = w ^ EACH_BYTE('\\');
	uint64_t	control = (w - EACH_BYTE(0x20)) & ~w;

	quote = (quote - EACH_BYTE(1)) & ~quote;
	backslash = (backslash - EACH_BYTE(1)) & ~backslash;
	return (control | quote | backslash | w) & EACH_BYTE(0x80);
}

/* The next byte of a string that is not plain text, or the end. */
static inline const char *
skip_plain(const char *p, const char *end)
{
	uint64_t	w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, sizeof(w));
		if ((w = special_bytes(le64toh(w))) != 0)
			return p + (__builtin_ctzll(w) >> 3);
	}
	while (p < end && (class_of(p) & SPECIAL) == 0)
		p++;
	return p;
}

/* The value of four hexadecimal digits at p; -1 when they are not. */
static int
hex4(const char *p, const char *end)
{
	int	v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int	c = p[i], low = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if (low >= 'a' && low <= 'f')
			v = v * 16 + low - 'a' + 10;
		else
			return -1;
	}
	return v;
}

static inline bool
is_high_surrogate(int unit)
{
	return (unit & 0xfc00) == 0xd800;
}

static inline bool
is_low_surrogate(int unit)
{
	return (unit & 0xfc00) == 0xdc00;
}

/* Behind `\uXXXX`, or behind both halves of a pair; NULL when it is neither. */
static const char *
skip_unicode(struct scan *s, const char *p)
{
	int	unit = hex4(p + 2, s->end);

	if (unit < 0) {
		fail(s, p, "bad escape");
		return NULL;
	}
	if ((unit & 0xf800) != 0xd800)
		return p + 6;
	if (is_high_surrogate(unit) && s->end - p >= 12 && p[6] == '\\' && p[7] == 'u' &&
	    is_low_surrogate(hex4(p + 8, s->end)))
		return p + 12;
	fail(s, p, "surrogate without its partner");
	return NULL;
}

static const char *
skip_escape(struct scan *s, const char *p)
{
	s->escaped = true;
	if (s->end - p < 2) {
		fail_early(s);
		return NULL;
	}
	switch (p[1]) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		return p + 2;
	case 'u':
		return skip_unicode(s, p);
	default:
		fail(s, p, "bad escape");
		return NULL;
	}
}

/* Behind what is special at p, or NULL. */
static const char *
skip_special(struct scan *s, const char *p)
{
	size_t	n;

	if (*p == '\\')
		return skip_escape(s, p);
	if ((unsigned char)*p < 0x20) {
		fail(s, p, *p == '\0' ? "NUL in a string" : "control byte in a string");
		return NULL;
	}
	if ((n = utf8_sequence(p, (size_t)(s->end - p))) == 0) {
		fail(s, p, "bad UTF-8");
		return NULL;
	}
	return p + n;
}

/* From p, which is not plain, behind the closing quote.  Apart, so that plain strings, which are
 * most, do not pay for its calls. */
__attribute__((noinline)) static bool
skip_string_from(struct scan *s, const char *p)
{
	const char	*end = s->end;

	for (; p != end; p = skip_plain(p, end)) {
		if (*p == '"') {
			s->at = p + 1;
			return true;
		}
		if ((p = skip_special(s, p)) == NULL)
			return false;
	}
	return fail_early(s);
}

/* Moves from the opening quote behind the closing one. */
static inline bool
skip_string(struct scan *s)
{
	const char	*p = skip_plain(s->at + 1, s->end);

	s->escaped = false;
	if (p == s->end || *p != '"')
		return skip_string_from(s, p);
	s->at = p + 1;
	return true;
}

/* ---- other scalars ---- */

static bool
skip_literal(struct scan *s, const char *word, size_t len)
{
	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return fail(s, s->at, "not a JSON value");
	s->at += len;
	return true;
}

/* One digit or more. */
static bool
need_digits(struct scan *s, const char **p)
{
	const char	*behind = skip_digits(*p, s->end);

	if (behind == *p)
		return fail(s, *p, "a digit is missing");
	*p = behind;
	return true;
}

static bool
skip_fraction(struct scan *s, const char **p)
{
	if (*p == s->end || **p != '.')
		return true;
	++*p;
	return need_digits(s, p);
}

static bool
skip_exponent(struct scan *s, const char **p)
{
	if (*p == s->end || (**p | 0x20) != 'e')
		return true;
	++*p;
	if (*p < s->end && (**p == '+' || **p == '-'))
		++*p;
	return need_digits(s, p);
}

static bool
skip_number(struct scan *s, enum scan_type *type)
{
	const char	*p = s->at + (*s->at == '-'), *whole = p;

	if (!need_digits(s, &p))
		return false;
	if (*whole == '0' && p - whole > 1)
		return fail(s, whole, "leading zero in a number");
	whole = p;
	if (!skip_fraction(s, &p) || !skip_exponent(s, &p))
		return false;
	*type = p == whole ? SCAN_INTEGER : SCAN_REAL;
	s->at = p;
	return true;
}

/* ---- values ---- */

/* Moves to the next byte that is not white space; false at the end of the text. */
static inline bool
next_token(struct scan *s)
{
	s->at = skip_space(s->at, s->end);
	return s->at < s->end || fail_early(s);
}

static inline bool
count_value(struct scan *s)
{
	return ++s->values <= s->max_values || fail(s, s->at, scan_too_many);
}

static inline bool
next_value(struct scan *s)
{
	return next_token(s) && count_value(s);
}

static bool skip_value(struct scan *s, enum scan_type *type);

static bool
skip_object(struct scan *s)
{
	enum scan_type	type;
	struct span	key;

	if (!scan_object(s))
		return false;
	while (scan_member(s, &key))
		if (!skip_value(s, &type))
			return false;
	return s->error == NULL;
}

static bool
skip_array(struct scan *s)
{
	enum scan_type	type;

	if (!scan_array(s))
		return false;
	while (scan_element(s))
		if (!skip_value(s, &type))
			return false;
	return s->error == NULL;
}

/* Recursion is as deep as the text, and that is at most max_depth. */
static bool
skip_value(struct scan *s, enum scan_type *type)
{
	if (!scan_peek(s, type))
		return false;
	if (*type == SCAN_OBJECT)
		return skip_object(s);
	if (*type == SCAN_ARRAY)
		return skip_array(s);
	if (!count_value(s))
		return false;
	s->first = false;
	switch (*type) {
	case SCAN_STRING:
		return skip_string(s);
	case SCAN_TRUE:
		return skip_literal(s, "true", 4);
	case SCAN_FALSE:
		return skip_literal(s, "false", 5);
	case SCAN_NULL:
		return skip_literal(s, "null", 4);
	default:
		return skip_number(s, type);
	}
}

bool
scan_peek(struct scan *s, enum scan_type *type)
{
	if (!next_token(s))
		return false;
	switch (*s->at) {
	case '{':
		*type = SCAN_OBJECT;
		return true;
	case '[':
		*type = SCAN_ARRAY;
		return true;
	case '"':
		*type = SCAN_STRING;
		return true;
	case 't':
		*type = SCAN_TRUE;
		return true;
	case 'f':
		*type = SCAN_FALSE;
		return true;
	case 'n':
		*type = SCAN_NULL;
		return true;
	case '-': case '0' ... '9':
		*type = SCAN_INTEGER;
		return true;
	default:
		return fail(s, s->at, "not a JSON value");
	}
}

bool
scan_value(struct scan *s, enum scan_type *type, struct span *out)
{
	const char	*begin;

	s->at = begin = skip_space(s->at, s->end);
	if (!skip_value(s, type))
		return false;
	*out = (struct span){ begin, (size_t)(s->at - begin) };
	return true;
}

/* ---- walking into objects and arrays ---- */

static bool
enter(struct scan *s, char bracket, const char *otherwise)
{
	if (!next_value(s))
		return false;
	if (*s->at != bracket)
		return fail(s, s->at, otherwise);
	if (s->depth == s->max_depth)
		return fail(s, s->at, scan_too_deep);
	s->depth++;
	s->first = true;
	s->at++;
	return true;
}

/* Past the comma that is due; false at the closing bracket, which is taken, or at an error. */
static inline bool
next_item(struct scan *s, char bracket)
{
	if (!next_token(s))
		return false;
	if (*s->at == bracket) {
		s->at++;
		s->depth--;
		s->first = false;
		return false;
	}
	if (!s->first) {
		if (*s->at != ',')
			return fail(s, s->at, "a comma or the closing bracket is missing");
		s->at++;
	}
	s->first = false;
	return true;
}

bool
scan_object(struct scan *s)
{
	return enter(s, '{', "not an object");
}

bool
scan_member(struct scan *s, struct span *key)
{
	if (!next_item(s, '}') || !next_token(s))
		return false;
	if (*s->at != '"')
		return fail(s, s->at, "a member's name is missing");
	key->p = s->at + 1;
	if (!skip_string(s))
		return false;
	key->len = (size_t)(s->at - 1 - key->p);
	if (!next_token(s))
		return false;
	if (*s->at != ':')
		return fail(s, s->at, "a colon is missing");
	s->at++;
	return true;
}

bool
scan_array(struct scan *s)
{
	return enter(s, '[', "not an array");
}

bool
scan_element(struct scan *s)
{
	return next_item(s, ']');
}

bool
scan_end(struct scan *s)
{
	s->at = skip_space(s->at, s->end);
	if (s->at < s->end)
		return fail(s, s->at, "something follows the value");
	return s->error == NULL;
}

const char *
scan_check(const char *text, size_t len, uint32_t max_depth)
{
	struct scan	s;
	enum scan_type	type;

	scan_init(&s, text, len, max_depth, UINT32_MAX);
	if (skip_value(&s, &type))
		scan_end(&s);
	return s.error;
}
