/* traceparent.c - is a text a `traceparent`?  Runs in: broker, jobctl. */
#include "proto/traceparent.h"

#include <stdint.h>
#include <string.h>

/* Digits of each field, with a dash between two. */
static const size_t	digits[] = { 2, 32, 16, 2 };
enum field { FIELD_VERSION, FIELD_TRACE_ID, FIELD_PARENT_ID, FIELD_FLAGS, FIELDS };

static bool
is_hex(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
	return true;
}

static bool
is_all(const char *p, size_t len, char digit)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != digit)
			return false;
	return true;
}

static bool
is_field(enum field field, const char *p)
{
	size_t	len = digits[field];

	if (!is_hex(p, len))
		return false;
	if (field == FIELD_VERSION)
		return !is_all(p, len, 'f');
	return field == FIELD_FLAGS || !is_all(p, len, '0');
}

bool
traceparent_is(const char *text, size_t len)
{
	const char	*p = text;

	if (len != TRACEPARENT_BYTES)
		return false;
	for (enum field field = FIELD_VERSION; field < FIELDS; field++) {
		if (field != FIELD_VERSION && *p++ != '-')
			return false;
		if (!is_field(field, p))
			return false;
		p += digits[field];
	}
	return true;
}
