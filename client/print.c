/* print.c - what people read: ages, durations, sizes, safe text.  Runs in: jobctl. */
#include "client/print.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/utf8.h"

#define SECOND	INT64_C(1000)
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)

/* U+0080 to U+009F are control characters too: a terminal may obey them. */
static bool
is_control(const char *p, size_t seq)
{
	unsigned char	c = (unsigned char)p[0];

	return c < 0x20 || c == 0x7f || (seq == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0);
}

void
print_safe(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t	seq = utf8_sequence(text + i, len - i);

		if (seq == 0 || is_control(text + i, seq)) {
			buf_printf(out, "\\x%02x", (unsigned char)text[i]);
			i++;
			/* what is left of the character is no UTF-8, so it is escaped too */
			continue;
		}
		buf_append(out, text + i, seq);
		i += seq;
	}
}

void
print_duration(struct buf *out, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < SECOND)
		buf_printf(out, "%dms", (int)ms);
	else if (ms < MINUTE)
		buf_printf(out, "%d.%ds", (int)(ms / SECOND), (int)(ms % SECOND / 100));
	else if (ms < HOUR)
		buf_printf(out, "%dm%02ds", (int)(ms / MINUTE), (int)(ms % MINUTE / SECOND));
	else if (ms < DAY)
		buf_printf(out, "%dh%02dm", (int)(ms / HOUR), (int)(ms % HOUR / MINUTE));
	else
		buf_printf(out, "%lldd%02dh", (long long)(ms / DAY), (int)(ms % DAY / HOUR));
}

void
print_age(struct buf *out, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < MINUTE)
		buf_printf(out, "%ds", (int)(ms / SECOND));
	else if (ms < HOUR)
		buf_printf(out, "%dm", (int)(ms / MINUTE));
	else if (ms < 2 * DAY)
		buf_printf(out, "%dh", (int)(ms / HOUR));
	else
		buf_printf(out, "%lldd", (long long)(ms / DAY));
}

void
print_bytes(struct buf *out, int64_t bytes)
{
	static const char *const	units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t				unit = 0;
	int64_t				tenths;

	if (bytes < 1024) {
		buf_printf(out, "%lld B", (long long)bytes);
		return;
	}
	while (bytes >= 1024 * 1024) {
		bytes /= 1024;
		unit++;
	}
	tenths = bytes * 10 / 1024;
	unit++;
	if (tenths < 100)
		buf_printf(out, "%d.%d %s", (int)(tenths / 10), (int)(tenths % 10), units[unit]);
	else
		buf_printf(out, "%d %s", (int)(tenths / 10), units[unit]);
}

void
print_time(struct buf *out, int64_t epoch_ms)
{
	time_t		t = (time_t)(epoch_ms / 1000);
	struct tm	tm;
	char		text[32];

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0) {
		buf_put_i64(out, epoch_ms);
		return;
	}
	buf_printf(out, "%s.%03d", text, (int)(epoch_ms % 1000));
}

size_t
print_terminal_width(void)
{
	struct winsize	w;

	if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}
