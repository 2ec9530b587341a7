/*
 * log_fields.h - the facts of a log line: `job=42 reason="disk full"`, as its format says them.
 *
 * They are found in the format, which is ours, and not in the text: a value ends where its part of
 * the format does, whatever a client made of what is printed there.
 */
#ifndef LIB_LOG_FIELDS_H
#define LIB_LOG_FIELDS_H

#include <stdarg.h>
#include <stddef.h>

#define LOG_FIELDS_MAX	16

struct log_field {
	const char	*key;		/* in the format */
	size_t		 key_len;
	size_t		 at, len;	/* the value, in what vsnprintf(3) makes of format and ap */
};

/* At most LOG_FIELDS_MAX of them, in order; how many.  ap is as it was. */
size_t log_fields(const char *fmt, va_list ap, struct log_field out[LOG_FIELDS_MAX])
    __attribute__((format(printf, 1, 0)));

#endif
