/*
 * log.h - one event a line on stderr, as facts: `attempt failed job=42 attempt=3 reason=timeout`.
 *
 * A line is `jobd-broker[77] info: text`, written with one write(2), cut at LOG_LINE_BYTES.  Where stderr is
 * a pipe that nobody empties, lines are lost rather than waited for, and a later line says how many.  Control
 * bytes and bad UTF-8 anywhere in it are escaped as \xNN, so no text of a client can forge a line;
 * fields from outside are still passed as arguments, never as the format.  A process whose stderr is
 * systemd's journal may have its lines go there as entries instead (journal.h).
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define LOG_LINE_BYTES	1024

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* name is kept, not copied: a literal such as "jobd-broker". */
void log_init(const char *name, enum log_level level);
/* From now on; any thread. */
void log_set_level(enum log_level level);
/*
 * Where lines go instead of stderr; text is what fmt and ap print, cut at LOG_LINE_BYTES and not escaped.
 * False: it goes to stderr after all.  To be set while there is one thread; NULL: stderr.
 */
typedef bool log_sink(enum log_level level, const char *name, const char *fmt, va_list ap,
    const char *text, size_t len);
void log_set_sink(log_sink *sink);
/* "error", "warn", "info", "debug"; -EINVAL for anything else. */
int log_level_parse(const char *text, enum log_level *out);

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says what is wrong with us, then abort(3). */
void log_fatal(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define log_error(...)	log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)	log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * Escape for a log line: control bytes, DEL, backslash and bytes that are not UTF-8 become \xNN.
 * Writes at most size - 1 bytes and a NUL; returns the length written.
 */
size_t log_escape(char *out, size_t size, const char *text, size_t len);

#endif
