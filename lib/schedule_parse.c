/* schedule_parse.c - the text of a schedule.  Runs in: broker, jobctl, supervisor. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/parse.h"
#include "lib/schedule.h"

#define FIELDS	5

static const struct field {
	const char	*name;
	int		 min, max;
	const char	*words;		/* of three letters, for min and on; NULL: numbers only */
} fields[FIELDS] = {
	{ "minute", 0, 59, NULL },
	{ "hour", 0, 23, NULL },
	{ "day of month", 1, 31, NULL },
	{ "month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC" },
	{ "day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT" },
};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };

static const struct {
	const char	*name, *means;
} names[] = {
	{ "@hourly", "0 * * * *" }, { "@daily", "0 0 * * *" }, { "@midnight", "0 0 * * *" },
	{ "@weekly", "0 0 * * 0" }, { "@monthly", "0 0 1 * *" },
	{ "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" },
};

struct parser {
	int	 field;			/* that is being read */
	char	*why;
	size_t	 size;
};

static int __attribute__((format(printf, 2, 3)))
refuse(const struct parser *p, const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(p->why, p->size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int __attribute__((format(printf, 2, 3)))
refuse_field(const struct parser *p, const char *fmt, ...)
{
	char	text[160];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return refuse(p, "field %d (%s): %s", p->field + 1, fields[p->field].name, text);
}

/* ---- one field ---- */

static int
find_word(const struct field *f, const char *text)
{
	size_t	words = f->words == NULL ? 0 : strlen(f->words) / 3;

	for (size_t i = 0; i < words && strlen(text) == 3; i++)
		if (strncasecmp(f->words + 3 * i, text, 3) == 0)
			return f->min + (int)i;
	return -1;
}

static int
read_value(const struct parser *p, const char *text, int *out)
{
	const struct field	*f = &fields[p->field];
	int64_t			 n;
	int			 rc;

	if ((*out = find_word(f, text)) >= 0)
		return 0;
	rc = parse_i64(text, strlen(text), 0, INT32_MAX, &n);
	if (rc == -EINVAL || text[0] == '-')
		return refuse_field(p, text[0] == '\0' ? "a number is missing" :
		    f->words != NULL ? "'%.20s' is neither a number nor a name such as %.3s" :
		    "'%.20s' is not a number", text, f->words == NULL ? "" : f->words);
	if (rc == -ERANGE || n > f->max)
		return refuse_field(p, "%.20s is above %d", text, f->max);
	if (n < f->min)
		return refuse_field(p, "%.20s is below %d", text, f->min);
	*out = (int)n;
	return 0;
}

static int
read_step(const struct parser *p, const char *text, int *out)
{
	const struct field	*f = &fields[p->field];
	int64_t			 n;

	if (parse_i64(text, strlen(text), 1, INT32_MAX, &n) != 0)
		return refuse_field(p, "the step '%.20s' is not a number from 1", text);
	if (n > f->max)
		return refuse_field(p, "the step %.20s is above %d", text, f->max);
	*out = (int)n;
	return 0;
}

/* `FIRST-LAST`; text is taken apart. */
static int
read_range(const struct parser *p, char *text, char *dash, int *first, int *last)
{
	int	rc;

	*dash = '\0';
	if ((rc = read_value(p, text, first)) != 0 || (rc = read_value(p, dash + 1, last)) != 0)
		return rc;
	if (p->field == WEEKDAY && *last == 0 && *first > 0)
		*last = 7;
	if (*first > *last)
		return refuse_field(p, "%.20s-%.20s ends before it begins", text, dash + 1);
	return 0;
}

/* One of a list: `*`, a value or a range, the first and the last with a step. */
static int
read_item(const struct parser *p, char *text, uint64_t *bits)
{
	char	*slash = strchr(text, '/'), *dash;
	int	 first = fields[p->field].min, last = fields[p->field].max, step = 1, rc = 0;

	if (slash != NULL) {
		*slash = '\0';
		if ((rc = read_step(p, slash + 1, &step)) != 0)
			return rc;
	}
	if ((dash = strchr(text, '-')) != NULL && dash != text) {
		rc = read_range(p, text, dash, &first, &last);
	} else if (strcmp(text, "*") != 0) {
		if ((rc = read_value(p, text, &first)) == 0 && slash != NULL)
			rc = refuse_field(p, "a step goes with * or a range, as in %d-%d/%d", first, last,
			    step);
		last = first;
	}
	for (int i = first; rc == 0 && i <= last; i += step)
		*bits |= UINT64_C(1) << i;
	return rc;
}

static int
read_field(const struct parser *p, char *text, uint64_t *bits)
{
	int	rc = 0;

	*bits = 0;
	for (char *comma; rc == 0 && text != NULL; text = comma) {
		if ((comma = strchr(text, ',')) != NULL)
			*comma++ = '\0';
		rc = read_item(p, text, bits);
	}
	return rc;
}

/* ---- the whole ---- */

/* `30 2 30 2 *` */
static int
check_comes(struct parser *p, const struct schedule *s)
{
	if (s->any_day || !s->any_weekday)
		return 0;
	for (int month = 1; month <= 12; month++) {
		uint32_t	longest = (uint32_t)civil_month_length(2000, month);

		if ((s->months >> month & 1) != 0 &&
		    (s->days & ((UINT32_C(2) << longest) - 1)) != 0)
			return 0;
	}
	p->field = DAY;
	return refuse_field(p, "no month of field 4 has such a day");
}

static int
read_fields(struct parser *p, char *words[FIELDS], struct schedule *out)
{
	struct schedule	s = {
		.any_hour = words[HOUR][0] == '*', .any_day = words[DAY][0] == '*',
		.any_weekday = words[WEEKDAY][0] == '*',
	};
	uint64_t	bits[FIELDS];
	int		rc;

	for (p->field = 0; p->field < FIELDS; p->field++)
		if ((rc = read_field(p, words[p->field], &bits[p->field])) != 0)
			return rc;
	s.minutes = bits[MINUTE];
	s.hours = (uint32_t)bits[HOUR];
	s.days = (uint32_t)bits[DAY];
	s.months = (uint32_t)bits[MONTH];
	s.weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f);
	if ((rc = check_comes(p, &s)) == 0)
		*out = s;
	return rc;
}

static int
split(const struct parser *p, char *text, char *words[FIELDS])
{
	char	*rest;
	int	 n = 0;

	for (char *w = strtok_r(text, " \t", &rest); w != NULL; w = strtok_r(NULL, " \t", &rest))
		if (n++ < FIELDS)
			words[n - 1] = w;
	if (n == FIELDS)
		return 0;
	return refuse(p, "a schedule has five fields (minute, hour, day of month, month, day of week), "
	    "not %d", n);
}

static int
read_every(const struct parser *p, const char *text, struct schedule *out)
{
	int64_t	ms;

	text += strspn(text, " \t");
	if (parse_duration_ms(text, &ms) != 0)
		return refuse(p, "@every takes a duration, such as 30s, 5m, 2h or 1d, not '%.40s'", text);
	if (ms < SCHEDULE_EVERY_MIN_MS || ms > SCHEDULE_EVERY_MAX_MS)
		return refuse(p, "@every takes a duration from 1s to 366d, not '%.40s'", text);
	*out = (struct schedule){ .every_ms = ms };
	return 0;
}

static int
read_text(struct parser *p, char *text, struct schedule *out)
{
	char	*words[FIELDS];
	char	 means[16];
	int	 rc;

	if (text[0] == '@') {
		if (strncmp(text, "@every", 6) == 0 && (text[6] == ' ' || text[6] == '\t'))
			return read_every(p, text + 6, out);
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strcmp(text, names[i].name) == 0) {
				snprintf(means, sizeof(means), "%s", names[i].means);
				return read_text(p, means, out);
			}
		return refuse(p, "'%.40s' is none of @hourly, @daily, @weekly, @monthly, @yearly and "
		    "@every 30s", text);
	}
	if ((rc = split(p, text, words)) != 0)
		return rc;
	return read_fields(p, words, out);
}

int
schedule_parse(const char *text, size_t len, struct schedule *out, char *why, size_t size)
{
	struct parser	p = { .why = why, .size = size };
	char		copy[SCHEDULE_BYTES + 1];

	if (len > SCHEDULE_BYTES)
		return refuse(&p, "a schedule has at most %d bytes, not %zu", SCHEDULE_BYTES, len);
	if (memchr(text, '\0', len) != NULL)
		return refuse(&p, "a schedule has no NUL");
	memcpy(copy, text, len);
	copy[len] = '\0';
	while (len > 0 && (copy[len - 1] == ' ' || copy[len - 1] == '\t'))
		copy[--len] = '\0';
	return read_text(&p, copy + strspn(copy, " \t"), out);
}
