/*
 * config_row.c - rows of config.def, and what their values may be.  Runs in: supervisor, broker,
 * workers.
 */
#include "proto/config_row.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/loopback.h"
#include "lib/parse.h"
#include "lib/schedule.h"
#include "proto/bounds.h"

#define DEFAULT_INT(value)	(value), NULL
#define DEFAULT_BOOL(value)	(value), NULL
#define DEFAULT_RATE(value)	(value), NULL
#define DEFAULT_SIZE(value)	(value), NULL
#define DEFAULT_MS(value)	(value), NULL
#define DEFAULT_DIR(value)	0, (value)
#define DEFAULT_DIRS(value)	0, (value)
#define DEFAULT_LEVEL(value)	0, (value)
#define DEFAULT_MODE(value)	0, (value)
#define DEFAULT_LANE(value)	0, (value)
#define DEFAULT_ENGINE(value)	0, (value)
#define DEFAULT_WHEN(value)	0, (value)
#define DEFAULT_ZONE(value)	0, (value)
#define DEFAULT_OVERLAP(value)	0, (value)
#define DEFAULT_JOB(value)	0, (value)
#define DEFAULT_USER(value)	0, (value)
#define DEFAULT_CGROUP(value)	0, (value)
#define DEFAULT_ADDRS(value)	0, (value)
#define DEFAULT_LOOPBACK(value)	0, (value)
#define LIVE	true
#define START	false
#define LIMIT_ROW(section, key, type, value, min, max, reload, help) \
	{ section, #key, TYPE_##type, offsetof(struct config_limit, key), DEFAULT_##type(value), \
	    min, max, reload, help },

static const struct config_row options[] = {
#define OPTION(section, key, field, type, value, min, max, reload, help) \
	{ #section, #key, TYPE_##type, offsetof(struct config, field), DEFAULT_##type(value), \
	    min, max, reload, help },
#define PER_QUEUE(...)
#define PER_TYPE(...)
#define PER_CRON(...)
#define PER_QUOTA(...)
#include "proto/config.def"
#undef OPTION
#undef PER_QUEUE
#undef PER_TYPE
#undef PER_CRON
#undef PER_QUOTA
};

