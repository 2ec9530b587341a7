/* log.c - one event a line on stderr.  Runs in: every process, any thread. */
#include "lib/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/utf8.h"

static const char	*log_name = "jobd";
static _Atomic unsigned	 log_max = LOG_LEVEL_INFO;
static log_sink		*log_elsewhere;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_set_level(level);
}

void
log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_max, level, memory_order_relaxed);
}

void
log_set_sink(log_sink *sink)
{
	log_elsewhere = sink;
}

int
log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

size_t
log_escape(char *out, size_t size, const char *text, size_t len)
{
	size_t	n = 0, i = 0;

	while (i < len) {
		unsigned char	c = (unsigned char)text[i];
		size_t		seq = c < 0x80 ? 1 : utf8_sequence(text + i, len - i);

		if (c < 0x20 || c == 0x7f || c == '\\' || seq == 0) {
			if (n + 4 >= size)
				break;
			n += (size_t)sprintf(out + n, "\\x%02x", c);
			i++;
			continue;
		}
		if (n + seq >= size)
			break;
		memcpy(out + n, text + i, seq);
		n += seq;
		i += seq;
	}
	if (size > 0)
		out[n] = '\0';
	return n;
}

/* Who reads our stderr and stops reading must not stop us: lines are lost then, and counted. */
static bool
is_read(void)
{
	struct pollfd	p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

static void
put(const char *line, size_t n)
{
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		;
}

static void
put_line(const char *line, size_t n)
{
	static _Atomic unsigned long	lost;
	char				note[100];
	unsigned long			count;

	if (!is_read()) {
		lost++;
		return;
	}
	if ((count = atomic_exchange(&lost, 0)) > 0) {
		int	len = snprintf(note, sizeof(note), "%.32s[%d] warn: log lines lost count=%lu\n",
		    log_name, (int)getpid(), count);

		put(note, (size_t)len);
	}
	put(line, n);
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char	text[LOG_LINE_BYTES], line[LOG_LINE_BYTES + 64];
	int	saved = errno, rc;
	size_t	n, len;
	va_list	copy;

	va_copy(copy, ap);
	rc = vsnprintf(text, sizeof(text), fmt, copy);
	va_end(copy);
	len = rc < 0 ? 0 : (size_t)rc < sizeof(text) ? (size_t)rc : sizeof(text) - 1;
	if (log_elsewhere != NULL && log_elsewhere(level, log_name, fmt, ap, text, len)) {
		errno = saved;
		return;
	}
	n = (size_t)snprintf(line, 64, "%s[%d] %s: ", log_name, (int)getpid(), level_names[level]);
	n += log_escape(line + n, sizeof(line) - n - 1, text, len);
	line[n++] = '\n';
	put_line(line, n);
	errno = saved;
}

void
log_at(enum log_level level, const char *fmt, ...)
{
	va_list	ap;

	if (level > atomic_load_explicit(&log_max, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	log_line(level, fmt, ap);
	va_end(ap);
}

void
log_fatal(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	abort();
}
