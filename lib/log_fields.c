/* log_fields.c - facts in a format.  Runs in: every process, any thread. */
#include "lib/log_fields.h"

#include <stdio.h>
#include <string.h>

#define FORMAT_BYTES	512		/* longer ones of ours have no facts behind that */

static const char	key_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

/* Behind the conversion that begins at fmt[i]. */
static size_t
skip_conversion(const char *fmt, size_t i)
{
	i++;
	i += strspn(fmt + i, "#0- +'123456789.*hlLqjzt");
	return fmt[i] == '\0' ? i : i + 1;
}

/* Where the text that begins at fmt[i] ends: at one of `ends` that is no conversion's. */
static size_t
skip_until(const char *fmt, size_t i, const char *ends)
{
	while (fmt[i] != '\0' && strchr(ends, fmt[i]) == NULL)
		i = fmt[i] == '%' ? skip_conversion(fmt, i) : i + 1;
	return i;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"	/* part of a format that was a literal */

/* How long is what the first n bytes of the format print?  n is not inside a conversion. */
static size_t __attribute__((format(printf, 1, 0)))
length_of(const char *fmt, size_t n, va_list ap)
{
	char	part[FORMAT_BYTES];
	va_list	copy;
	int	len;

	memcpy(part, fmt, n);
	part[n] = '\0';
	va_copy(copy, ap);
	len = vsnprintf(NULL, 0, part, copy);
	va_end(copy);
	return len < 0 ? 0 : (size_t)len;
}

#pragma GCC diagnostic pop

size_t
log_fields(const char *fmt, va_list ap, struct log_field out[LOG_FIELDS_MAX])
{
	size_t	n = 0, i = 0, from, to;

	while (fmt[i] != '\0' && n < LOG_FIELDS_MAX) {
		size_t	key_len = strspn(fmt + i, key_chars);

		if (key_len == 0 || fmt[i + key_len] != '=') {
			i = skip_until(fmt, i, " ");
			i += fmt[i] == ' ';
			continue;
		}
		from = i + key_len + 1;
		from += fmt[from] == '"';
		to = skip_until(fmt, from, fmt[from - 1] == '"' ? "\"" : " ");
		if (to >= FORMAT_BYTES)
			break;
		out[n] = (struct log_field){ .key = fmt + i, .key_len = key_len,
		    .at = length_of(fmt, from, ap) };
		out[n].len = length_of(fmt, to, ap) - out[n].at;
		n++;
		i = to;
	}
	return n;
}