static const struct config_row limits[] = {
#define OPTION(...)
#define PER_QUEUE(key, type, value, min, max, reload, help) \
	LIMIT_ROW("queue", key, type, value, min, max, reload, help)
#define PER_TYPE(key, type, value, min, max, reload, help) \
	LIMIT_ROW("type", key, type, value, min, max, reload, help)
#define PER_CRON(key, type, value, min, max, reload, help) \
	LIMIT_ROW("cron", key, type, value, min, max, reload, help)
#define PER_QUOTA(key, type, value, min, max, reload, help) \
	LIMIT_ROW("quota", key, type, value, min, max, reload, help)
#include "proto/config.def"
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

const struct config_rows	config_options = { options, COUNT(options) };
const struct config_rows	config_limits = { limits, COUNT(limits) };

const struct config_row *
config_row_at(size_t i)
{
	return i < config_options.n ? &options[i] : &limits[i - config_options.n];
}

bool
config_row_is_text(const struct config_row *row)
{
	return row->type >= TYPE_DIR;
}

void *
config_row_field(void *object, const struct config_row *row)
{
	return (char *)object + row->offset;
}

/* ---- in words ---- */

static void
put_number(struct buf *out, enum config_type type, int64_t v)
{
	static const struct {
		enum config_type	 type;
		int64_t		 factor;
		const char	*suffix;
	} units[] = {
		{ TYPE_SIZE, 1 << 30, "G" }, { TYPE_SIZE, 1 << 20, "M" },
		{ TYPE_SIZE, 1 << 10, "K" },
		{ TYPE_MS, 86400000, "d" }, { TYPE_MS, 3600000, "h" }, { TYPE_MS, 60000, "m" },
		{ TYPE_MS, 1000, "s" }, { TYPE_MS, 1, "ms" },
	};

	for (size_t i = 0; i < COUNT(units) && v != 0; i++) {
		if (units[i].type != type || v % units[i].factor != 0)
			continue;
		buf_printf(out, "%" PRId64 "%s", v / units[i].factor, units[i].suffix);
		return;
	}
	if (type == TYPE_RATE && v % 1000 != 0)
		buf_printf(out, "%" PRId64 ".%03" PRId64, v / 1000, v % 1000);
	else
		buf_put_i64(out, type == TYPE_RATE ? v / 1000 : v);
}

void
config_row_put_allowed(struct buf *out, const struct config_row *row)
{
	static const char *const	forms[] = {
		[TYPE_INT] = "a whole number",
		[TYPE_BOOL] = "true or false",
		[TYPE_RATE] = "a number a second (5, 0.25)",
		[TYPE_SIZE] = "a size (4096, 64K, 16M, 2G)",
		[TYPE_MS] = "a duration (250ms, 10s, 5m, 2h, 3d)",
		[TYPE_DIR] = "an absolute path",
		[TYPE_DIRS] = "absolute paths separated by `:`",
		[TYPE_LEVEL] = "error, warn, info or debug",
		[TYPE_MODE] = "auto, advice or pin",
		[TYPE_LANE] = "inline, async, thread or process",
		[TYPE_ENGINE] = "sqlite or memory",
		[TYPE_WHEN] = "five fields, @hourly, @daily, @weekly, @monthly, @yearly or @every 30s",
		[TYPE_ZONE] = "the name of a time zone, such as Europe/Berlin",
		[TYPE_OVERLAP] = "skip or queue",
		[TYPE_JOB] = "a JSON object, such as {\"type\": \"echo\"}",
		[TYPE_USER] = "the name of an account, or its number",
		[TYPE_CGROUP] = "auto, none or an absolute path",
		[TYPE_ADDRS] = ("unix:PATH (at most 107 bytes), tcp:HOST:PORT, tls:HOST:PORT (port 0 to "
		    "65535, IPv6 in brackets), or several with blanks between"),
		[TYPE_LOOPBACK] = ("an address of this machine's loopback, 127.0.0.1:9464 or "
		    "[::1]:9464, or empty: whoever reads it is not asked who it is"),
	};

	buf_puts(out, forms[row->type]);
	if (config_row_is_text(row) || row->type == TYPE_BOOL)
		return;
	buf_puts(out, " from ");
	put_number(out, row->type, row->min);
	buf_puts(out, " to ");
	put_number(out, row->type, row->max);
}

void
config_row_put_value(struct buf *out, const struct config_row *row, const char *text,
    int64_t number)
{
	if (config_row_is_text(row))
		buf_puts(out, text == NULL ? "" : text);
	else if (row->type == TYPE_BOOL)
		buf_puts(out, number ? "true" : "false");
	else
		put_number(out, row->type, number);
}

/* ---- from words ---- */

static int
parse_bool(const char *text, int64_t *out)
{
	*out = strcmp(text, "true") == 0;
	return *out == 1 || strcmp(text, "false") == 0 ? 0 : -EINVAL;
}

int
config_row_number(const struct config_row *row, const char *text, int64_t *out)
{
	int64_t	v;
	int	rc = -EINVAL;

	if (row->type == TYPE_BOOL)
		return parse_bool(text, out);
	if (row->type == TYPE_RATE)
		rc = parse_milli(text, strlen(text), &v);
	else if (row->type == TYPE_SIZE)
		rc = parse_size(text, &v);
	else if (row->type == TYPE_MS)
		rc = parse_duration_ms(text, &v);
	/* a key in _ms says its unit itself */
	if (rc == -EINVAL && (row->type == TYPE_INT || row->type == TYPE_MS))
		rc = parse_i64(text, strlen(text), row->min, row->max, &v);
	if (rc == 0 && (v < row->min || v > row->max))
		rc = -ERANGE;
	if (rc == 0)
		*out = v;
	return rc;
}

static bool
is_absolute_paths(const char *text)
{
	for (const char *at = text;; at++) {
		if (*at != '/')
			return false;
		at = strchrnul(at, ':');
		if (*at == '\0')
			return true;
	}
}

static bool
is_one_of(const char *const *words, const char *text)
{
	while (*words != NULL && strcmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

bool
config_is_name(const char *text)
{
	size_t	n = 0;

	while (text[n] != '\0' &&
	    (isalnum((unsigned char)text[n]) || strchr("_.-", text[n]) != NULL))
		n++;
	return text[n] == '\0' && n >= 1 && n <= BOUND_NAME_BYTES;
}

bool
config_next_addr(const char **at, char *out, size_t size)
{
	static const char *const	schemes[] = { " unix:", " tcp:", " tls:" };
	const char			*from = *at + strspn(*at, " "), *to = from + strlen(from);

	if (from == to)
		return false;
	for (size_t i = 0; i < COUNT(schemes); i++) {	/* a path may have blanks */
		const char	*next = strstr(from, schemes[i]);

		if (next != NULL && next < to)
			to = next;
	}
	*at = to;
	while (to[-1] == ' ')
		to--;
	snprintf(out, size, "%.*s", (int)(to - from), from);
	return true;
}

static bool
are_addresses(const char *text)
{
	struct addr	addr;
	char		one[512];

	while (config_next_addr(&text, one, sizeof(one)))
		if (parse_addr(one, &addr) != 0)
			return false;
	return true;
}

bool
config_row_takes(const struct config_row *row, const char *text)
{
	static const char *const	modes[] = { "auto", "advice", "pin", NULL };
	static const char *const	lanes[] = { "inline", "async", "thread", "process", NULL };
	static const char *const	engines[] = { "sqlite", "memory", NULL };
	static const char *const	overlaps[] = { "skip", "queue", NULL };
	static const char *const	cgroups[] = { "auto", "none", NULL };
	enum log_level			level;
	struct sockaddr_storage		address;
	socklen_t			address_len;

	if (row->type == TYPE_MODE)
		return is_one_of(modes, text);
	if (row->type == TYPE_LANE)
		return is_one_of(lanes, text);
	if (row->type == TYPE_ENGINE)
		return is_one_of(engines, text);
	if (row->type == TYPE_WHEN)
		return true;	/* what is wrong with it is for config_set to say */
	if (row->type == TYPE_OVERLAP)
		return is_one_of(overlaps, text);
	if (row->type == TYPE_ZONE)
		return text[0] != '\0' && strlen(text) <= ZONE_NAME_BYTES;
	if (row->type == TYPE_JOB)
		return text[0] == '{';
	if (row->type == TYPE_USER)
		return config_is_name(text);
	if (row->type == TYPE_CGROUP)
		return text[0] == '/' || is_one_of(cgroups, text);
	if (row->type == TYPE_ADDRS)
		return are_addresses(text);
	if (row->type == TYPE_LOOPBACK)
		return text[0] == '\0' || loopback_parse(text, &address, &address_len) == 0;
	if (row->type == TYPE_LEVEL)
		return log_level_parse(text, &level) == 0;
	if (row->type == TYPE_DIR)
		return text[0] == '\0' || text[0] == '/';
	return text[0] == '\0' || is_absolute_paths(text);
}
